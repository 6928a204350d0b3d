"""Randomisation of weights: similarity measures, layers drawn anew, and the published findings on a
network that the test trains.
"""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity as published_ssim
from torch import Tensor, nn

from models.build import build_network
from models.layers import Activation, Conv, Flatten, LayerList, Linear, Pool
from tests.viz.lenses.nets import OneNet
from tests.viz.lenses.trust.conftest import Trained, train_net
from training.network import spec_layers
from training.spec import CustomNetwork, DatasetSpec, OptimizerSpec, ScheduleSpec, TrainSpec
from viz.lenses.context import LensContext
from viz.lenses.registry import LensError
from viz.lenses.trust import changes, explaining
from viz.lenses.trust.fresh import MOST_STAGES, Rewritable, Stage, _grouped, fresh_network
from viz.lenses.trust.randomisation import randomisation
from viz.lenses.trust.similarity import is_constant, spearman, structural_similarity
from viz.results.randomisation import MethodChange, Randomisation
from viz.trust.sanity import judge, remaining

RUN = "run:20260101-000000-aaaa"


def conv(channels: int) -> LayerList:
    return (Conv(out_channels=channels, kernel_size=3, padding=1), Activation())


VGG: LayerList = (
    *(*conv(12), *conv(12), Pool(), *conv(24), *conv(24), Pool(), *conv(32)),
    *(Flatten(), Linear(out_features=64), Activation(), Linear()),
)
VGG_SPEC = TrainSpec(
    title="Small VGG",
    dataset=DatasetSpec(name="shapes", train_limit=3000),
    network=CustomNetwork(title="Small VGG", layers=VGG),
    optimizer=OptimizerSpec(name="adam", lr=0.004),
    schedule=ScheduleSpec(name="one_cycle"),
    epochs=4,
    validate_every=0,
    seed=0,
)


@pytest.fixture(scope="session")
def vgg() -> Trained:
    """A VGG in small, with ReLUs and linear layers on top, that learned the shapes."""
    return train_net(VGG_SPEC)


@pytest.fixture(scope="session")
def found(vgg: Trained) -> Randomisation:
    methods = [
        *("saliency", "input_x_gradient", "guided_backprop", "grad_cam", "guided_grad_cam"),
    ]
    result: Randomisation
    *_, result = randomisation(vgg, RUN, None, methods=methods, images=32)
    return result


def change(found: Randomisation, method: str) -> MethodChange:
    return next(each for each in found.changes if each.method == method)


# Similarity


def maps(*rows: list[float]) -> Tensor:
    return torch.tensor(rows).reshape(len(rows), 2, 2)


def test_rank_correlation_by_hand() -> None:
    first = maps([1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 2, 3])
    second = maps([10, 20, 30, 40], [4, 3, 2, 1], [2, 1, 4, 3], [1, 3, 2, 4])
    # 1 − 6 Σd² / (n (n² − 1)): third 1 − 6·4 / 60; the last with tied ranks 1, 2.5, 2.5, 4 against
    # 1, 3, 2, 4: covariance 4.5 over √(4.5 · 5).
    expected = [1.0, -1.0, 0.6, 4.5 / np.sqrt(4.5 * 5)]
    assert spearman(first, second).tolist() == pytest.approx(expected)


def test_rank_correlation_without_an_order() -> None:
    first = maps([1, 2, 3, 4], [5, 5, 5, 5], [1, 2, 3, float("nan")])
    second = maps([7, 7, 7, 7], [6, 6, 6, 6], [1, 2, 3, 4])
    result = spearman(first, second)
    assert result.isnan().all()  # an empty map has neither kept the order nor changed it
    assert structural_similarity(first[:1], second[:1]).isnan().all()


def test_rank_correlation_does_not_mind_rising_functions() -> None:
    first = torch.rand(3, 9, 9, generator=torch.Generator().manual_seed(0))
    second = torch.rand(3, 9, 9, generator=torch.Generator().manual_seed(1))
    plain = spearman(first, second)
    assert torch.allclose(plain, spearman(first.exp() * 100, second**3))
    assert torch.allclose(plain, -spearman(first, -second))
    assert (plain.abs() < 0.35).all()


