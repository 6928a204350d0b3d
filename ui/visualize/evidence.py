"""Real pictures beside the made one: what excites the same goal most in the data.

For a channel these are the patches that its strongest units saw, for anything else whole images.
"""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from models.references import TorchvisionRef, parse_reference
from ui import html
from ui.looking import glance
from ui.subject.bar import Chosen
from ui.visualize.words import number
from viz.figures.maps import crop_field
from viz.results import ImageSet
from viz.results.maps import BestPatches
from viz.results.visualize import Visualization

_COUNT: Final = 8
_SIDE: Final = 96
_TIMEOUT: Final = 120.0


def render_patches(chosen: Chosen, layer: str, channel: int) -> None:
    """What the strongest units of the channel saw in test images.

    Raises:
        EngineError: with a sentence.
    """
    found: BestPatches = glance(
        "best_patches", chosen.model, layer=layer, count=_COUNT, timeout=_TIMEOUT, **chosen.options
    )
    indices = found.indices[channel]
    if found.pictures is not None:
        pictures, names = found.pictures[indices], [found.names[index] for index in indices]
    else:
        shown: ImageSet = glance(
            "images", chosen.base, split=found.split, indices=indices.tolist(), **chosen.options
        )
        pictures, names = shown.images, [shown.classes[label] for label in shown.labels]
    cells = []
    for place, (image, name) in enumerate(zip(pictures, names, strict=True)):
        box = None
        if found.geometry is not None and not found.geometry.whole:
            row, column = (int(v) for v in found.units[channel, place])
            box = found.geometry.box(row, column)
        patch = image if box is None else crop_field(image, box, side=_SIDE)
        cells.append(_cell(patch, name, float(found.values[channel, place])))
    st.html(html.heading("Real patches that excite it most") + html.tiles(cells, width="5.2rem"))
    where = "the sample pictures" if found.pictures is not None else f"the {found.split} images"
    query = {"model": chosen.model.partition("@")[0], "view": "patches", "layer": layer}
    if isinstance(parse_reference(chosen.base), TorchvisionRef):
        where += "; ImageNet itself is not on this machine"
    st.caption(f"What its strongest unit sees in {where}; the number is that unit's value.")
    st.page_link(
        "pages/look/maps.py", label="All best patches", icon=":material/layers:",
        query_params={**query, "unit": f"{channel},0,0", **_moment(chosen)},
    )  # fmt: skip


def render_real(found: Visualization) -> None:
    """The real images that come nearest to the goal."""
    if found.real is None:
        return
    real = found.real
    cells = [
        _cell(image, label, float(value), name)
        for image, label, value, name in zip(
            real.pictures, real.labels, real.values, real.names, strict=True
        )
    ]
    st.html(html.heading("Real images that excite it most") + html.tiles(cells, width="5.2rem"))
    st.caption(f"The best of {real.words}.")


def _cell(picture: Any, label: str, value: float, name: str = "") -> str:
    shown = html.picture(picture, f"Real picture: {label}", title=name or label)
    return shown + html.caption(f"{number(value)} · {label}")


def _moment(chosen: Chosen) -> dict[str, str]:
    data = (chosen.options.get("dataset") or {}).get("name")
    found = {} if data is None else {"data": str(data)}
    return found if chosen.step is None else {**found, "step": str(chosen.step)}
