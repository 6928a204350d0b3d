"""Edits of filters as they stand in a link: `?edits=conv1,3,zero;conv2,0,set,1:0:2:0.5`.

Each is layer, filter, operation and what the operation takes, parted by commas; a set weight is
input channel:row:column:weight. They are made one after the other, so undoing is leaving the last
one out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, Final

Edit = dict[str, Any]
"""`layer`, `filter`, `op` and, where the operation takes something, `values`."""

MOST: Final = 60  # edits in one link
LONGEST: Final = 6000  # characters: browsers and proxies cut longer addresses
_LAYER: Final = re.compile(r"[A-Za-z0-9_.]{1,100}")
_PLAIN: Final = ("zero", "rotate90")
_NUMBER: Final = ("scale", "bias")


def parse_edits(text: str) -> tuple[list[Edit], list[str]]:
    """The edits in a link, and a sentence for each that cannot be read."""
    if len(text) > LONGEST:
        return [], ["The link's edits are too long to be read: they are left out."]
    edits: list[Edit] = []
    problems: list[str] = []
    parts = [part for part in text.split(";") if part]
    for part in parts[:MOST]:
        edit = _parse(part)
        if edit is None:
            problems.append(f"The link's edit {part[:40]!r} cannot be read and is left out.")
        else:
            edits.append(edit)
    if len(parts) > MOST:
        problems.append(f"The link has more than {MOST} edits: the others are left out.")
    return edits, problems


def format_edits(edits: Sequence[Edit]) -> str:
    """As `parse_edits` reads them."""
    return ";".join(map(_format, edits))


def add_edit(edits: Sequence[Edit], edit: Edit) -> list[Edit]:
    """The edits with one more; weights set one after the other in the same filter are one edit."""
    last = edits[-1] if edits else None
    same = ("layer", "filter", "op")
    if last is not None and edit["op"] == "set" and all(last[key] == edit[key] for key in same):
        cells = {tuple(row[:3]): row[3] for row in [*last["values"], *edit["values"]]}
        merged = {**edit, "values": [[*place, value] for place, value in cells.items()]}
        return [*edits[:-1], merged]
    return [*edits, edit]


def written(value: float) -> float:
    """A number as the link keeps it: six digits."""
    return float(f"{value:.6g}")


def describe(edit: Edit) -> str:
    """`conv1, filter 3: set to 0`."""
    op, values = edit["op"], edit.get("values")
    count = len(values or ()) if op == "set" else 0
    words = {
        "zero": "set to 0",
        "rotate90": "turned by 90°",
        "flip": "mirrored left to right" if values == "horizontal" else "mirrored top to bottom",
        "scale": f"times {values:g}" if op == "scale" else "",
        "bias": f"bias {values:g}" if op == "bias" else "",
        "set": f"{count} weight{'s' if count > 1 else ''} painted",
    }[op]
    return f"{edit['layer']}, filter {edit['filter']}: {words}"


def _parse(part: str) -> Edit | None:
    layer, _, rest = part.partition(",")
    number, _, rest = rest.partition(",")
    op, _, rest = rest.partition(",")
    if not _LAYER.fullmatch(layer) or not number.isdecimal() or len(number) > 6:
        return None
    edit: Edit = {"layer": layer, "filter": int(number), "op": op}
    if op in _PLAIN and not rest:
        return edit
    if op == "flip" and rest in ("horizontal", "vertical"):
        return {**edit, "values": rest}
    if op in _NUMBER:
        value = _float(rest)
        return None if value is None else {**edit, "values": value}
    if op == "set":
        cells = [_cell(cell) for cell in rest.split(",")]
        return None if None in cells else {**edit, "values": cells}
    return None


def _cell(text: str) -> list[int | float] | None:
    parts = text.split(":")
    if len(parts) != 4 or not all(part.isdecimal() and len(part) < 6 for part in parts[:3]):
        return None
    value = _float(parts[3])
    return None if value is None else [*map(int, parts[:3]), value]


def _float(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) <= 1e6 else None


def _format(edit: Edit) -> str:
    head = f"{edit['layer']},{edit['filter']},{edit['op']}"
    values = edit.get("values")
    if edit["op"] == "set":
        cells = (f"{int(i)}:{int(y)}:{int(x)}:{value:.6g}" for i, y, x, value in values or ())
        return ",".join([head, *cells])
    if edit["op"] in _NUMBER:
        return f"{head},{values:.6g}"
    return head if values is None else f"{head},{values}"
