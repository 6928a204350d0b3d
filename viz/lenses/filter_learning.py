"""What training does to a layer's weights next: the gradient, and the momentum it has gathered."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from data.images import normalize
from data.splits import spread
from models.references import RunRef, parse_reference
from training import checkpoint
from training.checkpoint import CheckpointError
from training.state import TrainState
from viz.lenses.arrays import to_floats
from viz.lenses.context import LensContext, Subject
from viz.lenses.convolutions import Chosen, choose_convolution, dense, to_dense
from viz.lenses.filters import MAX_FILTERS, MAX_INPUTS, cut_out
from viz.lenses.held_out import leaf_macs
from viz.lenses.registry import lens
from viz.results import Floats
from viz.results.filters import FilterLearning

IMAGES = 256
_FEWEST = 32
_MACS = 1e10  # forwards; backwards takes twice that again
_KINDS = {  # what each optimiser keeps that points where the weights are heading
    "sgd": ("momentum_buffer", "the velocity of SGD, its gathered gradients"),
    "rmsprop": ("momentum_buffer", "the velocity of RMSprop, its gathered scaled gradients"),
    "adam": ("exp_avg", "the first moment of Adam, the running mean of its gradients"),
    "adamw": ("exp_avg", "the first moment of AdamW, the running mean of its gradients"),
}


@lens("filter_learning")
def filter_learning(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    layer: str | None = None,
    first_filter: int = 0,
    num_filters: int = MAX_FILTERS,
    first_input: int = 0,
    num_inputs: int = MAX_INPUTS,
    dataset: Mapping[str, Any] | None = None,
) -> FilterLearning:
    """Gradient of the loss on a fixed batch, and the optimiser's momentum, shaped as the filters.

    The batch is the same `IMAGES` training images each time (fewer for large networks), every class
    with its share, without augmentation. Norms work as in training, by the statistics of the batch;
    dropout is off, so that asking twice gives the same answer. The optimiser's state is kept for a
    run's newest moment only. The limits are those of the lens `filters`.
    """
    subject = context.subject(model, dataset)
    chosen = choose_convolution(subject, layer)
    part = (first_filter, num_filters, first_input, num_inputs)
    cut_out(dense(chosen.module), *part)  # refuses what is not there before the work begins
    gradient, loss, gradient_note = _gradient(context, subject, chosen)
    momentum, momentum_note = _momentum(context, subject, chosen, str(model))

    def cut(values: Tensor | None) -> Floats | None:
        return None if values is None else to_floats(cut_out(values, *part))

    return FilterLearning(
        layer=chosen.layer,
        gradient=cut(gradient),
        gradient_note=gradient_note,
        loss=loss,
        momentum=cut(momentum),
        momentum_note=momentum_note,
        layer_gradient=_largest(gradient),
        layer_momentum=_largest(momentum),
        step=subject.step,
    )


def compute_gradient(
    net: nn.Module, layer: str, images: Tensor, labels: Tensor, smoothing: float = 0.0
) -> tuple[Tensor, float]:
    """Gradient of the mean cross-entropy by the weight of `layer`, and the loss.

    `net` is changed: pass a copy. images (N, C, H, W) as it takes them, labels (N,).
    """
    net.train()
    for module in net.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.eval()
    weight = net.get_submodule(layer).get_parameter("weight").requires_grad_(True)
    with torch.enable_grad():
        loss = functional.cross_entropy(net(images), labels, label_smoothing=smoothing)
        (gradient,) = torch.autograd.grad(loss, weight)
    return gradient, float(loss.detach())


def _gradient(
    context: LensContext, subject: Subject, chosen: Chosen
) -> tuple[Tensor | None, float, str]:
    try:
        train = context.images(subject, "train")
    except ValueError as error:
        return None, float("nan"), f"There is no gradient without training images. {error}"
    affordable = int(_MACS // max(sum(leaf_macs(subject).values()), 1))
    count = min(IMAGES, len(train), max(_FEWEST, affordable))
    if count < 2:  # batch norm cannot do with less
        return None, float("nan"), "There is no gradient without training images."
    batch = train.at(spread(train.labels, count))
    net = copy.deepcopy(subject.net)
    smoothing = subject.spec.label_smoothing if subject.spec else 0.0
    gradient, loss = compute_gradient(
        net, chosen.layer, normalize(batch.images, subject.info), batch.labels, smoothing
    )
    return to_dense(chosen.module, gradient), loss, (
        f"Gradient of the loss on a fixed batch of {count} training images, without augmentation "
        "and dropout; training moves each weight against it."
    )  # fmt: skip


def _momentum(
    context: LensContext, subject: Subject, chosen: Chosen, model: str
) -> tuple[Tensor | None, str]:
    reference = parse_reference(model)
    if not isinstance(reference, RunRef) or subject.spec is None:
        return None, (
            "The optimiser's momentum is kept beside the runs of this server only: train a network "
            "to see it."
        )  # fmt: skip
    name = subject.spec.optimizer.name
    if name not in _KINDS:
        return None, f"The optimiser {name} gathers no momentum."
    path = context.store.checkpoint_path(reference.run_id)
    if not path.is_file():
        return None, (
            "No state of the optimiser is kept yet: checkpoints are written while the run trains "
            "and when it ends."
        )  # fmt: skip
    state = TrainState.fresh(subject.spec, subject.info, torch.device("cpu"))
    try:
        checkpoint.load(path, state)
    except CheckpointError as error:
        return None, f"The optimiser's momentum cannot be shown. {error}"
    if reference.step is not None and reference.step != state.step:
        return None, (
            f"The optimiser's momentum is kept for the newest checkpoint only, update "
            f"{state.step:,}: move the time slider to the end."
        )  # fmt: skip
    kind, words = _KINDS[name]
    weight = state.model.get_parameter(f"{chosen.layer}.weight")
    found = state.optimizer.state.get(weight, {}).get(kind)
    if found is None:
        return None, f"The run trains without momentum, so its optimiser {name} keeps none."
    return to_dense(chosen.module, found.detach()), f"After update {state.step:,}: {words}."


def _largest(values: Tensor | None) -> float:
    if values is None:
        return 0.0
    finite = values[values.isfinite()].abs()
    return float(finite.max()) if finite.numel() else 0.0
