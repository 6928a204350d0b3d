"""Streamlit glue shared by the pages: engine handle, pickers, live views, components."""
