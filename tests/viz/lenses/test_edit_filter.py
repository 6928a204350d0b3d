"""Edits against what the same change gives when it is made by hand."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from models.modules import PartialConv2d
from tests.viz.lenses.conftest import WriteWeights
from tests.viz.lenses.nets import OneNet, split
from viz.lenses.context import LensContext
from viz.lenses.edit_accuracy import edit_accuracy
from viz.lenses.edit_filter import MAX_EDITS, apply_edits, edited
from viz.lenses.registry import LensError
from viz.results.filters import PairedCounts

IMAGE = "digits/test/3"


def make() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 2, 2, bias=False), nn.Flatten()
    )


def edit(op: str, values: Any = None, number: int = 1, layer: str = "0") -> dict[str, Any]:
    return {"layer": layer, "filter": number, "op": op, "values": values}


def applied(*edits: dict[str, Any]) -> nn.Sequential:
    context = OneNet(make())
    net = copy.deepcopy(context.net)
    apply_edits(net, context.subject("any"), edits)
    assert isinstance(net, nn.Sequential)
    return net


def kernel(net: nn.Module, number: int = 1) -> torch.Tensor:
    return net.get_parameter("0.weight").detach()[number, 0]


def test_each_operation() -> None:
    whole = kernel(make())
    assert not kernel(applied(edit("zero"))).any()
    assert applied(edit("zero")).get_parameter("0.bias")[1] == 0
    turned = kernel(applied(edit("rotate90")))
    assert turned[0, 0] == whole[0, 2]  # the right column becomes the upper row
    assert torch.equal(turned[0], whole[:, 2])
    assert torch.equal(kernel(applied(edit("flip", "horizontal"))), whole[:, [2, 1, 0]])
    assert torch.equal(kernel(applied(edit("flip", "vertical"))), whole[[2, 1, 0]])
    assert torch.equal(kernel(applied(edit("scale", -2))), -2 * whole)
    painted = kernel(applied(edit("set", [[0, 1, 2, 0.5], [0, 0, 0, -1]])))
    expected = whole.clone()
    expected[1, 2], expected[0, 0] = 0.5, -1
    assert torch.equal(painted, expected)
    assert applied(edit("bias", 7)).get_parameter("0.bias")[1] == 7
    for net in (applied(edit("zero")), applied(edit("rotate90")), applied(edit("bias", 7))):
        assert torch.equal(kernel(net, 0), kernel(make(), 0))  # the others stay
        assert torch.equal(net.get_parameter("2.weight"), make().get_parameter("2.weight"))


def test_what_is_undone_by_another_edit_is_as_before() -> None:
    whole = kernel(make())
    assert torch.equal(kernel(applied(*[edit("rotate90")] * 4)), whole)
    assert torch.equal(kernel(applied(*[edit("flip", "vertical")] * 2)), whole)
    assert torch.equal(kernel(applied(edit("scale", 2), edit("scale", 0.5))), whole)


def test_a_partial_convolution_keeps_what_is_not_connected() -> None:
    net = nn.Sequential(PartialConv2d(2, [[0], [0, 1]], 2), nn.Flatten())
    nn.init.normal_(net.get_parameter("0.weight"))
    context = OneNet(net, shape=(2, 3, 3))
    changed = copy.deepcopy(context.net)
    apply_edits(changed, context.subject("any"), [edit("scale", 3.0, 1), edit("rotate90", None, 0)])
    weights = changed.get_submodule("0").dense_weight()  # type: ignore[operator]
    before = net[0].dense_weight()  # type: ignore[operator]
    assert torch.allclose(weights[1], 3 * before[1])
    assert torch.equal(weights[0, 0], before[0, 0].rot90())
    assert not weights[0, 1].any()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ([edit("paint")], "is no edit"),
        ([edit("flip", "sideways")], "no way to flip"),
        ([edit("scale", math.nan)], "has to be a number"),
        ([edit("scale", math.inf)], "has to be a number"),
        ([edit("scale", "2")], "has to be a number"),
        ([edit("scale", True)], "has to be a number"),
        ([edit("bias", 1e9)], "too large"),
        ([edit("bias", 1, 0, "2")], "no biases"),
        ([edit("set", [])], "needs rows"),
        ([edit("set", [[0, 0, 0]])], "sets no weight"),
        ([edit("set", [[0, 3, 0, 1.0]])], "has none at"),
        ([edit("set", [[0, -1, 0, 1.0]])], "has none at"),
        ([edit("set", [[0, 0, 0.0, 1.0]])], "has none at"),
        ([edit("set", [[0, 0, 0, None]])], "has to be a number"),
        ([edit("zero", number=3)], "no filter 3"),
        ([edit("zero", layer="1")], "no convolution '1'"),
        (["zero"], "is no edit"),
        ("zero", "is no edit|Up to"),
        ([edit("zero")] * (MAX_EDITS + 1), "at once"),
    ],
)
def test_wrong_edits_are_a_sentence(wrong: Any, sentence: str) -> None:
    context = OneNet(make())
    with pytest.raises(LensError, match=sentence):
        apply_edits(copy.deepcopy(context.net), context.subject("any"), wrong)


def test_a_kernel_that_is_not_square_is_not_turned() -> None:
    context = OneNet(nn.Sequential(nn.Conv2d(1, 1, (1, 3)), nn.Flatten()))
    with pytest.raises(LensError, match="1×3 cannot be turned"):
        apply_edits(context.net, context.subject("any"), [edit("rotate90", number=0)])


def test_maps_and_answer_are_those_of_the_changed_network(
    context: LensContext, run_id: str, write: WriteWeights
) -> None:
    net = write(seed=2, step=5)
    model = f"run:{run_id}"
    change = {"layer": "conv1", "filter": 2, "op": "zero"}
    result = edited(context, model, IMAGE, edits=[change], number=2)
    subject = context.subject(model)
    batch = subject.net  # the shared network is not touched
    assert torch.equal(batch.get_parameter("conv1.weight"), net.get_parameter("conv1.weight"))
    by_hand = copy.deepcopy(net)
    with torch.no_grad():
        by_hand.get_parameter("conv1.weight")[2] = 0
        if "conv1.bias" in dict(by_hand.named_parameters()):
            by_hand.get_parameter("conv1.bias")[2] = 0
        val = context.images(subject, "val")
        images = (val.images / 255 - subject.info.mean[0]) / subject.info.std[0]
        before, after = (each(images).argmax(1) == val.labels for each in (net, by_hand))
        test = context.images(subject, "test").images[3:4]
        one = (test / 255 - subject.info.mean[0]) / subject.info.std[0]
        probs = by_hand(one).softmax(1)[0]
        maps = by_hand.get_submodule("conv1")(one)[0]
    assert np.allclose(result.probs_after, probs, atol=1e-5)
    assert np.allclose(result.maps_after, maps, atol=1e-5)
    assert not np.allclose(result.maps_before[2], result.maps_after[2])
    assert np.allclose(result.maps_before[[0, 1, 3]], result.maps_after[[0, 1, 3]], atol=1e-6)
    measured = edit_accuracy(context, model, None, edits=[change])
    assert measured.counts is not None
    assert measured.counts.num_images == len(val)
    assert measured.counts.right_before == int(before.sum())
    assert measured.counts.right_after == int(after.sum())
    assert measured.counts.broken == int((before & ~after).sum())
    assert measured.right_after.sum() == measured.counts.right_after
    assert measured.totals.sum() == len(val)
    assert f"{len(val)} validation images" in measured.counted
    moved = dict(zip(result.layers, result.moved, strict=True))
    change_of_maps = np.linalg.norm(result.maps_after - result.maps_before)
    assert moved["conv1"] == pytest.approx(
        change_of_maps / np.linalg.norm(result.maps_before), rel=1e-4
    )


def test_without_edits_nothing_changes(
    context: LensContext, run_id: str, write: WriteWeights
) -> None:
    write(seed=2, step=5)
    result = edited(context, f"run:{run_id}", IMAGE, maps="pool1")
    assert np.array_equal(result.probs_before, result.probs_after)
    assert np.array_equal(result.maps_before, result.maps_after)
    assert not result.moved.any()
    counts = edit_accuracy(context, f"run:{run_id}", None).counts
    assert counts is not None
    assert (counts.broken, counts.fixed) == (0, 0)
    assert counts.change == counts.change_error == 0
    with pytest.raises(LensError, match="no layer with maps called 'fc9'"):
        edited(context, f"run:{run_id}", IMAGE, maps="fc9")


def test_images_that_are_not_here_leave_the_accuracy_out() -> None:
    context = OneNet(make(), shape=(1, 4, 4))
    result = edit_accuracy(context, "any", None, edits=[edit("zero")])
    assert result.counts is None
    assert "not here" in result.counted


def test_paired_counts() -> None:
    counts = PairedCounts(num_images=100, right_before=90, broken=9, fixed=1)
    assert counts.right_after == 82
    assert counts.change == pytest.approx(-0.08)
    values = np.array([-1] * 9 + [1] + [0] * 90)
    assert counts.change_error == pytest.approx(values.std() / 10)


def test_large_sets_are_sliced_with_every_class() -> None:
    images = torch.zeros(1000, 1, 4, 4)
    context = OneNet(make(), {"val": split(images, [0, 1] * 500)})
    result = edit_accuracy(context, "any", None)
    assert result.totals.tolist() == [250, 250]
    assert "500 validation images" in result.counted
    assert "all" not in result.counted