@pytest.mark.parametrize(("height", "width"), [(16, 16), (9, 12), (7, 7), (5, 8), (4, 4)])
def test_structural_similarity_is_that_of_scikit_image(height: int, width: int) -> None:
    generator = torch.Generator().manual_seed(3)
    first = torch.rand(2, height, width, generator=generator)
    second = first + torch.rand(2, height, width, generator=generator)
    side = min(7, height, width)
    side -= 1 - side % 2

    def stretched(one: Tensor) -> Any:
        values = one.double().numpy()
        return (values - values.min()) / (values.max() - values.min())

    published: Any = published_ssim
    expected = [
        published(
            stretched(a), stretched(b), data_range=1, win_size=side, use_sample_covariance=False
        )
        for a, b in zip(first, second, strict=True)
    ]
    assert structural_similarity(first, second).tolist() == pytest.approx(expected)


def test_structural_similarity_of_equal_and_of_constant_maps() -> None:
    first = torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert float(structural_similarity(first, 3 * first + 1)) == pytest.approx(1)
    assert is_constant(torch.stack([first[0], torch.ones(8, 8)])).tolist() == [False, True]


# Layers drawn anew


def test_stages_are_layers_with_their_norms_as_they_run() -> None:
    context = LensContext()
    names = {
        model: [stage.name for stage in Rewritable(context.subject(model), model, 0).stages]
        for model in ("shipped:shapes_cnn", "shipped:digits_lenet5", "random:resnet20")
    }
    assert names["shipped:shapes_cnn"] == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc1"]
    assert names["shipped:digits_lenet5"] == ["conv1", "conv2", "fc1", "fc2"]
    assert len(names["random:resnet20"]) <= MOST_STAGES
    stage = Rewritable(context.subject("shipped:shapes_cnn"), "shipped:shapes_cnn", 0).stages[0]
    assert {"conv1.weight", "norm1.weight", "norm1.running_mean"} <= set(stage.tensors)


def test_a_layer_drawn_anew_starts_as_its_architecture_starts_it() -> None:
    subject = LensContext().subject("shipped:shapes_cnn")
    before = copy.deepcopy(subject.net.state_dict())
    copied = Rewritable(subject, "shipped:shapes_cnn", 5)
    assert subject.spec is not None
    info = subject.info
    layers = spec_layers(subject.spec, info)
    fresh = build_network(layers, info.shape, len(info.classes), seed=subject.seed + 1 + 5)
    last, first = copied.stages[-1], copied.stages[0]
    copied.draw(last)
    assert torch.equal(copied.net.get_parameter("fc1.weight"), fresh.get_parameter("fc1.weight"))
    assert torch.equal(copied.net.get_parameter("conv1.weight"), before["conv1.weight"])
    copied.draw(first)
    assert float(copied.net.get_buffer("norm1.running_var").mean()) == 1
    for stage in copied.stages:
        copied.restore(stage)
    for name, tensor in copied.net.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    for name, tensor in subject.net.state_dict().items():  # shared with other requests
        assert torch.equal(tensor, before[name]), name


def test_new_weights_are_never_those_the_network_started_from() -> None:
    context = LensContext()
    model = "random:lenet5"
    subject = context.subject(model)
    fresh = fresh_network(subject, model, subject.seed)
    assert torch.equal(
        fresh.get_parameter("conv1.weight"), subject.net.get_parameter("conv1.weight")
    )
    stages = Rewritable(subject, model, 0)
    stages.draw(stages.stages[0])
    assert not torch.equal(
        stages.net.get_parameter("conv1.weight"), subject.net.get_parameter("conv1.weight")
    )


def test_a_network_without_weights_says_so() -> None:
    context = OneNet(nn.Sequential(nn.Flatten(), nn.Identity()))
    with pytest.raises(LensError, match="Nobody knows"):
        Rewritable(context.subject(None), RUN, 0)


# The lens


