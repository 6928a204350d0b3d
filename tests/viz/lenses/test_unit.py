"""Every number that a unit is said to be made of, against torch and against sums made by hand."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.architectures.base import Architecture
from models.build import build_network
from models.registry import list_architectures
from viz.lenses import LensError
from viz.lenses.steps import Steps, Values, steps_of
from viz.lenses.unit_terms import explain, needed
from viz.lenses.unit_windows import Explained
from viz.results.units import (
    TOLERANCE,
    Combined,
    Index,
    InputSum,
    Moved,
    Normalised,
    Share,
    Unexplained,
    UnitView,
    WindowMax,
    WindowSum,
)


def run_all(net: nn.Module, batch: Tensor) -> tuple[Steps, Values]:
    """Every value of a network that a unit of any step may ask for."""
    found = Steps(net, batch)
    return found, found.run(net, batch, [n for step in found.all for n in needed(found, step)])


def take_apart(net: nn.Module, batch: Tensor, name: str, at: Index) -> Explained:
    found, values = run_all(net, batch)
    return explain(found, found.find(name), values, net, at, 8, ())


def check_everywhere(net: nn.Module, batch: Tensor, *, units: int, seed: int) -> set[str]:
    """Assert that random units of every step are what torch put out; the kinds that were seen."""
    found, values = run_all(net.eval().requires_grad_(False), batch)
    places = np.random.default_rng(seed)
    kinds = set()
    for step in found.all:
        for _ in range(units):
            at = tuple(int(places.integers(side)) for side in step.shape)
            explained = explain(found, step, values, net, at, 4, ())
            assert explained.total is not None, f"{step.name}: {explained.explanation}"
            torch_value = float(values[step.node][0][at])
            difference = abs(explained.total - torch_value)
            assert difference <= TOLERANCE * explained.scale, (step.name, step.kind, at)
        kinds.add(step.kind)
    return kinds


def filled(net: nn.Module, seed: int) -> nn.Module:
    """The network with running statistics and norms that are not 0 and 1."""
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.5, generator=generator)
            module.running_var.uniform_(0.3, 2, generator=generator)
            if module.affine:
                nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
                nn.init.normal_(module.bias, 0, 0.3, generator=generator)
    return net


@pytest.mark.parametrize("architecture", list_architectures(), ids=lambda each: each.name)
@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 32, 32)])
def test_every_step_of_every_architecture_is_what_torch_says(
    architecture: Architecture, shape: tuple[int, int, int]
) -> None:
    net = filled(build_network(architecture.layers(shape, 10), shape, 10, seed=1), seed=2)
    batch = torch.randn(2, *shape, generator=torch.Generator().manual_seed(3))[:1]
    check_everywhere(net, batch, units=3, seed=4)


@pytest.mark.parametrize(
    "name",
    ["resnet18", "mobilenet_v2", "densenet121", "squeezenet1_1", "vgg11_bn", "mobilenet_v3_small",
     "shufflenet_v2_x1_0", "convnext_tiny"],
)  # fmt: skip
def test_every_step_of_torchvision_networks_is_what_torch_says(name: str) -> None:
    torchvision = pytest.importorskip("torchvision")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = filled(getattr(torchvision.models, name)(weights=None), seed=1)
    batch = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    kinds = check_everywhere(net, batch, units=1, seed=3)
    assert kinds >= {"Conv2d", "softmax"}


class Everything(nn.Module):
    """Settings that no architecture here has."""

    def __init__(self) -> None:
        super().__init__()
        self.same = nn.Conv2d(4, 8, (4, 3), padding="same", dilation=(1, 2), groups=2)
        self.around = nn.Conv2d(8, 8, 3, padding=(2, 1), padding_mode="circular")
        self.mirror = nn.Conv2d(8, 4, 3, stride=2, padding=1, padding_mode="reflect", bias=False)
        self.group = nn.GroupNorm(2, 4)
        self.instance = nn.InstanceNorm2d(4, affine=True)
        self.layer = nn.LayerNorm((4, 7, 7))
        self.batch = nn.BatchNorm2d(4, affine=False, track_running_stats=True)
        self.max = nn.MaxPool2d(3, 2, padding=1, dilation=2, ceil_mode=True)
        self.mean = nn.AvgPool2d((3, 2), 2, padding=1, ceil_mode=True, count_include_pad=False)
        self.padded_mean = nn.AvgPool2d(3, 2, padding=1, ceil_mode=True)
        self.adaptive = nn.AdaptiveAvgPool2d((2, None))
        self.adaptive_max = nn.AdaptiveMaxPool2d(2)
        self.functions = nn.ModuleList(
            [nn.LeakyReLU(0.1), nn.ELU(1.5), nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.Hardswish(),
             nn.Hardsigmoid(), nn.Tanh(), nn.Sigmoid(), nn.ReLU6(), nn.Softmax(1), nn.Dropout(0.5)]
        )  # fmt: skip
        self.line = nn.BatchNorm1d(32)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mirror(self.around(self.same(x)))
        y = self.layer(self.instance(self.group(self.batch(x)))) * 2 + 1
        for function in list(self.functions)[:10]:
            y = y + function(x)
        parts = [
            self.adaptive_max(self.max(y)),
            self.adaptive_max(self.mean(y)),
            self.adaptive_max(self.padded_mean(y)),
            self.adaptive_max(self.adaptive(y)),
        ]
        wide = torch.cat(parts, 1)[:, 2:10].transpose(1, 2).reshape(1, -1)
        probs: Tensor = self.functions[10](functional.relu(self.line(wide)))
        dropped: Tensor = self.functions[11](wide)
        return probs + dropped


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")  # what it tests
def test_settings_of_windows_norms_and_functions_are_what_torch_says() -> None:
    generator = torch.Generator().manual_seed(0)
    net = filled(Everything(), seed=1)
    for parameter in net.parameters():
        nn.init.normal_(parameter, 0.2, 0.5, generator=generator)
    kinds = check_everywhere(net, torch.randn(1, 4, 12, 13, generator=generator), units=40, seed=5)
    assert {"add", "mul", "cat", "getitem", "transpose", "reshape", "relu"} <= kinds
    assert {"LeakyReLU", "GELU", "Hardswish", "Softmax", "Dropout", "InstanceNorm2d"} <= kinds


def one_conv() -> nn.Module:
    conv = nn.Conv2d(2, 1, 2, padding=1)
    weight = torch.tensor([[[[1.0, 2], [3, 4]], [[-1.0, 0], [0, 1]]]])
    conv.load_state_dict({"weight": weight, "bias": torch.tensor([0.5])})
    return nn.Sequential(OrderedDict(conv=conv)).eval()


IMAGE = torch.tensor([[[[1.0, 2], [3, 4]], [[5.0, 6], [7, 8]]]])


def test_a_convolution_by_hand() -> None:
    explained = take_apart(one_conv(), IMAGE, "conv", (0, 1, 1))
    found = explained.explanation
    assert isinstance(found, WindowSum)
    # channel 0: 1·1 + 2·2 + 3·3 + 4·4 = 30; channel 1: −1·5 + 1·8 = 3; bias 0.5
    assert explained.total == 33.5
    assert explained.scale == 30 + 13 + 0.5
    assert [(term.channel, term.total) for term in found.channels] == [(0, 30.0), (1, 3.0)]
    assert np.array_equal(found.channels[1].patch, [[5, 6], [7, 8]])
    assert np.array_equal(found.channels[1].kernel, [[-1, 0], [0, 1]])
    assert (found.bias, found.rest_count) == (0.5, 0)
    assert not found.padded.any()
    assert (found.window.top, found.window.left) == (0, 0)


def test_padding_counts_as_zero_and_is_marked() -> None:
    explained = take_apart(one_conv(), IMAGE, "conv", (0, 0, 2))
    found = explained.explanation
    assert isinstance(found, WindowSum)
    # only the upper right cell of the image is read, by the lower left weight: 3·2 + 0·6 + 0.5
    assert explained.total == 6.5
    assert np.array_equal(found.padded, [[True, True], [False, True]])
    assert np.array_equal(found.channels[0].patch, [[0, 0], [2, 0]])
    assert (found.window.top, found.window.left) == (-1, 1)
    assert (found.window.bottom, found.window.right) == (1, 3)


def test_channels_beyond_the_limit_are_summed() -> None:
    conv = nn.Conv2d(12, 1, 1, bias=False)
    conv.load_state_dict({"weight": torch.arange(12.0).reshape(1, 12, 1, 1)})
    net = nn.Sequential(OrderedDict(conv=conv)).eval()
    batch = torch.ones(1, 12, 1, 1)
    explained = take_apart(net, batch, "conv", (0, 0, 0))
    found = explained.explanation
    assert isinstance(found, WindowSum)
    assert [term.channel for term in found.channels] == [11, 10, 9, 8, 7, 6, 5, 4]
    assert (found.rest_count, found.rest_total, explained.total) == (4, 6.0, 66.0)


def test_a_depthwise_convolution_reads_its_own_channel() -> None:
    conv = nn.Conv2d(6, 6, 3, groups=6)
    explained = take_apart(
        nn.Sequential(OrderedDict(c=conv)), torch.ones(1, 6, 3, 3), "c", (4, 0, 0)
    )
    found = explained.explanation
    assert isinstance(found, WindowSum)
    assert [term.channel for term in found.channels] == [4]
    assert "depthwise" in found.note


def test_max_pooling_names_the_winner() -> None:
    net = nn.Sequential(OrderedDict(pool=nn.MaxPool2d(2, 1, padding=1)))
    explained = take_apart(net, IMAGE, "pool", (1, 1, 1))
    found = explained.explanation
    assert isinstance(found, WindowMax)
    assert (explained.total, found.winner, found.ties, found.channel) == (8.0, (1, 1), 0, 1)
    corner = take_apart(net, -IMAGE, "pool", (0, 0, 0)).explanation
    assert isinstance(corner, WindowMax)
    # padding never wins, whatever the sign
    assert (corner.winner, float(corner.patch[1, 1])) == ((1, 1), -1.0)
    assert np.isneginf(corner.patch[0, 0])
    tied = take_apart(net, torch.ones(1, 1, 2, 2), "pool", (0, 1, 1)).explanation
    assert isinstance(tied, WindowMax)
    assert tied.ties == 3


def test_batch_norm_by_hand() -> None:
    norm = nn.BatchNorm2d(2, eps=0.25).eval()
    norm.load_state_dict(
        {
            "running_mean": torch.tensor([0.0, 3.0]),
            "running_var": torch.tensor([1.0, 3.75]),
            "weight": torch.tensor([1.0, -2.0]),
            "bias": torch.tensor([0.0, 10.0]),
        },
        strict=False,
    )
    explained = take_apart(nn.Sequential(OrderedDict(norm=norm)), IMAGE, "norm", (1, 1, 0))
    found = explained.explanation
    assert isinstance(found, Normalised)
    assert (found.x, found.mean, found.variance, found.gamma, found.beta) == (7, 3, 3.75, -2, 10)
    assert explained.total == (7 - 3) / 2 * -2 + 10


def test_softmax_by_hand() -> None:
    explained = take_apart(
        nn.Sequential(nn.Identity()), torch.tensor([[0.0, math.log(3.0)]]), "softmax", (1,)
    )
    found = explained.explanation
    assert isinstance(found, Share)
    assert explained.total == pytest.approx(0.75)
    assert found.logits.tolist() == pytest.approx([0, math.log(3)])


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(x - 0.0 + 0.0)
        y = y + x
        return torch.cat([x, self.relu(y)], 1).flatten(1)


def test_an_addition_names_both_paths_and_a_flatten_the_place() -> None:
    net = Branches().eval()
    batch = torch.tensor([[[[-1.0, 2.0]]]])
    names = [step.name for step in Steps(net, batch).all]
    assert names == ["sub", "add", "relu#1", "add2", "relu", "cat", "flatten", "softmax"]
    sum_of = take_apart(net, batch, "add2", (0, 0, 1))
    assert isinstance(sum_of.explanation, Combined)
    assert [(one.layer, one.unit, one.value) for one in sum_of.explanation.operands] == [
        ("relu#1", (0, 0, 1), 2.0),
        ("", (0, 0, 1), 2.0),
    ]
    place = take_apart(net, batch, "flatten", (3,)).explanation
    assert isinstance(place, Moved)
    assert place.source is not None
    assert (place.source.layer, place.source.unit, place.source.value) == ("cat", (1, 0, 1), 4.0)
    first = take_apart(net, batch, "cat", (0, 0, 0)).explanation
    assert isinstance(first, Moved)
    assert first.source is not None
    assert (first.source.layer, first.source.value) == ("", -1.0)


def test_what_works_in_place_does_not_change_what_was_put_in() -> None:
    conv = nn.Conv2d(1, 1, 1)
    conv.load_state_dict({"weight": torch.ones(1, 1, 1, 1), "bias": torch.zeros(1)})
    net = nn.Sequential(OrderedDict(conv=conv, relu=nn.ReLU(inplace=True))).eval()
    found, values = run_all(net, torch.tensor([[[[-2.0]]]]))
    assert float(values[found.node("conv")]) == -2.0


def test_a_linear_layer_tells_where_its_inputs_come_from() -> None:
    fc, weight = nn.Linear(8, 2), torch.zeros(2, 8)
    weight[1, 6] = 10.0
    fc.load_state_dict({"weight": weight, "bias": torch.tensor([0.0, -1.0])})
    net = nn.Sequential(
        OrderedDict(pool=nn.MaxPool2d(1), flat=nn.Flatten(), drop=nn.Dropout(), fc=fc)
    ).eval()
    explained = take_apart(net, IMAGE, "fc", (1,))
    found = explained.explanation
    assert isinstance(found, InputSum)
    term = found.terms[0]
    assert (term.index, term.origin, term.value, term.product) == (6, (1, 1, 0), 7.0, 70.0)
    assert (found.origin_layer, found.bias, explained.total) == ("pool", -1.0, 69.0)


def test_what_is_not_known_says_so_in_a_sentence() -> None:
    net = nn.Sequential(OrderedDict(up=nn.ConvTranspose2d(2, 1, 2))).eval()
    explained = take_apart(net, IMAGE, "up", (0, 0, 0))
    assert isinstance(explained.explanation, Unexplained)
    assert explained.total is None
    assert explained.explanation.reason.startswith("ConvTranspose2d is not taken apart here")


class Loop(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if float(x.sum()) > 0 else -x


def test_a_forward_pass_that_depends_on_values_is_a_sentence() -> None:
    with pytest.raises(LensError, match="cannot be followed"):
        Steps(Loop(), IMAGE)


def test_numbers_that_are_none_are_said_to_be_none() -> None:
    view_of = take_apart(
        nn.Sequential(OrderedDict(r=nn.ReLU())), torch.full((1, 1, 1, 1), math.nan), "r", (0, 0, 0)
    )
    assert view_of.total is not None
    assert math.isnan(view_of.total)


def test_the_trace_is_kept_with_the_network() -> None:
    net = one_conv()
    assert steps_of(net, IMAGE) is steps_of(net, IMAGE)
    assert steps_of(net, torch.ones(1, 2, 5, 5)).find("conv").shape == (1, 6, 6)


def seen(explained: Explained, value: float) -> UnitView:
    """The explanation beside a number that torch put out."""
    return UnitView(
        layer="x", kind="X", unit=(0,), shape=(1,), values=np.zeros((1, 1), np.float32), sources=(),
        explanation=explained.explanation, value=value, total=explained.total,
        scale=explained.scale, image=np.zeros((1, 1, 1), np.uint8), box=None, box_note="", note="",
        step=None,
    )  # fmt: skip


def test_a_sum_without_a_small_term_gets_no_tick() -> None:
    """What a page shows as 0.00005 beside 1 is more than rounding."""
    conv = nn.Conv2d(2, 1, 1, bias=False)
    conv.load_state_dict({"weight": torch.tensor([1.0, 5e-5]).reshape(1, 2, 1, 1)})
    net, batch = nn.Sequential(OrderedDict(conv=conv)).eval(), torch.ones(1, 2, 1, 1)
    explained = take_apart(net, batch, "conv", (0, 0, 0))
    assert isinstance(explained.explanation, WindowSum)
    assert explained.total is not None
    view = seen(explained, float(net(batch).detach()))
    assert view.equal
    small = explained.explanation.channels[-1].total
    assert small == pytest.approx(5e-5)
    assert not replace(view, total=explained.total - small).equal
