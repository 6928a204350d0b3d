"""The runs of this server as rows: read tolerantly, newest first, one broken run hides no other."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from html import escape

import streamlit as st

from training.events import Finished
from training.follow import RunFollower
from training.run_store import RunError, RunStatus
from training.spec import TrainSpec
from ui import html, runtime
from ui.run_names import ago, duration, run_title, state_badge
from ui.text import markdown_safe


@dataclass(frozen=True)
class RunRow:
    """One run as the lists show it; `spec` is None where it cannot be read, `status` says why."""

    run_id: str
    status: RunStatus
    spec: TrainSpec | None
    follower: RunFollower

    @property
    def title(self) -> str:
        """What the run is called."""
        return self.run_id if self.spec is None else run_title(self.spec)

    @property
    def facts(self) -> str:
        """Accuracy, updates and time in a few words."""
        scores = self.follower.test or self.follower.validation or self.follower.sample
        parts = []
        if self.spec is not None:
            optimizer = self.spec.optimizer
            parts.append(f"{optimizer.name} {optimizer.lr:g}, seed {self.spec.seed}")
        if scores is not None and not math.isnan(scores.accuracy):
            parts.append(
                f"{html.percent(scores.accuracy)} {'test' if scores.split == 'test' else 'validation'}"
            )
        if self.follower.progress is not None:
            parts.append(f"{self.follower.progress.step:,} updates")
        if isinstance(self.follower.ended, Finished):
            parts.append(duration(self.follower.ended.seconds))
        parts.append(ago(self.status.created))
        return " · ".join(parts)


def list_rows(limit: int | None = None, offset: int = 0) -> list[RunRow]:
    """`limit` runs from the `offset`-th newest on; one deleted meanwhile is left out."""
    store = runtime.store()
    end = None if limit is None else offset + limit
    rows = []
    for run_id in store.run_ids()[offset:end]:
        with contextlib.suppress(RunError):
            rows.append(read_row(run_id))
    return rows


def read_row(run_id: str) -> RunRow:
    """One run, however broken its directory is.

    Raises:
        RunError: there is no such run.
    """
    store = runtime.store()
    follower = runtime.follower(run_id)
    follower.refresh()
    try:
        spec = store.spec(run_id)
    except RunError:
        spec = None
    return RunRow(run_id, store.status(run_id), spec, follower)


def recent_runs(limit: int) -> RunRow | None:
    """The newest runs with links to open them; returns the newest of all."""
    rows = list_rows(limit)
    if not rows:
        st.caption("Nothing has been trained here yet. Your runs will be listed here, and stay.")
        return None
    for row in rows:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            open_link(row)
            st.html(
                f'<div class="cs-row">{state_badge(row.status)} <span>{escape(row.facts)}</span></div>'
            )
    if len(rows) == limit:
        st.page_link("pages/train/runs.py", label="All runs", icon=":material/list:")
    return rows[0]


def open_link(row: RunRow) -> None:
    """A link to the run, by its title."""
    st.page_link(
        "pages/train/live.py", label=markdown_safe(row.title), query_params={"run": row.run_id},
        icon=":material/monitoring:", disabled=row.spec is None,
    )  # fmt: skip
