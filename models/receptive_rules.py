"""How each of torch's operations moves, joins or loses the places a tensor's positions have.

The rules are about torch's own small set of core operations (aten), which every module and function
comes down to, so a network may be written in any style. An operation without a rule is taken to mix
everything: the answer is then "the whole image", never a box that is too small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from models.receptive_axes import take
from models.receptive_call import RULES, Call, rule
from models.receptive_trace import Mixed, Trace, labels_of, meet, plain, regroup, union
from models.receptive_windows import with_channels


def apply_rule(call: Call, shape: Sequence[int], output: int) -> Trace | None:
    """What output number `output`, of `shape`, sees; None: it does not depend on the image."""
    if call.name.startswith("new_") or call.name.endswith("_like"):
        return None
    name = call.name.removesuffix("_")
    try:
        if name in _PARTS:
            return _part(call, shape, output)
        if name in RULES:
            return RULES[name](call, shape)
        if call.reduction:
            return _reduce(call, shape)
        if call.pointwise:
            return meet(call.traces, shape, call.where)
    except Mixed:
        pass
    pooled = [trace.pool("yx", call.where) for trace in call.traces]
    return replace(union(pooled, call.where), dims=plain(shape))


@rule("channel_shuffle", "native_channel_shuffle")
def _shuffle(call: Call, shape: Sequence[int]) -> Trace:
    return with_channels(call.main(), shape)


@rule("glu")
def _glu(call: Call, shape: Sequence[int]) -> Trace:
    trace, at = call.main(), call.arguments["dim"] % len(shape)
    if labels_of([trace.dims[at]]):
        raise Mixed
    return replace(trace, dims=(*trace.dims[:at], *plain([shape[at]]), *trace.dims[at + 1 :]))


# Elementwise, though torch does not mark them so.
@rule("hardswish", "log_sigmoid_forward", "_prelu_kernel", "rrelu_with_noise")
def _elementwise(call: Call, shape: Sequence[int]) -> Trace:
    return meet(call.traces, shape, call.where)


# Sums over dimensions, and functions of all numbers of a dimension.


def _reduce(call: Call, shape: Sequence[int]) -> Trace:
    trace = call.main()
    given = call.arguments.get("dim")
    count = len(trace.dims)
    chosen = range(count) if given in (None, []) else [given] if isinstance(given, int) else given
    gone = {each % count for each in chosen}
    trace = trace.pool(labels_of([trace.dims[at] for at in gone]), call.where)
    kept = [dim for at, dim in enumerate(trace.dims) if at not in gone]
    if len(shape) == count:
        kept = [() if at in gone else dim for at, dim in enumerate(trace.dims)]
    return replace(trace, dims=tuple(kept))


@rule("_softmax", "_log_softmax", "_safe_softmax", "cumsum")
def _along(call: Call, _: Sequence[int]) -> Trace:
    trace = call.main()
    return trace.gate(labels_of([trace.dims[call.arguments["dim"]]]), call.where)


@rule("native_layer_norm")
def _layer_norm(call: Call, _: Sequence[int]) -> Trace:
    trace = call.main()
    last = trace.dims[-len(call.arguments["normalized_shape"]) :]
    return trace.gate(labels_of(last), call.where)


@rule("native_group_norm")
def _group_norm(call: Call, _: Sequence[int]) -> Trace:
    trace = call.main()
    return trace.gate(labels_of(trace.dims), call.where)


@rule("native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training")
def _batch_norm(call: Call, _: Sequence[int]) -> Trace:
    # "Training" is also how instance norm takes the statistics of the map before it.
    trace = call.main()
    if not call.arguments.get("training", False):
        return trace
    return trace.gate(labels_of([trace.dims[0], *trace.dims[2:]]), call.where)


@rule("mm", "bmm", "addmm", "baddbmm")
def _matmul(call: Call, shape: Sequence[int]) -> Trace:
    given = call.arguments
    left = call.trace_of(given["mat1"] if "mat1" in given else given["self"])
    if "batch1" in given:
        left = call.trace_of(given["batch1"])
    right = call.trace_of(given["batch2"] if "batch2" in given else given["mat2"])
    found = []
    if left is not None:
        left = left.pool(labels_of([left.dims[-1]]), call.where)
        found.append(replace(left, dims=(*left.dims[:-1], *plain([shape[-1]]))))
    if right is not None:
        right = right.pool(labels_of([right.dims[-2]]), call.where)
        found.append(replace(right, dims=(*right.dims[:-2], *plain([shape[-2]]), right.dims[-1])))
    if len(found) < len(call.traces):
        raise Mixed  # what is added depends on the image too
    return meet(found, shape, call.where)


# Other arrangements of the same numbers.


@rule(
    *("view", "_unsafe_view", "reshape", "_reshape_alias", "unsqueeze", "squeeze", "alias"),
    *("detach", "clone", "_to_copy", "contiguous", "lift_fresh"),
)
def _view(call: Call, shape: Sequence[int]) -> Trace:
    trace = call.main()
    return replace(trace, dims=regroup(trace.dims, shape))


@rule("expand")
def _expand(call: Call, shape: Sequence[int]) -> Trace:
    return meet([call.main()], shape, call.where)


@rule("permute", "transpose", "t")
def _permute(call: Call, _: Sequence[int]) -> Trace:
    trace = call.main()
    order = list(range(len(trace.dims)))
    if "dims" in call.arguments:
        order = [each % len(order) for each in call.arguments["dims"]]
    elif len(order) > 1:
        one, other = call.arguments.get("dim0", 0), call.arguments.get("dim1", 1)
        order[one], order[other] = order[other], order[one]
    return replace(trace, dims=tuple(trace.dims[at] for at in order))


@rule("cat")
def _cat(call: Call, shape: Sequence[int]) -> Trace:
    at = call.arguments["dim"] % len(shape)
    if any(trace.label(at) for trace in call.traces):
        raise Mixed
    traces = [
        replace(trace, dims=(*trace.dims[:at], (), *trace.dims[at + 1 :])) for trace in call.traces
    ]
    return meet(traces, shape, call.where)


@rule("copy")
def _copy(call: Call, shape: Sequence[int]) -> Trace:
    source = call.trace_of(call.arguments["src"])
    return meet([source] if source else call.traces, shape, call.where)


_PARTS = ("slice", "select", "split", "split_with_sizes", "unbind", "narrow", "index_select")


def _part(call: Call, shape: Sequence[int], output: int) -> Trace:
    """Some positions of one dimension: of all the outputs of a split, number `output`."""
    trace, given = call.main(), call.arguments
    at = given["dim"] % len(trace.dims)
    label, single = trace.label(at), len(shape) < len(trace.dims)
    dims = list(trace.dims)
    dims[at : at + 1] = [] if single else list(plain([shape[at]]))
    if not label:
        return replace(trace, dims=tuple(dims))
    size = trace.axis(label).count
    if call.name == "split":
        chosen = range(size)[output * given["split_size"] :][: given["split_size"]]
    elif call.name == "split_with_sizes":
        chosen = range(size)[sum(given["split_sizes"][:output]) :][: given["split_sizes"][output]]
    elif call.name == "slice":
        chosen = range(size)[given["start"] : given["end"] : given["step"]]
    elif call.name in ("select", "unbind"):
        chosen = range(size)[output if call.name == "unbind" else given["index"] :][:1]
    else:
        raise Mixed  # positions that only the data tell
    if len(chosen) > 1:
        dims[at] = ((len(chosen), label),)
    found = trace.with_axis(label, take(trace.axis(label), np.array(chosen)))
    return replace(found, dims=tuple(dims))
