"""Torch's own answer for a setting of the arithmetic page, and kernels on real pictures.

The page computes everything itself, in numpy and again in the browser; its tick says that torch
agrees, so this builds the very layers whose code the page prints. No network is involved.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from data.archives import read_image
from data.images import decode_image
from data.pixels import LIGHTNESS
from data.samples import read_sample
from viz.arithmetic.axes import build_axes
from viz.arithmetic.numbers import use_numbers
from viz.arithmetic.record import read_setting
from viz.arithmetic.setting import PADDING_MODES, check
from viz.arithmetic.torch_layers import LayerCall, layer_calls, turned
from viz.lenses.arrays import check_count, to_floats, to_pictures
from viz.lenses.context import LensContext, choose_split, dataset_spec
from viz.lenses.registry import LensError, lens
from viz.results.convolution import FilteredPicture, TorchAnswer

MAX_KERNEL = 15
_STORED = re.compile(r"(?:drawn|upload):(?P<digest>[0-9a-f]{64})")
_SAMPLE = re.compile(r"sample:(?P<name>[a-z0-9_]{1,60})")
_DATA_IMAGE = re.compile(r"(?P<dataset>[^/]+)/(?P<split>train|val|test)/(?P<index>\d{1,9})")


@lens("convolution")
def convolution(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    setting: Mapping[str, Any],
    x: Sequence[float],
    weight: Sequence[float],
    bias: Sequence[float],
) -> TorchAnswer:
    """What torch computes for `setting` (fields of a Setting) with these numbers, given flat.

    Raises:
        SettingError: one sentence, for a setting or numbers that cannot be used.
    """
    wanted = check(read_setting(setting))
    build_axes(wanted)  # refuses outputs that are too large
    numbers = use_numbers(wanted, x, weight, bias)
    value, outputs = torch.from_numpy(numbers.x)[None], []  # (1, C, *size)
    calls = layer_calls(wanted)
    with torch.inference_mode():
        for call in calls:
            layer = _build(call)
            if call.weight is not None:
                weights = numbers.weights[call.weight]
                if wanted.flip and call.weight == 0:
                    weights = turned(weights, wanted.dims)
                _fill(layer, weights, numbers.bias if call.bias else None)
            value = layer(value)
            if call.weight is not None or len(calls) == 1:
                outputs.append(value[0].numpy().copy())
    return TorchAnswer(tuple(outputs), torch.__version__.partition("+")[0])


@lens("convolve_picture")
def convolve_picture(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    kernel: Sequence[Sequence[float]],
    stride: int = 1,
    dilation: int = 1,
    border: str = "reflect",
    flip: bool = False,
    color: bool = False,
    side: int = 360,
) -> FilteredPicture:
    """One kernel over a picture: its lightness, or each colour by itself with `color`.

    Args:
        kernel: rows of numbers, up to 15×15; its middle lies on the pixel (of an even side, the
            cell before the middle).
        border: zeros, reflect, replicate or circular keep the size; valid adds nothing.
        side: the longer side of the picture is reduced to this many pixels, 16..640.
    """
    weights = _kernel(kernel)
    check_count("stride", stride, 8)
    check_count("dilation", dilation, 8)
    if check_count("side", side, 640) < 16:
        raise LensError(f"side is {side}: choose 16 to 640 pixels.")
    if border != "valid" and border not in PADDING_MODES:
        ways = ", ".join((*PADDING_MODES, "valid"))
        raise LensError(f"{border[:40]!r} is no way to treat the border: choose {ways}.")
    whole = _read(context, image)
    picture = _reduced(whole if color else _lightness(whole), side)  # (C, H, W) uint8
    note = "" if picture.shape[1:] == whole.shape[1:] else (
        f"Reduced from {whole.shape[2]}×{whole.shape[1]} pixels."
    )  # fmt: skip
    if flip:
        weights = weights.flip(0, 1)
    values = picture.float()[:, None] / 255  # (C, 1, H, W)
    reach = [dilation * (length - 1) for length in weights.shape]
    if border != "valid":
        values = _pad(values, reach, border)
    if any(span >= length for span, length in zip(reach, values.shape[2:], strict=True)):
        height, width = picture.shape[1:]
        raise LensError(
            f"The kernel spans {reach[0] + 1}×{reach[1] + 1} pixels and the picture has {height}×{width}: "
            "choose a smaller kernel or dilation."
        )
    with torch.inference_mode():
        response = F.conv2d(values, weights[None, None], stride=stride, dilation=dilation)[:, 0]
    return FilteredPicture(to_pictures(picture), to_floats(response.movedim(0, -1)), note)


def _build(call: LayerCall) -> nn.Module:
    layer: nn.Module = getattr(nn, call.module)(**call.arguments)
    return layer.double()


def _fill(
    layer: nn.Module, weight: np.ndarray[Any, Any], bias: np.ndarray[Any, Any] | None
) -> None:
    layer.get_parameter("weight").copy_(torch.from_numpy(weight))
    if bias is not None:
        layer.get_parameter("bias").copy_(torch.from_numpy(bias))


def _kernel(rows: Sequence[Sequence[float]]) -> Tensor:
    try:
        values = np.array(rows, np.float32)
    except (TypeError, ValueError):
        values = np.zeros(0, np.float32)
    if values.ndim != 2 or not all(1 <= length <= MAX_KERNEL for length in values.shape):
        raise LensError(
            f"A kernel is rows of equally many numbers, up to {MAX_KERNEL}×{MAX_KERNEL}."
        )
    if not np.isfinite(values).all() or np.abs(values).max() > 1e6:
        raise LensError("A number of the kernel is not between −1e6 and 1e6.")
    return torch.from_numpy(values)


def _read(context: LensContext, image: str | None) -> Tensor:
    """uint8 (1 or 3, H, W) of any image reference, as it is: no network asks for a size here."""
    text = image or ""
    stored, sample = _STORED.fullmatch(text), _SAMPLE.fullmatch(text)
    if stored:
        return decode_image(read_image(stored["digest"]))
    if sample:
        return decode_image(read_sample(sample["name"]))
    match = _DATA_IMAGE.fullmatch(text)
    if not match:
        raise LensError(
            f"{text[:60]!r} names no image: write sample:<name>, <data set>/<split>/<number> such as "
            "digits/test/17, drawn:<digest> or upload:<digest>."
        )
    split = choose_split(context.data(dataset_spec({"name": match["dataset"]})), match["split"])
    if int(match["index"]) >= len(split):
        raise LensError(
            f"{text[:60]} is not there: this split has {len(split)} images, counted from 0."
        )
    return split.images[int(match["index"])]


def _lightness(picture: Tensor) -> Tensor:
    if picture.shape[0] == 1:
        return picture
    weights = torch.tensor(LIGHTNESS).view(3, 1, 1)
    return (picture.float() * weights).sum(0, keepdim=True).round().to(torch.uint8)


def _reduced(picture: Tensor, side: int) -> Tensor:
    height, width = picture.shape[1:]
    longest = max(height, width)
    if longest <= side:
        return picture
    size = (max(1, round(height * side / longest)), max(1, round(width * side / longest)))
    small = F.interpolate(picture[None].float(), size, mode="area")[0]
    return small.round().clamp(0, 255).to(torch.uint8)


def _pad(values: Tensor, reach: list[int], border: str) -> Tensor:
    (top, bottom), (left, right) = ((span // 2, span - span // 2) for span in reach)
    height, width = values.shape[2:]
    if border == "reflect" and (bottom >= height or right >= width):
        raise LensError(
            f"Reflection needs a picture larger than the border it adds, here {bottom}×{right} on "
            f"{height}×{width} pixels: choose another border or a smaller kernel."
        )
    if border == "circular" and (bottom > height or right > width):
        raise LensError("Circular padding can go round once: choose a smaller kernel or dilation.")
    mode = "constant" if border == "zeros" else border
    return F.pad(values, (left, right, top, bottom), mode=mode)
