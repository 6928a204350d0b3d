"""The label-randomised twin: its spec, and the comparison of its maps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from data.load import load_dataset
from data.splits import corrupt_labels
from tests.viz.lenses.trust.conftest import train_net
from training.shipped import find_shipped
from training.spec import DatasetSpec, OptimizerSpec, StopSpec, TrainSpec
from training.twin import TWIN_IMAGES, twin_spec
from viz.lenses.context import LensContext, Subject
from viz.lenses.registry import LensError
from viz.lenses.trust import explaining
from viz.lenses.trust.twin import twin_comparison
from viz.results.randomisation import TwinComparison

DIGITS = "shipped:digits_lenet5"
TWIN = "twin"


class WithTwin(LensContext):
    """Knows one more network, called `twin`."""

    def __init__(self, twin: Subject) -> None:
        super().__init__()
        self._twin = twin

    def subject(self, model: str | None, dataset: Any = None) -> Subject:
        """The twin, or what any other reference names."""
        return self._twin if model == TWIN else super().subject(model, dataset)


def spec_of_twin() -> TrainSpec:
    spec = find_shipped("digits_lenet5").spec
    return twin_spec(spec, 10, 1257)


@pytest.fixture(scope="module")
def context() -> WithTwin:
    trained = train_net(spec_of_twin())
    return WithTwin(trained.subject(None))


@pytest.fixture(scope="module")
def found(context: WithTwin) -> TwinComparison:
    methods = ["saliency", "input_x_gradient", "guided_backprop", "grad_cam"]
    result: TwinComparison
    *_, result = twin_comparison(context, DIGITS, None, twin=TWIN, methods=methods, images=24)
    return result


def test_the_twin_is_the_same_network_on_labels_that_mean_nothing() -> None:
    spec = TrainSpec(
        title="Mine",
        dataset=DatasetSpec(name="shapes", shortcut=0.95, image_size=32),
        optimizer=OptimizerSpec(weight_decay=0.1),
        stop=StopSpec(target_accuracy=0.5),
        dropout=0.5,
        label_smoothing=0.1,
        seed=2**31 - 1,
    )
    twin = twin_spec(spec, 10, 8000)
    assert twin.network == spec.network
    assert twin.dataset.label_noise == pytest.approx(0.9)
    assert (twin.dataset.shortcut, twin.dataset.train_limit) == (0.0, TWIN_IMAGES)
    assert (twin.dataset.name, twin.dataset.image_size) == ("shapes", 32)
    assert (twin.dropout, twin.label_smoothing, twin.optimizer.weight_decay) == (0, 0, 0)
    assert twin.stop == StopSpec()
    assert twin.seed == 0
    assert "random labels" in twin.title
    assert twin_spec(spec, 10, 120).dataset.train_limit == 120
    few = spec.model_copy(update={"dataset": DatasetSpec(name="shapes", train_limit=50)})
    assert twin_spec(few, 10, 8000).dataset.train_limit == 50


def test_spoiling_nine_of_ten_labels_makes_them_independent_of_the_image() -> None:
    """Every class gets every label equally often; spoiling all would tell which class it is not."""
    labels = torch.arange(100_000) % 10
    noisy = corrupt_labels(labels, 0.9, 10, torch.Generator().manual_seed(0))
    table = torch.zeros(10, 10)
    table.index_put_((labels, noisy), torch.ones(len(labels)), accumulate=True)
    assert ((table - 1000).abs() < 150).all()  # 5 standard deviations


def test_the_twin_knows_its_labels_and_nothing_else(found: TwinComparison) -> None:
    assert found.fitted > 0.95  # as in the paper
    assert found.fitted_images == TWIN_IMAGES
    assert found.label_noise == pytest.approx(0.9)
    own, other = found.accuracy
    assert own > 0.9
    assert other < 0.3
    part = load_dataset(**spec_of_twin().dataset.model_dump(), seed=spec_of_twin().seed).train
    assert len(part) == TWIN_IMAGES


def test_maps_of_the_twin_differ(found: TwinComparison) -> None:
    left = {each.method: float(np.nanmean(each.rank[1])) for each in found.changes}
    assert left["edges"] == pytest.approx(1)
    assert abs(left["random"]) < 0.05
    assert abs(left["input_x_gradient"]) < 0.3
    # It goes by the image more than by the labels: more alike than the signed gradient.
    assert left["guided_backprop"] > left["input_x_gradient"] + 0.15
    [measured] = found.measurements
    assert not measured.evidence
    for score in measured.scores:
        assert score.mean == pytest.approx(left[score.method])
    assert found.share == 1
    assert all(each.maps.shape[:2] == (2, 3) for each in found.changes)


def test_a_network_is_its_own_twin(context: WithTwin) -> None:
    *_, last = twin_comparison(
        context, DIGITS, None, twin=DIGITS, methods=["saliency", "grad_cam"], images=8
    )
    for each in last.changes:
        if each.method != "random":
            known = np.isfinite(each.rank[1])
            assert np.allclose(each.rank[1][known], 1)
            assert np.allclose(each.similarity[1], 1)


def test_two_moments_of_one_run_are_two_networks() -> None:
    """A run has one module for all its moments, and the later question changes its weights."""
    found: TwinComparison
    *_, found = twin_comparison(
        LensContext(), DIGITS, None, twin=f"{DIGITS}@0", methods=["input_x_gradient"], images=16
    )
    [change] = [each for each in found.changes if each.method == "input_x_gradient"]
    assert abs(float(np.nanmean(change.rank[1]))) < 0.5
    assert found.probs[0].mean() > 0.9
    assert found.probs[1].mean() < 0.3
    own, other = found.accuracy
    assert own > 0.9
    assert other < 0.3
    assert (found.step, found.twin_step) != (found.twin_step, found.step)


def test_results_grow_method_by_method(context: WithTwin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explaining, "PAUSE", float("inf"))
    seen = list(twin_comparison(context, DIGITS, None, twin=TWIN, methods=["saliency"], images=4))
    assert [len(each.changes) for each in seen] == [1, 2, 3, 4]
    assert [each.share for each in seen] == [0.25, 0.5, 0.75, 1]


def test_a_twin_for_other_images_is_refused(context: WithTwin) -> None:
    with pytest.raises(LensError, match="takes other images"):
        list(twin_comparison(context, DIGITS, None, twin="shipped:shapes_cnn", images=4))
    subject = context.subject(TWIN)
    fewer = replace(subject, info=replace(subject.info, classes=("a", "b")))
    with pytest.raises(LensError, match="takes other images"):
        list(twin_comparison(WithTwin(fewer), DIGITS, None, twin=TWIN, images=4))
