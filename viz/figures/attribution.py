"""Attribution maps as pictures: the map in colours, laid over its image, and the pixels it picks out.

Signed maps take the diverging scale centred at 0, so that no evidence is pale (on a dark page: dark)
and neither sign is favoured; maps without a sign take the sequential scale from 0. A few outliers would leave all else
pale: values beyond a percentile take the end colour, and how many those are is told.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from viz.figures.theme import (
    LEVELS,
    MISSING,
    SCALES,
    ScaleName,
    css_gradient,
    palette,
    to_index,
    to_rgb,
)
from viz.figures.tiles import encode_png

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_COLOR: Final = 0.25  # of the image's own colours that stay under a map
_RANGES: Final[dict[ScaleName, tuple[float, float]]] = {
    # Brightness of the image below: strong values are dark on one scale and light on the other, and
    # must stand out on black and on white.
    "diverging": (90.0, 255.0),
    "sequential": (0.0, 150.0),
}
_PALE: Final = len(SCALES["diverging"]) // 2
_DARK: Final = (
    # The two arms of the diverging scale turned round a dark middle, for dark pages.
    *SCALES["diverging"][_PALE - 1 :: -1],
    "#12161d",
    *SCALES["diverging"][:_PALE:-1],
)
_HIDDEN: Final = 0.14  # of a pixel that is masked out
_GREY: Final = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601 luma


@dataclass(frozen=True)
class Extent:
    """How values become colours, and what that hides."""

    limit: float  # value of the end colour; a signed scale begins at −limit, others at 0
    largest: float  # largest size of a finite value
    signed: bool
    clipped: int  # values beyond the limit
    count: int  # values

    @property
    def scale(self) -> ScaleName:
        """The scale of the house for such values."""
        return "diverging" if self.signed else "sequential"


def sum_channels(values: npt.ArrayLike) -> Floats:
    """Attribution (C, h, w) to one number a place: what its channels say together (h, w)."""
    total: Floats = np.asarray(values, np.float32).sum(axis=0, dtype=np.float32)
    return total


def find_extent(
    maps: npt.ArrayLike, *, percentile: float, signed: bool, limit: float | None = None
) -> Extent:
    """The extent of a map, or of several that share a scale (any shape).

    Args:
        maps: values; those that are not finite are left out.
        percentile: of the sizes |value| that is the end of the scale, 0 to 100. Where that is 0
            although there are values, the largest is, so that a lonely pixel is seen.
        signed: whether negative values mean something; a map that has some is signed in any case.
        limit: the end of the scale, where it is given from outside.
    """
    array = np.asarray(maps, np.float32)
    finite = array[np.isfinite(array)]
    sizes = np.abs(finite)
    largest = float(sizes.max(initial=0.0))
    if limit is None:
        limit = float(np.percentile(sizes, percentile)) if len(sizes) else 0.0
        if limit <= 0:
            limit = largest
    return Extent(
        limit=limit,
        largest=largest,
        signed=signed or bool((finite < 0).any()),
        clipped=int((sizes > limit).sum()),
        count=int(array.size),
    )


def stretch(values: npt.ArrayLike, size: tuple[int, int], *, smooth: bool) -> Floats:
    """A map (h, w) in the size of the image (H, W).

    Args:
        values: the map.
        size: of the image.
        smooth: bilinear between the middles of the places, as `torch.nn.functional.interpolate`
            does without `align_corners`; otherwise each place stays one block of its value.
    """
    array = np.asarray(values, np.float32)
    if array.shape == size:
        return array
    if not smooth:
        rows, columns = (
            np.arange(target) * source // target
            for target, source in zip(size, array.shape, strict=True)
        )
        return array[np.ix_(rows, columns)]
    for axis, target in enumerate(size):
        source = array.shape[axis]
        at = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
        low = np.floor(at).astype(np.int64)
        high = np.minimum(low + 1, source - 1)
        share = (at - low).astype(np.float32)
        share = share[:, None] if axis == 0 else share[None, :]
        array = (1 - share) * array.take(low, axis) + share * array.take(high, axis)
    return array


def color_map(values: npt.ArrayLike, extent: Extent, *, dark: bool = False) -> Bytes:
    """A map (H, W) in the colours of its scale (H, W, 3); values that are no numbers are grey.

    Args:
        values: (H, W).
        extent: of the map.
        dark: whether 0 is dark on a signed scale, and the ends are light; an unsigned one is so anyway.
    """
    low = -extent.limit if extent.signed else 0.0
    if dark and extent.signed:
        index = to_index(values, extent.scale, vmin=low, vmax=extent.limit)
        return _dark_palette()[index]
    return to_rgb(values, extent.scale, vmin=low, vmax=extent.limit)


def gradient(extent: Extent, *, dark: bool = False) -> str:
    """The colours of `color_map` as a CSS background, left to right."""
    if dark and extent.signed:
        return f"linear-gradient(to right, {', '.join(_DARK)})"
    return css_gradient(extent.scale)


def overlay(
    image: Bytes, values: npt.ArrayLike, extent: Extent, *, opacity: float, dark: bool = False
) -> Bytes:
    """The map over its image: the further a value is from 0, the more of its colour covers the image.

    The image is nearly grey, so that a colour is the map's. A pixel of size |value| / limit = s
    (1 at most) is covered by `opacity` · s: where nothing was found, the image is left as it is.

    Args:
        image: (H, W, 1) or (H, W, 3).
        values: (H, W).
        extent: of the map.
        opacity: of the end colour, 0 to 1.
        dark: as of `color_map`.
    """
    array = np.asarray(values, np.float32)
    sizes = np.abs(np.nan_to_num(array, nan=0.0, posinf=np.inf, neginf=-np.inf))
    share = np.clip(sizes / extent.limit, 0, 1) if extent.limit > 0 else np.zeros_like(array)
    cover = (opacity * share)[..., None]
    under = quiet(image, "sequential" if dark else extent.scale)  # light ends, either way
    mixed = under * (1 - cover) + color_map(array, extent, dark=dark) * cover
    return np.rint(mixed).astype(np.uint8)


def quiet(image: Bytes, scale: ScaleName) -> Doubles:
    """The image (H, W, C) as it lies under a map of that scale (H, W, 3): nearly grey, light where
    strong colours are dark, and dark where they are light."""
    color = _rgb(image).astype(np.float64)
    grey = (color @ _GREY)[..., None]
    low, high = _RANGES[scale]
    under: Doubles = low + (high - low) * (_COLOR * color + (1 - _COLOR) * grey) / 255
    return under


def keep_top(image: Bytes, values: npt.ArrayLike, share: float) -> tuple[Bytes, int]:
    """The image with only the pixels that spoke for the answer most; the rest fades into grey.

    Args:
        image: (H, W, C).
        values: (H, W); pixels whose value is not above 0 never count.
        share: of the pixels that are shown, 0 to 1.

    Returns:
        The picture (H, W, 3), and how many pixels are shown: fewer than asked for where fewer speak
        for the answer.
    """
    array = np.nan_to_num(np.asarray(values, np.float32), nan=0.0).ravel()
    wanted = round(share * array.size)
    order = np.argsort(-array, kind="stable")[:wanted]
    kept = np.zeros(array.size, bool)
    kept[order[array[order] > 0]] = True
    color = _rgb(image).astype(np.float64)
    faded = _HIDDEN * color + (1 - _HIDDEN) * np.asarray(MISSING, np.float64)
    mixed = np.where(kept.reshape(image.shape[:2])[..., None], color, faded)
    return np.rint(mixed).astype(np.uint8), int(kept.sum())


def enlarge(pixels: Bytes, side: int) -> Bytes:
    """A small picture (H, W, C) with every pixel a block, its longer side at most `side`."""
    zoom = max(1, side // max(pixels.shape[:2]))
    return pixels.repeat(zoom, axis=0).repeat(zoom, axis=1)


def compose_sheet(
    pictures: Sequence[tuple[str, Bytes]], extent: Extent, title: str, *, side: int = 448
) -> bytes:
    """A PNG to take away: pictures (H, W, 3) beside each other with their names, the title above and
    the colour bar with its numbers below."""
    shown = [(name, enlarge(_rgb(pixels), side)) for name, pixels in pictures]
    gap, line, margin = 16, 26, 20
    width = sum(pixels.shape[1] for _, pixels in shown) + gap * (len(shown) - 1) + 2 * margin
    tall = max(pixels.shape[0] for _, pixels in shown)
    sheet = Image.new("RGB", (width, tall + 2 * margin + 4 * line), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(15)
    draw.text((margin, margin), _drawable(title), fill="#1c2733", font=font)
    left = margin
    for name, pixels in shown:
        draw.text((left, margin + line), _drawable(name), fill="#5b6673", font=font)
        sheet.paste(Image.fromarray(pixels), (left, margin + 2 * line))
        left += pixels.shape[1] + gap
    top = margin + 2 * line + tall + 12
    colors = palette(extent.scale)[np.linspace(0, 250, 240).round().astype(int), :3]
    bar = np.ascontiguousarray(np.broadcast_to(colors, (12, *colors.shape)))
    low, high = (_drawable(end) for end in bar_ends(extent))
    draw.text((margin, top - 3), low, fill="#1c2733", font=font)
    after = margin + int(draw.textlength(low, font=font)) + 10
    sheet.paste(Image.fromarray(bar), (after, top))
    draw.text((after + 250, top - 3), high, fill="#1c2733", font=font)
    return encode_png(np.asarray(sheet))


def bar_ends(extent: Extent) -> tuple[str, str]:
    """What stands at the two ends of the colour bar; a map of zeros has no two sides."""
    if not extent.limit > 0:
        return "0", "0"
    low = f"−{extent.limit:.3g}" if extent.signed else "0"
    return low, f"{extent.limit:.3g}"


@cache
def _dark_palette() -> Bytes:
    """(256, 3) colours of `_DARK`, ordered as `theme.palette` is."""
    stops = np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in _DARK])
    at, where = np.linspace(0, 1, LEVELS), np.linspace(0, 1, len(stops))
    table = np.zeros((256, 3), np.uint8)
    table[:LEVELS] = np.rint([np.interp(at, where, channel) for channel in stops.T]).T
    table[LEVELS:] = MISSING
    return table


def _drawable(text: str) -> str:
    """What the font that comes with Pillow can write: letters without accents, no other scripts."""
    plain = unicodedata.normalize("NFKD", text.replace("×", "x").replace("−", "-"))
    marks = "".join(char for char in plain if not unicodedata.combining(char))
    return marks.encode("ascii", "replace").decode("ascii")


def _rgb(image: Bytes) -> Bytes:
    return image.repeat(3, axis=2) if image.shape[2] == 1 else image[..., :3]
