"""The overview: which columns a network gets, what feeds what, and what the thumbnails hold."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.modules import PartialConv2d, ResidualBlock
from tests.viz.lenses.conftest import WriteWeights
from viz.lenses import LensError
from viz.lenses.context import LensContext
from viz.lenses.overview import overview
from viz.lenses.overview_columns import FITTING, lay_out
from viz.lenses.overview_links import find_sources, pick, relate
from viz.lenses.steps import Steps
from viz.results.overview import IMAGE, Overview


def by_name(found: Overview) -> dict[tuple[str, str], str]:
    """Kinds of the links by the names of source and target."""
    names = {number: column.name for number, column in enumerate(found.columns)} | {IMAGE: ""}
    return {(names[link.source], names[link.target]): link.kind for link in found.links}


def test_a_residual_block_is_drawn_as_it_is(context: LensContext, model: str) -> None:
    found = overview(context, model, "digits/test/3")
    assert by_name(found) == {
        ("", "conv1"): "weights",
        ("conv1", "norm1"): "same",
        ("norm1", "relu1"): "same",
        ("relu1", "pool1"): "same",
        ("pool1", "block1.conv1"): "weights",
        ("block1.conv1", "block1.norm1"): "same",
        ("block1.norm1", "block1.relu1"): "same",
        ("block1.relu1", "block1.conv2"): "weights",
        ("block1.conv2", "block1.norm2"): "same",
        ("pool1", "block1.shortcut.conv"): "weights",
        ("block1.shortcut.conv", "block1.shortcut.norm"): "same",
        ("block1.norm2", "block1.add"): "same",
        ("block1.shortcut.norm", "block1.add"): "same",
        ("block1.add", "block1.relu2"): "same",
        # dropout and flatten only hand on: the linear layer takes from the maps
        ("block1.relu2", "fc1"): "weights",
        ("fc1", "softmax"): "all",
    }


def test_strengths_are_the_norms_of_the_kernels(
    context: LensContext, model: str, write: WriteWeights
) -> None:
    net = write(seed=1, step=40)
    found = overview(context, model, "digits/test/3")
    columns = [column.name for column in found.columns]
    links = {columns[link.target]: link for link in found.links if link.kind == "weights"}
    kernels = net.get_parameter("block1.conv2.weight").detach()
    norms = kernels.square().sum((2, 3)).sqrt().numpy()
    link = links["block1.conv2"]
    assert link.top == pytest.approx(norms.max(), rel=1e-5)
    assert np.allclose(link.strength / 255 * link.top, norms, atol=link.top / 254)
    # a linear layer reads each map through many weights
    weight = net.get_parameter("fc1.weight").detach()
    channels = next(column for column in found.columns if column.name == "block1.relu2").count
    expected = weight.reshape(10, channels, -1).norm(dim=2).numpy()
    link = links["fc1"]
    assert np.allclose(link.strength / 255 * link.top, expected, atol=link.top / 254)


def test_thumbnails_and_peaks_are_those_of_the_maps(context: LensContext, model: str) -> None:
    found = overview(context, model, "digits/test/3", limit=2)
    conv = found.columns[0]
    assert (conv.count, len(conv.channels)) == (4, 2)
    assert conv.maps is not None
    assert conv.maps.shape == (2, 16, 16)
    assert [int(np.abs(one).max()) for one in conv.maps] == [127, 127]
    for one, (row, column) in zip(conv.maps, conv.peaks, strict=True):
        assert abs(int(one[row, column])) == 127
    strongest = overview(context, model, "digits/test/3", limit=4).columns[0]
    assert strongest.maps is not None
    means = np.abs(strongest.maps).mean((1, 2)) * strongest.limits / 127
    assert set(conv.channels) == set(np.argsort(-means)[:2])
    first = overview(context, model, "digits/test/3", limit=2, choose="first").columns[0]
    assert first.channels.tolist() == [0, 1]
    probs = found.columns[-1]
    assert probs.values is not None
    assert probs.name == "softmax"
    assert np.all(np.diff(probs.values) <= 0)
    assert np.array_equal(found.columns[-2].channels, probs.channels)


def relation_of(net: nn.Module, batch: Tensor, name: str) -> tuple[str, np.ndarray | None]:
    steps = Steps(net.eval(), batch)
    places = lay_out(steps.all, [])
    number = next(i for i, place in enumerate(places) if place.name == name)
    ((source, taker),) = find_sources(steps, places)[number].items()
    before = None if source == IMAGE else places[source]
    shape = tuple(batch.shape[1:]) if source == IMAGE else places[source].last.shape
    found = relate(steps, net, places[number], taker, before, shape)
    return found.kind, found.strength


def test_a_grouped_convolution_connects_within_its_groups() -> None:
    conv = nn.Conv2d(6, 4, 3, groups=2)
    net = nn.Sequential(OrderedDict(conv=conv))
    kind, strength = relation_of(net, torch.ones(1, 6, 5, 5), "conv")
    assert kind == "weights"
    assert strength is not None
    assert np.array_equal(strength > 0, np.kron(np.eye(2), np.ones((2, 3))) > 0)
    kernel = conv.weight.detach()[3, 1]  # channel 4 of the input
    assert strength[3, 4] == pytest.approx(float(kernel.norm()), rel=1e-6)


def test_a_depthwise_convolution_connects_channel_by_channel() -> None:
    net = nn.Sequential(OrderedDict(conv=nn.Conv2d(5, 5, 3, groups=5)))
    _, strength = relation_of(net, torch.ones(1, 5, 4, 4), "conv")
    assert strength is not None
    assert np.array_equal(strength > 0, np.eye(5) > 0)


def test_a_partial_convolution_connects_what_its_table_says() -> None:
    conv = PartialConv2d(3, [[0, 1], [2]], 3)
    nn.init.ones_(conv.weight)
    net = nn.Sequential(OrderedDict(conv=conv))
    _, strength = relation_of(net, torch.ones(1, 3, 4, 4), "conv")
    assert strength is not None
    assert np.array_equal(strength, [[3, 3, 0], [0, 0, 3]])


class Concatenated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(1, 2, 1)
        self.two = nn.Conv2d(1, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.one(x), self.two(x)], 1)


def test_a_concatenation_puts_channels_behind_each_other() -> None:
    net = nn.Sequential(OrderedDict(both=Concatenated(), end=nn.ReLU())).eval()
    steps = Steps(net, torch.ones(1, 1, 2, 2))
    places = lay_out(steps.all, [])
    number = next(i for i, place in enumerate(places) if place.name == "both.cat")
    found = find_sources(steps, places)[number]
    strengths = []
    for source, taker in found.items():
        shape = places[source].last.shape
        relation = relate(steps, net, places[number], taker, places[source], shape)
        assert relation.strength is not None
        strengths.append(relation.strength)
    assert np.array_equal(np.hstack(strengths), np.eye(5))


def deep(count: int) -> nn.Module:
    blocks = {f"block{i}": ResidualBlock(2, 2, 1, True, "pad") for i in range(count)}
    return nn.Sequential(OrderedDict(stem=nn.Conv2d(1, 2, 3, padding=1), **blocks)).eval()


def test_deep_networks_are_folded_and_opened_on_request() -> None:
    steps = Steps(deep(9), torch.ones(1, 1, 8, 8))
    folded = lay_out(steps.all, [])
    assert [place.name for place in folded] == ["stem", *(f"block{i}" for i in range(9)), "softmax"]
    assert {len(place.steps) for place in folded} == {1, 7}
    opened = lay_out(steps.all, ["block4"])
    inside = [place.name for place in opened if place.block == "block4"]
    assert inside == [
        f"block4.{name}" for name in ("conv1", "norm1", "relu1", "conv2", "norm2", "add", "relu2")
    ]
    assert len(opened) == len(folded) + 6
    # shallow ones are laid out by themselves
    small = lay_out(Steps(deep(3), torch.ones(1, 1, 8, 8)).all, [])
    assert len(small) == 1 + 3 * 7 + 1 <= FITTING


def test_a_folded_block_may_depend_on_everything_before_it() -> None:
    net = deep(9)
    steps = Steps(net, torch.ones(1, 1, 8, 8))
    places = lay_out(steps.all, [])
    sources = find_sources(steps, places)
    assert [list(one) for one in sources] == [[number - 1] for number in range(len(places))]
    relation = relate(steps, net, places[3], sources[3][2], places[2], places[2].last.shape)
    assert relation.kind == "all"
    strength, top = pick(relation, np.array([0, 1]), np.array([1]))
    assert (strength.tolist(), top) == ([[255], [255]], 1.0)


def test_a_block_of_one_convolution_is_that_convolution() -> None:
    stem = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU6())
    rest = {f"part{i}": ResidualBlock(2, 2, 1, True, "pad") for i in range(6)}
    net = nn.Sequential(OrderedDict(stem=stem, **rest))
    kind, strength = relation_of(net, torch.ones(1, 1, 8, 8), "stem")
    assert kind == "weights"
    assert strength is not None
    assert strength.shape == (2, 1)


def test_wrong_options_are_sentences_and_unknown_blocks_are_left_out(
    context: LensContext, model: str
) -> None:
    with pytest.raises(LensError, match="choose is 'x': use strongest or first"):
        overview(context, model, "digits/test/3", choose="x")
    with pytest.raises(LensError, match="limit is 0"):
        overview(context, model, "digits/test/3", limit=0)
    found = overview(context, model, "digits/test/3", opened=["nosuch", "block1"])
    assert found.foldable == ()


def test_a_network_of_fifty_layers_stays_small(context: LensContext) -> None:
    found = overview(context, "random:resnet20", "digits/test/3")
    assert len(found.columns) == 15
    held = sum(column.maps.nbytes for column in found.columns if column.maps is not None)
    assert held + sum(link.strength.nbytes for link in found.links) < 100_000
