"""What a layer editor shows, from run to run: the page's list, overlaid by the visitor's edits.

The page passes a list of layers, the browser sends edits of what it shows. Which of the two holds
is decided here, in a pure function. Each list the page sets anew starts an epoch, and an edit
counts only in the epoch it was made in: a late message never overwrites a preset just chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from models.layers import LayerError, LayerList, parse_layers
from ui.components.layer_rows import dump_layers


@dataclass(frozen=True)
class Draft:
    """`rows` is what the editor shows, `layers` the last list of it that could be read."""

    given: LayerList
    layers: LayerList
    rows: list[dict[str, Any]]
    epoch: int = 1
    seq: int = 0


def advance(draft: Draft | None, given: LayerList, message: object) -> Draft:
    """The draft after a run of the page that passes `given` and finds `message` from the browser.

    A list equal to what was passed or returned last is no change by the page: it may keep passing
    its first list, or store what it gets back and pass that.
    """
    if draft is None:
        draft = Draft(given, given, dump_layers(given))
    elif given in (draft.given, draft.layers):
        draft = replace(draft, given=given)
    else:
        draft = Draft(given, given, dump_layers(given), draft.epoch + 1)
    if not isinstance(message, Mapping) or message.get("epoch") != draft.epoch:
        return draft
    seq, rows = message.get("seq"), message.get("layers")
    if not isinstance(seq, int) or seq <= draft.seq:
        return draft
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return draft
    try:
        layers = parse_layers(rows)
    except LayerError:
        layers = draft.layers
    return replace(draft, layers=layers, rows=rows, seq=seq)
