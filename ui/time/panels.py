"""The moments of a network as panels of the player: filters, maps, field, prediction, confusion.

All colours keep one scale over the whole history, or growing weights would look like steady ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ui import html
from ui.components.player import Bars, Frame, Line, Panel, Pictures, Values
from ui.map_words import padded_map_words
from viz.figures.theme import SPLIT_COLORS
from viz.figures.tiles import encode_png, fit_zoom
from viz.results import Curve, Floats
from viz.results.fields import EffectiveField
from viz.results.history import Moments

MOST_BARS: Final = 12
_INPUT_PIXELS: Final = 140


def build_frames(found: Moments) -> list[Frame]:
    """One frame a moment, with the numbers of the moment in words."""
    return [
        Frame(label=f"Update {one.step:,}", caption=_caption(found, index), at=one.step)
        for index, one in enumerate(found.moments)
    ]


def build_panels(found: Moments) -> list[Panel]:
    """What stands side by side; what this network does not have is left out."""
    panels: list[Panel | None] = [
        _picture(found), _prediction(found), _filters(found), _maps(found), _field(found),
        _confusion(found),
    ]  # fmt: skip
    return [panel for panel in panels if panel is not None]


def build_lines(found: Moments, training: Curve) -> list[Line]:
    """The curves above the slider: loss on one scale, accuracy on another."""
    steps = [one.step for one in found.moments]
    losses = np.array([one.loss for one in found.moments])
    accuracy = np.array([one.accuracy for one in found.moments])
    finite = [part[np.isfinite(part)] for part in (np.asarray(training.values, float), losses)]
    # Near the highest: one spike must not flatten all the rest.
    tops = [float(np.quantile(part, 0.98)) for part in finite if len(part)]
    top = 1.05 * max(tops, default=1.0)
    lines = []
    if len(training.steps):
        train = SPLIT_COLORS["train"]
        lines.append(Line("training loss", training.steps, training.values, train, top))
    if np.isfinite(losses).any():
        val = SPLIT_COLORS["val"]
        lines.append(Line("validation loss", steps, losses, val, top))
        lines.append(
            Line("validation accuracy", steps, accuracy, val, 1.0, dash="5 3", percent=True)
        )
    return lines


def shown_classes(found: Moments) -> list[int]:
    """The classes of the prediction panel: all, or those that were ever the most probable; always
    in the same order, so that a bar stays where it is."""
    probs = np.nan_to_num(np.stack([one.probs for one in found.moments]))  # (T, K)
    if probs.shape[1] <= MOST_BARS:
        return list(range(probs.shape[1]))
    likely = np.argsort(-probs.max(axis=0), kind="stable")[:MOST_BARS]
    chosen = {int(index) for index in likely}
    if found.label is not None:
        chosen.add(found.label)
    return sorted(chosen)


def stack_filters(found: Moments) -> Floats | None:
    """(T, N, kh, kw), or (T, N, 3, kh, kw) where the filters read the image's colours.

    Of filters with many kernels each is a row and each input channel a column.
    """
    if any(one.filters is None for one in found.moments):
        return None
    filters = np.stack([one.filters for one in found.moments if one.filters is not None])
    count, outputs, inputs, height, width = filters.shape
    if found.filter_colors:
        return filters
    return filters.reshape(count, outputs * inputs, height, width)


def stack_maps(found: Moments) -> Floats | None:
    """(T, C, H, W)."""
    if any(one.maps is None for one in found.moments):
        return None
    return np.stack([one.maps for one in found.moments if one.maps is not None])


def stack_confusion(found: Moments) -> NDArray[np.float64] | None:
    """(T, K, K) shares of the true class; rows of classes without images are NaN."""
    if any(one.confusion is None for one in found.moments):
        return None
    counts = np.stack([one.confusion for one in found.moments if one.confusion is not None])
    totals = counts.sum(axis=2, keepdims=True).astype(np.float64)
    shares: NDArray[np.float64] = np.full(counts.shape, np.nan)
    np.divide(counts, totals, out=shares, where=totals > 0)
    return shares


def stack_fields(found: Moments) -> Floats | None:
    """(T, H, W), each moment's highest is 1: gradients grow and shrink by powers of ten as a network
    learns, and what is compared is where they are."""
    heats = [one.field.heat for one in found.moments if one.field is not None]
    if len(heats) < len(found.moments):
        return None
    stack = np.stack(heats)
    tops = np.nan_to_num(stack).max(axis=(1, 2), keepdims=True)
    shares = np.zeros_like(stack)
    np.divide(stack, tops, out=shares, where=tops > 0)
    return shares


def limit_of(values: NDArray[Any]) -> float:
    """The largest finite magnitude: the end of one scale for the whole history."""
    return float(np.abs(values[np.isfinite(values)]).max(initial=0.0))


def is_signed(values: NDArray[Any]) -> bool:
    """Whether any value of the whole history is negative."""
    return bool((np.nan_to_num(values) < 0).any())


def columns_for(count: int) -> int:
    """Near square, rather wider than high, with few empty places in the last row."""
    side = max(1, math.ceil(math.sqrt(count)))
    widths = range(side, max(side, int(1.4 * side)) + 1)
    return min(widths, key=lambda width: (-count % width, width))


def filter_columns(found: Moments) -> int:
    """A row a filter where it has many kernels, else near square."""
    filters = found.moments[0].filters
    if filters is None:
        return 1
    return filters.shape[1] if _several(found, filters) else columns_for(len(filters))


def _several(found: Moments, filters: Floats) -> bool:
    """Whether each kernel of a filter has a tile of its own."""
    return filters.shape[1] > 1 and not found.filter_colors


def _caption(found: Moments, index: int) -> str:
    one = found.moments[index]
    best = int(np.nan_to_num(one.probs, nan=-1).argmax())
    words = [f"says {found.classes[best]}, {html.whole_percent(float(one.probs[best]))} sure"]
    if not math.isnan(one.accuracy):
        words.append(f"{html.percent(one.accuracy)} of {found.held_out} right")
    return " · ".join(words)


def _picture(found: Moments) -> Pictures:
    zoom = fit_zoom(max(found.image.shape[:2]), 2 * _INPUT_PIXELS)
    name = "" if found.label is None else found.classes[found.label]
    return Pictures(
        "Image", [encode_png(found.image, zoom=zoom)], pixels=_INPUT_PIXELS, grow=0.6,
        note=f"In truth: {name}." if name else "", alt=f"The image{name and ', in truth ' + name}",
    )  # fmt: skip


def _prediction(found: Moments) -> Bars:
    chosen = shown_classes(found)
    probs = np.stack([one.probs for one in found.moments])[:, chosen]
    target = chosen.index(found.label) if found.label in chosen else None
    rest = len(found.classes) - len(chosen)
    return Bars(
        "Prediction", [found.classes[index] for index in chosen], probs, target, grow=1.4,
        note=f"The {len(chosen)} classes that were ever likely, of {len(found.classes)}." if rest else "",
        pixels=300,
    )  # fmt: skip


def _filters(found: Moments) -> Values | None:
    values = stack_filters(found)
    filters = found.moments[0].filters
    if values is None or filters is None:
        return None
    shown, inputs = filters.shape[:2]
    several = _several(found, filters)
    first = f"the first {shown} of {found.num_filters}" if shown < found.num_filters else "all"
    columns = f" (the first {inputs} of {found.num_inputs})" if inputs < found.num_inputs else ""
    note = (
        f"Colours are the weights for red, green and blue: mid-grey is 0, full {limit_of(values):.3g}."
        if found.filter_colors
        else f"A row is one filter ({first}), a column an input channel{columns}."
        if several
        else f"{first.capitalize()} filters. Orange excites, blue inhibits."
    )
    names = (
        [f"filter {o}, input {i}" for o in range(shown) for i in range(inputs)] if several else []
    )
    return Values(
        f"Filters of {found.filter_layer}", values, limit_of(values), columns=filter_columns(found),
        tile="filter", tiles=names, note=note, grow=1.5, pixels=340,
    )  # fmt: skip


def _maps(found: Moments) -> Values | None:
    values = stack_maps(found)
    if values is None:
        return None
    shown = values.shape[1]
    first = f"first {shown} of {found.num_maps} maps" if shown < found.num_maps else f"{shown} maps"
    padded = padded_map_words(found.layer, found.map_shape, found.image.shape)
    return Values(
        f"Feature maps of {found.layer}", values, limit_of(values),
        scale="diverging" if is_signed(values) else "sequential", columns=columns_for(shown),
        note=f"{first.capitalize()}{_averaged(found, values)}. {padded}".strip(),
        notes=_blank_notes(values), grow=2.4, pixels=520,
    )  # fmt: skip


def _averaged(found: Moments, values: Floats) -> str:
    size, shown = found.map_shape, values.shape[-2:]
    if size == shown:
        return ""
    return f", averaged down from {size[0]}×{size[1]} to {shown[0]}×{shown[1]}"


def _blank_notes(values: Floats) -> Sequence[str]:
    """How many maps are one constant at each moment: nothing in this image excites them."""
    flat = np.nan_to_num(values).reshape(*values.shape[:2], -1)
    blank = (flat.max(axis=2) == flat.min(axis=2)).sum(axis=1) * (flat.shape[2] > 1)
    return [
        f"{count} blank: nothing in this image excites {'it' if count == 1 else 'them'}." if count else ""
        for count in blank.tolist()
    ]  # fmt: skip


def _field(found: Moments) -> Values | None:
    heat = stack_fields(found)
    fields = [one.field for one in found.moments if one.field is not None]
    if heat is None or not fields:
        return None
    top, left, bottom, right = fields[-1].box
    return Values(
        f"Effective field of {found.field_layer}", heat[:, None], 1.0, scale="sequential", tile="",
        own_scale=False, notes=[_field_note(field) for field in fields], grow=1.3, pixels=300,
        box=(left, top, right, bottom), note="Each moment's highest is 1; box: the theoretical field.",
    )  # fmt: skip


def _field_note(field: EffectiveField) -> str:
    if not field.area95:
        return "No gradient gets from the unit to the image."
    tall, wide = field.fit.sigma
    width = f"Gaussian width {tall:.1f} × {wide:.1f} px; " if math.isfinite(tall + wide) else ""
    what = "image" if field.whole else "field's area"
    return f"{width}{html.percent(field.share95)} of the {what} holds 95 % of the gradient."


def _confusion(found: Moments) -> Values | None:
    shares = stack_confusion(found)
    if shares is None:
        return None
    return Values(
        "Confusion", shares[:, None], 1.0, scale="sequential", tile="", percent=True, own_scale=False,
        rows=found.classes, cells=found.classes, axes=("true", "predicted"), grow=1.3, pixels=300,
        note="True classes down, predicted across; share of the true class.",
    )  # fmt: skip
