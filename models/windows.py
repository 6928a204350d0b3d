"""Where a sliding window fits: the size arithmetic that convolutions and pools share.

Sizes are torch's: a last position that does not fit is left out (floor), and the note says which
input cells are thereby never read.
"""

from __future__ import annotations

MAX_WINDOW = 1_024  # kernel size, stride, padding, dilation


class Refusal(ValueError):
    """This layer cannot follow this input; the text is a clause with the value and the way out."""


def between(name: str, value: int, low: int, high: int) -> None:
    """Refuse a whole number outside low..high."""
    if not low <= value <= high:
        raise Refusal(f"`{name}` is {value:,}; choose {low} to {high:,}")


def slide(
    height: int, width: int, kernel: int, stride: int, padding: int, dilation: int = 1
) -> tuple[int, int, str]:
    """Rows and columns of positions of a square window, and a note if input cells go unread.

    floor((n + 2 padding - dilation (kernel - 1) - 1) / stride) + 1 a side (Dumoulin & Visin 2016).

    Raises:
        Refusal: a value is out of bounds, or the window does not fit even once.
    """
    between("kernel_size", kernel, 1, MAX_WINDOW)
    between("stride", stride, 1, MAX_WINDOW)
    between("padding", padding, 0, MAX_WINDOW)
    between("dilation", dilation, 1, MAX_WINDOW)
    reach = dilation * (kernel - 1) + 1  # cells from one edge of the window to the other
    if reach > min(height, width) + 2 * padding:
        padded = f"{height + 2 * padding}×{width + 2 * padding}"
        dilated = f" dilated to {reach}" if dilation > 1 else ""
        raise Refusal(
            f"`kernel_size` {kernel}{dilated} is larger than the input, {padded} with padding;"
            " use a smaller kernel, more padding or less pooling before it"
        )
    rows, rows_left = divmod(height + 2 * padding - reach, stride)
    cols, cols_left = divmod(width + 2 * padding - reach, stride)
    return rows + 1, cols + 1, _unread(rows_left - padding, cols_left - padding)


def _unread(rows: int, cols: int) -> str:
    parts = [
        f"{count} {word}{'s' if count > 1 else ''}"
        for count, word in ((rows, "row"), (cols, "column"))
        if count > 0
    ]
    return f"never reads the last {' and '.join(parts)} of its input" if parts else ""
