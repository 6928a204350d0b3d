"""The maps that the measures of trust are about: real methods and controls alike, one number a pixel.

Maps cost more than measures, and several measures are taken of the same maps, so a worker keeps the
last ones it made, by the network's weights and the images' pixels.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from models.separate import separate
from viz.attribution.table import METHODS, find_method
from viz.lenses.batching import in_batches
from viz.lenses.context import Subject
from viz.lenses.registry import LensError
from viz.lenses.saliency.heat import heat
from viz.lenses.saliency.layers import choose_layer
from viz.lenses.saliency.methods import run
from viz.lenses.saliency.problem import make_problem
from viz.lenses.trust.baselines import control_map
from viz.trust.controls import CONTROLS, title_of

Settings = Mapping[str, Mapping[str, Any]]  # method to its settings

KEPT_BYTES: Final = 100_000_000
BATCH_VALUES: Final = 600_000  # input numbers of images that are explained at once
BATCH_IMAGES: Final = 8  # at most: the slowest methods take a tenth of a second an image
FEWEST_REFERENCES = 8  # of the images themselves, for methods that compare; else their other way


@dataclass(frozen=True)
class Heat:
    """What is known of one method's maps."""

    name: str
    values: Tensor | None  # (N, H, W), positive: speaks for the class; None: not all there yet
    refusal: str  # why the network does not allow the method; empty: it does
    share: float  # of this method's work done


def choose_methods(methods: Sequence[str]) -> list[str]:
    """The names of the methods asked for, all if none are, followed by the controls.

    Raises:
        LensError: there is no such method.
    """
    if isinstance(methods, str) or not all(isinstance(name, str) for name in methods):
        raise LensError(f"Methods are a list of names, not {str(methods)[:40]!r}.")
    chosen = list(dict.fromkeys(methods)) or list(METHODS)
    try:
        for name in chosen:
            title_of(name)
    except ValueError as error:
        raise LensError(str(error)) from None
    return [*(name for name in chosen if name in METHODS), *CONTROLS]


def check_layer(subject: Subject, images: Tensor, layer: str | None) -> None:
    """Whether a map can be made of `layer`, if one is named, before any method is tried.

    Raises:
        LensError: there is no such layer, or it has no places.
    """
    if layer is not None:
        choose_layer(separate(subject.net, images[:1]).net, images[:1], layer)


def heats(
    names: Sequence[str],
    subject: Subject,
    images: Tensor,
    classes: Tensor,
    *,
    layer: str | None = None,
    settings: Settings | None = None,
    keep: bool = True,
) -> Iterator[Heat]:
    """The maps of methods and controls, one name after the other, with signs of life in between.

    Args:
        names: in `METHODS` or `CONTROLS`.
        subject: the network.
        images: (N, C, H, W), normalised.
        classes: int64 (N,), whose logits are explained.
        layer: for class activation maps; default: the method's own.
        settings: of methods; what is left out has its default.
        keep: whether the maps may be asked for again.

    Yields:
        Some `Heat` without values while a method is under way, then one with values or a refusal.

    Raises:
        LensError: there is no such layer, or no map can be made of it.
    """
    check_layer(subject, images, layer)
    version = _digest_net(subject.net)
    for name in names:
        own = dict((settings or {}).get(name, {}))
        chosen_layer = layer if name in METHODS and METHODS[name].layered else None
        key = "|".join(
            (version, name, str(chosen_layer), json.dumps(own, sort_keys=True), _digest(images))
        )
        key += str(classes.tolist())
        kept = _KEPT.get(key)
        if kept is not None:
            _KEPT.move_to_end(key)
            yield Heat(name, kept, "", 1.0)
            continue
        try:
            for share, values in _compute(name, subject, images, classes, chosen_layer, own):
                if values is not None and keep:
                    _keep(key, values)
                yield Heat(name, values, "", share)
        except LensError as error:
            yield Heat(name, None, str(error), 1.0)


def _compute(
    name: str,
    subject: Subject,
    images: Tensor,
    classes: Tensor,
    layer: str | None,
    settings: Mapping[str, Any],
) -> Iterator[tuple[float, Tensor | None]]:
    if name in CONTROLS:
        yield 1.0, control_map(name, images)
        return
    method, size = find_method(name), (int(images.shape[-2]), int(images.shape[-1]))
    try:
        method.settings(settings)
    except ValueError as error:
        raise LensError(str(error)) from None
    parts: list[Tensor] = []

    def explain(index: Tensor) -> Tensor:
        problem = make_problem(
            subject, images[index], classes[index], layer=layer, settings=settings,
            references=images if method.compares and len(images) >= FEWEST_REFERENCES else None,
        )  # fmt: skip
        *_, last = run(name, problem)
        return heat(last.values, size, method).detach()

    step = max(1, min(BATCH_IMAGES, BATCH_VALUES // images[0].numel()))
    for span, part in in_batches(explain, torch.arange(len(images)), step):
        parts.append(part)
        yield span.stop / len(images), torch.cat(parts) if span.stop == len(images) else None


_KEPT: OrderedDict[str, Tensor] = OrderedDict()


def _keep(key: str, values: Tensor) -> None:
    """Keep maps; the least recently used leave beyond `KEPT_BYTES`."""
    _KEPT[key] = values
    while len(_KEPT) > 1 and sum(each.nbytes for each in _KEPT.values()) > KEPT_BYTES:
        _KEPT.popitem(last=False)


def _digest_net(net: nn.Module) -> str:
    found = hashlib.blake2b(digest_size=16)
    for tensor in net.state_dict().values():
        found.update(tensor.cpu().contiguous().numpy().tobytes())
    found.update(str(net).encode())
    return found.hexdigest()


def _digest(images: Tensor) -> str:
    pixels = images.cpu().contiguous().numpy().tobytes()
    return f"{tuple(images.shape)} {hashlib.blake2b(pixels, digest_size=16).hexdigest()}"
