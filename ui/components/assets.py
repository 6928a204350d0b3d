"""How a component's browser half is found: `<name>.html`, `.css` and `.js` beside this file.

A long script may go on in `<name>_*.js`: the parts become one module. All are read as text and
handed to Streamlit on the first use, so importing a wrapper touches neither the disk nor
Streamlit's registry.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer


@cache
def renderer(name: str) -> ComponentRenderer:
    """The mount function of one component, registered once a process as `convscope.<name>`."""
    folder = Path(__file__).parent
    return st.components.v2.component(
        f"convscope.{name}",
        html=_text(folder / f"{name}.html"),
        css=_text(folder / f"{name}.css"),
        js=_text(folder / f"{name}.js", *sorted(folder.glob(f"{name}_*.js"))),
    )


def _text(*files: Path) -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in files)
