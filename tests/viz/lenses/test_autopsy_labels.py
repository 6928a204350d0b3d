"""Doubtful labels: thresholds and the confident joint by hand, and planted wrong labels found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch

from data.images import normalize
from data.load import Dataset, Split
from viz.lenses import penultimate
from viz.lenses.context import LensContext
from viz.lenses.label_check import confident_joint, label_check
from viz.lenses.neighbours import class_thresholds, neighbours
from viz.lenses.penultimate import FeatureHead
from viz.lenses.registry import LensError
from viz.results.autopsy import Evidence

SHIPPED = "shipped:digits_lenet5"
PLANTED = 25


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(penultimate, "_kept", type(penultimate._kept)())


def last(results: Any) -> Any:
    *_, found = results
    return found


def spoil(part: Split, seed: int) -> tuple[Split, set[int]]:
    """A split with wrong labels at random places."""
    generator = torch.Generator().manual_seed(seed)
    places = torch.randperm(len(part), generator=generator)[:PLANTED]
    labels = part.labels.clone()
    labels[places] = (labels[places] + torch.randint(1, 10, (PLANTED,), generator=generator)) % 10
    return Split(part.images, labels), set(places.tolist())


@pytest.mark.parametrize("name", ["val", "test", "train"])
def test_planted_wrong_labels_are_found(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Of the 25 first on the list, by chance 2 to 14 in 100 would be planted ones: here nearly all."""
    spoiled, planted = spoil(getattr(digits, name), seed=5)
    context = LensContext()
    data = replace(digits, **cast(Any, {name: spoiled}))
    monkeypatch.setattr(context, "data", lambda *_: data)
    found = last(label_check(context, SHIPPED, None, split=name, count=PLANTED))
    listed = set(found.indices.tolist())
    assert len(listed & planted) >= 0.9 * PLANTED
    flagged = {int(i) for i, bad in zip(found.indices, found.evidence.suspicious, strict=True) if bad}  # fmt: skip
    assert len(flagged & planted) >= 0.7 * PLANTED
    assert len(flagged - planted) <= 2
    right = sum(
        int(getattr(digits, name).labels[i]) == int(suggested)
        for i, suggested in zip(found.indices, found.evidence.suggested, strict=True)
        if int(i) in planted
    )
    assert right >= 0.9 * len(listed & planted)  # and it says what they really are
    assert found.seen_in_training == (name == "train")


def test_on_clean_labels_hardly_any_is_flagged() -> None:
    found = last(label_check(LensContext(), SHIPPED, None, split="train"))
    assert found.checked == 1257
    assert found.flagged <= 3


def test_one_image_has_the_same_evidence_as_in_the_list() -> None:
    context = LensContext()
    found = last(label_check(context, SHIPPED, None, split="val", count=3))
    one = last(neighbours(context, SHIPPED, f"digits/val/{found.indices[0]}")).evidence
    assert one.votes.tolist() == [found.evidence.votes[0].tolist()]
    np.testing.assert_allclose(one.probs[0], found.evidence.probs[0], atol=1e-5)
    assert bool(one.suspicious[0]) == bool(found.evidence.suspicious[0])


def test_thresholds_are_the_mean_probability_of_each_class_on_held_out_images(
    digits: Dataset,
) -> None:
    context = LensContext()
    subject = context.subject(SHIPPED)
    with torch.no_grad():
        probs = torch.softmax(subject.net(normalize(digits.val.images, digits.info)), 1)
    expected = [float(probs[digits.val.labels == k, k].mean()) for k in range(10)]
    found = class_thresholds(context, FeatureHead(subject))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_confident_joint_by_hand() -> None:
    """Thresholds ½ and 0.6: an image counts where it reaches one, at the surest it reaches."""
    probs = np.array([[0.9, 0.1], [0.45, 0.55], [0.3, 0.7], [0.5, 0.5], [0.2, 0.8]], np.float32)
    labels = np.array([0, 0, 0, 1, 1])
    found = confident_joint(labels, probs, np.array([0.5, 0.6], np.float32))
    assert found.tolist() == [[1, 1], [1, 1]]
    none = confident_joint(labels, probs, np.array([np.nan, np.nan], np.float32))
    assert none.sum() == 0


def _evidence(label: int, votes: list[int], probs: list[float], usual: list[float]) -> Evidence:
    return Evidence(
        np.array([label]), np.array([votes]), np.array([probs], np.float32),
        np.array(usual, np.float32),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("votes", "probs", "confident", "surrounded"),
    [
        ([0, 9, 1], [0.05, 0.9, 0.05], True, True),
        ([4, 6, 0], [0.05, 0.9, 0.05], True, False),  # 6 of 10 are not nearly all
        ([0, 9, 1], [0.6, 0.4, 0.0], False, True),  # as sure as of its own class as is usual
        ([0, 10, 0], [0.3, 0.7, 0.0], False, True),  # not as sure as is usual for the other
        ([10, 0, 0], [0.9, 0.1, 0.0], False, False),
    ],
)
def test_both_witnesses_are_needed(
    votes: list[int], probs: list[float], confident: bool, surrounded: bool
) -> None:
    found = _evidence(0, votes, probs, [0.5, 0.8, 0.9])
    assert found.confident.tolist() == [confident]
    assert found.surrounded.tolist() == [surrounded]
    assert found.suspicious.tolist() == [confident and surrounded]
    other = int(found.suggested[0])
    expected = ((votes[other] - votes[0]) / 10 + probs[other] - probs[0]) / 2
    assert found.scores[0] == pytest.approx(expected, abs=1e-6)


def test_a_diverged_network_accuses_nobody() -> None:
    found = _evidence(0, [0, 0, 0], [float("nan")] * 3, [float("nan")] * 3)
    assert not found.suspicious.any()
    assert np.isfinite(found.scores).all()


def test_wrong_input_is_a_sentence(context: LensContext, model: str) -> None:
    with pytest.raises(LensError, match="no split"):
        last(label_check(context, model, None, split="dev"))
    with pytest.raises(LensError, match="count is 0"):
        last(label_check(context, model, None, count=0))
