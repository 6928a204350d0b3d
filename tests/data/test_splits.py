"""Hold-outs keep every class's share and never overlap; noise hits exactly the share asked for."""

from __future__ import annotations

import pytest
import torch

from data.classes import hold_out_size
from data.splits import corrupt_labels, spread, without

LABELS = torch.tensor([0] * 50 + [1] * 30 + [2] * 20)[torch.randperm(100)]


def test_spread_takes_each_class_in_proportion() -> None:
    taken = spread(LABELS, 10)
    assert LABELS[taken].bincount().tolist() == [5, 3, 2]
    assert taken.tolist() == sorted(set(taken.tolist()))
    assert spread(LABELS, 0).shape == (0,)
    assert spread(LABELS, 100).tolist() == list(range(100))


@pytest.mark.parametrize("count", [1, 7, 33, 99])
def test_spread_takes_exactly_as_many_as_asked(count: int) -> None:
    taken = spread(LABELS, count)
    share = LABELS.bincount() * count / len(LABELS)
    assert len(set(taken.tolist())) == count
    assert ((LABELS[taken].bincount(minlength=3) - share).abs() <= 1).all()


def test_spread_without_generator_is_fixed_and_with_one_follows_the_seed() -> None:
    def seeded(seed: int) -> list[int]:
        return spread(LABELS, 20, torch.Generator().manual_seed(seed)).tolist()

    assert torch.equal(spread(LABELS, 20), spread(LABELS, 20))
    assert seeded(1) == seeded(1) != seeded(2)
    assert LABELS[seeded(1)].bincount().tolist() == [10, 6, 4]


def test_without_is_the_complement() -> None:
    assert without(5, torch.tensor([1, 4])).tolist() == [0, 2, 3]


@pytest.mark.parametrize(
    ("images", "classes", "held_out"),
    [(60_000, 10, 5000), (1000, 10, 100), (20, 2, 2), (6, 2, 2), (30, 10, 10)],
)
def test_hold_out_size(images: int, classes: int, held_out: int) -> None:
    assert hold_out_size(images, classes) == held_out


@pytest.mark.parametrize("share", [0.0, 0.1, 0.333, 1.0])
def test_noise_makes_exactly_that_share_wrong(share: float) -> None:
    labels = torch.arange(1000) % 10
    noisy = corrupt_labels(labels, share, 10, torch.Generator().manual_seed(0))
    assert int((noisy != labels).sum()) == round(share * 1000)
    assert int(noisy.min()) >= 0
    assert int(noisy.max()) <= 9
    assert torch.equal(labels, torch.arange(1000) % 10)  # the given labels stay as they are


def test_noise_is_uniform_over_the_other_classes() -> None:
    labels = torch.zeros(9000, dtype=torch.int64)
    counts = corrupt_labels(labels, 1.0, 10, torch.Generator().manual_seed(3)).bincount(
        minlength=10
    )
    assert counts[0] == 0
    assert int(counts[1:].min()) > 880  # 1000 expected each, standard deviation 30
    assert int(counts[1:].max()) < 1120
