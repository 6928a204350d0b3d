"""Looking into a network: lenses (torch in, arrays out), results, figures (arrays to plotly)."""
