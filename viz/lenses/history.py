"""One look at a network repeated at many moments of its training: the time machine's pictures.

Everything that could differ for another reason than the weights is fixed first: the image, the
layers, the held-out images. Then each snapshot is loaded once and asked everything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from data.images import normalize
from models.references import at_step
from viz.lenses.arrays import to_floats, to_ints, to_pictures
from viz.lenses.context import LensContext, Subject
from viz.lenses.convolutions import Convolution, choose_convolution, dense
from viz.lenses.effective_field import compute_effective_field
from viz.lenses.held_out import HeldOut, batches, held_out
from viz.lenses.pictures import fit
from viz.lenses.recorder import map_layers, record
from viz.lenses.registry import LensError, lens
from viz.lenses.unit_gradients import Place, count_calls, find_place
from viz.results.fields import EffectiveField
from viz.results.history import MAX_MOMENTS, FilterMoves, Moment, Moments, choose_moments

MAX_FILTERS, MAX_INPUTS, MAX_MAPS = 32, 16, 32
MAX_VALUES = 32_768  # of all maps of a moment, which a browser keeps; larger ones are averaged down
HELD_OUT_MACS = 2e9  # multiplications at each moment: about a tenth of a second on one core
FIELD_IMAGES = 16  # a gradient costs three passes


@lens("history")
def history(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    steps: Sequence[int] | None = None,
    layer: str | None = None,
    field: str | None = None,
) -> Moments:
    """Filters, maps, effective field, prediction and confusion at several snapshots.

    Args:
        context: of the worker.
        model: a run or a network that comes with the program; its step does not matter.
        image: the image that all moments look at.
        steps: snapshots to look at, rising, at most MAX_MOMENTS; default: all, or as many
            log-spaced ones. A page that follows a run asks for the new ones alone.
        layer: whose maps, and whose filters where it is a convolution, else those of the convolution
            before it; default: the first convolution.
        field: whose middle unit's effective receptive field, over FIELD_IMAGES held-out images;
            default: the last layer whose units are several and see a part of the image.
    """
    past = context.history(model)
    chosen = _steps(steps, past.steps, model)
    subject = context.subject(str(at_step(past.reference, chosen[-1])))
    fitted, label = fit(context, image, subject)
    images: HeldOut | None = None
    missing = ""
    try:
        images = held_out(context, subject, HELD_OUT_MACS)
    except ValueError as error:  # its data set has gone; everything else can be shown
        missing = str(error)
    plan = _plan(subject, fitted.batch, layer, field, images)
    moments = []
    for step in chosen:
        now = context.subject(str(at_step(past.reference, step)))
        moments.append(_look(step, now, fitted.batch, plan, images))
    return Moments(
        moments=tuple(moments),
        image=to_pictures(fitted.picture),
        label=label,
        classes=subject.info.classes,
        layer=plan.layer,
        num_maps=plan.num_maps,
        map_shape=plan.map_shape,
        filter_layer=plan.filter_layer,
        num_filters=plan.num_filters,
        num_inputs=plan.num_inputs,
        filter_colors=plan.filter_colors,
        field_layer=plan.place.layer if plan.place else "",
        held_out="" if images is None else images.words,
        note=fitted.note,
        missing=missing,
    )


@lens("filter_moves")
def filter_moves(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    steps: Sequence[int] | None = None,
    layer: str | None = None,
) -> FilterMoves:
    """How far a convolution's filters moved between snapshots, over all their weights.

    Apart from `history`, whose moments come in parts and hold the first filters and channels alone:
    between which two a network moved cannot be told from them.

    Args:
        context: of the worker.
        model: a run or a network that comes with the program; its step does not matter.
        image: not used.
        steps: as for `history`; each but the first is compared with the one before.
        layer: a convolution; default: the first.
    """
    past = context.history(model)
    chosen = _steps(steps, past.steps, model)
    name, norms, before = layer, [], None
    for step in chosen:
        found = choose_convolution(context.subject(str(at_step(past.reference, step))), name)
        name, after = found.layer, dense(found.module).double()  # (O, I, kh, kw)
        if before is not None:
            norms.append(float((after - before).nan_to_num(0, 0, 0).norm()))
        before = after
    return FilterMoves(name or "", tuple(chosen), np.array(norms, np.float32))


@dataclass(frozen=True)
class _Plan:
    """What is looked at, the same at every moment; "" for what this network does not have."""

    layer: str
    num_maps: int
    map_shape: tuple[int, int]
    filter_layer: str
    num_filters: int
    num_inputs: int
    filter_colors: bool
    place: Place | None  # whose effective field
    calls: int  # of that layer in one pass
    field_batch: Tensor  # (n, C, H, W) the images it is a mean over


def _steps(steps: Sequence[int] | None, kept: Sequence[int], model: str | None) -> Sequence[int]:
    if not kept:
        raise LensError(f"{model} keeps no moments yet: wait until it has started to train.")
    if steps is None:
        return choose_moments(kept)
    if not 1 <= len(steps) <= MAX_MOMENTS:
        raise LensError(f"{len(steps)} moments at once: ask for 1 to {MAX_MOMENTS}.")
    missing = [step for step in steps if isinstance(step, bool) or step not in kept]
    if missing:
        raise LensError(
            f"{model} keeps no weights of update {str(missing[0])[:20]}: choose one of its "
            f"{len(kept)} moments from {kept[0]} to {kept[-1]}."
        )
    return steps


def _plan(
    subject: Subject, batch: Tensor, layer: str | None, field: str | None, images: HeldOut | None
) -> _Plan:
    net = subject.net
    shapes = _map_shapes(net, batch)  # in the order they run
    layers = list(shapes)
    if layer is not None and layer not in shapes:
        ways = f"choose one of {', '.join(layers)}" if layers else "leave the layer out"
        raise LensError(f"{subject.title} has no layer with maps called {layer[:60]!r}: {ways}.")
    convolutions = [name for name in layers if isinstance(net.get_submodule(name), Convolution)]
    if layer is None:
        layer = (convolutions or layers or [""])[0]
    before = [name for name in convolutions if layers.index(name) <= layers.index(layer)]
    filter_layer = before[-1] if before else ""
    filters, inputs = _filters(net, filter_layer).shape[:2] if filter_layer else (0, 0)
    place = find_place(subject, field, None) if layers else None
    return _Plan(
        layer=layer,
        num_maps=shapes[layer][0] if layer else 0,
        map_shape=(shapes[layer][1], shapes[layer][2]) if layer else (0, 0),
        filter_layer=filter_layer,
        num_filters=filters,
        num_inputs=inputs,
        filter_colors=filter_layer in convolutions[:1] and inputs == subject.info.shape[0] == 3,
        place=place,
        calls=count_calls(subject, place.layer) if place else 0,
        field_batch=batch if images is None else _field_batch(subject, images),
    )


def _field_batch(subject: Subject, images: HeldOut) -> Tensor:
    """(n, C, H, W) some of the held-out images, at even distances."""
    there = len(images.part)
    count = min(FIELD_IMAGES, there)
    index = torch.arange(count) * there // count
    return normalize(images.part.images[index], subject.info)


def _map_shapes(net: nn.Module, batch: Tensor) -> dict[str, torch.Size]:
    """(C, H, W) of every innermost layer that puts out maps."""
    layers = map_layers(net, batch)
    with record(net, layers) as outputs, torch.inference_mode():
        net(batch)
    return {name: outputs[name][-1].shape[1:] for name in layers}


def _filters(net: nn.Module, layer: str) -> Tensor:
    """(O, I, kh, kw), zeros where nothing is connected."""
    module = net.get_submodule(layer)
    if not isinstance(module, Convolution):
        raise TypeError(f"{layer} is no convolution")
    return dense(module)


def _look(
    step: int, subject: Subject, batch: Tensor, plan: _Plan, images: HeldOut | None
) -> Moment:
    net = subject.net
    with record(net, [plan.layer] if plan.layer else []) as outputs, torch.inference_mode():
        probs = torch.softmax(net(batch), dim=1)[0]  # (K,)
    maps = _smaller(outputs[plan.layer][-1][0, :MAX_MAPS]) if plan.layer else None
    filters = None
    if plan.filter_layer:
        filters = to_floats(_filters(net, plan.filter_layer)[:MAX_FILTERS, :MAX_INPUTS])
    confusion, loss = (None, float("nan")) if images is None else _classify(subject, images)
    return Moment(
        step=step,
        filters=filters,
        maps=None if maps is None else to_floats(maps),
        probs=to_floats(probs),
        confusion=None if confusion is None else to_ints(confusion),
        loss=loss,
        field=_field(subject, plan),
    )


def _smaller(maps: Tensor) -> Tensor:
    """(C, H, W), averaged over squares of the smallest side that leaves at most MAX_VALUES."""
    by = math.ceil(math.sqrt(maps.numel() / MAX_VALUES))
    return functional.avg_pool2d(maps[None], by, ceil_mode=True)[0] if by > 1 else maps


@torch.inference_mode()
def _classify(subject: Subject, images: HeldOut) -> tuple[Tensor, float]:
    """Counts (K, K) by [true, predicted], and the mean cross-entropy."""
    k = len(subject.info.classes)
    logits = torch.cat([subject.net(batch) for batch, _ in batches(images.part, subject)])  # (N, K)
    labels = images.part.labels
    counts = torch.bincount(labels * k + logits.argmax(dim=1), minlength=k * k).reshape(k, k)
    return counts, float(functional.cross_entropy(logits, labels))


def _field(subject: Subject, plan: _Plan) -> EffectiveField | None:
    if plan.place is None:
        return None
    return compute_effective_field(
        subject, plan.place, plan.field_batch, "validation images", channel=None, calls=plan.calls
    )
