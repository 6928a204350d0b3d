"""One layer's maps against torch, and what else is found out in the one run of the network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from data.images import normalize
from data.load import Dataset
from viz.lenses.context import LensContext
from viz.lenses.feature_maps import feature_maps, layer_maps
from viz.lenses.recorder import leaves, record, record_part
from viz.lenses.registry import LensError

IMAGE = "digits/test/5"


def outputs_of(net: nn.Module, digits: Dataset) -> dict[str, Tensor]:
    names = [name for name, _ in net.named_modules() if name]
    with record(net, names) as outputs, torch.no_grad():
        net(normalize(digits.test.images[5:6], digits.info))
    return {name: calls[-1][0] for name, calls in outputs.items() if calls}


@pytest.mark.parametrize("layer", ["conv1", "norm1", "relu1", "pool1", "block1"])
def test_maps_are_those_of_torch(
    context: LensContext, model: str, net: nn.Sequential, digits: Dataset, layer: str
) -> None:
    sheet = layer_maps(context, model, IMAGE, layer=layer, peak=True)
    expected = outputs_of(net, digits)
    assert np.allclose(sheet.maps, expected[layer], atol=1e-5)
    assert sheet.maps.flags.c_contiguous
    leaf_maps = [
        expected[name] for name in leaves(net) if name in expected and expected[name].ndim == 3
    ]
    assert sheet.peak == pytest.approx(max(float(maps.abs().max()) for maps in leaf_maps), rel=1e-5)
    assert (sheet.layer, sheet.step, sheet.calls) == (layer, 40, 1)
    assert sheet.label == int(digits.test.labels[5])


def test_the_first_convolution_is_where_looking_begins(context: LensContext, model: str) -> None:
    first = layer_maps(context, model, IMAGE)
    assert (first.layer, first.peak) == ("conv1", None)


def test_units_sit_where_their_fields_are(context: LensContext, model: str) -> None:
    """A 5×5 convolution with padding 2, pooling by 2, then a block that strides by 2."""
    first = layer_maps(context, model, IMAGE, layer="conv1").geometry
    pooled = layer_maps(context, model, IMAGE, layer="pool1").geometry
    block = layer_maps(context, model, IMAGE, layer="block1").geometry
    assert first is not None
    assert pooled is not None
    assert block is not None
    assert (first.size, first.stride, first.box(0, 0)) == ((5, 5), (1, 1), (-2, -2, 3, 3))
    assert (pooled.size, pooled.stride, pooled.box(1, 0)) == ((6, 6), (2, 2), (0, -2, 6, 4))
    assert block.stride == (4, 4)
    assert first.offset_of_stretching((16, 16)) == 0


@pytest.mark.parametrize("lens", [feature_maps, layer_maps])
def test_the_network_runs_once(
    context: LensContext, model: str, lens: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = context.subject(model).net
    lens(context, model, IMAGE)  # type: ignore[operator]  # what a network is made of is found once
    runs: list[None] = []
    handle = net.register_forward_pre_hook(lambda *_: runs.append(None))
    try:
        lens(context, model, IMAGE)  # type: ignore[operator]
    finally:
        handle.remove()
    assert len(runs) == 1
    assert sum(len(module._forward_hooks) for module in net.modules()) == 0


@pytest.mark.parametrize("layer", ["fc1", "flatten", "nosuch", "conv1.weight", "x" * 500])
def test_what_has_no_maps_gets_a_sentence(context: LensContext, model: str, layer: str) -> None:
    with pytest.raises(LensError, match=r"has no layer with maps called .*; it has conv1, norm1"):
        layer_maps(context, model, IMAGE, layer=layer)
    net = context.subject(model).net
    assert sum(len(module._forward_hooks) for module in net.modules()) == 0


class Order(nn.Module):
    """Runs its modules in another order than they stand in, one of them twice."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.ReLU()
        self.first = nn.Conv2d(1, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.last(self.first(x))
        again: Tensor = self.last(out - 1)
        return again


def test_parts_are_kept_in_the_order_of_running() -> None:
    net = Order()
    with record_part(net, ["last", "first"], lambda name, out: (name, tuple(out.shape))) as found:
        net(torch.zeros(1, 1, 3, 3))
    assert list(found) == ["first", "last"]
    assert found["last"] == [("last", (1, 2, 3, 3))] * 2
