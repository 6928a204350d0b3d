"""A kernel on a real picture: presets from Sobel to Gabor, or one painted by hand."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from data.archives import store_image
from data.catalogue import DataError
from data.samples import SAMPLES, find_sample
from engine.protocol import EngineError
from ui import html
from ui.components.kernel_pad import kernel_pad
from ui.convolution.picture_link import (
    BORDERS,
    OWN,
    PREFIX,
    SHOWN,
    fill,
    keep,
    key,
    parse_kernel,
    resized,
    show,
    state,
    write,
)
from ui.looking import NotYetError, glance
from ui.status import engine_line
from ui.text import markdown_safe, sentence_safe
from viz.arithmetic.kernels import KERNELS, gabor, gaussian, rank
from viz.arithmetic.numbers import Array
from viz.figures.theme import to_rgb
from viz.figures.tiles import encode_png
from viz.results.convolution import FilteredPicture

_SIZES: Final = (3, 5, 7, 9, 11)


def render(form: Any, picture: Any) -> None:
    """Controls into `form`, both pictures into `picture`."""
    problems = fill()
    with form:
        image = _image()
        name, kernel = _kernel()
        options = _options()
    with picture:
        for problem in problems:
            st.warning(sentence_safe(problem), icon=":material/link_off:")
        write()
        try:
            found: FilteredPicture = glance(
                "convolve_picture", image=image, kernel=kernel.tolist(), **options
            )
        except NotYetError:
            engine_line()
            return
        except EngineError as error:
            st.error(sentence_safe(error), icon=":material/block:")
            return
        signed = _is_signed(kernel)
        pixels, bar = colored(found, signed=signed)
        st.html(pictures(found, pixels, bar))
        st.caption(_words(name, kernel, found))
        st.download_button(
            "Output as PNG", encode_png(pixels), f"{name}.png", "image/png", icon=":material/download:",
            on_click="ignore",
        )  # fmt: skip


def colored(found: FilteredPicture, *, signed: bool) -> tuple[NDArray[np.uint8], str]:
    """The output in colours (H, W, 3) or greys (H, W, C), and what they mean as HTML."""
    if not signed:
        pixels = np.rint(found.response.clip(0, 1) * 255).astype(np.uint8)
        return pixels, html.caption("Values below 0 are black, above 1 white.")
    values = _strongest(found.response)
    limit = (
        float(np.quantile(np.abs(values), 0.995)) or 1.0
    )  # a few corners should not pale the rest
    return to_rgb(values, "diverging", vmin=-limit, vmax=limit), html.color_bar("diverging", limit)


def pictures(found: FilteredPicture, pixels: NDArray[np.uint8], bar: str) -> str:
    """The picture and what became of it, side by side."""
    (height, width), (rows, columns) = found.response.shape[:2], found.picture.shape[:2]
    before = html.picture(found.picture, "The picture") + html.caption(f"Picture, {columns}×{rows}")
    after = html.picture(pixels, "What the kernel makes of it") + html.caption(
        f"Output, {width}×{height}"
    )
    return f'<div class="cs-convolution-pictures"><figure>{before}</figure><figure>{after}{bar}</figure></div>'


def _image() -> str:
    names = [f"sample:{sample.name}" for sample in SAMPLES]
    now = state("img")
    options = names if now in names else [now, *names]

    def words(reference: str) -> str:
        if reference in names:
            return find_sample(reference.partition(":")[2]).title
        return "Your picture" if reference.startswith("upload:") else markdown_safe(reference[:40])

    image = keep("img", st.selectbox("Picture", options, key=key("img"), format_func=words))
    with st.popover("Your own", icon=":material/upload:", width="stretch"):
        st.file_uploader(
            "A picture", key=PREFIX + "upload", on_change=_uploaded, label_visibility="collapsed"
        )
    problem = st.session_state.pop(PREFIX + "problem", None)
    if problem:
        st.error(sentence_safe(problem), icon=":material/block:")
    return str(image)


def _uploaded() -> None:
    file = st.session_state[PREFIX + "upload"]
    if file is None:
        return
    try:
        show("img", f"upload:{store_image(file.getvalue())}")
    except DataError as error:
        st.session_state[PREFIX + "problem"] = str(error)


def _kernel() -> tuple[str, Array]:
    titles = {name: named.title for name, named in KERNELS.items()} | {OWN: "Your own"}
    chosen = st.selectbox("Kernel", list(titles), key=key("kernel"), format_func=titles.__getitem__)
    name = str(keep("kernel", chosen))
    if name == "gabor":
        left, right = st.columns(2)
        angle = keep("angle", left.slider("Angle, degrees", 0, 180, step=5, key=key("angle")))
        wave = keep("wave", right.slider("Wavelength, pixels", 2.0, 7.0, step=0.5, key=key("wave")))
        kernel = gabor(2 * math.ceil(wave) + 1, wavelength=wave, angle=angle, sigma=0.45 * wave)
    elif name == "gauss":
        sigma = keep("sigma", st.slider("Width, pixels", 0.5, 2.8, step=0.1, key=key("sigma")))
        kernel = gaussian(2 * math.ceil(2.5 * sigma) + 1, sigma)
    elif name == OWN:
        kernel = parse_kernel(state("kw")) if state("kw") else KERNELS["identity"].make()
        size = st.segmented_control(
            "Size", sorted({*_SIZES, len(kernel)}), default=len(kernel), required=True, width="stretch",
            format_func=lambda side: f"{side}×{side}",
        )  # fmt: skip
        if size != len(kernel):
            _keep_kernel(resized(kernel, int(size)))
            st.rerun()
    else:
        kernel = KERNELS[name].make()
    painted = kernel_pad(kernel, key=PREFIX + "pad", label=f"Kernel {titles[name]}")
    if painted is not None and not np.array_equal(painted, kernel):
        _keep_kernel(painted)
        show("kernel", OWN)
        st.rerun()
    return name, kernel


def _keep_kernel(kernel: NDArray[np.float64]) -> None:
    keep("kw", ",".join(f"{value:.6g}" for value in kernel.ravel()))


def _options() -> dict[str, Any]:
    left, right = st.columns(2)
    stride = keep("ps", left.slider("Stride", 1, 8, key=key("ps")))
    dilation = keep("pd", right.slider("Dilation", 1, 8, key=key("pd")))
    borders, shown = list(BORDERS), list(SHOWN)
    border = left.selectbox("Border", borders, key=key("pborder"), format_func=BORDERS.__getitem__)
    keep(
        "shown",
        right.selectbox("Show output", shown, key=key("shown"), format_func=SHOWN.__getitem__),
    )
    flip_help = "True convolution: the kernel turned round."
    color_help = "Red, green and blue by themselves; else lightness."
    flip = left.toggle("Flip kernel", key=key("pflip"), help=flip_help)
    color = right.toggle("Each colour", key=key("color"), help=color_help)
    for name, value in (("pborder", border), ("pflip", flip), ("color", color)):
        keep(name, value)
    return {"stride": stride, "dilation": dilation, "border": border, "flip": flip, "color": color}


def _is_signed(kernel: Array) -> bool:
    if state("shown") != "auto":
        return bool(state("shown") == "signed")
    return float(kernel.sum()) < 0.5  # flat areas would be dark: it answers to edges, not lightness


def _strongest(response: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W): of several colours, the value farthest from 0."""
    channel = np.abs(response).argmax(axis=2)[..., None]
    strongest: NDArray[np.float32] = np.take_along_axis(response, channel, axis=2)[..., 0]
    return strongest


def _words(name: str, kernel: Array, found: FilteredPicture) -> str:
    parts = [KERNELS[name].words] if name in KERNELS else []
    total = float(kernel.sum())
    parts.append(
        "The weights sum to 0, so flat areas give 0." if abs(total) < 1e-9
        else "The weights sum to 1, so flat areas keep their lightness." if abs(total - 1) < 1e-9
        else f"The weights sum to {total:.3g}, so flat areas become {total:.3g} times as light."
    )  # fmt: skip
    side = len(kernel)
    if rank(kernel) == 1 and side > 1:
        parts.append(
            f"It is a column times a row, so two thin passes do it with {2 * side} multiplications a "
            f"pixel instead of {side * side}."
        )
    if found.note:
        parts.append(found.note)
    return " ".join(parts)
