"""The label-randomised twin of a run: the same network made to learn labels that mean nothing.

Zhang et al., "Understanding deep learning requires rethinking generalization", ICLR 2017, showed
that it can; Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018, section 4, compare its
maps with those of the network that learned something. Nothing here imports torch.
"""

from __future__ import annotations

import math
from typing import Final

from training.spec import (
    AugmentSpec,
    OptimizerSpec,
    ScheduleSpec,
    StopSpec,
    TrainSpec,
)

TWIN_IMAGES: Final = 300
"""Few enough for a small network to learn by heart in a minute."""
TWIN_UPDATES: Final = 500
"""At most; a small network knows all its labels after 300 to 450, and a page may end it then."""
TWIN_BATCH: Final = 75
TITLE: Final = "Random labels"


def twin_spec(spec: TrainSpec, num_classes: int, num_train: int) -> TrainSpec:
    """A run of the same network on random labels, long enough to learn them by heart.

    A spoiled label is never the right one, so to spoil all would still tell something: which class
    it is not. Spoiling (K − 1) / K of them makes labels independent of the images. The twin starts
    from other weights than its original, sees few images, and nothing that keeps a network from
    learning by heart is left on.

    Args:
        spec: of the network that learned the true labels.
        num_classes: K of its data set.
        num_train: images of its training split.
    """
    limit = min(TWIN_IMAGES, spec.dataset.train_limit or num_train, num_train)
    batch = min(TWIN_BATCH, limit)
    noise = 1 - 1 / num_classes
    return TrainSpec(
        title=f"{spec.title}: random labels"[:80] if spec.title else TITLE,
        dataset=spec.dataset.model_copy(
            update={"label_noise": noise, "train_limit": limit, "shortcut": 0.0}
        ),
        network=spec.network,
        optimizer=OptimizerSpec(name="adam", lr=0.003),
        schedule=ScheduleSpec(name="cosine"),
        augment=AugmentSpec(),
        stop=StopSpec(),
        dropout=0.0,
        label_smoothing=0.0,
        batch_size=batch,
        epochs=math.ceil(TWIN_UPDATES / math.ceil(limit / batch)),
        validate_every=0,
        seed=(spec.seed + 1) % 2**31,
        device=spec.device,
    )
