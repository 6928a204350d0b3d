"""One way into every set: shapes, types, counts, options and what a seed does and does not change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits as sklearn_digits

from data import load
from data.catalogue import DataError, get_info
from data.classes import SPLITS
from data.digits import load_digits, upsample
from data.load import Dataset, Split, load_dataset


def _parts(data: Dataset) -> list[Split]:
    return [data.train, data.val, data.test]


@pytest.fixture
def small_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Shapes set with few images: its options behave the same."""

    def info(name: str, image_size: int | None = None) -> object:
        return replace(get_info(name, image_size), num_train=300, num_val=60, num_test=200)

    monkeypatch.setattr(load, "get_info", info)


def test_digits_are_scikit_learns() -> None:
    images, digits = load_digits()
    original = sklearn_digits()
    assert images.shape == (1797, 1, 16, 16)
    assert images.dtype == torch.uint8
    np.testing.assert_array_equal(digits.numpy(), original.target)
    expected = upsample(torch.from_numpy(original.images).float()[:, None] / 16)
    assert torch.equal(images, expected)


def test_upsampling_keeps_flat_regions_and_goes_linearly_between_them() -> None:
    step = torch.zeros(1, 1, 8, 8)
    step[..., 4:] = 1
    row = upsample(step)[0, 0, 5].float() / 255
    assert row.tolist() == pytest.approx([0] * 7 + [0.25, 0.75] + [1] * 7, abs=0.005)
    images, _ = load_digits()
    ink = float(images.float().mean()) / 255
    assert ink == pytest.approx(sklearn_digits().images.mean() / 16, abs=1e-3)


@pytest.mark.parametrize("name", ["digits", "shapes"])
def test_embedded_sets_are_as_the_catalogue_says(name: str) -> None:
    data = load_dataset(name)
    info = get_info(name)
    assert data.info == info
    assert [len(part) for part in _parts(data)] == [info.num_train, info.num_val, info.num_test]
    for part in _parts(data):
        assert part.images.dtype == torch.uint8
        assert part.images.shape[1:] == info.shape
        assert part.labels.dtype == torch.int64
        counts = part.labels.bincount(minlength=10).float()
        assert counts.min() > 0.85 * counts.max()


def test_digits_splits_share_no_image_and_never_change() -> None:
    data = load_dataset("digits", seed=1)
    again = load_dataset("digits", seed=2)
    for one, other in zip(_parts(data), _parts(again), strict=True):
        assert torch.equal(one.images, other.images)
    everything = sorted(row for part in _parts(data) for row in part.images.flatten(1).tolist())
    assert everything == sorted(load_digits()[0].flatten(1).tolist())


def test_loading_leaves_the_global_random_state_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    load_dataset("digits", label_noise=0.2, train_limit=100, seed=3)
    assert torch.equal(torch.get_rng_state(), before)


def test_label_noise_touches_training_labels_only() -> None:
    clean, noisy = load_dataset("digits"), load_dataset("digits", label_noise=0.25, seed=7)
    assert int((clean.train.labels != noisy.train.labels).sum()) == round(0.25 * 1257)
    assert torch.equal(clean.train.images, noisy.train.images)
    assert torch.equal(clean.val.labels, noisy.val.labels)
    assert torch.equal(clean.test.labels, noisy.test.labels)
    other = load_dataset("digits", label_noise=0.25, seed=8)
    assert not torch.equal(other.train.labels, noisy.train.labels)


def test_train_limit_keeps_a_balanced_part_and_counts_it() -> None:
    data = load_dataset("digits", train_limit=100, seed=4)
    assert data.info.num_train == len(data.train) == 100
    assert data.train.labels.bincount().tolist() == [10] * 10
    assert len(data.test) == 360
    other = load_dataset("digits", train_limit=100, seed=5)
    assert not torch.equal(other.train.images, data.train.images)
    assert load_dataset("digits", train_limit=10**9).info.num_train == 1257


@pytest.mark.usefixtures("small_shapes")
def test_masks_follow_their_images_through_a_limit() -> None:
    full, part = load_dataset("shapes"), load_dataset("shapes", train_limit=50, seed=1)
    assert full.masks is not None
    assert part.masks is not None
    assert set(full.masks) == set(SPLITS)
    assert part.masks["train"].shape == (50, 1, 32, 32)
    for image, mask in zip(part.train.images, part.masks["train"], strict=True):
        place = (full.train.images == image).flatten(1).all(1).nonzero()[0]
        assert torch.equal(full.masks["train"][place][0], mask)
    assert torch.equal(part.masks["test"], full.masks["test"])


@pytest.mark.usefixtures("small_shapes")
def test_shortcut_tells_in_training_and_validation_and_is_a_trap_in_the_test() -> None:
    data = load_dataset("shapes", shortcut=1.0)
    plain = load_dataset("shapes")
    color_of = {
        int(y): x[:, 0, 0] for x, y in zip(data.train.images, data.train.labels, strict=True)
    }
    assert len({tuple(color.tolist()) for color in color_of.values()}) == 10

    def told(part: Split) -> float:
        right = [
            torch.equal(image[:, 0, 0], color_of[int(label)])
            for image, label in zip(part.images, part.labels, strict=True)
        ]
        return sum(right) / len(right)

    assert told(data.train) == told(data.val) == 1.0
    assert 0.02 < told(data.test) < 0.2  # one in ten by chance; 200 images
    assert 0.4 < told(load_dataset("shapes", shortcut=0.5).train) < 0.7  # 0.55 expected
    # Only the patch differs from the same image without it.
    assert torch.equal(data.test.images[..., 5:, :], plain.test.images[..., 5:, :])
    assert torch.equal(data.test.labels, plain.test.labels)


@pytest.mark.usefixtures("small_shapes")
def test_shapes_come_at_64_pixels_too() -> None:
    data = load_dataset("shapes", image_size=64)
    assert data.train.images.shape == (300, 3, 64, 64)
    assert data.info.shape == (3, 64, 64)


def test_a_shortcut_is_refused_where_none_can_be_planted() -> None:
    with pytest.raises(DataError, match="Only shapes can have a shortcut"):
        load_dataset("digits", shortcut=0.5)


def test_unknown_names_and_sizes_are_refused() -> None:
    with pytest.raises(DataError, match="did you mean digits"):
        load_dataset("digit")
    with pytest.raises(DataError, match="choose 16"):
        load_dataset("digits", image_size=28)


@pytest.mark.data
def test_real_mnist_is_found_on_disk(real_data: Callable[[str], Path]) -> None:
    real_data("MNIST/raw")
    data = load_dataset("mnist")
    assert data.info == get_info("mnist")
    assert data.train.images.shape == (55_000, 1, 28, 28)
    assert data.val.labels.bincount().sum() == 5000
    whole = data.train.labels.bincount() + data.val.labels.bincount()
    # Counts per digit of the 60 000 training images (LeCun et al.).
    assert whole.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert data.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
