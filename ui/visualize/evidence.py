"""Real pictures beside the made one: what excites the same goal most in the data.

They are those that the made picture is held against, with the same number, so the first of them is
the best real picture that the figures name.
"""

from __future__ import annotations

from typing import Final

import streamlit as st

from data.samples import find_sample
from ui import html
from ui.subject.bar import Chosen
from ui.unit.grids import framed
from ui.visualize.words import mixes, number
from viz.figures.maps import crop_field
from viz.results.maps import Geometry
from viz.results.visualize import RealPictures, Visualization

_SIDE: Final = 96
Box = tuple[int, int, int, int]


def render_real(found: Visualization) -> None:
    """The real images that come nearest to the goal, the best one first."""
    real = found.real
    if real is None:
        return
    row = mixes(found.words)
    cells = []
    for place in range(len(real.labels)):
        label = _label(real, place)
        words = f"{number(float(real.values[place]))} · {label}"
        cells.append(
            _picture(real, place) + html.caption(f"{row[place]}: {words}" if row else words)
        )
    title = "The best real image for each mix" if row else "Real images that excite it most"
    tiles = html.tiles(cells, width="5.2rem")
    st.html(f'{html.heading(title)}<div class="cs-visualize-real">{tiles}</div>')
    st.caption(f"Out of {real.words}. {_said(real)}".strip())


def link_patches(chosen: Chosen, layer: str, channel: int) -> None:
    """Where more of what a channel's units see is shown."""
    query = {"model": chosen.model.partition("@")[0], "view": "patches", "layer": layer}
    st.page_link(
        "pages/look/maps.py", label="Best patches of single units", icon=":material/layers:",
        query_params={**query, "unit": f"{channel},0,0", **_moment(chosen)},
    )  # fmt: skip


def fits(geometry: Geometry) -> bool:
    """Whether what a unit sees is a part of the image, so that it can be cut out or framed."""
    sees, image = geometry.size, geometry.image
    return geometry.placed and not geometry.whole and sees[0] <= image[0] and sees[1] <= image[1]


def mark(geometry: Geometry, unit: tuple[int, int]) -> Box:
    """What to frame in the whole image (top, left, bottom, right): what the unit sees, or its place
    where it sees more than there is."""
    top, left, bottom, right = geometry.local_box(*unit)
    height, width = geometry.image
    if not fits(geometry):
        tall, wide = (max(4, step) for step in geometry.stride)
        row, column = (top + bottom) // 2, (left + right) // 2
        top, left = (
            min(max(row - tall // 2, 0), height - tall),
            min(max(column - wide // 2, 0), width - wide),
        )
        bottom, right = top + tall, left + wide
    return max(top, 0), max(left, 0), min(bottom, height), min(right, width)


def _picture(real: RealPictures, place: int) -> str:
    image, label, name = real.pictures[place], _label(real, place), real.names[place]
    alt = f"Real picture: {label}"
    if real.units is None or real.geometry is None or not real.geometry.placed:
        return html.picture(image, alt, title=name)
    row, column = (int(value) for value in real.units[place])
    if real.cut and fits(real.geometry):
        return html.picture(
            crop_field(image, real.geometry.box(row, column), side=_SIDE), alt, title=name
        )
    box = mark(real.geometry, (row, column))
    return framed(html.picture(image, alt, title=name), image.shape[:2], box, width="100%")


def _label(real: RealPictures, place: int) -> str:
    """The class of a picture, or what a sample picture is called."""
    kind, _, name = real.names[place].partition(":")
    return find_sample(name).title if kind == "sample" else real.labels[place]


def _said(real: RealPictures) -> str:
    """What is shown and what the number is."""
    few = "ImageNet itself is not on this machine." if real.few else ""
    if real.units is None or real.geometry is None or not real.geometry.placed:
        return few
    number_of = "that unit's" if real.cut else "the mean over the channel's map"
    if real.cut and fits(real.geometry):
        text = "Shown is what the channel's strongest unit sees; the number is that unit's."
    elif fits(real.geometry):
        text = f"Framed is what its strongest unit sees; the number is {number_of}."
    else:
        text = (
            "The frame marks the place of its strongest unit, which sees more than the whole image; the number "
            f"is {number_of}."
        )
    return f"{text} {few}".strip()


def _moment(chosen: Chosen) -> dict[str, str]:
    data = (chosen.options.get("dataset") or {}).get("name")
    found = {} if data is None else {"data": str(data)}
    return found if chosen.step is None else {**found, "step": str(chosen.step)}
