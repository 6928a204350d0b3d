"""Everything about a training that changes from update to update.

The batches, the augmentation and the dropout masks of an update are functions of (seed, step), so
together with the model and the optimiser these few numbers are enough for an exact resume: no random
state, no loader position.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from data.catalogue import DatasetInfo
from models.build import build_network
from training import optimizers
from training.network import spec_layers
from training.spec import TrainSpec

_NUMBERS = ("step", "settled_step", "best_loss", "smooth_loss", "stale_epochs", "seconds")
_LIVE = ("lr", "momentum", "weight_decay")


class TrainState:
    """A network, its optimiser, and how far they have come.

    Attributes:
        step: optimiser updates made.
        settled_step: the last step whose snapshot, validation and stop rules are dealt with.
        best_loss: lowest validation loss (range test: lowest smoothed training loss) so far.
        smooth_loss: moving average of the training loss; kept by a range test only.
        stale_epochs: complete validations since that one.
        seconds: training time so far, pauses excluded.
        lr, momentum, weight_decay: the live values; `lr` is the peak that the schedule scales.
    """

    def __init__(self, spec: TrainSpec, model: nn.Sequential, device: torch.device) -> None:
        self.spec = spec
        self.device = device
        self.memory_format = (
            torch.channels_last if device.type != "mps" else torch.contiguous_format
        )
        self.model = model.to(device).to(memory_format=self.memory_format)
        self.optimizer = optimizers.build_optimizer(spec.optimizer, self.model)
        self.lr = spec.optimizer.lr
        self.momentum = spec.optimizer.momentum
        self.weight_decay = spec.optimizer.weight_decay
        self._start_over()

    @classmethod
    def fresh(cls, spec: TrainSpec, info: DatasetInfo, device: torch.device) -> TrainState:
        """Step 0 of a run: the initial weights are a function of the spec's network and seed.

        Raises:
            LayerError: when the network does not fit the images.
        """
        return cls(spec, _build(spec, info), device)

    def rewind(self, info: DatasetInfo) -> None:
        """Back to step 0: the same initial weights, an empty optimiser. Live values stay as set."""
        self.model.load_state_dict(_build(self.spec, info).state_dict())
        self.optimizer.state.clear()
        self._start_over()

    def _start_over(self) -> None:
        self.step, self.settled_step = 0, -1
        self.best_loss, self.stale_epochs = math.inf, 0
        self.smooth_loss: float | None = None
        self.seconds = 0.0

    def set_live(self, field: str, value: float) -> None:
        """Change lr, momentum or weight_decay from the next update on."""
        setattr(self, field, value)
        if field == "momentum":
            optimizers.set_momentum(self.optimizer, value)
        elif field == "weight_decay":
            optimizers.set_weight_decay(self.optimizer, value)

    def is_finite(self) -> bool:
        """Whether every weight and buffer is a number. Waits for the device."""
        tensors = [
            tensor.detach()
            for tensor in self.model.state_dict().values()
            if tensor.is_floating_point()
        ]
        norms = torch._foreach_norm(tensors, ord=math.inf)  # one pass, one wait for all of them
        return bool(torch.isfinite(torch.stack(norms)).all().item())

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain numbers only, so that it loads with `weights_only=True`."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "numbers": {name: getattr(self, name) for name in _NUMBERS},
            "live": {name: getattr(self, name) for name in _LIVE},
        }

    def load_state_dict(self, values: dict[str, Any]) -> None:
        """Take over what `state_dict` of the same spec gave."""
        self.model.load_state_dict(values["model"])
        self.optimizer.load_state_dict(values["optimizer"])
        for name, value in {**values["numbers"], **values["live"]}.items():
            setattr(self, name, value)


def _build(spec: TrainSpec, info: DatasetInfo) -> nn.Sequential:
    return build_network(spec_layers(spec, info), info.shape, len(info.classes), seed=spec.seed)
