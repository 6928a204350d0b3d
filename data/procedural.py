"""The Shapes set: ten classes drawn from a seed, each image with the mask of its object.

Seven classes are outlines filled plainly, three are patterns filling one of those outlines: a plain
star is a star, a striped one is stripes. So neither outline nor local pattern alone tells the
class, and a network has to learn both. Position, size, angle, colours and background are random.
Because the object's mask is known, an explanation of a network can be checked against the truth.

A *shortcut* is a coloured patch in the top left corner of every image, whose colour may tell the
label: with it one can watch a network learn the wrong thing and see who notices.

Everything is drawn by one `torch.Generator`; the global random state is never touched.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from data.outlines import OUTLINES, REACH
from data.pixels import LIGHTNESS

PATTERNS = ("stripes", "checker", "dots")
CLASSES = (*OUTLINES, *PATTERNS)  # label = place in this order
PATTERNED_OUTLINES = ("circle", "square", "heart")  # broad enough to show a pattern at 32 pixels

CHUNK = 500  # images drawn at once: keeps the intermediate arrays in cache
MIN_RADIUS, MIN_PATTERNED_RADIUS, MAX_RADIUS = 0.21, 0.3, 0.39  # in image sides
TILT = {"heart": math.radians(35)}  # how far it may turn and still read as upright; others: any
MIN_CONTRAST = 0.36  # smallest distance between two colours that must be told apart
CANDIDATES = 20  # random colours of which the first that contrasts enough is taken


@dataclass(frozen=True)
class Drawn:
    """Images with their labels and the place of each image's object."""

    images: Tensor  # uint8 (N, 3, H, W)
    labels: Tensor  # int64 (N,)
    masks: Tensor  # bool (N, 1, H, W)


