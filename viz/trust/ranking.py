"""The evidence of all measures in one table: which methods can be trusted on this network.

Measures have different units, so they are not averaged. Two methods are compared on the same images
by each measure; one is clearly better where the 95 % interval of the mean difference (paired
bootstrap) leaves 0 out. The order is by comparisons won less comparisons lost; methods of which none
is clearly better by more measures than the other share a rank.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from viz.results.trust import (
    Flags,
    Measurement,
    MethodScore,
    RankedMethod,
    TrustResult,
    TrustTable,
)
from viz.trust.confidence import difference_intervals
from viz.trust.sanity import Verdict, verdicts

NOTE = (
    "Two methods are compared by each measure on the same images; one is clearly better where the 95 % "
    "interval of the mean difference (paired bootstrap over images) leaves 0 out. The order is by "
    "comparisons won less comparisons lost over the measures that are evidence; methods share a rank "
    "where the first of them is not clearly better by more measures than it is worse. Many comparisons "
    "are made and none is corrected for that, so one alone proves little."
)


TOO_FEW: Final = "Too few images to tell."
_STAY: Final = "stay as they were when the upper layers are random"


@dataclass(frozen=True)
class _Duel:
    """Who beats whom by one measure."""

    index: Mapping[str, int]  # method to its row
    clear: Flags  # (M, M): row clearly better than column
    known: Flags  # (M, M): whether there are images enough to tell
    evidence: bool

    def beats(self, a: str, b: str) -> bool:
        """Whether `a` is clearly better than `b`."""
        return (
            a in self.index and b in self.index and bool(self.clear[self.index[a], self.index[b]])
        )

    def knows(self, a: str, b: str) -> bool:
        """Whether `a` and `b` can be compared."""
        return (
            a in self.index and b in self.index and bool(self.known[self.index[a], self.index[b]])
        )


def rank_results(results: Iterable[TrustResult]) -> TrustTable:
    """The table of trust of everything that has been measured of one network."""
    there = list(results)
    return rank_methods([each for one in there for each in one.measurements], verdicts(there))


def rank_methods(
    measurements: Sequence[Measurement], follows: Mapping[str, Verdict] | None = None
) -> TrustTable:
    """The table of trust.

    Args:
        measurements: of one network; of several of one measure the last counts. Those that are no
            evidence appear and are not counted.
        follows: verdict of the randomisation check by method, where it was made.
    """
    measures = tuple({each.measure: each for each in measurements if each.scores}.values())
    duels = {each.measure: _duel(each) for each in measures}
    scores: dict[str, dict[str, MethodScore]] = {}
    for each in measures:
        for score in each.scores:
            scores.setdefault(score.method, {})[each.measure] = score
    known = follows or {}
    counted = [duel for duel in duels.values() if duel.evidence]
    wins = {name: _count(counted, name, scores, won=True) for name in scores}
    losses = {name: _count(counted, name, scores, won=False) for name in scores}
    fought = {
        name: sum(duel.knows(name, other) for duel in counted for other in scores if other != name)
        for name in scores
    }
    balance = {name: (wins[name] - losses[name]) / max(fought[name], 1) for name in scores}
    order = sorted(scores, key=lambda name: -balance[name])  # stable: equal ones keep their order
    ranks = _ranks(order, counted)
    controls = [name for name in order if _any(scores[name]).control]
    rows = []
    for name in order:
        first = _any(scores[name])
        beats = {
            measure: tuple(c for c in controls if c != name and duel.beats(name, c))
            for measure, duel in duels.items()
            if name in duel.index
        }
        rows.append(
            RankedMethod(
                rank=ranks[name],
                method=name,
                title=first.title,
                control=first.control,
                means={m: (s.mean, s.low, s.high) for m, s in scores[name].items()},
                beats=beats,
                better=wins[name],
                worse=losses[name],
                verdict=_verdict(first, beats, duels, controls, known.get(name)),
                follows=known.get(name, ""),
            )
        )
    return TrustTable(tuple(rows), measures, NOTE)


def table_csv(table: TrustTable) -> str:
    """The table as text: a row a method, and for each measure mean, interval and controls beaten."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = ["rank", "method", "title", "control", "better", "worse"]
    for measure in table.measures:
        head += [f"{measure.measure}_{part}" for part in ("mean", "low", "high", "beats")]
    writer.writerow([*head, "follows_weights", "verdict"])
    for row in table.rows:
        cells: list[object] = [row.rank, row.method, row.title, "yes" if row.control else "no"]
        cells += [row.better, row.worse]
        for measure in table.measures:
            numbers = row.means.get(measure.measure, (float("nan"),) * 3)
            cells += ["" if np.isnan(value) else f"{value:.6g}" for value in numbers]
            cells.append(" ".join(row.beats.get(measure.measure, ())))
        writer.writerow([*cells, row.follows, row.verdict])
    return text.getvalue()


def _duel(each: Measurement) -> _Duel:
    values = np.stack([score.values for score in each.scores])  # (M, N)
    low, high = difference_intervals(values)
    clear = low > 0 if each.higher_is_better else high < 0
    index = {score.method: i for i, score in enumerate(each.scores)}
    return _Duel(index, clear, np.isfinite(low), each.evidence)


def _count(duels: Sequence[_Duel], name: str, others: Mapping[str, object], *, won: bool) -> int:
    return sum(
        duel.beats(name, other) if won else duel.beats(other, name)
        for duel in duels
        for other in others
        if other != name
    )


def _ranks(order: Sequence[str], duels: Sequence[_Duel]) -> dict[str, int]:
    """Rank of each method; those that the first of a group does not beat on balance share its rank."""
    ranks: dict[str, int] = {}
    leader = ""
    for place, name in enumerate(order, start=1):
        ahead = sum(duel.beats(leader, name) - duel.beats(name, leader) for duel in duels)
        if not leader or ahead > 0:
            leader, ranks[name] = name, place
        else:
            ranks[name] = ranks[leader]
    return ranks


def _any(scores: Mapping[str, MethodScore]) -> MethodScore:
    return next(iter(scores.values()))


def _verdict(
    first: MethodScore,
    beats: Mapping[str, tuple[str, ...]],
    duels: Mapping[str, _Duel],
    controls: Sequence[str],
    follows: Verdict | None,
) -> str:
    """How often a method is clearly better than everything that knows nothing of the network, and
    whether it can have learned that from the upper layers at all.
    """
    if first.control:
        return "Knows nothing of the network."
    others = set(controls)
    there = [m for m, duel in duels.items() if duel.evidence and first.method in duel.index]
    counted = [m for m in there if any(duels[m].knows(first.method, c) for c in others)]
    stays = f"its maps {_STAY}" if follows == "stays" else ""
    alone = f" {stays[:1].upper()}{stays[1:]}." if stays else ""
    if not there or not others:
        return f"No evidence yet.{alone}"
    if not counted:
        return f"{TOO_FEW}{alone}"
    every = sum(others <= set(beats[m]) for m in counted)
    random = sum("random" in beats[m] for m in counted)
    of = f"of {len(counted)} measure{'s' if len(counted) > 1 else ''}"
    but = f", but {stays}" if stays else ""
    if every:
        return f"Clearly better than every control by {every} {of}{but}."
    if random:
        return f"Clearly better than a random map by {random} {of}, never than every control{but}."
    return f"Not clearly better than a random map by any {of}{', and ' + stays if stays else ''}."
