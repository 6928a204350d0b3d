"""Nearest training images: the image itself, planted doubles, distances by hand, moments, caches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from data.images import normalize
from data.load import Dataset, Split
from tests.viz.lenses.nets import OneNet, split
from viz.lenses import penultimate
from viz.lenses.context import LensContext
from viz.lenses.neighbours import neighbours, vote
from viz.lenses.penultimate import FeatureHead, distances, search_part, split_features
from viz.lenses.registry import LensError


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(penultimate, "_kept", type(penultimate._kept)())


def last(results: Any) -> Any:
    *_, found = results
    return found


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_a_training_image_finds_itself_first_at_distance_0(
    context: LensContext, model: str, metric: str
) -> None:
    found = last(neighbours(context, model, "digits/train/17", metric=metric))
    assert found.nearest.indices[0] == 17
    assert found.nearest.distances[0] == 0
    assert (np.diff(found.nearest.distances) >= 0).all()
    assert found.searched == found.total == 1257
    assert found.evidence is not None
    assert found.evidence.votes.sum() == 10  # the image does not vote for itself


def test_the_distances_are_those_of_the_features(
    context: LensContext, model: str, net: nn.Sequential, digits: Dataset
) -> None:
    """Computed once more, with all of the network but its last layer, in double precision."""
    head = net[:-1].double()
    with torch.no_grad():
        features = head(normalize(digits.train.images, digits.info).double())
        query = head(normalize(digits.val.images[5:6], digits.info).double())
    apart = (features - query).norm(dim=1)
    found = last(neighbours(context, model, "digits/val/5", metric="euclidean", count=7))
    assert found.width == features.shape[1]
    expected = apart.sort(stable=True)
    np.testing.assert_allclose(found.nearest.distances, expected.values[:7].numpy(), rtol=1e-4)
    assert found.nearest.indices.tolist() == expected.indices[:7].tolist()
    cosine = 1 - nn.functional.cosine_similarity(features, query)
    found = last(neighbours(context, model, "digits/val/5", count=7))
    np.testing.assert_allclose(found.nearest.distances, cosine.sort().values[:7].numpy(), atol=1e-6)


def test_a_class_can_be_asked_for(context: LensContext, model: str) -> None:
    found = last(neighbours(context, model, "digits/val/0", of_class=7, count=5))
    assert found.of_class is not None
    assert found.of_class.labels.tolist() == [7] * 5
    assert found.of_class.distances[0] >= found.nearest.distances[0]


def test_a_planted_double_is_found(
    context: LensContext, model: str, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = digits.train.images.clone()
    images[321] = digits.val.images[9]
    planted = replace(digits, train=Split(images, digits.train.labels))
    monkeypatch.setattr(context, "data", lambda *_: planted)
    found = last(neighbours(context, model, "digits/val/9", metric="euclidean"))
    assert found.nearest.indices[0] == 321
    assert found.nearest.distances[0] == pytest.approx(0, abs=1e-4)
    assert np.array_equal(found.nearest.images[0], found.image)


def test_every_partial_answer_is_the_best_so_far(
    context: LensContext, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(penultimate, "BATCH", 200)
    seen = list(neighbours(context, model, "digits/val/0"))
    assert len(seen) == 7
    assert [each.searched for each in seen] == [200, 400, 600, 800, 1000, 1200, 1257]
    best = [float(each.nearest.distances[0]) for each in seen]
    assert best == sorted(best, reverse=True)
    assert [each.evidence is None for each in seen] == [True] * 6 + [False]


def test_features_are_kept_for_the_same_weights_only(
    context: LensContext, run_id: str, write: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(seed=1, step=10, snapshot=True)
    write(seed=2, step=20, snapshot=True)
    write(seed=2, step=20)
    runs = []
    real = FeatureHead.__call__

    def count(self: FeatureHead, batch: torch.Tensor) -> Any:
        if len(batch) > 1:
            runs.append(len(batch))
        return real(self, batch)

    monkeypatch.setattr(FeatureHead, "__call__", count)
    first = last(neighbours(context, f"run:{run_id}@10", "digits/val/0"))
    done = len(runs)
    again = last(neighbours(context, f"run:{run_id}@10", "digits/val/0", metric="cosine"))
    assert len(runs) == done
    assert np.array_equal(first.nearest.indices, again.nearest.indices)
    other = last(neighbours(context, f"run:{run_id}@20", "digits/val/0"))
    assert len(runs) > done
    assert not np.array_equal(first.nearest.distances, other.nearest.distances)


def test_a_network_that_ends_in_maps_gives_their_means(digits: Dataset) -> None:
    net = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 10, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    context = OneNet(net, shape=(1, 16, 16), classes=digits.info.classes)
    head = FeatureHead(context.subject(None))
    batch = torch.rand(4, 1, 16, 16)
    features, probs = head(batch)
    assert head.layer == "2"
    torch.testing.assert_close(features, net[:2](batch).mean((2, 3)))
    torch.testing.assert_close(probs, torch.softmax(net(batch), 1))


def test_distances_by_hand() -> None:
    values = torch.tensor([[3.0, 0.0], [0.0, 5.0], [-1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    for queries in (values[:1], torch.cat([values[:1], values[:1]])):
        found = distances(queries, values, "cosine")[0]
        torch.testing.assert_close(found, torch.tensor([0, 1, 2, 1 - 0.5**0.5, 1]))
        far = distances(queries, values, "euclidean")[0]
        torch.testing.assert_close(far, torch.tensor([0, 34**0.5, 4, 5**0.5, 3]))


def test_votes_leave_the_image_itself_out() -> None:
    values = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]]).repeat(6, 1)
    labels = torch.tensor([0, 0, 1, 1]).repeat(6)
    labels[0] = 1  # wrong, and one vote less for everybody else
    votes = vote(values, labels, values[:1], 2, places=torch.tensor([0]))
    assert votes.tolist() == [[10, 0]]


def test_of_a_large_split_a_part_is_searched(
    context: LensContext, model: str, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(penultimate, "_MACS", 1)
    head = FeatureHead(context.subject(model))
    part = search_part(head, digits.train)
    assert len(part) == 1000
    counts = torch.bincount(digits.train.labels[part]) / torch.bincount(digits.train.labels)
    assert float(counts.min()) > 0.75
    found = last(neighbours(context, model, f"digits/train/{int(part[-1])}"))
    assert (found.searched, found.total) == (1000, 1257)
    assert found.nearest.indices[0] == int(part[-1])
    assert found.nearest.distances[0] == 0


def test_no_hook_or_mode_is_left(context: LensContext, model: str) -> None:
    last(neighbours(context, model, "digits/val/0"))
    net = context.subject(model).net
    assert not any(each.training or each._forward_hooks for each in net.modules())
    assert not any(p.requires_grad or p.grad is not None for p in net.parameters())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"metric": "manhattan"}, "no distance"),
        ({"count": 0}, "count is 0"),
        ({"of_class": 10}, "no class 10"),
        ({"of_class": True}, "no class True"),
    ],
)
def test_wrong_input_is_a_sentence(
    context: LensContext, model: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(LensError, match=words):
        last(neighbours(context, model, "digits/val/0", **options))


def test_networks_without_data_or_without_a_chain_are_told_so() -> None:
    bare = OneNet(nn.Sequential(nn.Flatten(), nn.Linear(16, 2)))
    with pytest.raises(LensError, match="not here"):
        last(neighbours(bare, None, "digits/val/0"))

    class Tree(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.flatten(1)[:, :2]

    data = {"train": split(torch.rand(4, 1, 4, 4), [0, 1, 0, 1])}
    with pytest.raises(LensError, match="no chain"):
        last(neighbours(OneNet(Tree(), data), None, "digits/val/0"))


def test_split_features_share_rises_to_1(context: LensContext, model: str, digits: Dataset) -> None:
    head = FeatureHead(context.subject(model))
    found = list(split_features(head, digits.train, "train"))
    assert found[-1].share == 1
    assert len(found[-1].values) == len(found[-1].probs) == 1257
