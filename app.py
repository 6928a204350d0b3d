"""ConvScope's entry: page config, navigation, shared style; nothing else."""

import streamlit as st

from ui import runtime, style
from ui.pages import sections

st.set_page_config(page_title="ConvScope", page_icon=style.icon(), layout="wide")
runtime.start_engine()
style.apply()

home = st.Page("pages/home/home.py", title="Home", icon=":material/home:", default=True)
others = {
    section: [
        st.Page(page.path, title=page.title, icon=page.icon, url_path=page.url) for page in pages
    ]
    for section, pages in sections().items()
}
page = st.navigation({"": [home], **others}, position="top")
page.run()
runtime.settle()
