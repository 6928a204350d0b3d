"""Deletion and insertion against curves worked out by hand, and what must not matter."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from data.catalogue import get_info
from tests.viz.lenses.trust.conftest import Trained
from tests.viz.lenses.trust.linear import linear_context
from viz.lenses.context import Subject
from viz.lenses.filling import blur
from viz.lenses.registry import LensError
from viz.lenses.trust import explaining
from viz.lenses.trust.curves import area_under, exchange, faithfulness, rank
from viz.results.trust import Faithfulness, MethodScore, TrustCurve

WEIGHTS = torch.tensor([[4.0, 1.0], [2.0, 3.0]])


def measured(context: Trained | object, **options: object) -> Faithfulness:
    last: Faithfulness
    *_, last = faithfulness(context, None, None, **options)
    return last


def curve_of(result: Faithfulness, method: str, curve: str) -> TrustCurve:
    [found] = [each for each in result.curves if (each.method, each.curve) == (method, curve)]
    return found


def score_of(result: Faithfulness, measure: str, method: str) -> MethodScore:
    [found] = [each for each in result.measurements if each.measure == measure]
    [score] = [each for each in found.scores if each.method == method]
    return score


def test_the_curves_of_a_linear_network_are_the_ones_on_paper() -> None:
    # All pixels are 1 and saliency is |w|: they go in the order 4, 3, 2, 1, so the logit of the first
    # class is 10, 6, 3, 1, 0 while they are removed and 0, 4, 7, 9, 10 while they are put in.
    context = linear_context(WEIGHTS, torch.ones(1, 1, 2, 2))
    found = measured(context, methods=["saliency"], steps=4, replacement="black")
    removed = torch.tensor([10.0, 6, 3, 1, 0]).sigmoid().numpy()
    put_in = torch.tensor([0.0, 4, 7, 9, 10]).sigmoid().numpy()
    for curve, expected in (("deletion", removed), ("insertion", put_in)):
        drawn = curve_of(found, "saliency", curve)
        np.testing.assert_allclose(drawn.mean, expected, atol=1e-6)
        np.testing.assert_allclose(drawn.shares, [0, 0.25, 0.5, 0.75, 1])
        area = (expected[0] / 2 + expected[1:-1].sum() + expected[-1] / 2) / 4
        assert score_of(found, curve, "saliency").mean == pytest.approx(area, abs=1e-6)


def test_insertion_starts_from_the_blurred_picture_as_published_and_ends_at_the_whole_one() -> None:
    image = torch.tensor([[1.0, 0.0], [0.0, 0.0]])[None, None]
    context = linear_context(WEIGHTS, image)
    found = measured(context, methods=["saliency"], steps=2)
    start = (WEIGHTS * blur(image)[0, 0]).sum().sigmoid()
    drawn = curve_of(found, "saliency", "insertion")
    assert drawn.mean[0] == pytest.approx(float(start), abs=1e-6)
    assert drawn.mean[-1] == pytest.approx(float(torch.tensor(4.0).sigmoid()), abs=1e-6)


def test_pixels_are_ranked_by_the_map_then_by_the_keys() -> None:
    maps = torch.tensor([[[0.0, 2.0], [float("nan"), 0.0]]])
    keys = torch.tensor([[[0.9, 0.1], [0.2, 0.3]]])
    assert rank(maps, keys).tolist() == [[1, 3, 0, 2]]  # 2, the smaller key of the zeros, NaN last


def test_the_area_under_a_straight_line_is_a_half() -> None:
    assert area_under(np.linspace([1.0, 0.5], [0.0, 0.5], 9).T) == pytest.approx([0.5, 0.5])


def test_a_blur_leaves_even_pictures_and_the_mean_far_from_the_border() -> None:
    assert torch.allclose(blur(torch.full((1, 2, 9, 7), 0.3)), torch.full((1, 2, 9, 7), 0.3))
    dot = torch.zeros(1, 1, 41, 41)
    dot[0, 0, 20, 20] = 1
    soft = blur(dot)
    assert float(soft.sum()) == pytest.approx(1, abs=1e-4)
    assert torch.equal(soft, soft.transpose(2, 3)) or torch.allclose(soft, soft.transpose(2, 3))
    # The variance along one axis is (0.1 · 41)², but for the tails that are cut off.
    place = torch.arange(41.0) - 20
    assert float((soft.sum((0, 1, 2)) * place**2).sum()) == pytest.approx(4.1**2, rel=0.05)


def test_every_image_has_its_own_curve_wherever_it_stands() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    subject = Subject(net, "A net", get_info("digits"), None, 0, None, None)
    images = torch.randn(5, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    order = torch.stack(
        [torch.randperm(4, generator=torch.Generator().manual_seed(i)) for i in range(5)]
    )
    classes = torch.tensor([0, 1, 1, 0, 1])
    zeros, flip = torch.zeros_like(images), torch.tensor([3, 1, 4, 0, 2])
    whole = torch.stack([*exchange(subject, images, zeros, order, classes, 4)], dim=1)
    again = exchange(subject, images[flip], zeros, order[flip], classes[flip], 4)
    turned = torch.stack([*again], dim=1)
    assert turned.shape == (5, 5)
    assert torch.allclose(whole[flip], turned, atol=1e-7)


def test_the_order_of_the_images_does_not_matter_to_means_and_intervals() -> None:
    images = (
        torch.rand(12, 1, 2, 2, generator=torch.Generator().manual_seed(1)) * 255
    ).round() / 255
    one = measured(linear_context(WEIGHTS, images), methods=["saliency"], steps=4)
    other = measured(linear_context(WEIGHTS, images.flip(0)), methods=["saliency"], steps=4)
    for method in ("saliency", "random", "centre", "edges"):
        a, b = (score_of(each, "deletion", method) for each in (one, other))
        assert (a.mean, a.low, a.high) == pytest.approx((b.mean, b.low, b.high), abs=1e-7)
        for x, y in zip(one.curves, other.curves, strict=True):
            np.testing.assert_allclose(x.low, y.low, atol=1e-7)


def test_the_same_question_has_the_same_answer(plain_net: Trained) -> None:
    one, other = (measured(plain_net, methods=["saliency"], images=8, steps=4) for _ in range(2))
    for a, b in zip(one.curves, other.curves, strict=True):
        np.testing.assert_array_equal(a.mean, b.mean)
        np.testing.assert_array_equal(a.high, b.high)


def test_results_grow_method_by_method(plain_net: Trained) -> None:
    found = list(
        faithfulness(plain_net, None, None, methods=["saliency", "grad_cam"], images=8, steps=2)
    )
    shares = [each.share for each in found]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    methods = [score.method for score in found[-1].measurements[0].scores]
    assert methods == ["saliency", "grad_cam", "random", "centre", "edges"]
    assert [score.control for score in found[-1].measurements[0].scores] == [False] * 2 + [True] * 3


def test_a_slow_curve_gives_signs_of_life(
    plain_net: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explaining, "PAUSE", 0.0)
    found = list(faithfulness(plain_net, None, None, methods=["saliency"], images=8, steps=2))
    shares = [each.share for each in found]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(set(shares)) >= 4 * 2 * 3  # every point of both curves of four maps


def test_a_method_that_the_network_does_not_allow_is_left_out_with_its_reason() -> None:
    context = linear_context(WEIGHTS, torch.ones(1, 1, 2, 2))
    found = measured(context, methods=["grad_cam", "saliency"], steps=2)
    assert [score.method for score in found.measurements[0].scores] == [
        *("saliency", "random", "centre", "edges")
    ]
    assert list(found.refusals) == ["grad_cam"]
    assert found.refusals["grad_cam"].endswith(".")
    assert found.share == 1


def test_the_network_is_left_as_it_was(plain_net: Trained) -> None:
    net = plain_net.net
    before = {name: value.clone() for name, value in net.state_dict().items()}
    measured(plain_net, methods=["saliency", "grad_cam"], images=8, steps=2)
    for module in net.modules():
        hooks = [module._forward_hooks, module._forward_pre_hooks, module._backward_hooks]
        assert not any(hooks)
    assert not any(module.training for module in net.modules())
    assert not any(value.requires_grad for value in net.parameters())
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"methods": ["magic"]}, "no attribution method 'magic'"),
        ({"methods": "saliency"}, "list of names"),
        ({"images": 100_000}, "from 1 to 256"),
        ({"images": 0}, "from 1 to 256"),
        ({"steps": 0}, "from 1 to 64"),
        ({"replacement": "noise"}, "not 'noise'"),
        ({"target": "best"}, "not 'best'"),
        ({"seed": -1}, "whole number from 0"),
        ({"split": "holdout"}, "not here"),
    ],
)
def test_wrong_input_is_answered_with_a_sentence(options: dict[str, object], words: str) -> None:
    context = linear_context(WEIGHTS, torch.ones(1, 1, 2, 2))
    with pytest.raises(LensError, match=words) as raised:
        measured(context, **options)
    assert str(raised.value).endswith(".")
    assert "\n" not in str(raised.value)


def test_a_setting_that_a_method_does_not_have_is_a_reason_to_leave_it_out() -> None:
    context = linear_context(WEIGHTS, torch.ones(1, 1, 2, 2))
    found = measured(context, methods=["saliency"], settings={"saliency": {"magic": 1}}, steps=1)
    assert "no option 'magic'" in found.refusals["saliency"]


def test_only_right_answers_of_the_true_class() -> None:
    images = torch.ones(4, 1, 2, 2)
    context = linear_context(WEIGHTS, images, [0, 1, 0, 1])
    found = measured(context, methods=["saliency"], steps=1, only_right=True)
    assert found.images.names == ("digits/test/0", "digits/test/2")
    true = measured(context, methods=["saliency"], steps=1, target="true")
    assert true.images.explained.tolist() == [0, 1, 0, 1]
    with pytest.raises(LensError, match="rightly"):
        measured(linear_context(WEIGHTS, images, [1] * 4), only_right=True)