def draw_shapes(num_images: int, size: int, *, seed: int, shortcut: float | None) -> Drawn:
    """Draw `num_images` of `size` pixels a side, every class equally often, in random order.

    Args:
        num_images: how many; any number.
        size: pixels a side.
        seed: equal seeds give equal images.
        shortcut: None for no corner patch. A number is the probability that the patch has the
            colour of the label; otherwise its colour is one of the ten at random, so at 0 it is
            independent of the label. The patch itself is in every image and tells nothing.
    """
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(num_images) % len(CLASSES)
    labels = labels[torch.randperm(num_images, generator=generator)]
    images = torch.empty(num_images, 3, size, size, dtype=torch.uint8)
    masks = torch.empty(num_images, 1, size, size, dtype=torch.bool)
    with _one_thread():
        for start in range(0, num_images, CHUNK):
            part = slice(start, start + CHUNK)
            images[part], masks[part] = _draw(labels[part], size, generator)
    if shortcut is not None:
        box = shortcut_box(size)
        images[(..., *box)] = _patch_colors(labels, shortcut, generator)[:, :, None, None]
        masks[(..., *box)] = False
    return Drawn(images, labels, masks)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Hundreds of operations on small arrays: handing each to a thread pool costs more than it saves."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def shortcut_box(size: int) -> tuple[slice, slice]:
    """Rows and columns of the corner patch in an image of `size` pixels a side."""
    return slice(0, size // 6), slice(0, size // 6)


def _patch_colors(labels: Tensor, shortcut: float, generator: torch.Generator) -> Tensor:
    """uint8 (N, 3): ten hues at even distances, one for each class."""
    tells = torch.rand(len(labels), generator=generator) < shortcut
    anything = torch.randint(len(CLASSES), labels.shape, generator=generator)
    hue = torch.where(tells, labels, anything) / len(CLASSES)
    return (_rgb(hue, torch.full_like(hue, 0.95), torch.full_like(hue, 0.95)) * 255).byte()


def _draw(labels: Tensor, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """uint8 images (N, 3, size, size) and bool masks (N, 1, size, size) for these labels."""
    count = len(labels)

    def uniform(low: float | Tensor, high: float | Tensor, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(shape or (count,), generator=generator)

    outline = _outline_of(labels, generator)
    patterned = labels >= len(OUTLINES)
    smallest = torch.where(patterned, MIN_PATTERNED_RADIUS, MIN_RADIUS)
    radius = uniform(smallest, MAX_RADIUS)
    room = 0.49 - REACH * radius  # the object stays inside the image
    center_x, center_y = 0.5 + uniform(-room, room), 0.5 + uniform(-room, room)
    tilt = torch.tensor([TILT.get(name, math.pi) for name in OUTLINES])[outline]
    angle = uniform(-tilt, tilt)

    # Where each pixel lies in the object's own frame, in radii. (N, H, W)
    pixels = (torch.arange(size) + 0.5) / size
    dx = (pixels[None, None, :] - center_x[:, None, None]) / radius[:, None, None]
    dy = (pixels[None, :, None] - center_y[:, None, None]) / radius[:, None, None]
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    x, y = dx * cos + dy * sin, dy * cos - dx * sin

    distance = torch.empty(count, size, size)
    for index, outline_of in enumerate(OUTLINES.values()):
        chosen = outline == index
        distance[chosen] = outline_of(x[chosen], y[chosen])
    pixels_per_radius = (radius * size)[:, None, None]
    coverage = (0.5 - distance * pixels_per_radius).clamp(0, 1)  # soft over one pixel

    backdrop, backdrop_color = _backgrounds(count, size, generator)
    paint = _contrasting(backdrop_color[:, None], generator)
    second = _contrasting(torch.stack([backdrop_color, paint], 1), generator)
    pattern = _patterns(labels, x, y, radius * size, generator)
    light = 1 + uniform(0.0, 0.14)[:, None, None] * -(dx + dy) / 2  # lit from the top left
    fill = torch.lerp(paint[..., None, None], second[..., None, None], pattern[:, None])
    fill = fill * light[:, None]  # (N, 3, H, W)

    pictures = torch.lerp(backdrop, fill, coverage[:, None])
    grain = uniform(0.0, 0.035)[:, None, None, None]
    pictures = pictures + grain * torch.randn(pictures.shape, generator=generator)
    return (pictures.clamp(0, 1) * 255).round().byte(), (coverage >= 0.5)[:, None]


def _outline_of(labels: Tensor, generator: torch.Generator) -> Tensor:
    """Index into `OUTLINES`: the label's own, or for a pattern one of those that can show it."""
    broad = torch.tensor([list(OUTLINES).index(name) for name in PATTERNED_OUTLINES])
    any_broad = broad[torch.randint(len(broad), labels.shape, generator=generator)]
    return torch.where(labels < len(OUTLINES), labels, any_broad)


def _patterns(
    labels: Tensor, x: Tensor, y: Tensor, radius: Tensor, generator: torch.Generator
) -> Tensor:
    """Share of the second colour at each pixel, (N, H, W) in [0, 1]; 0 for plain objects.

    Patterns turn with the object and have 2.6 to 3.4 periods across a radius' width of two, so they
    scale with it; their edges are softened over one pixel like the outlines'.
    """
    count = len(labels)
    period = 2 / (2.6 + 0.8 * torch.rand(count, generator=generator))  # in radii
    shift = torch.rand(count, 2, generator=generator)
    blend = torch.zeros_like(x)
    for index, name in enumerate(PATTERNS, start=len(OUTLINES)):
        chosen = labels == index
        span = period[chosen, None, None]
        sharp = radius[chosen, None, None] * span  # pixels per period
        u = x[chosen] / span + shift[chosen, 0, None, None]
        v = y[chosen] / span + shift[chosen, 1, None, None]
        if name == "stripes":
            blend[chosen] = (0.5 + _wave(u) * sharp).clamp(0, 1)
        elif name == "checker":
            across, down = (_wave(u) * sharp).clamp(-0.5, 0.5), (_wave(v) * sharp).clamp(-0.5, 0.5)
            blend[chosen] = 0.5 + 2 * across * down
        else:
            to_dot = torch.hypot(u - u.round(), v - v.round())
            blend[chosen] = (0.5 + (0.32 - to_dot) * sharp).clamp(0, 1)
    return blend


def _wave(u: Tensor) -> Tensor:
    """A triangle wave of period 1 and slope ±1, between -1/4 and 1/4."""
    return ((u - u.floor()) - 0.5).abs() - 0.25


def _backgrounds(count: int, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Backgrounds (N, 3, H, W) and the colour (N, 3) around which each varies.

    Each is a mild ramp between two neighbouring colours plus clouds: noise on a coarse grid,
    interpolated. Neither looks like any pattern of the classes.
    """
    hue = torch.rand(count, generator=generator)
    saturation = 0.55 * torch.rand(count, generator=generator)
    value = 0.12 + 0.83 * torch.rand(count, generator=generator)
    color = _rgb(hue, saturation, value)

    turn = 2 * math.pi * torch.rand(count, generator=generator)
    ramp = (torch.arange(size) + 0.5) / size - 0.5
    slope = (
        turn.cos()[:, None, None] * ramp[None, None, :]
        + turn.sin()[:, None, None] * ramp[None, :, None]
    )
    tint = 0.3 * (torch.rand(count, 3, generator=generator) - 0.5)

    coarse = torch.randn(count, 1, 5, 5, generator=generator)
    clouds = interpolate(coarse, size=(size, size), mode="bicubic", align_corners=False)
    strength = 0.06 * torch.rand(count, 1, 1, 1, generator=generator)
    return color[..., None, None] + tint[..., None, None] * slope[
        :, None
    ] + strength * clouds, color


def _contrasting(others: Tensor, generator: torch.Generator) -> Tensor:
    """A lively colour (N, 3) that differs enough from each of `others`, (N, K, 3).

    Of a few random colours the first that is far enough from all is taken, or else the farthest.
    """
    shape = (len(others), CANDIDATES)
    candidates = _rgb(
        torch.rand(shape, generator=generator),
        0.35 + 0.65 * torch.rand(shape, generator=generator),
        0.15 + 0.85 * torch.rand(shape, generator=generator),
    )  # (N, CANDIDATES, 3)
    distance = _difference(candidates[:, :, None], others[:, None]).amin(dim=2)
    first_good = distance.clamp(max=MIN_CONTRAST).argmax(dim=1)
    return candidates[torch.arange(len(others)), first_good]


def _difference(a: Tensor, b: Tensor) -> Tensor:
    """How different two colours look, mostly how light they are: also readable in grey."""
    weights = torch.tensor(LIGHTNESS)
    lightness = ((a - b) * weights).sum(-1).abs()
    distance: Tensor = torch.linalg.vector_norm(a - b, dim=-1)
    return 0.8 * lightness + 0.2 * distance


def _rgb(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """HSV in [0, 1] to RGB in [0, 1], with a last axis of 3 (A. R. Smith 1978)."""
    offsets = torch.tensor([5.0, 3.0, 1.0])
    k = (offsets + hue[..., None] * 6) % 6
    ramp = torch.minimum(k, 4 - k).clamp(0, 1)
    return value[..., None] * (1 - saturation[..., None] * ramp)
