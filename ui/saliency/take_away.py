"""A map to take away: the picture with its colour bar, and its numbers."""

from __future__ import annotations

import io
import re

import numpy as np
import streamlit as st

from ui.downloads import pack
from ui.saliency.display import Drawn
from viz.attribution.table import METHODS
from viz.figures.attribution import compose_sheet
from viz.results import Floats
from viz.results.attribution import Attribution


def download_map(found: Attribution, drawn: Drawn, title: str) -> None:
    """A menu; files are made when they are asked for."""
    method = METHODS[found.method].title
    stem = re.sub(r"[^A-Za-z0-9-]+", "_", f"{method}_{found.aim}").strip("_")[:80]
    pictures = [("The image", found.image), (method, drawn.map), ("On the image", drawn.over)]
    with st.popover("Download", icon=":material/download:", width="content"):
        for label, ending, kind, data in (
            ("The picture (PNG)", "png", "image/png",
             lambda: compose_sheet(pictures, drawn.extent, f"{title}: {method} for {found.aim}")),
            ("The map (CSV)", "csv", "text/csv", lambda: map_csv(drawn.values)),
            ("All numbers (NumPy)", "npz", "application/zip",
             lambda: pack({"values": found.values, "map": drawn.values, "image": found.image,
                           "probs": found.probs})),
        ):  # fmt: skip
            st.download_button(
                label, data=data, file_name=f"{stem}.{ending}", mime=kind,
                key=f"saliency.download.{ending}", on_click="ignore", width="stretch",
            )  # fmt: skip


def map_csv(values: Floats) -> str:
    """One line a row of the map, as many digits as the numbers hold."""
    buffer = io.StringIO()
    np.savetxt(buffer, values, delimiter=",", fmt="%.9g")
    return buffer.getvalue()
