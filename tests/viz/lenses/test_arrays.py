"""Arrays handed out stay as they are, whatever happens to the tensors they were made of."""

from __future__ import annotations

import torch

from viz.lenses.arrays import to_floats, to_ints, to_pictures


def test_results_do_not_change_with_their_tensors() -> None:
    """A lens that streams goes on counting in the tensors of what it has told already."""
    counts, sums = torch.zeros(3, dtype=torch.int64), torch.zeros(3)
    told, numbers = to_ints(counts), to_floats(sums)
    counts += 1
    sums += 1
    assert told.tolist() == [0, 0, 0]
    assert numbers.tolist() == [0.0, 0.0, 0.0]


def test_pictures_have_their_channels_last() -> None:
    image = torch.arange(12, dtype=torch.uint8).reshape(3, 2, 2)
    assert to_pictures(image)[0, 1].tolist() == [1, 5, 9]
    assert to_pictures(image[None]).shape == (1, 2, 2, 3)
