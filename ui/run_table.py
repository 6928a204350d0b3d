"""The Runs page: choose runs from the list; one chart compares them, one table says what differs.

Which runs are compared stands in the link (`?ids=a,b,c`), so a comparison can be passed on. Runs
that differ in nothing but the seed can be drawn as one band.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

import streamlit as st

from engine.protocol import EngineError
from training.run_store import RunError
from training.spec import TrainSpec
from ui import html, runtime
from ui.charts import CHART_CONFIG, curve, validation
from ui.gone import say_gone
from ui.run_list import RunRow, list_rows, open_link, read_row
from ui.run_names import network_title, state_badge
from ui.text import sentence_safe
from ui.url_state import choice
from viz.figures.runs import plot_compare, plot_seed_band
from viz.figures.theme import run_style
from viz.results import Curve

MEASURES: Final = {
    "val_accuracy": "Validation accuracy",
    "val_loss": "Validation loss",
    "train_accuracy": "Training accuracy",
    "train_loss": "Training loss",
    "images_per_second": "Images per second",
}
SMOOTHED: Final = {"train_accuracy", "train_loss", "images_per_second"}
PAGE_SIZE: Final = 20
MAX_COMPARED: Final = 18  # as many as the line styles tell apart
DELETING: Final = "runs.deleting"
"""Session key of the run whose deletion waits for a second click."""


def render() -> None:
    """The whole page."""
    total = len(runtime.store().run_ids())
    if not total:
        st.title("Runs")
        st.caption("Nothing has been trained here yet.")
        st.page_link(
            "pages/train/live.py", label="Set up the first run", icon=":material/play_arrow:"
        )
        return
    chosen = _chosen()
    rows = [row for row in chosen if row.spec is not None]
    if rows:
        _compare(rows)
    else:
        st.title("Runs")
        st.caption(
            "Tick runs to compare their curves and settings; the link then holds the comparison."
        )
    _list(total, set(_ids()[:MAX_COMPARED]))


def _chosen() -> list[RunRow]:
    """The runs named in the link; what cannot be compared is said and left out."""
    ids = _ids()
    if len(ids) > MAX_COMPARED:
        st.warning(
            f"The link names {len(ids)} runs, and the chart can tell {MAX_COMPARED} apart: it shows the first "
            f"{MAX_COMPARED}. Untick some to see others."
        )
    rows = []
    for run_id in ids[:MAX_COMPARED]:
        try:
            rows.append(read_row(run_id))
        except RunError as error:
            st.warning(sentence_safe(error))
    return rows


def _ids() -> list[str]:
    """What the link names, once each."""
    return [name for name in dict.fromkeys(st.query_params.get("ids", "").split(",")) if name]


def _compare(rows: list[RunRow]) -> None:
    left, right = st.columns([3, 2], vertical_alignment="center")
    with left:
        measure = choice("Measure", MEASURES, key="measure", default="val_accuracy")
    banded = right.toggle(
        "Seeds as a band", key="band", bind="query-params",
        help="Runs that differ in nothing but the seed become their mean and their spread.",
    )  # fmt: skip
    active = any(row.status.active for row in rows)
    st.fragment(_chart, run_every=1.5 if active else None)(
        [row.run_id for row in rows], measure, banded, active
    )


def _chart(run_ids: list[str], measure: str, banded: bool, active: bool) -> None:
    try:
        rows = [read_row(run_id) for run_id in run_ids]
    except RunError as error:
        say_gone(error)
    else:
        _draw([row for row in rows if row.spec is not None], measure, banded, active)


def _draw(rows: list[RunRow], measure: str, banded: bool, active: bool) -> None:
    if active and not any(row.status.active for row in rows):
        st.rerun()
    title, percent = MEASURES[measure], measure.endswith("accuracy")
    specs = [row.spec for row in rows if row.spec is not None]
    names = short_names(specs)
    curves = [_curve(row, measure, name) for row, name in zip(rows, names, strict=True)]
    if banded:
        groups = seed_groups(specs)
        labels = short_names([_without_seed(specs[members[0]]) for members in groups])
        named = [
            (label, [curves[i] for i in members])
            for label, members in zip(labels, groups, strict=True)
        ]
        figure = plot_seed_band(named, title=title, percent=percent)
    else:
        window = None
        if measure in SMOOTHED:
            window = max((float(c.steps[-1]) for c in curves if len(c.steps)), default=1.0) / 50
        figure = plot_compare(curves, title=title, percent=percent, window=window)
    st.plotly_chart(
        figure,
        key="runs.chart",
        config=CHART_CONFIG,
        alt=f"{title} of the chosen runs over updates",
    )
    group_of = {i: g for g, members in enumerate(seed_groups(specs)) for i in members}
    styles = [group_of[i] if banded else i for i in range(len(rows))]
    st.html(difference_table(rows, differences(specs), styles))


def _curve(row: RunRow, measure: str, name: str) -> Curve:
    if measure.startswith("val_"):
        return validation(row.follower, measure.removeprefix("val_"), name)
    return curve(row.follower, measure, name)


def short_names(specs: Sequence[TrainSpec]) -> list[str]:
    """`1 adam, 0.001`: the number of each run and the values in which it differs from the others."""
    differing = differences(specs)
    words = [", ".join(values[i] for values in differing.values()) for i in range(len(specs))]
    return [
        f"{i + 1} {word or network_title(spec)}"
        for i, (word, spec) in enumerate(zip(words, specs, strict=True))
    ]


def seed_groups(specs: Sequence[TrainSpec]) -> list[list[int]]:
    """Positions of the runs that differ in nothing but seed and title, a list a setting."""
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for index, spec in enumerate(specs):
        groups[_without_seed(spec).model_dump_json()].append(index)
    return list(groups.values())


def _without_seed(spec: TrainSpec) -> TrainSpec:
    return spec.model_copy(update={"seed": 0, "title": ""})


def differences(specs: Sequence[TrainSpec]) -> dict[str, list[str]]:
    """Settings by dotted name with their value in each spec; only those that are not all equal."""
    flat = [_flatten(spec.model_dump(mode="json", exclude={"title"})) for spec in specs]
    names = dict.fromkeys(name for values in flat for name in values)
    table = {name: [values.get(name, "—") for values in flat] for name in names}
    return {name: values for name, values in table.items() if len(set(values)) > 1}


def _flatten(values: dict[str, object], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{name}.")
        elif name == "layers" and isinstance(value, list):
            flat[f"{prefix}layers"] = f"{len(value)} layers: {json.dumps(value)[:60]}…"
        else:
            flat[f"{prefix}{name}"] = "—" if value is None else str(value)
    return flat


def difference_table(
    rows: Sequence[RunRow], differing: Mapping[str, Sequence[str]], styles: Sequence[int]
) -> str:
    """One line a run: colour, state, result, and every setting in which the runs differ (HTML).

    Args:
        styles: number of each run's line in the chart, from 0; runs of one band share it.
    """
    head = "".join(f"<th>{escape(name)}</th>" for name in ("run", "state", "result", *differing))
    lines = []
    for i, row in enumerate(rows):
        color, dash = run_style(styles[i])
        border = {"solid": "solid", "dash": "dashed", "dot": "dotted"}[dash]
        swatch = f'<i class="cs-line" style="border-top: 3px {border} {color}"></i>'
        cells = "".join(
            f'<td class="cs-differs">{escape(values[i])}</td>' for values in differing.values()
        )
        lines.append(
            f"<tr><td>{swatch} {styles[i] + 1} {escape(row.title)}</td><td>{state_badge(row.status)}</td>"
            f"<td>{escape(row.facts)}</td>{cells}</tr>"
        )
    note = "" if differing or len(rows) < 2 else html.caption("These runs have the same settings.")
    return f'<div class="cs-scroll"><table class="cs-table"><tr>{head}</tr>{"".join(lines)}</table></div>{note}'


def _list(total: int, chosen: set[str]) -> None:
    """Every run, a page at a time, with a tick to compare it, a link, and what can be done with it."""
    page = 0
    if total > PAGE_SIZE:
        page = st.pagination(-(-total // PAGE_SIZE), key="page", bind="query-params") - 1
    st.subheader("All runs")
    rows = list_rows(PAGE_SIZE, page * PAGE_SIZE)
    going_on = any(row.status.active for row in rows)
    st.fragment(_rows, run_every=3.0 if going_on else None)(page, chosen, going_on)


def _rows(page: int, chosen: set[str], going_on: bool) -> None:
    rows = list_rows(PAGE_SIZE, page * PAGE_SIZE)
    ended = going_on and not any(row.status.active for row in rows)
    if ended or set(_ids()[:MAX_COMPARED]) != chosen:
        st.rerun()  # the comparison above stands outside this fragment
    for row in rows:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            key = f"runs.tick.{row.run_id}"
            st.session_state.setdefault(key, row.run_id in chosen)
            full = len(chosen) >= MAX_COMPARED and row.run_id not in chosen
            st.checkbox(
                f"Compare {row.run_id}", key=key, label_visibility="collapsed",
                disabled=row.spec is None or full, on_change=_tick, args=(row.run_id, key),
                help=f"{MAX_COMPARED} runs are ticked, as many as can be told apart." if full else None,
            )  # fmt: skip
            open_link(row)
            st.html(
                f'<div class="cs-row">{state_badge(row.status)} <span>{escape(row.facts)}</span></div>'
            )
            _menu(row)


def _tick(run_id: str, key: str) -> None:
    ids = [name for name in _ids() if name != run_id]
    if st.session_state[key]:
        ids.append(run_id)
    st.query_params["ids"] = ",".join(ids)


def _menu(row: RunRow) -> None:
    with st.popover("", icon=":material/more_vert:", key=f"runs.menu.{row.run_id}"):
        st.caption(row.run_id)
        if row.status.message:
            st.caption(sentence_safe(row.status.message))
        if row.spec is not None:
            st.page_link(
                "pages/train/live.py", label="Duplicate: set up a run like this",
                icon=":material/content_copy:", query_params={"from": row.run_id},
            )  # fmt: skip
        if st.session_state.get(DELETING) != row.run_id or row.status.active:
            st.button(
                "Delete this run…", icon=":material/delete:", key=f"runs.delete.{row.run_id}",
                disabled=row.status.active, on_click=_ask_to_delete, args=(row.run_id,),
                help="Stop it first." if row.status.active else None,
            )  # fmt: skip
            return
        st.caption("Its settings, weights and measurements will be gone for good.")
        st.button(
            "Yes, delete it for good", icon=":material/delete_forever:", type="primary",
            key=f"runs.delete.sure.{row.run_id}", on_click=_delete, args=(row.run_id,),
        )  # fmt: skip


def _ask_to_delete(run_id: str) -> None:
    st.session_state[DELETING] = run_id


def _delete(run_id: str) -> None:
    del st.session_state[DELETING]
    try:
        runtime.engine().delete(run_id)
    except EngineError as error:
        st.toast(sentence_safe(error), icon=":material/error:")
