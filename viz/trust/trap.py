"""The shortcut trap as runs that a page can start: a network that is taught the wrong thing, and its
twin that is not.
"""

from __future__ import annotations

from typing import Final

from models.layers import Activation, Conv, GlobalPool, LayerList, Linear, Norm, Pool
from training.spec import (
    CustomNetwork,
    DatasetSpec,
    OptimizerSpec,
    ScheduleSpec,
    TrainSpec,
)

TRAP_SHORTCUT: Final = 0.95  # how often the patch tells the label; the twin has no patch


def shortcut_spec(shortcut: float = TRAP_SHORTCUT, seed: int = 0) -> TrainSpec:
    """A run of less than a minute on two cores whose network may learn the corner patch.

    Args:
        shortcut: how often the patch tells the label in training, 0 to 1; 0: no patch, the twin.
        seed: of weights and batches.
    """
    title = "Shapes with a planted patch" if shortcut else "Shapes without a patch"
    return TrainSpec(
        title=title,
        dataset=DatasetSpec(name="shapes", shortcut=shortcut),
        network=CustomNetwork(title="Small CNN", layers=_layers()),
        optimizer=OptimizerSpec(lr=0.1, nesterov=True, weight_decay=5e-4),
        schedule=ScheduleSpec(name="one_cycle"),
        epochs=3,
        seed=seed,
    )


def _layers() -> LayerList:
    """Three stages and a global mean, so that every method of the table works on it."""
    layers: LayerList = ()
    for index, (width, depth) in enumerate(((8, 2), (16, 2), (32, 1))):
        for _ in range(depth):
            convolution = Conv(out_channels=width, kernel_size=3, padding=1, bias=False)
            layers = (*layers, convolution, Norm(), Activation())
        if index < 2:
            layers = (*layers, Pool())
    return (*layers, GlobalPool(), Linear())
