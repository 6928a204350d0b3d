"""What the numbers of a measure say, in a sentence made from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from viz.figures.trust import sort_scores
from viz.results.randomisation import MethodChange
from viz.results.trust import Measurement, MethodScore
from viz.trust.confidence import FEWEST, difference_intervals
from viz.trust.controls import CONTROLS
from viz.trust.measures import MEASURES
from viz.trust.sanity import Judged

VERDICTS: Final = {
    "stays": ("hardly follows the weights", "bad"),
    "changes": ("follows the weights", "good"),
    "between": ("partly follows the weights", "quiet"),
    "unknown": ("not yet known", "quiet"),
}
UNDECIDED: Final = "No verdict yet: it is given once all methods and all controls are measured."


def is_percent(measurement: Measurement) -> bool:
    """Whether a measure is read in per cent."""
    row = MEASURES.get(measurement.measure)
    return row is not None and row.percent


def number(value: float, *, percent: bool = False) -> str:
    """`0.123` or `12.3 %`."""
    if not np.isfinite(value):
        return "–"
    return (f"{100 * value:.1f} %" if percent else f"{value:.3f}").replace("-", "−")


def interval(score: MethodScore, *, percent: bool = False) -> str:
    """`0.12 (0.10 to 0.14)`."""
    mean = number(score.mean, percent=percent)
    if not np.isfinite(score.low):
        return mean
    return f"{mean} ({number(score.low, percent=percent)} to {number(score.high, percent=percent)})"


def beaten(measurement: Measurement, score: MethodScore) -> tuple[str, ...]:
    """Titles of the controls that a method is clearly better than, image by image."""
    controls = [each for each in measurement.scores if each.control]
    if not controls:
        return ()
    low, high = difference_intervals(np.stack([each.values for each in (score, *controls)]))
    better = low[0, 1:] > 0 if measurement.higher_is_better else high[0, 1:] < 0
    return tuple(each.title for each, yes in zip(controls, better, strict=True) if yes)


def interpret(measurement: Measurement) -> str:
    """Who is the best of the methods, and who is no better than a map that knows nothing."""
    percent = is_percent(measurement)
    scores = [each for each in sort_scores(measurement) if np.isfinite(each.mean)]
    real = [each for each in scores if not each.control]
    if not real:
        return ""
    if not set(CONTROLS) <= {each.method for each in scores if each.control}:
        return UNDECIDED
    best = "is the best of the methods" if len(real) > 1 else "has"
    first = f"{real[0].title} {best}: {interval(real[0], percent=percent)}."
    if len(real) == 1:
        first = first.replace(" has:", ":")
    if measurement.measure == "sensitivity":
        return first.replace("the best of the methods", "the most stable of the methods") + (
            " A map that ignores the image is perfectly stable, so this alone proves nothing."
        )
    if measurement.measure in ("randomisation", "twin"):
        return first.replace("is the best of the methods", "changes most of the methods")
    controls = [each for each in scores if each.control]
    if len(real[0].values) < FEWEST:
        return f"{first} {len(real[0].values)} images are too few to say what is chance."
    level = [each.title for each in controls if each.title not in beaten(measurement, real[0])]
    if level:
        does = "do" if len(level) > 1 else "does"
        first = f"{first[:-1]}; {join(level)} {does} as well, as far as these images tell."
    short = [each.title for each in real if len(beaten(measurement, each)) < len(controls)]
    if not short:
        names = "the method is" if len(real) == 1 else f"all {len(real)} methods are"
        return f"{first} {names[:1].upper()}{names[1:]} clearly better than every map that knows nothing."
    good = len(real) - len(short)
    rest = f"{join(short)} {'are' if len(short) > 1 else 'is'} not"
    if not good:
        none = "It is not" if len(real) == 1 else "None of the methods is"
        return f"{first} {none} clearly better than all maps that know nothing."
    return (
        f"{first} {good} of {len(real)} methods {'are' if good > 1 else 'is'} clearly better than "
        f"every map that knows nothing; {rest}."
    )


def against_chance(measurement: Measurement, what: str) -> str:
    """How many times what chance gives the best method has, such as of what lies on the object."""
    known = [each for each in sort_scores(measurement) if np.isfinite(each.mean)]
    scores = [each for each in known if not each.control]
    controls = [each for each in known if each.control]
    if not scores or not measurement.chance or not set(CONTROLS) <= {c.method for c in controls}:
        return ""
    best = scores[0]
    others = "; ".join(f"{c.title} {number(c.mean, percent=True)}" for c in controls)
    return (
        f"{best.title} puts {number(best.mean, percent=True)} of what speaks for the answer on {what}, "
        f"which covers {number(measurement.chance, percent=True)} of the image: "
        f"{best.mean / measurement.chance:.1f} times what chance would. The controls: {others}."
    )


def verdict_sentence(changes: Sequence[tuple[MethodChange, Judged]]) -> str:
    """Which methods follow the weights and which do not."""
    real = [(change, judged) for change, judged in changes if not change.control]
    groups = {
        name: [change.title for change, judged in real if judged.verdict == name]
        for name in ("stays", "between", "changes")
    }
    parts = []
    if groups["stays"]:
        verb = "look" if len(groups["stays"]) > 1 else "looks"
        parts.append(
            f"{join(groups['stays'])} {verb} much the same although the upper half of the network is "
            "random: such a map cannot show what those layers have learned."
        )
    if groups["between"]:
        verb = "keep" if len(groups["between"]) > 1 else "keeps"
        parts.append(
            f"{join(groups['between'])} {verb} part of the map, or these images are too few to say."
        )
    if groups["changes"]:
        verb = "change" if len(groups["changes"]) > 1 else "changes"
        parts.append(f"{join(groups['changes'])} {verb}, as a map of learned weights must.")
    return " ".join(parts)


def join(names: Sequence[str]) -> str:
    """`a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
