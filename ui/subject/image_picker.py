"""The bar's image: a thumbnail with ‹ › beside it, and behind a button every way to another image.

All of it writes the reference into the link; a picture from a person is stored first, under the
digest of its bytes, so that the link works for everybody on this server.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from functools import cache
from html import escape
from typing import Final

import numpy as np
import streamlit as st
from PIL import Image, ImageOps

from data.archives import store_image
from data.catalogue import DataError, DatasetInfo
from data.samples import SAMPLES, read_sample
from engine.protocol import EngineError
from ui import html
from ui.components.clickable import Grid, clickable_picture
from ui.components.draw_pad import draw_pad
from ui.subject.address import Slot, locked, put, read
from ui.subject.images import (
    SPLITS,
    DataImage,
    fetch_labels,
    fetch_picture,
    image_title,
    next_index,
    parse_data_image,
    random_index,
    split_size,
)
from ui.subject.kept import ask_once
from ui.subject.models import Model
from ui.text import markdown_safe, sentence_safe
from viz.figures.tiles import encode_png
from viz.results import ImageSet
from viz.results.picking import Picture

SOURCES: Final = {
    "data": ":material/grid_view: Data set",
    "sample": ":material/photo_library: Pictures",
    "upload": ":material/upload: Upload",
    "camera": ":material/photo_camera: Camera",
    "draw": ":material/draw: Draw",
}
SHEET_COLUMNS: Final = 8
SHEET_ROWS: Final = 4
SAMPLE_COLUMNS: Final = 4
SAMPLE_PIXELS: Final = 88
PAD_PIXELS: Final = 28  # of drawings that are cut out and laid out anew: finer than any such set
PAD_SIDES: Final = (8, 128)  # that can be drawn in
_ALL: Final = -1  # classes


def render_image(slot: Slot, model: Model, image: str, picture: Picture) -> None:
    """The thumbnail and what changes the image."""
    if locked():
        _thumbnail(picture, image_title(image, picture.label, model))
        return
    _image(slot, model, image, picture, read(slot))


@st.fragment
def _image(slot: Slot, model: Model, image: str, picture: Picture, link: dict[str, str]) -> None:
    if read(slot) != link:
        st.rerun()
    found = _own(model, image)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        _thumbnail(picture, image_title(image, picture.label, model))
        # The same place and words whatever is shown: else this were another popover, a closed one,
        # and what is being drawn in it were gone.
        with st.container(horizontal=True, width="content", gap=None):
            if found is not None:
                _step_button(slot, model, found, -1)
                _step_button(slot, model, found, 1)
        menu = st.popover("Image", key=slot.key("image"), on_change="rerun")
    if menu.open:
        with menu:
            _sources(slot, model, found)


def _own(model: Model, image: str) -> DataImage | None:
    """The image, where it is one of the network's own data set."""
    found = parse_data_image(image)
    own = found is not None and model.info is not None and model.info.name == found.dataset
    return found if own else None


def _thumbnail(picture: Picture, title: str) -> None:
    """The image as the network sees it, and what it is."""
    hint = f"{title}. {picture.note}" if picture.note else title
    st.html(
        f'<div class="cs-subject-image">{html.picture(picture.image, title, title=hint)}'
        f"<span>{escape(title)}</span></div>"
    )


def _step_button(slot: Slot, model: Model, image: DataImage, by: int) -> None:
    def go() -> None:
        put(slot, image=str(next_index(image, by, _members(slot, model, image))))

    only = _only(slot, model)
    of_class = "" if only == _ALL or model.info is None else f" of {model.info.classes[only]}"
    st.button(
        f"{'Next' if by > 0 else 'Previous'} image{markdown_safe(of_class)}",
        key=slot.key(f"step{by}"), on_click=go, type="tertiary",
        icon=":material/chevron_right:" if by > 0 else ":material/chevron_left:",
    )  # fmt: skip


def _only(slot: Slot, model: Model) -> int:
    """The class that ‹ › and the sheet keep to."""
    only: int = st.session_state.get(slot.key("only"), _ALL)
    return only if model.info is not None and only < len(model.info.classes) else _ALL


