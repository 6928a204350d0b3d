"""A kernel on a real picture: presets from Sobel to Gabor, or one painted by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from data.archives import store_image
from data.catalogue import DataError
from data.samples import SAMPLES, find_sample
from engine.protocol import EngineError
from ui import html, url_state
from ui.components.kernel_pad import kernel_pad
from ui.convolution.controls import MODE_WORDS
from ui.looking import NotYetError, glance
from ui.status import engine_line
from ui.text import markdown_safe, sentence_safe
from viz.arithmetic.kernels import KERNELS, gabor, gaussian, rank
from viz.arithmetic.numbers import Array
from viz.figures.theme import to_rgb
from viz.figures.tiles import encode_png
from viz.results.convolution import FilteredPicture

OWN: Final = "own"
FIRST_IMAGE: Final = "sample:camera"
BORDERS: Final = {**MODE_WORDS, "valid": "No padding"}
SHOWN: Final = {"auto": "By the kernel", "signed": "Signed", "grey": "As a picture"}
_SIZES: Final = (3, 5, 7, 9, 11)
_PREFIX: Final = "conv.picture."
_DEFAULTS: Final[dict[str, Any]] = {
    "img": FIRST_IMAGE, "kernel": "sobel_x", "kw": "", "angle": 45, "wave": 6.0, "sigma": 1.5, "ps": 1, "pd": 1,
    "pborder": "reflect", "pflip": False, "color": False, "shown": "auto",
}  # fmt: skip


def render(form: Any, picture: Any) -> None:
    """Controls into `form`, both pictures into `picture`."""
    problems = _fill()
    with form:
        image = _image()
        name, kernel = _kernel()
        options = _options()
    with picture:
        for problem in problems:
            st.warning(sentence_safe(problem), icon=":material/link_off:")
        _write()
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


def parse_kernel(text: str) -> Array:
    """A square kernel from a link, row by row.

    Raises:
        ValueError: one sentence.
    """
    try:
        values = [float(part) for part in text.split(",")[:226]]
    except ValueError:
        raise ValueError("It should be numbers with commas.") from None
    side = math.isqrt(len(values))
    if side * side != len(values) or side > 15:
        raise ValueError("It should be as many numbers as a square of up to 15×15 has.")
    if not all(abs(value) <= 1e6 for value in values):
        raise ValueError("Its numbers should be between −1e6 and 1e6.")
    return np.array(values).reshape(side, side)


def resized(kernel: Array, size: int) -> Array:
    """Its middle, or it in the middle of zeros."""
    result = np.zeros((size, size))
    shift = (size - len(kernel)) // 2
    for row, column in np.ndindex(kernel.shape):
        if 0 <= row + shift < size and 0 <= column + shift < size:
            result[row + shift, column + shift] = kernel[row, column]
    return result


def _state(name: str) -> Any:
    return st.session_state[_PREFIX + name]


def _fill() -> list[str]:
    """Widgets from the link, on the first run or when Streamlit has forgotten them."""
    checks: dict[str, Callable[[str], Any]] = {
        "img": str, "kernel": lambda text: _member(text, (*KERNELS, OWN)),
        "kw": lambda text: text if parse_kernel(text).size else "",
        "angle": lambda text: _within(int(text), 0, 180), "wave": lambda text: _within(float(text), 2.0, 7.0),
        "sigma": lambda text: _within(float(text), 0.5, 2.8), "ps": lambda text: _within(int(text), 1, 8),
        "pd": lambda text: _within(int(text), 1, 8), "pborder": lambda text: _member(text, tuple(BORDERS)),
        "pflip": lambda text: _member(text, ("0", "1")) == "1", "color": lambda text: _member(text, ("0", "1")) == "1",
        "shown": lambda text: _member(text, tuple(SHOWN)),
    }  # fmt: skip
    problems = []
    for name, default in _DEFAULTS.items():
        if _PREFIX + name in st.session_state:
            continue
        st.session_state[_PREFIX + name] = default
        if name in st.query_params:
            try:
                st.session_state[_PREFIX + name] = checks[name](st.query_params[name])
            except ValueError as error:
                text = st.query_params[name][:40]
                problems.append(f"The link's {name}={text!r} is left out. {_sentence(error)}")
    return problems


def _sentence(error: ValueError) -> str:
    text = str(error)
    return text if text.endswith(".") else "It should be a number."


def _member(text: str, ways: tuple[str, ...]) -> str:
    if text not in ways:
        raise ValueError(f"It should be {', '.join(ways)}.")
    return text


def _within(value: Any, low: float, most: float) -> Any:
    if not low <= value <= most:
        raise ValueError(f"It should be {low:g} to {most:g}.")
    return value


def _write() -> None:
    values = {name: _state(name) for name in _DEFAULTS}
    for parameter, kernel in (
        ("angle", "gabor"),
        ("wave", "gabor"),
        ("sigma", "gauss"),
        ("kw", OWN),
    ):
        if values["kernel"] != kernel:
            values[parameter] = _DEFAULTS[parameter]
    url_state.write(values, _DEFAULTS)


def _image() -> str:
    key = _PREFIX + "img"
    names = [f"sample:{sample.name}" for sample in SAMPLES]
    own = st.session_state[key] not in names
    options = [st.session_state[key], *names] if own else names

    def words(reference: str) -> str:
        if reference in names:
            return find_sample(reference.partition(":")[2]).title
        return "Your picture" if reference.startswith("upload:") else markdown_safe(reference[:40])

    st.selectbox("Picture", options, key=key, format_func=words)
    with st.popover("Your own", icon=":material/upload:", width="stretch"):
        st.file_uploader(
            "A picture", key=_PREFIX + "upload", on_change=_uploaded, label_visibility="collapsed"
        )
    problem = st.session_state.pop(_PREFIX + "problem", None)
    if problem:
        st.error(sentence_safe(problem), icon=":material/block:")
    return str(st.session_state[key])


def _uploaded() -> None:
    file = st.session_state[_PREFIX + "upload"]
    if file is None:
        return
    try:
        st.session_state[_PREFIX + "img"] = f"upload:{store_image(file.getvalue())}"
    except DataError as error:
        st.session_state[_PREFIX + "problem"] = str(error)


def _kernel() -> tuple[str, Array]:
    key = _PREFIX + "kernel"
    if st.session_state.pop(_PREFIX + "become_own", False):
        st.session_state[key] = OWN
    titles = {name: named.title for name, named in KERNELS.items()} | {OWN: "Your own"}
    name = st.selectbox("Kernel", list(titles), key=key, format_func=titles.__getitem__)
    if name == "gabor":
        left, right = st.columns(2)
        angle = left.slider("Angle, degrees", 0, 180, step=5, key=_PREFIX + "angle")
        wave = right.slider("Wavelength, pixels", 2.0, 7.0, step=0.5, key=_PREFIX + "wave")
        kernel = gabor(2 * math.ceil(wave) + 1, wavelength=wave, angle=angle, sigma=0.45 * wave)
    elif name == "gauss":
        sigma = st.slider("Width, pixels", 0.5, 2.8, step=0.1, key=_PREFIX + "sigma")
        kernel = gaussian(2 * math.ceil(2.5 * sigma) + 1, sigma)
    elif name == OWN:
        kernel = parse_kernel(_state("kw")) if _state("kw") else KERNELS["identity"].make()
        size = st.segmented_control(
            "Size", sorted({*_SIZES, len(kernel)}), default=len(kernel), required=True, width="stretch",
            format_func=lambda side: f"{side}×{side}",
        )  # fmt: skip
        if size != len(kernel):
            _keep_kernel(resized(kernel, int(size)))
            st.rerun()
    else:
        kernel = KERNELS[name].make()
    painted = kernel_pad(kernel, key=_PREFIX + "pad", label=f"Kernel {titles[name]}")
    if painted is not None and not np.array_equal(painted, kernel):
        _keep_kernel(painted)
        st.session_state[_PREFIX + "become_own"] = True
        st.rerun()
    return name, kernel


def _keep_kernel(kernel: NDArray[np.float64]) -> None:
    st.session_state[_PREFIX + "kw"] = ",".join(f"{value:.6g}" for value in kernel.ravel())


def _options() -> dict[str, Any]:
    left, right = st.columns(2)
    stride = left.slider("Stride", 1, 8, key=_PREFIX + "ps")
    dilation = right.slider("Dilation", 1, 8, key=_PREFIX + "pd")
    border = left.selectbox(
        "Border", list(BORDERS), key=_PREFIX + "pborder", format_func=BORDERS.__getitem__
    )
    right.selectbox(
        "Show output", list(SHOWN), key=_PREFIX + "shown", format_func=SHOWN.__getitem__
    )
    flip = left.toggle(
        "Flip kernel", key=_PREFIX + "pflip", help="True convolution: the kernel turned round."
    )
    color = right.toggle(
        "Each colour",
        key=_PREFIX + "color",
        help="Red, green and blue by themselves; else lightness.",
    )
    return {"stride": stride, "dilation": dilation, "border": border, "flip": flip, "color": color}


def _is_signed(kernel: Array) -> bool:
    shown = _state("shown")
    return bool(
        shown == "signed"
        or (
            shown == "auto"
            and abs(kernel.sum()) < 0.5 * np.abs(kernel).sum()
            and kernel.sum() < 0.5
        )
    )


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
