"""The one table: every method on this network, with the evidence of all measures, best first.

Measures are computed one after the other and the table grows with them; what is not there yet is
said, so nobody takes half of the evidence for all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import numpy as np
import streamlit as st

from engine.protocol import EngineError
from ui import html
from ui.streaming import watch
from ui.subject.bar import Chosen
from ui.text import sentence_safe
from ui.trust.parts import TIMEOUT, downloads, left_out, measurements_csv, say
from ui.trust.picks import Picks, read_picks
from ui.trust.subjects import data_name
from ui.trust.words import VERDICTS, is_percent, join, number
from viz.results.randomisation import Randomisation
from viz.results.trust import RankedMethod, TrustResult, TrustTable
from viz.trust.ranking import rank_results, table_csv
from viz.trust.sanity import judge


@dataclass(frozen=True)
class Source:
    """A lens that fills columns of the table."""

    lens: str
    title: str
    asks: str  # one sentence
    explain: bool = True  # whether it may be told what is explained
    most: int = 256  # images


SOURCES: Final[dict[str, Source]] = {
    source.lens: source
    for source in (
        Source("ground_truth", "Ground truth", "Does the map mark the object?"),
        Source("faithfulness", "Deletion & insertion", "Does the answer hang on the marked pixels?"),
        Source("road", "ROAD", "The same, with removed pixels filled in from their neighbours."),
        Source("robustness", "Robustness", "Is the map stable, and does it foretell changes?", most=16),
        Source("randomisation", "Randomisation", "Does the map follow the weights?", explain=False, most=32),
    )
}  # fmt: skip


def render_ranking(chosen: Chosen) -> None:
    """The view.

    Raises:
        EngineError: there is nothing to measure, with a sentence.
    """
    picks = read_picks()
    lenses = _linked_sources(chosen)
    place = st.empty()
    found: dict[str, TrustResult] = {}
    problems: dict[str, str] = {}
    for lens in lenses:
        _measure(chosen, picks, lens, lenses, found, problems, place)
    with place.container():
        _table(lenses, found, problems)
    for lens, why in problems.items():
        st.warning(f"{SOURCES[lens].title}: {sentence_safe(why)}", icon=":material/error:")
    refusals = {name: why for each in found.values() for name, why in each.refusals.items()}
    left_out(refusals)
    table = rank_results(found.values())
    if table.rows:
        downloads(
            "ranking",
            {
                "The table (CSV)": ("trust_table.csv", table_csv(table).encode()),
                "All measures (CSV)": ("trust_measures.csv", measurements_csv(table.measures)),
            },
        )
    st.caption(sentence_safe(table.note))


def _measure(
    chosen: Chosen,
    picks: Picks,
    lens: str,
    lenses: Sequence[str],
    found: dict[str, TrustResult],
    problems: dict[str, str],
    place: Any,
) -> None:
    """Fill the columns of one lens, the table growing with every method."""
    source = SOURCES[lens]
    options = picks.options(explain=source.explain)
    options["images"] = min(options["images"], source.most)

    def draw(result: TrustResult) -> None:
        found[lens] = result
        if result.share < 1:
            with place.container():
                _table(lenses, found, problems)

    with st.container(key=f"cs-trust-{lens}"):
        line = st.empty()
        line.caption(f":material/hourglass_top: {source.title}: {source.asks}")
        try:
            watch(
                lens, chosen.model, key=f"trust.ranking.{lens}", draw=draw, timeout=TIMEOUT,
                **options, **chosen.options,
            )  # fmt: skip
        except EngineError as error:
            problems[lens] = str(error)
        line.empty()


def _linked_sources(chosen: Chosen) -> list[str]:
    """Which measures are computed, in the link as `?measures=`."""
    there = [lens for lens in SOURCES if lens != "ground_truth" or data_name(chosen) == "shapes"]
    text = st.query_params.get("measures")
    asked = there if text is None else [name for name in text.split(",") if name]
    strange = [name for name in asked if name not in SOURCES]
    if strange:
        st.caption(
            f":material/info: There is no measure {sentence_safe(repr(strange[0][:30]))}: it is left out."
        )
    chosen_names = [name for name in there if name in asked] or there
    key = "trust.measures"
    st.session_state[key] = chosen_names

    def take() -> None:
        picked = [name for name in there if name in st.session_state[key]]
        if picked in ([], there):
            st.query_params.pop("measures", None)
        else:
            st.query_params["measures"] = ",".join(picked)

    st.pills(
        "Measures", there, key=key, selection_mode="multi", on_change=take,
        format_func=lambda name: SOURCES[name].title, label_visibility="collapsed",
    )  # fmt: skip
    return chosen_names


def _table(
    lenses: Sequence[str], found: Mapping[str, TrustResult], problems: Mapping[str, str]
) -> None:
    """The table as far as it is, and what is still missing."""
    table = rank_results(found.values())
    missing = [
        SOURCES[lens].title for lens in lenses if lens not in problems and not _done(found, lens)
    ]
    if not table.rows:
        st.caption("No method has been measured yet.")
        return
    say(_leader(table, missing))
    st.html(table_html(table, _followers(found)))
    # Always one line here: what a place held is seen below what it holds, if that is shorter.
    st.caption(
        f":material/hourglass_top: Not computed yet: {join(missing)}."
        if missing
        else ":material/check: All of these measures are computed."
    )
    images = next(iter(found.values())).images
    st.html(
        html.caption(
            f"Mean over {images.source}; robustness looks at up to 16 of them, "
            "randomisation at up to 32. Below each mean "
            "its 95 % interval; blue: the best of a column. Grey: maps that know nothing of the "
            "network. Won and lost: comparisons with other methods that are clear. Follows the "
            "weights: the map changes when the upper half of the network is drawn anew."
        )
    )


def _done(found: Mapping[str, TrustResult], lens: str) -> bool:
    return lens in found and found[lens].share >= 1


def _leader(table: TrustTable, missing: Sequence[str]) -> str:
    real = [row for row in table.rows if not row.control]
    if not real:
        return ""
    best = [row.title for row in real if row.rank == real[0].rank]
    so_far = " so far" if missing else ""
    if real[0].rank > table.rows[0].rank:
        return (
            f"No method stands above every control{so_far}: on these images no map has been shown to be "
            "better than one that knows nothing of the network."
        )
    ahead = "is ahead" if len(best) == 1 else "are ahead, and not to be told apart"
    return f"{join(best)} {ahead}{so_far}. {real[0].verdict}"


def _followers(found: Mapping[str, TrustResult]) -> dict[str, tuple[str, str]]:
    """Words and tone of the randomisation check, by method."""
    result = found.get("randomisation")
    if not isinstance(result, Randomisation):
        return {}
    upper = range(1, result.upper + 1)
    return {
        change.method: VERDICTS[judge(change, upper).verdict]
        for change in result.changes
        if not change.control
    }


def table_html(table: TrustTable, follows: Mapping[str, tuple[str, str]]) -> str:
    """The table of trust; one row a method, one column a measure.

    Args:
        table: the ranking.
        follows: verdict of the randomisation check in words, and its tone, by method.
    """
    heads = "".join(
        f'<th class="cs-num" title="{escape(each.what)}">{escape(each.title)} '
        f"{'↑' if each.higher_is_better else '↓'}</th>"
        for each in table.measures
    )
    bests = {each.measure: _best(table, each.measure) for each in table.measures}
    rows = []
    for row in table.rows:
        cells = "".join(_cell(table, row, each.measure, bests) for each in table.measures)
        words, tone = follows.get(row.method, ("", ""))
        follow = html.badge(words, tone) if words else ""
        told = "" if row.control else f"<small>{escape(row.verdict)}</small>"
        kind = ' class="cs-trust-control"' if row.control else ""
        rows.append(
            f'<tr{kind}><td class="cs-num">{row.rank}</td>'
            f'<td class="cs-trust-word"><b>{escape(row.title)}</b> {follow}{told}</td>{cells}'
            f'<td class="cs-num">{row.better} : {row.worse}</td></tr>'
        )
    return (
        '<div class="cs-scroll cs-trust-table"><table class="cs-table"><tr><th class="cs-num">#</th>'
        f'<th>method</th>{heads}<th class="cs-num">won : lost</th></tr>{"".join(rows)}</table></div>'
    )


def _best(table: TrustTable, measure: str) -> float:
    found = next(each for each in table.measures if each.measure == measure)
    means = [score.mean for score in found.scores if not score.control and np.isfinite(score.mean)]
    if not means:
        return float("nan")
    return max(means) if found.higher_is_better else min(means)


def _cell(table: TrustTable, row: RankedMethod, measure: str, bests: Mapping[str, float]) -> str:
    if measure not in row.means:
        return '<td class="cs-num">–</td>'
    found = next(each for each in table.measures if each.measure == measure)
    percent = is_percent(found)
    mean, low, high = row.means[measure]
    mark = ' class="cs-trust-best"' if mean == bests[measure] and not row.control else ""
    bounds = (
        f"<small>{_short(low, percent=percent)} to {_short(high, percent=percent)}</small>"
        if np.isfinite(low)
        else ""
    )
    return f'<td class="cs-num"><span{mark}>{number(mean, percent=percent)}</span>{bounds}</td>'


def _short(value: float, *, percent: bool) -> str:
    """An end of an interval, in as little room as it needs."""
    return (f"{100 * value:.0f}" if percent else f"{value:.2f}").replace("-", "−")
