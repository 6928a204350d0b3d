"""Which part of the image each unit of each layer sees, for any network torch can run.

One image passes through a copy of the network on torch's "meta" device, which knows shapes but does
no arithmetic; `models.receptive_rules` follows, operation by operation, what each position sees.
So branches, gates, functions written in `forward` and shared modules need no handling of their own,
and DenseNet-201 takes a fraction of a second.

Sizes, strides and paddings are those of Araujo, Norris and Sim, "Computing receptive fields of
convolutional neural networks" (Distill 2019), generalised from one formula to one interval a unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from models.introspect import shape_twin
from models.layers import Shape
from models.receptive_axes import Axis, pixels
from models.receptive_call import Call, describe, is_kind
from models.receptive_rules import apply_rule
from models.receptive_trace import Trace, plain, union

Box = tuple[int, int, int, int]
"""(top, left, bottom, right) in pixels of the image, half-open."""


@dataclass(frozen=True)
class Field:
    """What the units of one layer see. Pairs are (rows, columns), in pixels of the image.

    `size`, `stride` and `start` describe the boxes: unit (y, x) sees rows start + y·stride to start
    + y·stride + size. Where boxes are uneven they are those of the largest box, the usual distance
    and the first unit. Where every unit sees the whole image but still has a place of its own
    (after a squeeze-excitation gate, or a normalisation by the statistics of the map) they are those
    of the local paths; without such a place they are the image's.
    """

    size: tuple[int, int]
    stride: tuple[int, int]
    start: tuple[int, int]  # of unit (0, 0)'s box; less than 0 where it reaches into padding
    whole: bool  # every unit sees the whole image
    misaligned: str  # which paths do not line up, a sentence; the boxes are then their union
    even: bool  # all boxes are of one size and one distance apart
    has_place: bool  # False: units see the whole image and nothing local
    whole_since: str  # the module that first mixed the whole map; "" while none has, as after a
    # flatten, which only writes all positions into one row
    units: tuple[int, int]  # positions of the map; (1, 1) where it has none
    image: tuple[int, int]
    _axes: tuple[Axis, Axis] = field(repr=False, compare=False)

    def box(self, y: int, x: int) -> Box:
        """What unit (y, x) sees; it may lie partly outside the image, in the padding."""
        return (0, 0, *self.image) if self.whole else self.local_box(y, x)

    def local_box(self, y: int, x: int) -> Box:
        """`box` by the local paths alone, where units have a place of their own."""
        spans = []
        for axis, at, length in zip(self._axes, (y, x), self.image, strict=True):
            local = axis.reach != "pooled"
            spans.append((int(axis.starts[at]), int(axis.stops[at])) if local else (0, length))
        (top, bottom), (left, right) = spans
        return top, left, bottom, right

    def read_box(self, y: int, x: int) -> Box:
        """The hull of the pixels unit (y, x) truly depends on, padding left out.

        All zeros where it reads none. Rows and columns are followed apart, so it may be too large
        where one of several paths reads nothing but padding there.
        """
        rows, columns = self._axes
        box = int(rows.low[y]), int(columns.low[x]), int(rows.high[y]), int(columns.high[x])
        return box if box[0] < box[2] and box[1] < box[3] else (0, 0, 0, 0)


def receptive_fields(net: nn.Module, input_shape: Shape) -> dict[str, Field]:
    """The fields of every module of `net`, blocks included, by dotted name as they first finish.

    `net` is copied without its weights and is never run or changed itself. A module called several
    times has the field of its last call; one that does not return a tensor has none.

    Args:
        input_shape: (C, H, W) of one image.

    Raises:
        whatever `net` raises for such an image.
    """
    with torch.inference_mode(mode=False), torch.no_grad():
        copied = shape_twin(net).eval()
        example = next(copied.parameters(), torch.empty(0))
        image = torch.empty(1, *input_shape, dtype=example.dtype, device="meta")  # (1, C, H, W)
        follower = _Follower(image, (input_shape[-2], input_shape[-1]))
        follower.listen(copied)
        with follower:
            copied(image)
    return follower.fields


class _Follower(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every operation while it is active and keeps what its outputs see."""

    def __init__(self, image: Tensor, sides: tuple[int, int]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.fields: dict[str, Field] = {}
        self._sides = sides
        self._running: list[str] = []
        # The tensors too, so that no other can take over their identity.
        self._traces: dict[int, tuple[Tensor, Trace]] = {}
        self._written: dict[int, tuple[Any, Trace]] = {}
        dims = list(plain(image.shape))
        for at, label in ((-2, "y"), (-1, "x")):
            if image.shape[at] > 1:
                dims[at] = ((image.shape[at], label),)
        trace = Trace(pixels(sides[0]), pixels(sides[1]), tuple(dims))
        self._traces[id(image)] = image, trace

    def listen(self, net: nn.Module) -> None:
        """Have the modules of a network of one's own say when they run."""
        for name, module in net.named_modules():
            if name:
                module.register_forward_pre_hook(lambda *_, name=name: self._running.append(name))
                module.register_forward_hook(
                    lambda _module, _inputs, output, name=name: self._finish(name, output)
                )

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        call = Call(
            func.overloadpacket.__name__,
            is_kind(func, torch.Tag.pointwise),
            is_kind(func, torch.Tag.reduction),
            describe(func, args, kwargs),
            self._trace,
            self._running[-1] if self._running else "",
        )
        if not call.traces:
            return result
        outputs = result if isinstance(result, list | tuple) else [result]
        for number, output in enumerate(outputs):
            if isinstance(output, Tensor):
                trace = apply_rule(call, output.shape, number)
                if trace is not None:
                    self._traces[id(output)] = output, trace
                    if func._schema.is_mutable:
                        self._write(output, trace)
        return result

    def _trace(self, tensor: Any) -> Trace | None:
        if not isinstance(tensor, Tensor):
            return None
        _, own = self._traces.get(id(tensor), (None, None))
        storage = tensor.untyped_storage()._cdata if self._written else None
        _, written = self._written.get(storage or 0, (None, None))
        if written is None:
            return own
        if own is None:
            return Trace(written.rows, written.columns, plain(tensor.shape), written.whole_since)
        return union([own, written], "")

    def _write(self, part: Tensor, trace: Trace) -> None:
        """Something was written into part of a tensor: what shares its memory has seen it all."""
        storage = part.untyped_storage()
        if part.numel() * part.element_size() < storage.nbytes():
            where = self._running[-1] if self._running else ""
            pooled = trace.pool("yx", where)
            _, before = self._written.get(storage._cdata, (None, None))
            both = pooled if before is None else union([before, pooled], where)
            self._written[storage._cdata] = storage, both

    def _finish(self, name: str, output: Any) -> None:
        self._running.pop()
        trace = self._trace(output)
        if trace is not None:
            self.fields[name] = _field(trace, self._sides)


def _field(trace: Trace, image: tuple[int, int]) -> Field:
    for label in "yx":
        at = trace.find(label)
        if at is not None and len(trace.dims[at]) > 1:  # in one row with other things
            trace = replace(trace.pool(label, ""), whole_since=trace.whole_since)
    axes = trace.rows, trace.columns
    pooled = [axis.reach == "pooled" for axis in axes]
    sizes = [int((axis.stops - axis.starts).max()) for axis in axes]
    size, stride, start = zip(
        *(
            (length, length, 0) if lost else (side, axis.stride, int(axis.starts[0]))
            for axis, lost, length, side in zip(axes, pooled, image, sizes, strict=True)
        ),
        strict=True,
    )
    return Field(
        size=size,
        stride=stride,
        start=start,
        whole=all(axis.reach != "local" for axis in axes),
        misaligned=trace.misaligned,
        even=all(axis.even or lost for axis, lost in zip(axes, pooled, strict=True)),
        has_place=not all(pooled),
        whole_since=trace.whole_since,
        units=(axes[0].count, axes[1].count),
        image=image,
        _axes=axes,
    )