def _members(slot: Slot, model: Model, image: DataImage) -> list[int]:
    """What ‹ › and the sheet go through: the split, or the chosen class of it."""
    wanted = _only(slot, model)
    if wanted != _ALL:
        with contextlib.suppress(EngineError):  # stepping goes on without
            chosen = np.nonzero(fetch_labels(model, image.split).labels == wanted)[0]
            if len(chosen):
                return [int(one) for one in chosen]
    return list(range(split_size(model.info, image.split))) if model.info else [image.index]


def _sources(slot: Slot, model: Model, found: DataImage | None) -> None:
    """What stands behind the button."""
    offered = {name: label for name, label in SOURCES.items() if name != "data" or model.has_images}
    widget = slot.key("source")
    if st.session_state.get(widget) not in offered:
        kind = read(slot).get("image", "").partition(":")[0]
        given = "draw" if kind == "drawn" else kind
        st.session_state[widget] = given if given in offered else next(iter(offered))
    source = st.segmented_control(
        "Where the image comes from", list(offered), key=widget, required=True,
        format_func=offered.__getitem__, label_visibility="collapsed",
    )  # fmt: skip
    if source == "data":
        _data_set(slot, model, found)
    elif source == "sample":
        _samples(slot)
    elif source == "draw":
        _drawing(slot, model)
    else:
        _file(slot, model, camera=source == "camera")


def _data_set(slot: Slot, model: Model, found: DataImage | None) -> None:
    info = model.info
    if info is None:
        return
    now = found or DataImage(info.name, "test", 0)
    where, which, number, dice = st.columns([4, 4, 3, 1.2], vertical_alignment="bottom")
    split_key, class_key, number_key = (slot.key(name) for name in ("split", "class", "number"))
    st.session_state[split_key] = now.split
    st.session_state[class_key] = _only(slot, model)

    def take_split() -> None:
        first = DataImage(info.name, st.session_state[split_key], 0)
        put(slot, image=str(replace(first, index=_members(slot, model, first)[0])))

    def take_class() -> None:
        st.session_state[slot.key("only")] = st.session_state[class_key]
        members = _members(slot, model, now)
        if now.index not in members:
            put(slot, image=str(next_index(now, 1, members)))

    def take_number() -> None:
        put(slot, image=str(DataImage(info.name, now.split, st.session_state[number_key])))

    def throw() -> None:
        put(slot, image=str(random_index(now, _members(slot, model, now))))

    where.selectbox(
        "Part", list(SPLITS), key=split_key, on_change=take_split, format_func=SPLITS.__getitem__
    )
    names = {_ALL: "all classes", **dict(enumerate(info.classes))}
    which.selectbox(
        "Class", list(names), key=class_key, on_change=take_class,
        format_func=names.__getitem__,
    )  # fmt: skip
    last = split_size(info, now.split) - 1
    st.session_state[number_key] = min(now.index, max(last, 0))
    number.number_input("Number", 0, max(last, 0), key=number_key, on_change=take_number)
    dice.button(
        "Any", key=slot.key("any"), icon=":material/casino:", on_click=throw, help="A random image"
    )
    try:
        _sheet(slot, model, now, _members(slot, model, now))
    except EngineError as error:
        st.caption(sentence_safe(error))


