"""Parameters and MACs of the ways to get from one shape to another, from fully connected to
depthwise separable: what sharing weights and looking only nearby saves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from viz.arithmetic.setting import Setting
from viz.arithmetic.steps import Step


@dataclass(frozen=True)
class Cost:
    """One way; `formula` is its parameter count without biases, in symbols: K positions of a kernel."""

    name: str
    formula: str
    num_params: int
    macs: int


def compare_costs(
    in_shape: tuple[int, ...],
    out_shape: tuple[int, ...],
    kernel_size: tuple[int, ...],
    *,
    groups: int = 1,
    bias: bool = False,
) -> tuple[Cost, ...]:
    """Costs for the same input (C, *size) and output (O, *out), from most parameters to fewest.

    A MAC is one multiplication with its addition; windows count in full where they reach into
    padding, and biases cost no MAC. Sources: LeCun et al. 1998 (sharing), Howard et al. 2017,
    arXiv:1704.04861, section 3.1 (separable: 1/C_out + 1/k² of the convolution's weights).
    """
    cin, cout = in_shape[0], out_shape[0]
    cells, places = math.prod(in_shape), math.prod(out_shape)
    here, window = math.prod(out_shape[1:]), math.prod(kernel_size)
    own, shared = (places if bias else 0), (cout if bias else 0)
    rows = [
        Cost("Fully connected", "C·I · O·P", cells * places + own, cells * places),
        Cost("Locally connected", "C·K · O·P", cin * window * places + own, cin * window * places),
        Cost("Convolution", "C·K · O", cin * window * cout + shared, cin * window * places),
    ]
    if groups > 1:
        inner = cin // groups * window
        name = f"Convolution, {groups} groups"
        rows.append(Cost(name, "C/g·K · O", inner * cout + shared, inner * places))
    separable = cin * window + cin * cout
    macs = (cin * window + cin * cout) * here
    rows.append(Cost("Depthwise separable", "C·K + C·O", separable + shared, macs))
    return tuple(rows)


def setting_cost(setting: Setting, steps: tuple[Step, ...]) -> tuple[int, int]:
    """Parameters and MACs of a setting as it is computed; pooling has neither."""
    params = sum(step.weight.size for step in steps if step.weight is not None)
    params += setting.channels[1] if setting.bias and setting.weighted else 0
    if setting.operation == "transposed":  # gaps cost nothing: every input meets every weight once
        [step] = steps
        return params, math.prod(step.x.shape[1:]) * (params - step.bias.size)
    macs = 0
    for step in steps:
        if step.weight is not None:
            macs += math.prod(step.output.shape[1:]) * step.weight.size
    return params, macs
