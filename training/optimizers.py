"""Builds the optimiser of a run from its spec and applies live changes to it.

Weight decay acts on weights only: biases and the scale and shift of normalisation layers (parameters
called `bias` or with fewer than two dimensions) are left alone, as Goyal et al. 2017 (section 5.3)
and most recipes since do. They form the second of two parameter groups.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Adadelta, Adam, AdamW, Optimizer, RMSprop

from training.spec import OptimizerSpec

_FUSED_DEVICES = {"cpu", "cuda"}  # where torch has single-kernel SGD, Adam and AdamW


def build_optimizer(spec: OptimizerSpec, model: nn.Module) -> Optimizer:
    """The optimiser over two groups: weights, which decay, and all other parameters.

    Adam's and AdamW's beta1 is `momentum`; beta2 and eps are torch's. Adadelta ignores `momentum`.
    """
    weights: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, param in model.named_parameters():
        decays = param.ndim >= 2 and name.rpartition(".")[2] != "bias"
        (weights if decays else others).append(param)
    groups: list[dict[str, Any]] = [{"params": weights}, {"params": others}]
    fused = all(param.device.type in _FUSED_DEVICES for param in weights + others)
    optimizer: Optimizer
    if spec.name == "sgd":
        optimizer = SGD(
            groups, lr=spec.lr, momentum=spec.momentum, nesterov=spec.nesterov, fused=fused
        )
    elif spec.name == "adam":
        optimizer = Adam(groups, lr=spec.lr, betas=(spec.momentum, 0.999), fused=fused)
    elif spec.name == "adamw":
        optimizer = AdamW(groups, lr=spec.lr, betas=(spec.momentum, 0.999), fused=fused)
    elif spec.name == "adadelta":
        optimizer = Adadelta(groups, lr=spec.lr, foreach=True)
    else:
        optimizer = RMSprop(groups, lr=spec.lr, momentum=spec.momentum, foreach=True)
    set_weight_decay(optimizer, spec.weight_decay)
    return optimizer


def set_lr(optimizer: Optimizer, lr: float) -> None:
    """Use `lr` from the next update on."""
    for group in optimizer.param_groups:
        group["lr"] = lr


def set_weight_decay(optimizer: Optimizer, weight_decay: float) -> None:
    """Let the weights decay by this from the next update on; the other parameters never do."""
    weights, others = optimizer.param_groups
    weights["weight_decay"], others["weight_decay"] = weight_decay, 0.0


def set_momentum(optimizer: Optimizer, momentum: float) -> None:
    """Use this momentum (beta1 of Adam and AdamW) from the next update on.

    A velocity that was off while the momentum was 0 starts at rest, and so does Nesterov. Adadelta
    has no momentum and stays as it is.
    """
    for group in optimizer.param_groups:
        if "betas" in group:
            group["betas"] = (momentum, group["betas"][1])
        elif "momentum" in group:
            if group["momentum"] == 0 and momentum > 0:
                for param in group["params"]:
                    if state := optimizer.state.get(param):
                        state["momentum_buffer"] = torch.zeros_like(param)
            group["momentum"] = momentum
