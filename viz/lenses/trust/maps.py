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
from torch import Tensor

from models.separate import separate
from viz.attribution.table import METHODS, find_method
from viz.lenses.context import Subject
from viz.lenses.registry import LensError
from viz.lenses.saliency.heat import heat
from viz.lenses.saliency.layers import choose_layer
from viz.lenses.trust.baselines import control_map
from viz.lenses.trust.explaining import explained
from viz.lenses.weights_digest import digest_weights
from viz.trust.controls import CONTROLS, title_of

Settings = Mapping[str, Mapping[str, Any]]  # method to its settings

KEPT_BYTES: Final = 100_000_000


@dataclass(frozen=True)
class Heat:
    """What is known of one method's maps.

    `worth` is the map itself, but for slopes: these are multiplied, channel by channel, by how far
    the pixel is from the mean colour, which is 0 in a normalised image.
    """

    name: str
    values: Tensor | None  # (N, H, W), positive: speaks for the class; None: not all there yet
    worth: Tensor | None  # (N, H, W), of the pixels against the data set's mean colour
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
    references: Tensor | None,
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
        references: for methods that compare, see `viz.lenses.saliency.references`; never `images`,
            or the map of one of them would hang on the others.
        layer: for class activation maps; default: the method's own.
        settings: of methods; what is left out has its default.
        keep: whether the maps may be asked for again.

    Yields:
        Some `Heat` without values while a method is under way, then one with values or a refusal.

    Raises:
        LensError: there is no such layer, or no map can be made of it.
    """
    check_layer(subject, images, layer)
    version = digest_weights(subject.net)
    compared = "" if references is None else _digest(references)
    for name in names:
        own = dict((settings or {}).get(name, {}))
        method = METHODS.get(name)
        parts = [version, name, json.dumps(own, sort_keys=True), _digest(images)]
        parts.append(str(layer) if method is not None and method.layered else "")
        parts.append(compared if method is not None and method.compares else "")
        key = "|".join([*parts, str(classes.tolist())])
        kept = _KEPT.get(key)
        if kept is not None:
            _KEPT.move_to_end(key)
            yield kept
            continue
        try:
            for found in _compute(
                name, subject, images, classes, layer=layer, settings=own, references=references
            ):
                if found.values is not None and keep:
                    _keep(key, found)
                yield found
        except LensError as error:
            yield Heat(name, None, None, str(error), 1.0)


def _compute(
    name: str,
    subject: Subject,
    images: Tensor,
    classes: Tensor,
    *,
    layer: str | None,
    settings: Mapping[str, Any],
    references: Tensor | None,
) -> Iterator[Heat]:
    if name in CONTROLS:
        drawn = control_map(name, images)
        yield Heat(name, drawn, drawn, "", 1.0)
        return
    method, size = find_method(name), (int(images.shape[-2]), int(images.shape[-1]))
    maps: list[Tensor] = []
    worths: list[Tensor] = []
    for part in explained(
        name, subject, images, classes, layer=layer, settings=settings, references=references
    ):
        if part.values is not None:
            maps.append(heat(part.values, size, method))
            if method.slope:
                worths.append(heat(part.values * images[part.span], size, method))
        if part.values is None or part.span.stop < len(images):
            yield Heat(name, None, None, "", part.share)
    values = torch.cat(maps)
    yield Heat(name, values, torch.cat(worths) if method.slope else values, "", 1.0)


_KEPT: OrderedDict[str, Heat] = OrderedDict()


def _keep(key: str, found: Heat) -> None:
    """Keep maps; the least recently used leave beyond `KEPT_BYTES`."""
    _KEPT[key] = found
    while len(_KEPT) > 1 and sum(_bytes(each) for each in _KEPT.values()) > KEPT_BYTES:
        _KEPT.popitem(last=False)


def _bytes(found: Heat) -> int:
    tensors = [each for each in (found.values, found.worth) if each is not None]
    return sum({id(each): each.nbytes for each in tensors}.values())


def _digest(images: Tensor) -> str:
    pixels = images.cpu().contiguous().numpy().tobytes()
    return f"{tuple(images.shape)} {hashlib.blake2b(pixels, digest_size=16).hexdigest()}"
