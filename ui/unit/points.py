"""Units that are made of one or two numbers: activations, norms, additions, what is passed on; and
the shares of a softmax."""

from __future__ import annotations

import base64
from html import escape

import numpy as np

from ui.unit.numbers import number, signed
from viz.figures.theme import ACCENT, MUTED, WARNING
from viz.results import Floats
from viz.results.units import Combined, Moved, Normalised, Operand, Pointwise, Share

_CLASSES = 10


def pointwise(found: Pointwise, total: float) -> str:
    """The function drawn, with the number on it."""
    return (
        f'<div class="cs-unit-pair">{_curve(found.curve, found.x, total)}'
        f'<div><p class="cs-unit-formula">{escape(found.formula)}</p>'
        f'<p class="cs-unit-formula">{escape(found.written)} = <b>{number(total)}</b></p>'
        f"<p>{escape(found.note)}</p></div></div>"
    )


def normalised(found: Normalised, total: float) -> str:
    """(x − μ) / √(σ² + ε) · γ + β step by step."""
    spread = float(np.sqrt(found.variance + found.eps))
    centred = found.x - found.mean
    rows = (
        ("x", "the number that comes in", number(found.x)),
        ("μ", "mean", number(found.mean)),
        ("σ²", "variance", number(found.variance)),
        ("ε", "keeps the division possible", number(found.eps)),
        ("γ", "trained scale", number(found.gamma)),
        ("β", "trained offset", number(found.beta)),
    )
    symbols = "".join(
        f"<tr><td><b>{symbol}</b></td><td>{words}</td><td class=cs-num>{value}</td></tr>"
        for symbol, words, value in rows
    )
    steps = (
        ("centred", f"x − μ = {number(found.x)} {signed(-found.mean)}", centred),
        ("divided", f"… / √(σ² + ε) = {number(centred)} / {number(spread)}", centred / spread),
        (
            "scaled",
            f"… · γ = {number(centred / spread)} · {number(found.gamma)}",
            centred / spread * found.gamma,
        ),
        (
            "shifted",
            f"… + β = {number(centred / spread * found.gamma)} {signed(found.beta)}",
            total,
        ),
    )
    lines = "".join(
        f"<tr><td>{word}</td><td>{escape(text)}</td><td class=cs-num><b>{number(value)}</b></td></tr>"
        for word, text, value in steps
    )
    return (
        '<p class="cs-unit-formula">(x − μ) / √(σ² + ε) · γ + β</p>'
        '<div class="cs-unit-pair cs-unit-tables">'
        f'<table class="cs-table">{symbols}</table><table class="cs-table">{lines}</table></div>'
        f"<p>μ and σ²: {escape(found.over)}.</p>"
    )


def combined(found: Combined, total: float) -> str:
    """What is added or multiplied, one line each."""
    verb = "added" if found.sign == "+" else "multiplied"
    lines = "".join(
        f"<tr><td>{'' if i == 0 else found.sign}</td><td>{_who(operand)}</td>"
        f"<td class=cs-num><b>{number(operand.value)}</b></td></tr>"
        for i, operand in enumerate(found.operands)
    )
    return (
        f'<table class="cs-table cs-unit-narrow">{lines}<tr><td>=</td><td></td>'
        f"<td class=cs-num><b>{number(total)}</b></td></tr></table>"
        f"<p>Numbers at the same place are {verb}"
        f"{': here a path that went round comes back' if found.sign == '+' else ''}.</p>"
    )


def moved(found: Moved) -> str:
    """Where the number comes from."""
    if found.source is None:
        return f"<p>A zero that was filled in. {escape(found.note)}</p>"
    return (
        f'<p class="cs-unit-formula">{_who(found.source)} = <b>{number(found.source.value)}</b></p>'
        f"<p>{escape(found.note)}</p>"
    )


