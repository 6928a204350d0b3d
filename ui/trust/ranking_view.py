"""The one table: every method on this network, with the evidence of all measures, best first.

Measures are computed one after the other and the table grows with them. A measure counts once all
methods and controls have it: before that there is no verdict and nothing is marked, so nobody takes
half of the evidence for all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from ui import html
from ui.fresh import fresh_place
from ui.streaming import Asked, Together, watch_all
from ui.subject.bar import Chosen
from ui.text import sentence_safe
from ui.trust.parts import TIMEOUT, downloads, left_out, measurements_csv, say
from ui.trust.picks import Picks, read_picks, said_strange
from ui.trust.ranking_table import is_clear, table_html
from ui.trust.subjects import data_name
from ui.trust.words import VERDICTS, join
from viz.results.randomisation import Randomisation
from viz.results.trust import RankedMethod, TrustResult, TrustTable
from viz.trust.ranking import rank_results, table_csv
from viz.trust.sanity import judge


@dataclass(frozen=True)
class Source:
    """A lens that fills columns of the table."""

    lens: str
    title: str
    explain: bool = True  # whether it may be told what is explained
    most: int = 256  # images


SOURCES: Final[dict[str, Source]] = {
    source.lens: source
    for source in (
        Source("ground_truth", "Ground truth"),
        Source("faithfulness", "Deletion & insertion"),
        Source("road", "ROAD"),
        Source("robustness", "Robustness", most=16),
        Source("randomisation", "Randomisation", explain=False, most=32),
    )
}


def render_ranking(chosen: Chosen) -> None:
    """The view.

    Raises:
        EngineError: there is nothing to measure, with a sentence.
    """
    picks = read_picks(chosen)
    lenses = _linked_sources(chosen)
    asked = [Asked(lens, SOURCES[lens].title, _options(chosen, picks, lens)) for lens in lenses]

    def draw(so_far: Together) -> None:
        _table(lenses, so_far)

    with fresh_place("trust.ranking", [chosen.model, [[one.lens, one.options] for one in asked]]):
        done = watch_all(asked, chosen.model, key="trust.ranking", draw=draw, timeout=TIMEOUT)
        _foot(done)


def _options(chosen: Chosen, picks: Picks, lens: str) -> dict[str, object]:
    source = SOURCES[lens]
    options = picks.options(explain=source.explain)
    options["images"] = min(options["images"], source.most)
    return options | dict(chosen.options)


def _foot(done: Together) -> None:
    for lens, why in done.problems.items():
        st.warning(f"{SOURCES[lens].title}: {sentence_safe(why)}", icon=":material/error:")
    refusals = {name: why for each in done.found.values() for name, why in each.refusals.items()}
    left_out(refusals)
    table = rank_results(done.found.values())
    if table.rows:
        with st.expander("What the columns ask", icon=":material/help:"):
            for each in table.measures:
                st.markdown(f"**{each.title}**: {each.what}")
        downloads(
            "ranking",
            {
                "The table (CSV)": ("trust_table.csv", table_csv(table).encode()),
                "All measures (CSV)": ("trust_measures.csv", measurements_csv(table.measures)),
            },
        )
    st.caption(sentence_safe(table.note))


def _linked_sources(chosen: Chosen) -> list[str]:
    """Which measures are computed, in the link as `?measures=`."""
    there = [lens for lens in SOURCES if lens != "ground_truth" or data_name(chosen) == "shapes"]
    text = st.query_params.get("measures")
    asked = there if text is None else [name for name in text.split(",") if name]
    said_strange([name for name in asked if name not in SOURCES], "measure")
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


def _table(lenses: Sequence[str], so_far: Together) -> None:
    """The table as far as it is, and what is still missing."""
    found: Mapping[str, TrustResult] = so_far.found
    complete = [each for each in found.values() if each.share >= 1]
    everything, counted = rank_results(found.values()), rank_results(complete)
    missing = [
        SOURCES[lens].title
        for lens in lenses
        if lens not in so_far.problems and not (lens in found and found[lens].share >= 1)
    ]
    if not everything.rows:
        st.caption("No method has been measured yet.")
        return
    say(headline(counted, missing))
    st.html(table_html(everything, counted, followers(found)))
    # Always one line here: what a place held is seen below what it holds, if that is shorter.
    st.caption(
        f":material/hourglass_top: Not computed yet: {join(missing)}."
        if missing
        else ":material/check: All of these measures are computed."
    )
    images = next(iter(found.values())).images
    st.html(
        html.caption(
            f"Means over {images.source}; n, in the head of a column, is how many of them it rests on: "
            "robustness looks at up to 16, randomisation at up to 32. Below each mean is its 95 % "
            "interval. Blue: clearly better than all controls, and no other method is clearly better; "
            "several blue ones in a column cannot be told apart. Grey: the controls, maps that know "
            "nothing of the network; they are ranked like methods. Won : lost: comparisons with "
            "other rows that are clear. A badge says what the randomisation check found: whether the "
            "map changes when the upper half of the network is drawn anew."
        )
    )


def headline(table: TrustTable, missing: Sequence[str]) -> str:
    """Who is ahead of what knows nothing, in agreement with each row.

    Args:
        table: of the measures that are complete.
        missing: titles of those that are not.
    """
    real = [row for row in table.rows if not row.control]
    controls = [row for row in table.rows if row.control]
    if not real:
        return "No verdict yet: no measure has been taken of all methods and all controls."
    so_far = f" This is without {join(missing)}." if missing else ""
    counted = [each.measure for each in table.measures if each.evidence]
    if not counted:
        return f"No verdict: nothing measured so far is evidence.{so_far}"
    if len(real) == 1:
        return f"{real[0].title} alone was measured, so it is compared with controls only. {real[0].verdict}{so_far}"
    above = [row for row in real if row.rank < min(each.rank for each in controls)]
    level = [row.title for row in controls if row.rank <= real[0].rank]
    first = [row for row in real if row.rank == real[0].rank]
    if not above:
        verb = "stand" if len(level) > 1 else "stands"
        beaten = _beaters(table, real, counted)
        return (
            f"No method is above every control: {join(level)} {verb} at rank {real[0].rank} or better, "
            f"beside {_names(first)}.{beaten}{so_far}"
        )
    ahead = "is ahead" if len(first) == 1 else "are ahead and cannot be told apart"
    return f"{_names(first)} {ahead} of every control.{_beaters(table, real, counted)}{so_far}"


def _names(rows: Sequence[RankedMethod]) -> str:
    return join([row.title for row in rows])


def _beaters(table: TrustTable, real: Sequence[RankedMethod], counted: Sequence[str]) -> str:
    """Which methods are clearly better than all controls by which measure; the best known first."""
    named = {
        each.title: [row.title for row in real if is_clear(table, row, each.measure)]
        for each in table.measures
        if each.measure in counted
    }
    told = [f"{title}: {join(names)}" for title, names in named.items() if names]
    if not told:
        return " By no measure is a method clearly better than all of them."
    return f" Clearly better than all of them by {'; by '.join(told)}."


def followers(found: Mapping[str, TrustResult]) -> dict[str, tuple[str, str]]:
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
