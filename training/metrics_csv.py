"""A run's measurements as a table for a spreadsheet: every Progress and Evaluated event, undecimated.

Nothing here imports torch.
"""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Final

from training.events import Control, Evaluated, Event, Progress, Started
from training.run_store import RunStore

COLUMNS: Final = (
    "pass",  # 0, then one more for each rewind
    "attempt",
    "step",
    "time",  # UTC, ISO 8601
    "epoch",
    "split",
    "complete",  # whether all images of the split were used
    "loss",
    "accuracy",
    "lr",
    "images_per_second",
    "forward_ms_per_image",
    "backward_ms_per_image",
)


def metrics_csv(store: RunStore, run_id: str) -> str:
    """The table, header first, one line an event; numbers that were not finite are empty.

    Raises:
        RunError: when there is no such run.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    cursor, passes, attempt = 0, 0, 0
    while True:
        events, position = store.events(run_id, cursor)
        if position == cursor:
            return text.getvalue()
        cursor = position
        for event in events:
            passes += isinstance(event, Control) and event.action == "rewind"
            attempt = event.attempt if isinstance(event, Started) else attempt
            row = _row(event)
            if row is not None:
                writer.writerow({"pass": passes, "attempt": attempt, **row})


def _row(event: Event) -> dict[str, object] | None:
    if not isinstance(event, Progress | Evaluated):
        return None
    values: dict[str, object] = {
        "step": event.step,
        "time": datetime.fromtimestamp(event.time, UTC).isoformat(timespec="milliseconds"),
        "epoch": f"{event.epoch:.4f}",
        "loss": _number(event.loss),
        "accuracy": _number(event.accuracy),
    }
    if isinstance(event, Evaluated):
        return values | {"split": event.split, "complete": int(event.complete)}
    return values | {
        "split": "train",
        "complete": 0,
        "lr": _number(event.lr),
        "images_per_second": _number(event.images_per_second),
        "forward_ms_per_image": _number(event.forward_ms),
        "backward_ms_per_image": _number(event.backward_ms),
    }


def _number(value: float) -> str:
    return f"{value:.8g}" if value == value else ""
