"""From fully connected to depthwise separable: what the same shapes cost, and where weights repeat."""

from __future__ import annotations

import colorsys
import math
from dataclasses import replace
from functools import cache
from html import escape
from typing import Final

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from ui import html, url_state
from viz.arithmetic.counts import Cost, compare_costs
from viz.arithmetic.forms import build_matrix
from viz.arithmetic.numbers import draw_numbers
from viz.arithmetic.setting import Setting, SettingError, check
from viz.arithmetic.steps import Step, build_steps
from viz.figures.tiles import encode_png

Shape = tuple[int, ...]
SHAPES: Final[dict[str, tuple[str, Shape, Shape, Shape]]] = {
    "lenet": ("LeNet-5, C1", (1, 32, 32), (6, 28, 28), (5, 5)),
    "alexnet": ("AlexNet, conv1", (3, 227, 227), (96, 55, 55), (11, 11)),
    "vgg": ("VGG-16, conv3_2", (256, 56, 56), (256, 56, 56), (3, 3)),
    "resnet": ("ResNet-50, a 3×3", (128, 28, 28), (128, 28, 28), (3, 3)),
    "mobilenet": ("MobileNet, a middle block", (512, 14, 14), (512, 14, 14), (3, 3)),
}
_LARGEST_LINKS: Final = 150  # rows or columns of a picture of connections


def render(setting: Setting, steps: tuple[Step, ...]) -> None:
    """The table for a choice of shapes, then who is connected to whom."""
    names = {"own": "Sizes at the side"} | {name: words for name, (words, *_) in SHAPES.items()}
    chosen = url_state.choice("Shapes", names, key="shapes", default="own")
    if chosen == "own":
        source, target = steps[0].x.shape, steps[-1].output.shape
        kernel = tuple(len(axis.taps) for axis in steps[0].axes)
        groups = setting.groups if setting.operation == "conv" else 1
    else:
        _, source, target, kernel = SHAPES[chosen]
        groups = 1
    costs = compare_costs(source, target, kernel, groups=groups, bias=setting.bias)
    st.html(cost_table(costs))
    convolution = next(cost for cost in costs if cost.name == "Convolution")
    separable = costs[-1]
    share = separable.macs / convolution.macs
    st.caption(
        f"From {_shape(source)} to {_shape(target)} with windows of {_shape(kernel)}; blue: parameters, "
        "orange: MACs, both on a logarithmic scale. C and O are the channels in and out, I and P the "
        "cells of one channel in and out, K those of a window. Looking only nearby saves first, then "
        "sharing the weights along the picture, then keeping the channels apart: depthwise separable "
        f"costs {share:.4f} of the convolution's MACs, 1/O + 1/K = 1/{target[0]} + "
        f"1/{math.prod(kernel)} (Howard et al. 2017)."
    )
    _links(setting)


def cost_table(costs: tuple[Cost, ...]) -> str:
    """Rows with both counts as bars, the convolution as the measure."""
    most = max(max(cost.num_params, cost.macs) for cost in costs)
    measure = next(cost for cost in costs if cost.name == "Convolution")
    rows = []
    for cost in costs:
        bars = "".join(
            f'<i style="--w:{100 * np.log1p(value) / np.log1p(most):.1f}%"></i>'
            for value in (cost.num_params, cost.macs)
        )
        rows.append(
            f"<tr><td>{escape(cost.name)}</td><td class='formula'><small>{escape(cost.formula)}</small></td>"
            f"<td class='cs-num'>{_count(cost.num_params, measure.num_params)}</td>"
            f"<td class='cs-num'>{_count(cost.macs, measure.macs)}</td>"
            f"<td class='bar'>{bars}</td></tr>"
        )
    head = (
        "<tr><th>Way</th><th class='formula'>Weights</th><th class='cs-num'>Parameters</th>"
        "<th class='cs-num'>MACs</th><th></th></tr>"
    )
    return f'<div class="cs-scroll"><table class="cs-convolution-costs">{head}{"".join(rows)}</table></div>'


