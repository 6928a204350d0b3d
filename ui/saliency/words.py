"""Sentences and numbers about a map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from ui import html
from ui.maps.parts import number
from ui.saliency.display import Display, Drawn, is_empty
from viz.attribution.method import Method
from viz.results.attribution import Attribution

CLOSE = 0.01
"""Of f(image) − remainder that may be missing for the sum to count as complete."""


def numbers_html(found: Attribution, method: Method, drawn: Drawn) -> str:
    """The numbers below the picture: what was explained, what it adds up to, what it took."""
    rows = [
        (
            f"f(image), the {_of_what(found)}", number(found.score, 4),
            f"f is the number that is explained: here {_explained(found)}",
        )
    ]  # fmt: skip
    rest = method.remainder
    if rest is not None and found.baseline_score is not None and found.gap is not None:
        total = found.score - found.baseline_score + found.gap
        should = f"f(image) − {rest.label}"
        rows.append((rest.label, number(found.baseline_score, 4), rest.words))
        if rest.kept:
            rows += [
                ("sum of the map", number(total, 4), f"{should}, by construction"),
                ("reached pixels", _share(total, found.score), "Sum of the map, of f(image)"),
            ]
        else:
            rows += [
                ("sum of the map", number(total, 4), f"Should be {should}"),
                ("gap", gap_words(found), f"Sum of the map − ({should}); ✓: below 1 %"),
            ]
    rows += [
        (
            "took this time", _seconds(found.seconds),
            "In the engine, when it was computed; the first question to a network takes longer",
        ),
        ("passes", passes_words(found), "Images that went through the network, forward and backward"),
    ]  # fmt: skip
    return html.figures(rows) + _terms(rows)


def _terms(rows: Sequence[tuple[str, str, str]]) -> str:
    """The explanations again to unfold, for whoever has no mouse to hover with."""
    terms = "".join(
        f"<dt>{escape(label)}</dt><dd>{escape(words)}.</dd>" for label, _, words in rows
    )
    return (
        '<details class="cs-saliency-terms"><summary>What these numbers are</summary>'
        f'<dl class="cs-saliency-card">{terms}</dl></details>'
    )


def gap_words(found: Attribution) -> str:
    """The completeness gap with a tick where it is small."""
    if found.gap is None or found.baseline_score is None or not math.isfinite(found.gap):
        return html.NO_NUMBER
    difference = abs(found.score - found.baseline_score)
    close = abs(found.gap) <= CLOSE * difference or abs(found.gap) < 1e-6
    share = f" ({html.percent(abs(found.gap) / difference)})" if difference > 0 else ""
    return f"{'✓ ' if close else ''}{number(found.gap, 2)}{share}"


def _share(part: float, whole: float) -> str:
    if whole == 0 or not math.isfinite(part) or not math.isfinite(whole):
        return html.NO_NUMBER
    return html.percent(part / whole)


def passes_words(found: Attribution) -> str:
    """`51 + 50`."""
    return f"{found.forward_passes:,} forward, {found.backward_passes:,} backward"


def picture_words(found: Attribution, drawn: Drawn, display: Display) -> str:
    """How the picture is to be read, in a few sentences."""
    parts = []
    channels, height, width = found.values.shape
    if channels > 1:
        parts.append(f"Summed over the {channels} colour channels.")
    image_h, image_w = found.image.shape[:2]
    if (height, width) != (image_h, image_w):
        way = "blended between their middles" if display.smooth else "drawn as blocks"
        parts.append(f"{height}×{width} values of {found.layer}, {way}.")
    extent = drawn.extent
    if extent.clipped:
        parts.append(
            f"{extent.clipped:,} of {extent.count:,} values lie beyond the end of the scale, the "
            f"largest at {number(extent.largest)}."
        )
    if display.masked:
        asked = round(display.top / 100 * image_h * image_w)
        fewer = (
            "" if drawn.shown >= asked else f", all that speak for it ({asked:,} were asked for)"
        )
        parts.append(f"Shown: {drawn.shown:,} of {image_h * image_w:,} pixels{fewer}.")
    if found.step is not None:
        parts.append(f"Weights of update {found.step:,}.")
    return " ".join(parts)


def notes_html(found: Attribution, drawn: Drawn) -> str:
    """Why a map is empty, and what was done to the image; empty where there is nothing to say."""
    notes = [found.note] if found.note else []
    if not math.isfinite(found.score):
        notes.append(
            "The network's answer is no number: its weights have diverged. Look at an earlier moment."
        )
    elif is_empty(drawn.extent) and not found.note:
        notes.append(empty_words(found))
    return "".join(f'<p class="cs-saliency-note">{escape(note)}</p>' for note in notes)


def empty_words(found: Attribution) -> str:
    """Why a map is 0 everywhere, as the lens found out, or why it may be."""
    return found.note or (
        f"The map is 0 everywhere: no pixel has any influence on {found.aim} here. The activations on "
        "the way are switched off (ReLU), or the network gives the same answer for every image."
    )


def _of_what(found: Attribution) -> str:
    """What f is, in a few words."""
    if found.positive is None:
        place = " at row " in found.aim
        return f"{'activation' if place else 'mean activation'} of {found.aim}"
    logit = f"logit of {found.classes[found.positive]}"
    if found.against is None:
        return logit
    return f"{logit} − logit of {found.classes[found.against]}"


def _explained(found: Attribution) -> str:
    """The same in full."""
    if found.positive is None:
        return f"the {_of_what(found)}, over all of the image the network saw"
    if found.against is not None:
        return "the difference of what the network's last layer gives to the two classes, before softmax"
    return (
        f"what the network's last layer gives to {found.classes[found.positive]}, before softmax makes "
        "probabilities of all classes of it"
    )


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
