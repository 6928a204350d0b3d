"""Which images of the data set excite a channel most, cut to what its strongest unit saw of them."""

from __future__ import annotations

from html import escape
from typing import Any, Final
from urllib.parse import urlencode

import streamlit as st

from models.references import TorchvisionRef, parse_reference
from ui import html
from ui.looking import glance
from ui.maps.parts import heading, labelled_choice, layers_with_maps, number, shapes
from ui.subject.bar import Chosen
from ui.subject.layers import choose_layer, choose_unit, set_unit
from viz.figures.maps import crop_field, outline_field
from viz.results import Bytes, ImageSet
from viz.results.maps import BestPatches

SPLITS: Final = {"test": "Test", "val": "Validation", "train": "Training"}
CUTS: Final = {"patch": "What the unit sees", "image": "In its image"}
SEARCHES: Final = {"quick": "Quick", "all": "All images"}
_CHANNEL: Final = "maps.channel"
_SIDE: Final = 112  # pixels of a patch's picture
_PATIENCE: Final = 300.0  # seconds; searching all images is asked for by name and can be cancelled


def render_patches(chosen: Chosen) -> None:
    """The view.

    Raises:
        EngineError: there is no picture, with a sentence.
    """
    names = layers_with_maps(chosen.network)
    with st.container(horizontal=True, vertical_alignment="bottom", key="cs-maps-controls"):
        layer = choose_layer(names, chosen.network)
        info = chosen.network.find(layer)
        channel = _choose_channel((1, 1, 1) if info is None else info.out_shape)
        split, search = "test", "quick"
        if not isinstance(
            parse_reference(chosen.base), TorchvisionRef
        ):  # whose images are not here
            split = labelled_choice("Images", SPLITS, key="split", default="test")
            search = labelled_choice("Search", SEARCHES, key="search", default="quick")
        cut = labelled_choice("Show", CUTS, key="cut", default="patch")
    found = _search(chosen, layer, split, everything=search == "all")
    pictures, labels = _pictures(chosen, found, channel)
    st.html(
        heading(f"What excites channel {channel} of {layer} most")
        + f'<div class="cs-maps-patches">{"".join(_patches(found, channel, pictures, labels, cut))}</div>'
        + html.caption(_sentence(found))
    )


def _choose_channel(shape: tuple[int, ...]) -> int:
    """The channel of the link's unit, which the other views share."""
    channels = shape[0]
    unit = choose_unit(shape)
    channel = 0 if unit is None else unit[0]
    st.session_state[_CHANNEL] = channel

    def take() -> None:
        middle = (shape[1] // 2, shape[2] // 2)
        set_unit((int(st.session_state[_CHANNEL]), *middle))

    st.number_input("Channel", 0, channels - 1, key=_CHANNEL, on_change=take, width=130)
    return channel


def _search(chosen: Chosen, layer: str, split: str, *, everything: bool) -> BestPatches:
    more = {"images": 10**6} if everything else {}
    options: dict[str, Any] = {**more, **chosen.options}
    found: BestPatches = glance(
        "best_patches", chosen.model, layer=layer, split=split, timeout=_PATIENCE, **options
    )
    return found


def _pictures(chosen: Chosen, found: BestPatches, channel: int) -> tuple[Bytes, list[str]]:
    """The images of one channel's patches (k, H, W, C), and what they show."""
    indices = found.indices[channel]
    if found.pictures is not None:
        return found.pictures[indices], [found.names[index] for index in indices]
    shown: ImageSet = glance(
        "images", chosen.base, split=found.split, indices=indices.tolist(), **chosen.options
    )
    return shown.images, [shown.classes[label] for label in shown.labels]


def _patches(
    found: BestPatches, channel: int, pictures: Bytes, labels: list[str], cut: str
) -> list[str]:
    cells = []
    for place, (image, label) in enumerate(zip(pictures, labels, strict=True)):
        row, column = (int(v) for v in found.units[channel, place])
        index, value = int(found.indices[channel, place]), float(found.values[channel, place])
        patch = _patch(found, image, row, column, cut)
        reference = (
            f"sample:{found.names[index]}"
            if found.pictures is not None
            else f"{found.dataset}/{found.split}/{index}"
        )
        where = f"{'' if found.pictures is not None else f'{found.split} {index:,} · '}{label}"
        picture = html.picture(patch, f"Patch of {where}")
        unit = f"{channel},{row},{column}"
        cells.append(
            f'<a class="cs-maps-patch" href="{escape(_link(reference, unit))}" target="_self" '
            f'title="Unit {escape(unit)}: look at this image">{picture}'
            f"<b>{number(value, 4)}</b><span>{escape(where)}</span></a>"
        )
    return cells


def _patch(found: BestPatches, image: Bytes, row: int, column: int, cut: str) -> Bytes:
    if found.geometry is None:
        return image
    if cut == "patch":
        return crop_field(image, found.geometry.box(row, column), side=_SIDE)
    return outline_field(image, found.geometry, (row, column), side=_SIDE)


def _link(image: str, unit: str) -> str:
    """This page with that image and unit."""
    query = {name: st.query_params[name] for name in st.query_params}
    query |= {"image": image, "unit": unit, "view": "maps"}
    return "?" + urlencode(query)


def _sentence(found: BestPatches) -> str:
    kind = (
        "the sample pictures"
        if found.pictures is not None
        else f"the {SPLITS[found.split].lower()} images"
    )
    count = (
        f"all {found.num_there:,} of {kind}"
        if found.num_searched == found.num_there
        else f"{found.num_searched:,} of {found.num_there:,} of {kind}, evenly spread"
    )
    text = f"Searched {count}; each counts once, with its strongest unit. "
    if found.pictures is not None:
        text += "ImageNet itself is not on this machine. "
    geometry = found.geometry
    if geometry is None:
        return text + "What a unit sees is not known here, so whole images are shown."
    if geometry.whole:
        return text + "Units of this layer see the whole image."
    return text + (
        f"Each patch is the {shapes(geometry.size)} pixels its unit sees, exactly; hatched: padding. "
        "The number is the unit's value; a click opens the image."
    )
