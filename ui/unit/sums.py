"""Units that are sums: patch times kernel channel by channel, or input times weight; and maxima."""

from __future__ import annotations

from html import escape

import numpy as np

from ui.unit.grids import map_scale, number_grid, window_on_map
from ui.unit.numbers import number, signed
from viz.results.units import InputSum, InputTerm, WindowMax, WindowSum

_WRITTEN_OUT = 9  # cells whose products are written as a sum below the strongest channel


def window_sum(found: WindowSum) -> str:
    """A row a channel: where, patch × kernel = products, their sum, and the running sum."""
    patches = np.array([term.patch for term in found.channels])
    kernels = np.array([term.kernel for term in found.channels])
    patch_scale, patch_limit = map_scale(patches)
    _, kernel_limit = map_scale(kernels)
    _, product_limit = map_scale(patches * kernels)
    one_weight = bool(kernels.size) and bool((kernels == kernels.flat[0]).all())
    rows, running = [], 0.0
    for term in found.channels:
        running += term.total
        products = (term.patch * term.kernel).astype(np.float32)
        cells = [
            f"<td><b>{term.channel}</b></td>",
            f"<td>{window_on_map(term.map, found.window, f'Input channel {term.channel}', width='64px')}</td>",
            f"<td>{number_grid(term.patch, limit=patch_limit, scale=patch_scale, padded=found.padded)}</td>",
            '<td class="cs-unit-sign">×</td>',
            f"<td>{number_grid(term.kernel, limit=kernel_limit, scale='diverging')}</td>",
            '<td class="cs-unit-sign">=</td>',
            f"<td>{number_grid(products, limit=product_limit, scale='diverging', padded=found.padded)}</td>",
            f'<td class="cs-num"><b>{number(term.total)}</b></td>',
            f'<td class="cs-num">{number(running)}</td>',
        ]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    if found.rest_count:
        running += found.rest_total
        rows.append(_line(f"{found.rest_count} more channels together", found.rest_total, running))
    if found.bias is not None:
        running += found.bias
        rows.append(_line("bias", found.bias, running))
    kernel = "kernel" if not one_weight or found.weights == "weights" else found.weights
    head = (
        "<tr><th>channel</th><th>where</th><th>patch</th><th></th>"
        f"<th>{escape(kernel)}</th><th></th><th>products</th><th class=cs-num>sum</th>"
        "<th class=cs-num>running sum</th></tr>"
    )
    return (
        f'<div class="cs-scroll"><table class="cs-unit-rows">{head}{"".join(rows)}</table></div>'
        + _written_out(found)
    )


def window_sum_formula(found: WindowSum) -> str:
    """The sum of the channels in one line."""
    parts = [number(found.channels[0].total)] if found.channels else ["0"]
    parts += [signed(term.total) for term in found.channels[1:]]
    if found.rest_count:
        parts.append(f"{signed(found.rest_total)} ({found.rest_count} more)")
    if found.bias is not None:
        parts.append(f"{signed(found.bias)} (bias)")
    return " ".join(parts)


def window_max(found: WindowMax) -> str:
    """The patch with its winner."""
    scale, limit = map_scale(found.patch)
    grid = number_grid(
        found.patch, limit=limit, scale=scale, padded=found.padded, winner=found.winner
    )
    row = found.window.top + found.winner[0] * found.window.dilation[0]
    column = found.window.left + found.winner[1] * found.window.dilation[1]
    ties = f", together with {found.ties} equal to it" if found.ties else ""
    said = (
        f"The largest of {found.patch.size} numbers wins: row {row}, column {column} of channel "
        f"{found.channel}{ties}. The others leave no trace in the output."
    )
    thumb = window_on_map(found.map, found.window, f"Input channel {found.channel}", width="180px")
    return (
        f'<div class="cs-unit-pair">{thumb}<div class="cs-unit-big">{grid}</div></div>'
        f"<p>{escape(said)}</p>"
    )


def input_sum(found: InputSum) -> str:
    """A row an input, strongest first, with a bar each way."""
    top = max((abs(term.product) for term in found.terms), default=0.0) or 1.0
    origin = f"unit of {found.origin_layer}" if found.origin_layer else "input"
    middle = "−(x − w)²/2" if found.rule == "distance" else "x · w"
    rows, running = [], 0.0
    for term in found.terms:
        running += term.product
        rows.append(
            f"<tr><td>{_place(term)}</td><td class=cs-num>{number(term.value)}</td>"
            f"<td class=cs-num>{number(term.weight)}</td><td>{_bar(term.product / top)}</td>"
            f"<td class=cs-num><b>{number(term.product)}</b></td>"
            f"<td class=cs-num>{number(running)}</td></tr>"
        )
    for words, value, there in (
        (f"{found.rest_count:,} more inputs together", found.rest_total, found.rest_count > 0),
        ("bias", found.bias or 0.0, found.bias is not None),
    ):
        if there:
            running += value
            rows.append(
                f"<tr><td colspan=4>{words}</td><td class=cs-num><b>{number(value)}</b></td>"
                f"<td class=cs-num>{number(running)}</td></tr>"
            )
    head = (
        f"<tr><th>{escape(origin)}</th><th class=cs-num>value x</th><th class=cs-num>weight w</th>"
        f"<th></th><th class=cs-num>{middle}</th><th class=cs-num>running sum</th></tr>"
    )
    return (
        f'<div class="cs-scroll"><table class="cs-unit-rows cs-unit-flat">{head}'
        f"{''.join(rows)}</table></div>"
    )


def input_sum_formula(found: InputSum) -> str:
    """The sum in one line."""
    shown = found.terms[:6]
    parts = [number(shown[0].product)] if shown else ["0"]
    parts += [signed(term.product) for term in shown[1:]]
    rest = found.rest_total + sum(term.product for term in found.terms[6:])
    count = found.rest_count + len(found.terms[6:])
    if count:
        parts.append(f"{signed(rest)} ({count:,} more)")
    if found.bias is not None:
        parts.append(f"{signed(found.bias)} (bias)")
    return " ".join(parts)


def _written_out(found: WindowSum) -> str:
    """The products of the strongest channel as a sum of products, where they are few."""
    if not found.channels or found.channels[0].patch.size > _WRITTEN_OUT:
        return ""
    term = found.channels[0]
    if term.patch.size == 1 and len(found.channels) > 1:
        return ""
    parts = [
        f"{_factor(float(x))} · {_factor(float(w))}"
        for x, w in zip(term.patch.flat, term.kernel.flat, strict=True)
    ]
    return (
        f'<p class="cs-unit-written">Channel {term.channel} in full: {" + ".join(parts)} = '
        f"<b>{number(term.total)}</b></p>"
    )


def _factor(value: float) -> str:
    text = number(value, 3)
    return f"({text})" if value < 0 else text


def _line(words: str, value: float, running: float) -> str:
    return (
        f"<tr><td colspan=7>{escape(words)}</td><td class=cs-num><b>{number(value)}</b></td>"
        f"<td class=cs-num>{number(running)}</td></tr>"
    )


def _place(term: InputTerm) -> str:
    return ", ".join(map(str, term.origin))


def _bar(share: float) -> str:
    width = abs(share) * 50 if np.isfinite(share) else 0.0
    left = 50 - width if share < 0 else 50
    kind = "cs-unit-minus" if share < 0 else "cs-unit-plus"
    return f'<div class="cs-unit-bar"><i class="{kind}" style="left:{left:.1f}%;width:{width:.1f}%"></i></div>'