def _count(value: int, measure: int) -> str:
    return f"{value:,}<br><small>{_times(value, measure)}</small>"


def _times(value: int, measure: int) -> str:
    ratio = value / measure
    if ratio == 1:
        return "the same"
    return f"{ratio:,.4g} times" if ratio >= 1 else f"1/{1 / ratio:,.3g}"


def _shape(shape: Shape) -> str:
    return "×".join(map(str, shape))


def _links(setting: Setting) -> None:
    """Connection matrices whose colours name the weights: the same colour is the same weight."""
    example, own = _example(setting)
    matrix = _names(example)
    local = np.where(matrix >= 0, np.arange(matrix.size).reshape(matrix.shape), -1)
    pictures = [
        ("Fully connected", np.arange(matrix.size).reshape(matrix.shape)),
        ("Locally connected", local),
        ("Convolution", matrix),
    ]
    if example.groups > 1:
        pictures[-1] = (f"Convolution, {example.groups} groups", matrix)
    depthwise, pointwise = _separable(example)
    pictures += [("Depthwise", depthwise), ("then pointwise", pointwise)]
    st.subheader("Who is connected to whom")
    figures = []
    for title, names in pictures:
        weights = len(np.unique(names[names >= 0]))
        picture = html.image(
            encode_png(weight_colors(names), zoom=3), f"{title}: {weights} weights"
        )
        words = f"{names.shape[0]}×{names.shape[1]}, {int((names >= 0).sum()):,} links, {weights:,} weights"
        figures.append(f"<figure><b>{title}</b>{picture}{html.caption(words)}</figure>")
    st.html(f'<div class="cs-convolution-links">{"".join(figures)}</div>')
    st.caption(
        (
            "For the sizes at the side"
            if own
            else "For two channels of 5×5 and a 3×3 kernel, small enough to see"
        )
        + ": every row is an output cell, every column an input cell, every colour a weight of its own. Where a colour "
        "comes back, a weight is shared."
    )


def _example(setting: Setting) -> tuple[Setting, bool]:
    small = Setting(in_channels=2, out_channels=2)
    if setting.operation not in ("conv", "separable"):
        return small, False
    plain = replace(
        setting,
        operation="conv",
        groups=1 if setting.operation == "separable" else setting.groups,
        bias=False,
    )
    try:
        [step] = build_steps(check(plain), draw_numbers(plain))
    except SettingError:
        return small, False
    fits = max(step.x.size, step.output.size) <= _LARGEST_LINKS
    return (plain, True) if fits else (small, False)


def _names(setting: Setting) -> NDArray[np.int64]:
    [step] = build_steps(setting, draw_numbers(setting))
    return build_matrix(step).weights


def _separable(setting: Setting) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    separable = replace(setting, operation="separable", groups=1)
    first, second = build_steps(separable, draw_numbers(separable))
    return build_matrix(first).weights, build_matrix(second).weights


def weight_colors(names: NDArray[np.int64]) -> NDArray[np.uint8]:
    """RGBA (rows, columns, 4): a colour for each weight, far apart for neighbours; nothing for −1."""
    table = _palette(min(4096, int(names.max(initial=0)) + 1))
    pixels: NDArray[np.uint8] = table[np.maximum(names, 0) % len(table)]
    pixels[names < 0] = (125, 135, 148, 28)
    return pixels


@cache
def _palette(count: int) -> NDArray[np.uint8]:
    # Golden-ratio steps round the colour circle, two lightnesses: weights side by side differ most.
    colors = [
        colorsys.hls_to_rgb(index * 0.618034 % 1, 0.42 + 0.2 * (index % 2), 0.62)
        for index in range(count)
    ]
    return np.array([[round(255 * part) for part in color] + [255] for color in colors], np.uint8)
