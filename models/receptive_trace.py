"""What is known of one tensor on its way through a network: which dimension runs along which axis
of the image, and what each position there sees.

A dimension is a tuple of factors, slowest first: (C, H, W) flattened is one dimension of the
factors C, "y" and "x", so a position survives a reshape that keeps it whole (the channel shuffle of
ShuffleNet, the tokens of a transformer), and is known to be lost by one that does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.receptive_axes import Axis, everything, gated, merge

Factor = tuple[int, str]
"""(size, "y" | "x" | ""): positions along rows, along columns, or something else. Size 1: none."""
Dim = tuple[Factor, ...]


@dataclass(frozen=True, eq=False)
class Trace:
    """One tensor's dimensions and what its positions see."""

    rows: Axis  # of one unit where no dimension is "y"
    columns: Axis
    dims: tuple[Dim, ...]
    whole_since: str = ""  # the module that first mixed the whole map; "" while none has
    misaligned: str = ""  # the sentence about the first paths that did not line up

    def find(self, label: str) -> int | None:
        """The dimension of which `label` is a factor."""
        for number, dim in enumerate(self.dims):
            if any(name == label for _, name in dim):
                return number
        return None

    def label(self, dim: int) -> str:
        """The axis a dimension runs along; "" for none.

        Raises:
            Mixed: there is more to the dimension than one axis.
        """
        labels = [name for _, name in self.dims[dim] if name]
        if not labels:
            return ""
        if len(self.dims[dim]) > 1:
            raise Mixed
        return labels[0]

    def axis(self, label: str) -> Axis:
        """The axis called "y" or "x"."""
        return self.rows if label == "y" else self.columns

    def with_axis(self, label: str, axis: Axis) -> Trace:
        """The same with another axis."""
        return replace(self, rows=axis) if label == "y" else replace(self, columns=axis)

    def pool(self, labels: str, where: str) -> Trace:
        """All positions along the axes in `labels` put together; the dimensions lose them."""
        found = self
        for label in labels:
            axis = everything(self.axis(label))
            if axis is not self.axis(label):
                found = replace(found.with_axis(label, axis), whole_since=self.whole_since or where)
        dims = tuple(
            tuple((size, "" if name in labels else name) for size, name in dim)
            for dim in found.dims
        )
        return replace(found, dims=tuple(_joined(dim) for dim in dims))

    def gate(self, labels: str, where: str) -> Trace:
        """Every position along `labels` also reads all others."""
        found = self
        for label in labels:
            axis = gated(self.axis(label))
            if axis is not self.axis(label):
                found = replace(found.with_axis(label, axis), whole_since=self.whole_since or where)
        return found


class Mixed(Exception):
    """The positions cannot be followed through this operation; the caller pools them."""


def labels_of(dims: Sequence[Dim]) -> str:
    """The axes that are factors of these dimensions."""
    return "".join(name for dim in dims for _, name in dim)


def plain(shape: Sequence[int]) -> tuple[Dim, ...]:
    """Dimensions that run along no axis."""
    return tuple(((size, ""),) if size != 1 else () for size in shape)


def regroup(dims: Sequence[Dim], shape: Sequence[int]) -> tuple[Dim, ...]:
    """The dimensions after a reshape to `shape`.

    Raises:
        Mixed: it cuts an axis in pieces.
    """
    left = list(_joined([factor for dim in dims for factor in dim]))
    found: list[Dim] = []
    for size in shape:
        dim: list[Factor] = []
        while size > 1:
            if not left:
                raise Mixed
            have, label = left.pop(0)
            part = math.gcd(have, size)
            if part == 1 or (label and part != have):
                raise Mixed
            dim.append((part, label))
            if part != have:
                left.insert(0, (have // part, label))
            size //= part
        found.append(_joined(dim))
    return tuple(found)


def meet(traces: Sequence[Trace], shape: Sequence[int], where: str) -> Trace:
    """Tensors put together number by number, small ones repeated, into one of `shape`."""
    dims = tuple(
        _common([t.dims[at] for t in traces if (at := n - len(shape) + len(t.dims)) >= 0], size)
        for n, size in enumerate(shape)
    )
    if len(set(labels := labels_of(dims))) != len(labels):
        raise Mixed
    return replace(union(traces, where), dims=dims)


def union(traces: Sequence[Trace], where: str) -> Trace:
    """The first trace, seeing what any of them sees."""
    result = traces[0]
    for other in traces[1:]:
        result = _pair(result, other, where)
    return result


def _pair(one: Trace, other: Trace, where: str) -> Trace:
    rows, down = merge(one.rows, other.rows)
    columns, across = merge(one.columns, other.columns)
    misaligned = one.misaligned or other.misaligned
    if not misaligned and (down or across):
        both = down if down == across else " and ".join(filter(None, [down, across]))
        misaligned = f"In {where or 'the network'} {both} meet; the box holds both."
    return Trace(rows, columns, one.dims, one.whole_since or other.whole_since, misaligned)


def _common(dims: Sequence[Dim], size: int) -> Dim:
    """One dimension of several tensors that are broadcast together."""
    placed = {dim for dim in dims if labels_of([dim])}
    if len(placed) > 1:
        raise Mixed
    return placed.pop() if placed else plain([size])[0]


def _joined(factors: Sequence[Factor]) -> Dim:
    """Neighbours that run along no axis become one, so that a reshape may cut them anew."""
    found: list[Factor] = []
    for size, label in factors:
        if size == 1 and not label:
            continue
        if found and not label and not found[-1][1]:
            found[-1] = (found[-1][0] * size, "")
        else:
            found.append((size, label))
    return tuple(found)