def test_published_findings(found: Randomisation) -> None:
    """Adebayo et al. 2018: Guided Backprop and Guided Grad-CAM hardly change while the upper layers
    become random, Gradient and Grad-CAM do. On this network, 3 linear or convolutional layers of 7
    counted from the answer, the maps of 32 images."""
    upper = range(1, found.upper + 1)
    left = {each.method: float(remaining(each.rank, upper).mean()) for each in found.changes}
    alike = {each.method: float(remaining(each.similarity, upper).mean()) for each in found.changes}
    verdicts = {each.method: judge(each, upper).verdict for each in found.changes}
    assert verdicts["guided_backprop"] == "stays"
    assert verdicts["saliency"] == "changes"  # the gradient without its sign, as in the paper
    assert verdicts["input_x_gradient"] == "changes"
    assert verdicts["grad_cam"] == "changes"
    cam = judge(change(found, "grad_cam"), upper)  # of maps that are there, not of empty ones
    assert cam.empty <= 0.1 * cam.maps
    assert left["guided_backprop"] > 0.7
    assert alike["guided_backprop"] > 0.6
    assert abs(left["input_x_gradient"]) < 0.2  # the gradient with its sign
    assert alike["saliency"] < 0.45
    assert left["grad_cam"] < 0.45
    # Guided Grad-CAM is Guided Backprop times Grad-CAM: its pixels keep their order.
    assert left["guided_grad_cam"] > 0.4
    assert left["guided_grad_cam"] > left["grad_cam"] + 0.15
    assert verdicts["guided_grad_cam"] in ("stays", "between")


def test_controls_do_as_they_must(found: Randomisation) -> None:
    """An edge detector asks no network; random maps have nothing in common."""
    for name in ("edges", "centre"):
        assert np.allclose(change(found, name).rank, 1)
        assert np.allclose(change(found, name).similarity, 1)
    random = change(found, "random")
    assert np.allclose(random.rank[0], 1)
    assert np.abs(random.bands["rank"].mean[1:]).max() < 0.05
    assert judge(random, range(1, found.upper + 1)).verdict == "changes"


def test_results_are_complete_and_consistent(found: Randomisation) -> None:
    assert found.layers == ("fc2", "fc1", "conv5", "conv4", "conv3", "conv2", "conv1")
    assert (found.upper, found.order, found.share) == (4, "cascading", 1.0)
    stages, images = len(found.layers) + 1, len(found.images.names)
    assert found.probs.shape == (stages, images) == (8, 32)
    assert found.probs[0].mean() > 0.6  # of what it answers
    assert found.probs[1:].mean() < 0.35
    for each in found.changes:
        assert each.rank.shape == each.rank_absolute.shape == each.similarity.shape == (8, 32)
        assert np.allclose(each.rank[0], 1)
        assert np.nanmax(np.abs(each.rank)) <= 1 + 1e-9
        assert each.maps.shape == (8, len(found.examples), 32, 32)
        assert len(each.empty) == 8
    [measured] = found.measurements
    assert not measured.evidence
    score = next(each for each in measured.scores if each.method == "guided_backprop")
    known = remaining(change(found, "guided_backprop").rank, range(1, 5))
    assert np.allclose(score.values, known)
    assert score.low < score.mean < score.high


def test_results_grow_layer_by_layer(vgg: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explaining, "PAUSE", float("inf"))
    seen = list(randomisation(vgg, RUN, None, methods=["saliency"], images=4))
    assert len(seen) == 4 * 8  # one method and three controls, before and after seven layers
    shares = [each.share for each in seen]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert [len(each.probs) for each in seen[::4]] == list(range(1, 9))
    assert seen[0].measurements == ()
    assert judge(seen[3].changes[0], [1]).verdict == "unknown"
    assert judge(seen[-1].changes[0], [1]).verdict == "unknown"  # four images have no interval


def test_independent_randomisation_puts_layers_back(vgg: Trained) -> None:
    cascading, independent = (
        list(randomisation(vgg, RUN, None, methods=["saliency"], images=8, order=order))[-1]
        for order in ("cascading", "independent")
    )
    first, second = change(cascading, "saliency"), change(independent, "saliency")
    assert np.allclose(first.rank[1], second.rank[1])  # the last layer alone, in both
    assert not np.allclose(first.rank[2], second.rank[2])
    before = {name: tensor.clone() for name, tensor in vgg.net.state_dict().items()}
    again = list(randomisation(vgg, RUN, None, methods=["saliency"], images=8))[-1]
    assert np.allclose(change(again, "saliency").rank, first.rank)  # nothing depends on chance
    for name, tensor in vgg.net.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_another_seed_draws_other_weights(vgg: Trained) -> None:
    one, two = (
        list(randomisation(vgg, RUN, None, methods=["saliency"], images=4, weights_seed=seed))[-1]
        for seed in (0, 1)
    )
    assert not np.allclose(change(one, "saliency").rank[1:], change(two, "saliency").rank[1:])