def share(found: Share) -> str:
    """exp(z) of each number over the sum of all."""
    top = float(found.logits.max())
    powers = np.exp(found.logits - top)
    whole = float(powers.sum())
    order = [int(i) for i in np.argsort(-found.logits, kind="stable")[:_CLASSES]]
    if found.index not in order:
        order.append(found.index)
    rows = []
    for index in order:
        name = found.names[index] if found.names else str(index)
        mark = " class=cs-unit-chosen" if index == found.index else ""
        part = float(powers[index]) / whole
        rows.append(
            f"<tr{mark}><td>{escape(name)}</td><td class=cs-num>{number(float(found.logits[index]))}</td>"
            f"<td class=cs-num>{number(float(powers[index]))}</td>"
            f'<td><div class="cs-unit-bar"><i class="cs-unit-plus" style="left:0;width:{part * 100:.1f}%">'
            f"</i></div></td><td class=cs-num><b>{number(part)}</b></td></tr>"
        )
    rest = len(found.logits) - len(order)
    if rest:
        left = whole - float(powers[order].sum())
        rows.append(
            f"<tr><td>{rest:,} more</td><td></td><td class=cs-num>{number(left)}</td><td></td>"
            f"<td class=cs-num>{number(left / whole)}</td></tr>"
        )
    rows.append(
        f"<tr><td>sum</td><td></td><td class=cs-num><b>{number(whole, 7)}</b></td><td></td><td class=cs-num>1</td></tr>"
    )
    power = float(powers[found.index])
    return (
        f'<p class="cs-unit-formula">exp(z − {number(top)}) / Σ = {number(power, 7)} / {number(whole, 7)} = '
        f"<b>{number(power / whole, 7)}</b></p>"
        '<div class="cs-scroll"><table class="cs-unit-rows cs-unit-flat"><tr><th>class</th>'
        "<th class=cs-num>z</th><th class=cs-num>exp(z − max)</th><th></th><th class=cs-num>share</th></tr>"
        f"{''.join(rows)}</table></div>"
        "<p>Subtracting the largest z changes no share and keeps exp from overflowing.</p>"
    )


def _who(operand: Operand) -> str:
    where = f" [{', '.join(map(str, operand.unit))}]" if operand.unit else ""
    return escape((operand.layer or "the image") + where)


def _curve(curve: Floats, x: float, y: float) -> str:
    """A function with one point on it, as SVG of 220×160."""
    xs, ys = curve.astype(float)
    finite = bool(np.isfinite(x) and np.isfinite(y))
    low, high = (
        float(min(ys.min(), y if finite else 0.0)),
        float(max(ys.max(), y if finite else 0.0)),
    )
    span = (high - low) or 1.0

    def at(a: float, b: float) -> str:
        return f"{10 + (a - xs[0]) / (xs[-1] - xs[0]) * 200:.1f},{150 - (b - low) / span * 140:.1f}"

    line = " ".join(at(a, b) for a, b in zip(xs, ys, strict=True))
    zero, dot = at(0.0, 0.0).split(","), ""
    if finite:
        px, py = at(x, y).split(",")
        dot = (
            f'<path d="M{px},{zero[1]} L{px},{py}" stroke="{WARNING}" stroke-dasharray="3 3"/>'
            f'<circle cx="{px}" cy="{py}" r="5" fill="{WARNING}"/>'
        )
    # as an image, because the page's sanitiser takes out inline SVG; its greys suit both themes
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 220 160" fill="none">'
        f'<path d="M10,{zero[1]} H210 M{zero[0]},10 V150" stroke="{MUTED}" opacity="0.5"/>'
        f'<polyline points="{line}" stroke="{ACCENT}" stroke-width="2.5"/>{dot}</svg>'
    )
    data = base64.b64encode(drawing.encode()).decode("ascii")
    return (
        f'<img class="cs-unit-curve" src="data:image/svg+xml;base64,{data}" '
        f'alt="The function, and on it {number(x)} becoming {number(y)}">'
    )
