"""One unit of what looks at single numbers: activations, normalisation, linear layers, softmax."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from models.modules import RBF, ScaledTanh
from viz.lenses.unit_windows import Doubles, Explained
from viz.results.units import Index, InputSum, InputTerm, Normalised, Pointwise, Share

_LEAST = 1e-30  # a share this small is 0 in float32
_CURVE = 81  # points a function is drawn through
_Function = tuple[Callable[[float], float], str, str]
"""The function, its formula with x, and the formula with {x} for the number."""


def explain_activation(module: nn.Module, x: Tensor, unit: Index) -> Explained | None:
    """A function of the number at the same place; None for a function not known here."""
    found = _function(module)
    if found is None:
        return None
    function, formula, written = found
    at = _number(x, unit)
    total = function(at) if math.isfinite(at) else float("nan")
    note = "Negative numbers become 0." if isinstance(module, nn.ReLU) and at < 0 else ""
    shown = f"{at:.4g}".replace("-", "−")
    reach = max(3.0, 1.25 * abs(at)) if math.isfinite(at) else 3.0
    places = np.linspace(-reach, reach, _CURVE)
    explanation = Pointwise(
        x=at,
        formula=formula,
        written=written.replace("{x}", f"({shown})" if at < 0 else shown),
        curve=np.array([places, [function(float(place)) for place in places]], np.float32),
        note=note,
    )
    return Explained(explanation, total, max(abs(at), abs(total)))


def _function(module: nn.Module) -> _Function | None:
    match module:
        case nn.ReLU():
            return lambda x: max(0.0, x), "max(0, x)", "max(0, {x})"
        case nn.ReLU6():
            return lambda x: min(6.0, max(0.0, x)), "min(6, max(0, x))", "min(6, max(0, {x}))"
        case nn.LeakyReLU():
            slope = float(module.negative_slope)
            formula = f"x where x > 0, else {slope:g} · x"
            return lambda x: x if x > 0 else slope * x, formula, f"{formula}, x = {{x}}"
        case nn.ELU():
            alpha = float(module.alpha)
            formula = f"x where x > 0, else {alpha:g} · (eˣ − 1)"
            return (
                lambda x: x if x > 0 else alpha * math.expm1(x),
                formula,
                f"{formula}, x = {{x}}",
            )
        case nn.GELU():
            return _gelu(module.approximate), "x · Φ(x)", "{x} · Φ({x})"
        case nn.SiLU():
            return lambda x: x * _sigmoid(x), "x / (1 + e⁻ˣ)", "{x} / (1 + exp(−{x}))"
        case nn.Hardswish():
            return (
                lambda x: x * min(6.0, max(0.0, x + 3)) / 6,
                "x · min(6, max(0, x + 3)) / 6",
                "{x} · min(6, max(0, {x} + 3)) / 6",
            )
        case nn.Hardsigmoid():
            return (
                lambda x: min(6.0, max(0.0, x + 3)) / 6,
                "min(6, max(0, x + 3)) / 6",
                "min(6, max(0, {x} + 3)) / 6",
            )
        case nn.Tanh():
            return math.tanh, "tanh(x)", "tanh({x})"
        case ScaledTanh():
            return (
                lambda x: 1.7159 * math.tanh(2 * x / 3),
                "1.7159 · tanh(2x/3)",
                "1.7159 · tanh(2 · {x} / 3)",
            )
        case nn.Sigmoid():
            return _sigmoid, "1 / (1 + e⁻ˣ)", "1 / (1 + exp(−{x}))"
    return None


def explain_norm(module: nn.Module, x: Tensor, unit: Index) -> Explained | None:
    """(x − μ) / √(σ² + ε) · γ + β in evaluation mode; None for a norm not known here."""
    values = x[0].detach().to(torch.float64).numpy()
    channel = unit[0]
    if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.InstanceNorm2d):
        mean, variance = module.running_mean, module.running_var
        if mean is not None and variance is not None:
            return _normalised(
                values[unit], float(mean[channel]), float(variance[channel]), module.eps,
                _at(module.weight, channel, 1), _at(module.bias, channel, 0),
                f"running mean and variance of channel {channel}, averaged over the batches of "
                "the training",
            )  # fmt: skip
    if isinstance(module, nn.LayerNorm):
        return _layer_norm(module, values, unit)
    if isinstance(module, nn.GroupNorm):
        width = module.num_channels // module.num_groups
        first = channel // width * width
        part, over = values[first : first + width], f"channels {first} to {first + width - 1}"
    elif isinstance(module, nn.InstanceNorm2d):
        part, over = values[channel], f"channel {channel}"
    else:
        return None
    return _normalised(
        values[unit], float(part.mean()), float(part.var()), module.eps,
        _at(module.weight, channel, 1), _at(module.bias, channel, 0),
        f"mean and variance of the {part.size:,} numbers of {over} of this image",
    )  # fmt: skip


def _layer_norm(module: nn.LayerNorm, values: Doubles, unit: Index) -> Explained:
    shape = tuple(module.normalized_shape)
    if values.ndim == 3 and len(shape) == 1 and values.shape[-1] != shape[0]:
        # torchvision's LayerNorm2d normalises the channels of each place
        part, inner = values[:, unit[1], unit[2]], unit[:1]
        over = "the channels at this place"
    elif type(module).__name__ == "LayerNorm2d":
        part, inner, over = values[:, unit[1], unit[2]], unit[:1], "the channels at this place"
    else:
        lead = values.ndim - len(shape)
        part, inner, over = values[unit[:lead]], unit[lead:], "the layer's input"
    return _normalised(
        values[unit], float(part.mean()), float(part.var()), module.eps,
        _at(module.weight, inner, 1), _at(module.bias, inner, 0),
        f"mean and variance of the {part.size:,} numbers of {over}, of this image",
    )  # fmt: skip


def _normalised(
    x: float, mean: float, variance: float, eps: float, gamma: float, beta: float, over: str
) -> Explained:
    spread = math.sqrt(variance + eps)
    total = (float(x) - mean) / spread * gamma + beta
    scale = (abs(float(x)) + abs(mean)) / spread * abs(gamma) + abs(beta)
    explanation = Normalised(float(x), mean, variance, float(eps), gamma, beta, over)
    return Explained(explanation, total, scale)


def explain_linear(
    module: nn.Linear | RBF, x: Tensor, unit: Index, rows: int, origins: list[Index] | None,
    origin_layer: str,
) -> Explained:  # fmt: skip
    """Σ x · w + b; of LeNet's output layer −Σ (x − w)²/2."""
    values = x[0][unit[:-1]].detach().to(torch.float64).numpy()  # (F,)
    out = unit[-1]
    if isinstance(module, RBF):
        weight = module.codes[out].to(torch.float64).numpy()
        products, bias, rule = -((values - weight) ** 2) / 2, None, "distance"
        # torch adds these three sums, which are larger than their difference
        scale = float((np.abs(values * weight) + (values**2 + weight**2) / 2).sum())
    else:
        weight = module.weight[out].detach().to(torch.float64).numpy()
        products, rule = values * weight, "product"
        bias = None if module.bias is None else float(module.bias.detach()[out])
        scale = float(np.abs(products).sum()) + abs(bias or 0.0)
    order = np.argsort(-np.abs(products), kind="stable")
    explanation = InputSum(
        terms=tuple(
            InputTerm(
                int(at), origins[at] if origins else (int(at),), float(values[at]),
                float(weight[at]), float(products[at]),
            )
            for at in order[:rows]
        ),
        rest_count=max(0, len(order) - rows),
        rest_total=float(products[order[rows:]].sum()),
        bias=bias,
        rule=rule,
        origin_layer=origin_layer if origins else "",
    )  # fmt: skip
    return Explained(explanation, float(products.sum()) + (bias or 0.0), scale)


def explain_softmax(x: Tensor, unit: Index, names: tuple[str, ...]) -> Explained:
    """exp(z) over the sum of the exp of all."""
    logits = x[0].detach().to(torch.float64).numpy()  # (K,)
    powers = np.exp(logits - logits.max())
    total = float(powers[unit[0]] / powers.sum())
    return Explained(
        Share(unit[0], logits, names if len(names) == len(logits) else ()),
        total,
        max(total, _LEAST),
    )


def _number(x: Tensor, unit: Index) -> float:
    return float(x[0][unit])


def _at(parameter: Tensor | None, where: int | Index, otherwise: float) -> float:
    return otherwise if parameter is None else float(parameter.detach()[where])


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _gelu(approximate: str) -> Callable[[float], float]:
    if approximate == "tanh":
        inner = math.sqrt(2 / math.pi)
        return lambda x: 0.5 * x * (1 + math.tanh(inner * (x + 0.044715 * x**3)))
    return lambda x: 0.5 * x * math.erfc(-x / math.sqrt(2))
