"""Move an image and see how far everything in the network moves with it.

A convolution answers to a shifted image with shifted maps: it is equivariant. Padding spoils that at
the border, striding and pooling spoil it for shifts that are no whole number of steps (Zhang 2019,
arXiv:1904.11486), and in the end the class probabilities should not move at all: they should be
invariant. Here both are distances per layer, as in Lenc & Vedaldi 2015 (arXiv:1411.5908).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from data.images import normalize
from viz.lenses.arrays import check_count, to_floats, to_pictures
from viz.lenses.context import LensContext, Subject
from viz.lenses.feature_maps import no_such_layer
from viz.lenses.geometry import layer_geometry
from viz.lenses.layer_runs import choose_map_layer
from viz.lenses.motions import Motion, Occlusion, expected_maps, measure, move_picture, occlude
from viz.lenses.pictures import fit
from viz.lenses.recorder import leaves, map_layers, record_part
from viz.lenses.registry import LensError, lens
from viz.results.maps import Geometry, LayerChange, Moved

# They change nothing, or only the scale: their distances repeat the layer before.
_PLAIN = (nn.BatchNorm2d, nn.GroupNorm, nn.InstanceNorm2d, nn.LayerNorm, nn.Identity, nn.Dropout)
_SKIPPED = (*_PLAIN, nn.Dropout2d, nn.Flatten)


@lens("transform")
def transform(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    kind: str = "shift",
    dx: int = 0,
    dy: int = 0,
    angle: float = 0.0,
    left: int = 0,
    top: int = 0,
    size: int = 4,
    layer: str | None = None,
    limit: int = 64,
    dataset: Mapping[str, Any] | None = None,
) -> Moved:
    """The network's answers to an image and to the same image shifted, rotated or occluded.

    Args:
        context: of the worker.
        model: a model reference.
        image: an image reference.
        kind: shift, rotate or occlude.
        dx: pixels to the right, for a shift.
        dy: pixels down, for a shift.
        angle: degrees counter-clockwise about the middle of the image, for a rotation.
        left: first column of the grey square, for an occlusion; part of it may lie outside.
        top: first row of it.
        size: its side in pixels.
        layer: dotted name of the layer whose maps come along; default: the first convolution.
        limit: its first so many channels.
        dataset: what random weights are made for.
    """
    check_count("limit", limit, 4096)
    subject = context.subject(model, dataset)
    fitted, label = fit(context, image, subject)
    _, height, width = subject.info.shape
    act: Motion | Occlusion
    if kind == "shift":
        reach = max(height, width)
        act = Motion.translation(_whole("dx", dx, -reach, reach), _whole("dy", dy, -reach, reach))
        picture = move_picture(fitted.picture, act)
    elif kind == "rotate":
        if not isinstance(angle, int | float) or not -180 <= angle <= 180:
            raise LensError(f"angle is {angle!r}: choose degrees from -180 to 180.")
        act = Motion.rotation(float(angle), height, width)
        picture = move_picture(fitted.picture, act)
    elif kind == "occlude":
        side = check_count("size", size, max(height, width))
        act = Occlusion(_whole("top", top, -side, height), _whole("left", left, -side, width), side)
        picture = occlude(fitted.picture, act, subject.info.mean)
    else:
        raise LensError(
            f"{str(kind)[:40]!r} is no way to move an image: choose shift, rotate or occlude."
        )
    chosen = choose_map_layer(subject, layer, model)
    pictures = torch.stack([fitted.picture, picture])  # uint8 (2, C, H, W)
    found = _answer(subject, pictures, act, chosen, limit, model)
    return replace(found, label=label, note=fitted.note)


@dataclass
class _Kept:
    """What the chosen layer put out."""

    maps: Tensor  # (2, C, h, w)
    geometry: Geometry | None


def _answer(
    subject: Subject,
    pictures: Tensor,
    act: Motion | Occlusion,
    chosen: str,
    limit: int,
    model: str | None,
) -> Moved:
    batch = normalize(pictures, subject.info)  # (2, C, H, W)
    modules = dict(subject.net.named_modules())
    measured = [name for name in leaves(subject.net) if not isinstance(modules[name], _SKIPPED)]
    # Before recording: following the fields runs a copy of the network, hooks and all.
    geometries = {name: layer_geometry(subject, name) for name in [*measured, chosen]}
    kept: list[_Kept] = []

    def keep(name: str, output: Tensor) -> LayerChange | None:
        geometry = geometries[name] if output.ndim == 4 else None
        if name == chosen and output.ndim == 4:
            kept.append(_Kept(output.clone(), geometry))
        if output.ndim not in (2, 4):
            return None
        return measure(name, type(modules[name]).__name__, output, geometry, act)

    with (
        record_part(subject.net, dict.fromkeys([*measured, chosen]), keep) as outputs,
        torch.inference_mode(),
    ):
        logits = subject.net(batch)
    if not kept:
        raise no_such_layer(chosen, map_layers(subject.net, batch), model)
    probs = torch.softmax(logits, dim=1)  # (2, K)
    maps, geometry = kept[-1].maps[:, :limit], kept[-1].geometry
    expected = None
    if isinstance(act, Motion) and geometry is not None:
        expected = to_floats(expected_maps(maps[0], geometry, act).maps)
    return Moved(
        before=to_pictures(pictures[0]),
        after=to_pictures(pictures[1]),
        probs_before=to_floats(probs[0]),
        probs_after=to_floats(probs[1]),
        classes=subject.info.classes,
        label=None,
        changes=tuple(calls[-1] for calls in outputs.values() if calls and calls[-1] is not None),
        layer=chosen,
        kind=type(modules[chosen]).__name__,
        maps_before=to_floats(maps[0]),
        maps_after=to_floats(maps[1]),
        maps_expected=expected,
        num_channels=kept[-1].maps.shape[1],
        stride=None if geometry is None or geometry.whole else geometry.stride,
        note="",
        step=subject.step,
    )


def _whole(name: str, value: object, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise LensError(
            f"{name} is {value!r}: choose a whole number of pixels from {low} to {high}."
        )
    return value
