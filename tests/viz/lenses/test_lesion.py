"""Lesions against networks changed by hand, and against what cannot make a difference."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.viz.lenses.conftest import WriteWeights
from tests.viz.lenses.nets import OneNet, conv, split
from viz.lenses import lesion as module
from viz.lenses.context import LensContext
from viz.lenses.lesion import lesion
from viz.lenses.registry import LensError


def reader() -> OneNet:
    """Class 0: the left half is bright, class 1: the right; channel 2 is not used by the answer."""
    left = torch.zeros(4, 4)
    left[:, :2] = 1
    layer = conv(torch.stack([left, left.flip(1), torch.ones(4, 4)])[:, None], [0.0, 0.0, 0.0])
    out = nn.Linear(3, 2)
    with torch.no_grad():
        out.weight.copy_(torch.tensor([[1.0, 0, 0], [0, 1, 0]]))
        out.bias.copy_(torch.tensor([0.5, 0.0]))  # a tie, both silent, goes to class 0
    images = torch.zeros(5, 1, 4, 4)
    images[:3, :, :, :2] = 1
    images[3:, :, :, 2:] = 1
    net = nn.Sequential(layer, nn.ReLU(inplace=True), nn.Flatten(), out)
    return OneNet(net, {"val": split(images, [0, 0, 0, 1, 1])})


def test_a_net_worked_out_by_hand() -> None:
    result = lesion(reader(), "any", None)
    assert result.right_whole.tolist() == [3, 2]
    assert result.totals.tolist() == [3, 2]
    # without "left" 0.5 is left for class 0: still right; without "right" class 1 is never said;
    # the third channel is used by nobody
    assert result.right.tolist() == [[3, 2], [3, 0], [3, 2]]
    assert result.broken.tolist() == [0, 2, 0]
    assert result.fixed.tolist() == [0, 0, 0]
    assert result.ranking().tolist() == [1, 0, 2]
    assert np.allclose(result.drops(), [[0, 0], [0, 1], [0, 0]])
    assert result.counts(1).change == pytest.approx(-2 / 5)
    assert result.parts == ("0", "1", "2")
    assert set(result.places) == {"0"}
    assert "at the output of 0" in result.note


def test_whole_layers() -> None:
    result = lesion(reader(), "any", None, whole_layers=True)
    assert result.layer is None
    assert result.parts == ("0",)  # the last layer gives the answer
    assert result.right.tolist() == [[3, 0]]
    alone = OneNet(nn.Sequential(nn.Conv2d(1, 2, 4), nn.Flatten()), reader().images_of)
    with pytest.raises(LensError, match="could do without"):
        lesion(alone, "any", None, whole_layers=True)


def silenced(net: nn.Module, place: str, channel: int | None, images: Tensor) -> Tensor:
    """The logits with a module put in the place that zeroes the channel, not a hook."""

    class Silent(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: Tensor) -> Tensor:
            output: Tensor = self.inner(x)
            keep = torch.ones(output.shape[1])
            keep[channel if channel is not None else slice(None)] = 0
            return output * keep.view(-1, *[1] * (output.ndim - 2))

    changed = copy.deepcopy(net)
    parent, _, name = place.rpartition(".")
    setattr(changed.get_submodule(parent), name, Silent(changed.get_submodule(place)))
    with torch.no_grad():
        logits: Tensor = changed(images)
    return logits


@pytest.mark.parametrize(
    ("layer", "place"),
    [("conv1", "norm1"), ("block1.conv1", "block1.norm1"), ("block1.conv2", "block1.norm2")],
)
def test_equals_a_network_with_a_silencing_module(
    context: LensContext, run_id: str, write: WriteWeights, layer: str, place: str
) -> None:
    net = write(seed=4, step=1)
    for each in net.modules():  # a shift that would replace what is taken away before the norm
        if isinstance(each, nn.BatchNorm2d):
            nn.init.normal_(each.bias)
    model = f"run:{run_id}"
    subject = context.subject(model)
    subject.net.load_state_dict(net.state_dict())
    result = lesion(context, model, None, layer=layer)
    assert set(result.places) == {place}
    val = context.images(subject, "val")
    images = (val.images / 255 - subject.info.mean[0]) / subject.info.std[0]
    whole = net(images).argmax(1) == val.labels
    assert result.right_whole.sum() == whole.sum()
    for part in range(len(result.parts)):
        right = silenced(net, place, part, images).argmax(1) == val.labels
        expected = torch.bincount(val.labels[right], minlength=10)
        assert result.right[part].tolist() == expected.tolist()
        assert result.broken[part] == (whole & ~right).sum()
        assert result.fixed[part] == (~whole & right).sum()


def test_layers_of_a_residual_network(
    context: LensContext, run_id: str, write: WriteWeights
) -> None:
    net = write(seed=4, step=1)
    result = lesion(context, f"run:{run_id}", None, whole_layers=True)
    subject = context.subject(f"run:{run_id}")
    val = context.images(subject, "val")
    images = (val.images / 255 - subject.info.mean[0]) / subject.info.std[0]
    for part, place in enumerate(result.places):
        right = silenced(net, place, None, images).argmax(1) == val.labels
        assert result.right[part].sum() == right.sum(), place
    assert result.parts[0] == "conv1"
    assert result.places[0] == "norm1"
    assert not any(each._forward_hooks for each in subject.net.modules())


def test_a_large_layer_is_tried_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILTERS", 2)
    result = lesion(reader(), "any", None)
    assert (result.parts, result.num_parts) == (("0", "1"), 3)
    later = lesion(reader(), "any", None, first_filter=2)
    assert later.parts == ("2",)
    assert later.right.tolist() == [[3, 2]]
    with pytest.raises(LensError, match="no filter 3"):
        lesion(reader(), "any", None, first_filter=3)


def test_fewer_images_where_each_takes_much_work(monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.zeros(300, 1, 4, 4)
    context = OneNet(reader().net, {"val": split(images, [0, 1] * 150)})
    monkeypatch.setattr(module, "_MACS", 6.0 * 3 * 100)  # 6 MACs after layer 0, three filters
    result = lesion(context, "any", None)
    assert result.num_images == 100
    assert "100 validation images" in result.note


def test_without_images_there_is_a_sentence() -> None:
    with pytest.raises(LensError, match="not here"):
        lesion(OneNet(reader().net), "any", None)