def _sheet(slot: Slot, model: Model, now: DataImage, members: list[int]) -> None:
    """A page of images to click, the one shown among them."""
    a_page = SHEET_COLUMNS * SHEET_ROWS
    at = members.index(now.index) if now.index in members else 0
    shown = members[at // a_page * a_page :][:a_page]
    images: ImageSet = ask_once(
        "images", model.base, split=now.split, indices=shown, **model.options
    )
    zoom = max(1, 64 // images.images.shape[1])
    png, grid = sheet(images.images.repeat(zoom, 1).repeat(zoom, 2), SHEET_COLUMNS)
    picked = clickable_picture(
        png, key=slot.key("sheet"), alt="Images of the data set", grid=grid,
        texts=[
            f"{SPLITS[now.split]} {index:,}: {images.classes[int(label)]}"
            for index, label in zip(shown, images.labels, strict=True)
        ],
        selected=shown.index(now.index) if now.index in shown else None,
    )  # fmt: skip
    if picked is not None:
        put(slot, image=str(DataImage(now.dataset, now.split, shown[picked])))
        st.rerun()


def _samples(slot: Slot) -> None:
    png, grid, names = _sample_sheet()
    titles = [f"{one.title}\n{one.credit}, {one.licence}" for one in SAMPLES if one.name in names]
    shown = read(slot).get("image", "").removeprefix("sample:")
    picked = clickable_picture(
        png, key=slot.key("samples"), alt="Sample pictures", grid=grid, texts=titles,
        selected=names.index(shown) if shown in names else None,
    )  # fmt: skip
    if picked is not None:
        put(slot, image=f"sample:{names[picked]}")
        st.rerun()


@cache
def _sample_sheet() -> tuple[bytes, Grid, tuple[str, ...]]:
    """The sample pictures that are installed, small."""
    small, names = [], []
    for sample in SAMPLES:
        try:
            content = read_sample(sample.name)
        except DataError:
            continue
        with Image.open(io.BytesIO(content)) as picture:
            fitted = ImageOps.fit(picture.convert("RGB"), (SAMPLE_PIXELS, SAMPLE_PIXELS))
        small.append(np.asarray(fitted, np.uint8))
        names.append(sample.name)
    png, grid = sheet(np.stack(small), SAMPLE_COLUMNS)
    return png, grid, tuple(names)


def sheet(images: np.ndarray, columns: int, gap: int = 4) -> tuple[bytes, Grid]:
    """Images uint8 (N, H, W, C), C 1 or 3, side by side on a transparent ground, and their places."""
    count, height, width = images.shape[:3]
    columns = min(columns, count)
    rows = -(-count // columns)
    canvas = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, 4), np.uint8)
    for index, image in enumerate(images):
        top, left = index // columns * (height + gap), index % columns * (width + gap)
        canvas[top : top + height, left : left + width, :3] = image
        canvas[top : top + height, left : left + width, 3] = 255
    return encode_png(canvas), Grid(rows, columns, gap, (height, width), count)


def _drawing(slot: Slot, model: Model) -> None:
    size, note = pad_size(model.info)
    drawing = draw_pad(key=slot.key("pad"), size=size, label="Draw with mouse, pen or finger")
    problem = "" if drawing is None else _taken(slot, model, "drawn", encode_png(drawing))
    if problem:
        st.error(sentence_safe(problem))
    elif note:
        st.caption(note)


def pad_size(info: DatasetInfo | None) -> tuple[int, str]:
    """Pixels a side to draw in, and a sentence where that is not yet what the network gets.

    Args:
        info: of the network's data set; None: ImageNet, or gone by now.
    """
    if info is not None and info.framing is not None:
        done = "cut out and laid out like the images it has learned"
        return PAD_PIXELS, f"The network gets what the thumbnail shows: the drawing, {done}."
    side = PAD_SIDES[1] if info is None else min(max(info.shape[1], PAD_SIDES[0]), PAD_SIDES[1])
    if info is not None and info.shape[1] == side:
        return side, ""
    return side, "The network gets what the thumbnail shows: the drawing, scaled to its own size."


def _file(slot: Slot, model: Model, *, camera: bool) -> None:
    if camera:
        picture = st.camera_input("A picture", key=slot.key("camera"))
    else:
        picture = st.file_uploader(
            "A picture", key=slot.key("file"), type=["png", "jpg", "jpeg", "webp", "gif", "bmp"]
        )
    problem = "" if picture is None else _taken(slot, model, "upload", picture.getvalue())
    if problem:
        st.error(sentence_safe(problem))
    else:
        st.caption("It is kept on this server; who has the link of this page can see it.")


def _taken(slot: Slot, model: Model, kind: str, content: bytes) -> str:
    """Show the picture that a widget holds; a sentence where it cannot be shown, which leaves the
    link as it is. A widget keeps giving what it holds: only something new changes the image.
    """
    given = slot.key("given")
    try:
        reference = f"{kind}:{store_image(content)}"
        new = st.session_state.get(given) != reference
        if new:
            st.session_state[given] = None  # after a refusal the one before may be given again
            fetch_picture(model, reference)
    except (DataError, EngineError) as error:
        return str(error)
    if new:
        st.session_state[given] = reference
        put(slot, image=reference)
        st.rerun()
    return ""
