"""Controls Streamlit does not have: a draw pad and a layer editor, their scripts beside them."""
