"""Plotly figures from arrays: pure functions named `plot_*`."""
