"""Every layer's field as a table, to read and to take away."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from html import escape
from typing import Final

from ui.fields.words import note, padding, pair, position, short
from viz.results.fields import FieldTable, LayerField

_HEADER: Final = (
    ("layer", "Its dotted name"),
    ("kind", "Class of the module"),
    ("units", "Positions of a map"),
    ("size", "Pixels that a unit sees, rows × columns"),
    (
        "stride on the image",
        "Pixels from one unit's box to the next one's: the strides of all layers up to here, multiplied",
    ),
    (
        "padding of the image",
        "Pixels by which the first unit's box reaches beyond the image, above and left",
    ),
    ("box begins at", "First row and column of the box of unit (y, x)"),
    ("", ""),
)


def rows_shown(table: FieldTable, *, blocks: bool) -> list[LayerField]:
    """Innermost layers, and the blocks around them where asked for."""
    return [each for each in table.layers if blocks or each.leaf]


def table_html(layers: Iterable[LayerField], chosen: str) -> str:
    """The table, scrolling in itself; the row of the chosen layer is marked."""
    head = "".join(f'<th title="{escape(hint)}">{escape(name)}</th>' for name, hint in _HEADER)
    body = "".join(_row(each, each.layer == chosen) for each in layers)
    return (
        '<div class="cs-scroll cs-fields-table"><table class="cs-table">'
        f"<tr>{head}</tr>{body}</table></div>"
    )


def _row(field: LayerField, chosen: bool) -> str:
    local = field.placed
    cells = (
        field.layer,
        field.kind,
        pair(field.units) if local else "",
        pair(field.size) if local else "whole image",
        short(field.stride) if local else "",
        padding(field) if local else "",
        position(field) if local else "",
    )
    mark = ' class="cs-fields-chosen"' if chosen else ""
    inner = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return f'<tr{mark}>{inner}<td class="cs-fields-note">{escape(note(field))}</td></tr>'


def table_csv(table: FieldTable) -> bytes:
    """All layers with plain numbers, one line each, for other programs."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(
        [
            *("layer", "kind", "units_y", "units_x", "size_y", "size_x", "stride_y", "stride_x"),
            *("start_y", "start_x", "whole_image", "has_place", "even", "note"),
        ]
    )
    for each in table.layers:
        numbers = (*each.units, *each.size, *each.stride, *each.start)
        flags = (int(each.whole), int(each.placed), int(each.even))
        writer.writerow([each.layer, each.kind, *numbers, *flags, note(each)])
    return text.getvalue().encode()
