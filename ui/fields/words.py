"""What the page says about fields, in words and formulas; nothing is drawn here."""

from __future__ import annotations

import math

from ui import html
from viz.results.fields import Box, EffectiveField, LayerField


def pair(values: tuple[int, int]) -> str:
    """`14×14`."""
    return f"{values[0]}×{values[1]}"


def signed(value: int) -> str:
    """A whole number with a true minus sign."""
    return str(value).replace("-", "−")


def short(values: tuple[int, int]) -> str:
    """One number where both axes agree, else `3×5`."""
    return signed(values[0]) if values[0] == values[1] else "×".join(map(signed, values))


def padding(field: LayerField) -> str:
    """How far the first unit's box reaches beyond the image: `2`, or `2×0` by axis."""
    return short((-field.start[0], -field.start[1]))


def position(field: LayerField) -> str:
    """Where the box of unit (y, x) begins: `−2 + 4y, −2 + 4x`."""
    if not field.placed:
        return "the image"
    if not field.even:
        return "differs"
    terms = []
    for start, stride, name, count in zip(
        field.start, field.stride, "yx", field.units, strict=True
    ):
        step = "" if count == 1 else name if stride == 1 else f"{stride}{name}"
        first = signed(start) if start or not step else ""
        terms.append(" + ".join(filter(None, [first, step])))
    return ", ".join(terms)


def note(field: LayerField) -> str:
    """What is special about a layer's fields; "" for nothing."""
    parts = []
    if field.whole and field.placed:
        parts.append(
            f"Sees the whole image since {field.whole_since}; the numbers are of the local paths."
        )
    elif field.whole_since:
        parts.append(f"All positions are mixed since {field.whole_since}.")
    elif field.whole:
        parts.append("All positions in one row, none of them mixed yet.")
    if field.misaligned:
        parts.append(field.misaligned)
    if field.placed and not field.even:
        parts.append("Boxes differ in size or distance; the largest is given.")
    return " ".join(parts)


def unit_sentence(field: LayerField, unit: tuple[int, int], image: tuple[int, int]) -> str:
    """Which pixels one unit sees, and how much of its box is padding."""
    if not field.placed:
        since = f", since {field.whole_since} mixes all positions" if field.whole_since else ""
        return f"Every unit of {field.layer} stands for the whole image{since}."
    box = field.box(*unit)
    top, left, bottom, right = box
    where = f"rows {span(top, bottom)} and columns {span(left, right)}"
    area = (bottom - top) * (right - left)
    inside = overlap(box, image)
    text = f"Unit {unit[0]}, {unit[1]} of {field.layer} sees {where}"
    if inside < area and area:
        text += f"; {html.percent(1 - inside / area)} of the box lies outside the image, in padding"
    text += "."
    if field.whole:
        text += f" Through {field.whole_since} it also sees the rest of the image."
    read = field.read_box(*unit)
    if inside and read != _clip(box, image) and not field.whole:
        text += (
            f" At this border it reads rows {span(read[0], read[2])} and columns "
            f"{span(read[1], read[3])} only: the rest comes from units that are padding."
            if read[2] > read[0] else " It reads padding only."
        )  # fmt: skip
    return text


def effective_sentence(found: EffectiveField) -> str:
    """How much of the theoretical field is used."""
    if not found.area95:
        return "No gradient reaches the image: this unit is dead for all of these images."
    text = f"95 % of the gradient lies in {found.area95:,} pixels"
    if math.isfinite(found.share95):
        text += f", {html.percent(found.share95)} of the {'image' if found.whole else 'box'}"
    if math.isfinite(found.fit.sigma[0]):
        sigma = " × ".join(f"{width:.2f}" for width in found.fit.sigma)
        text += f"; a Gaussian of σ = {sigma} px fits with R² = {found.fit.r2:.2f}"
    else:
        text += "; it has no peak that a Gaussian would fit"
    return text + "."


def growth_sentence(first: EffectiveField, last: EffectiveField, *, active: bool) -> str:
    """What training changed, so far where it is still `active`; "" where a width is unknown."""
    before, after = (math.sqrt(math.prod(each.fit.sigma)) for each in (first, last))
    if not (math.isfinite(before) and math.isfinite(after)):
        return ""
    ratio = after / before
    word = "wider than" if ratio > 1.02 else "narrower than" if ratio < 0.98 else "as wide as"
    factor = "" if word == "as wide as" else f" by a factor of {max(ratio, 1 / ratio):.2f}"
    when = "at the latest moment" if active else "after training"
    return (
        f"From update {first.step:,} to {last.step:,} σ (geometric mean of both) goes from {before:.2f} "
        f"to {after:.2f} px: {when} the field is {word} before{factor}."
    )


def span(start: int, stop: int) -> str:
    """`−2 to 11` for the half-open −2..12."""
    return f"{signed(start)} to {signed(stop - 1)}" if stop - start > 1 else signed(start)


def overlap(box: Box, image: tuple[int, int]) -> int:
    """Pixels of the image inside a box."""
    top, left, bottom, right = _clip(box, image)
    return max(0, bottom - top) * max(0, right - left)


def _clip(box: Box, image: tuple[int, int]) -> Box:
    return max(box[0], 0), max(box[1], 0), min(box[2], image[0]), min(box[3], image[1])