def test_a_refused_method_is_said_and_the_others_go_on(
    vgg: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = changes.explain

    def explain(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "lrp":
            raise LensError("Not on this network.")
        return real(name, *arguments, **options)

    monkeypatch.setattr("viz.lenses.trust.randomisation.explain", explain)
    *_, last = randomisation(vgg, RUN, None, methods=["lrp", "saliency"], images=4)
    assert last.refusals == {"lrp": "Not on this network."}
    assert [each.method for each in last.changes] == ["saliency", "random", "centre", "edges"]
    assert last.share == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"order": "upwards"}, "cascading or independent"),
        ({"weights_seed": -1}, "whole number from 0"),
        ({"weights_seed": True}, "whole number from 0"),
        ({"images": 0}, "images"),
        ({"methods": ["nosuch"]}, "nosuch"),
        ({"split": "nowhere"}, "nowhere"),
        ({"settings": {"saliency": {"nosuch": 1}}}, None),
    ],
)
def test_bad_options_are_sentences(
    vgg: Trained, options: dict[str, Any], words: str | None
) -> None:
    arguments = {"methods": ["saliency"], "images": 4, **options}
    if words is None:
        *_, last = randomisation(vgg, RUN, None, **arguments)
        assert "no option" in last.refusals["saliency"]
        return
    with pytest.raises(LensError, match=words):
        list(randomisation(vgg, RUN, None, **arguments))


def test_verdicts_need_both_measures(found: Randomisation) -> None:
    guided = change(found, "guided_backprop")
    upper = range(1, found.upper + 1)
    other = dataclasses.replace(guided, similarity=guided.similarity * 0.2)
    assert judge(other, upper).verdict == "between"
    assert judge(guided, range(1, 20)).verdict == "unknown"
    assert judge(guided, []).verdict == "unknown"


def test_empty_maps_are_told_and_left_out(found: Randomisation) -> None:
    """A Grad-CAM that is cut off to nothing has not followed the weights."""
    guided = change(found, "guided_backprop")
    upper = range(1, found.upper + 1)
    whole = judge(guided, upper)
    assert (whole.verdict, whole.empty, whole.maps) == ("stays", 0, 32 * found.upper)
    holes = guided.rank.copy(), guided.similarity.copy()
    for each in holes:
        each[2:, :20] = np.nan
    judged = judge(dataclasses.replace(guided, rank=holes[0], similarity=holes[1]), upper)
    assert (judged.verdict, judged.empty) == ("stays", 20 * (found.upper - 1))
    for each in holes:
        each[1:, :25] = np.nan  # seven images are left
    judged = judge(dataclasses.replace(guided, rank=holes[0], similarity=holes[1]), upper)
    assert judged.verdict == "unknown"


def test_bands_have_the_images_that_each_stage_has() -> None:
    generator = torch.Generator().manual_seed(0)
    before = torch.rand(12, 8, 8, generator=generator)
    after = before.clone()
    after[:3] = 0
    gone = torch.zeros(12, 8, 8)
    follower = changes.Follower("grad_cam", changes.Signed(before, before), [0])
    for each in (after, gone):
        follower.add(changes.Signed(each, each))
    made = follower.change()
    assert made.empty.tolist() == [0, 3, 12]
    assert np.isnan(made.rank[1]).tolist() == [True] * 3 + [False] * 9
    assert made.bands["rank"].mean[:2] == pytest.approx([1, 1])
    assert np.isfinite(made.bands["similarity"].low[:2]).all()
    assert np.isnan(made.bands["rank"].mean[2])


@pytest.mark.parametrize("names", [
    [f"layer{n}" for n in range(47)],
    [f"block{n}.conv{m}" for n in range(30) for m in range(3)],
])  # fmt: skip
def test_there_are_never_more_stages_than_told(names: list[str]) -> None:
    stages = [Stage(name, (f"{name}.weight", f"{name}.bias")) for name in names]
    grouped = _grouped(stages)
    assert len(grouped) == MOST_STAGES
    assert [t for stage in grouped for t in stage.tensors] == [
        t for stage in stages for t in stage.tensors
    ]
    assert len({stage.name for stage in grouped}) == MOST_STAGES
    assert any(" to " in stage.name for stage in grouped)
