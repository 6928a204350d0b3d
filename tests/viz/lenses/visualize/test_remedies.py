"""Units behind a silent ReLU: they are noticed, the gate before them is found, and help helps."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from models.separate import separate
from tests.viz.lenses.visualize.nets import climb, context, small_net
from tests.viz.lenses.visualize.unchanged import unchanged
from viz.lenses.context import LensContext
from viz.lenses.registry import LensError
from viz.lenses.visualize.lens import visualization_ablation
from viz.lenses.visualize.remedies import calls_of, gate_before, helped

DEAD = {"kind": "channel", "layer": "4", "channel": 2}
STILL = {"jitter": 0, "scale": 0.0, "rotate": 0.0, "steps": 60}


def net_with_a_silent_channel(below: float, channel: int = 2) -> nn.Sequential:
    """What goes into a channel of the second ReLU is at most −`below` for a grey picture."""
    net = small_net().requires_grad_(False)
    net[3].weight[channel] *= 4  # type: ignore[index, operator]
    grey = net[:4](torch.full((1, 3, 12, 12), 0.5))[:, channel]
    net[3].bias[channel] -= grey.max() + below  # type: ignore[index, operator]
    return net


class Block(nn.Module):
    """A residual block whose last ReLU also serves inside it."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 3, 3, padding=1)
        self.second = nn.Conv2d(3, 3, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.relu(self.second(self.relu(self.first(x))) + x)
        return found


@pytest.mark.parametrize("remedy", ["auto", "before", "redirect"])
def test_a_silent_unit_wakes_up(remedy: str) -> None:
    where = context(net_with_a_silent_channel(0.1))
    found = climb(where, DEAD, settings={**STILL, "remedy": remedy, "rate": 0.2})
    assert found.silent.tolist() == [True]
    assert found.frame_values[0, 0] == 0
    assert found.frame_values[-1, 0] > 0
    assert found.dead.tolist() == [False]
    assert ("before the ReLU" if remedy != "redirect" else "led on") in found.note


def test_a_dead_unit_is_told_from_a_silent_one() -> None:
    found = climb(context(net_with_a_silent_channel(50.0)), DEAD, settings=STILL)
    assert found.dead.tolist() == [True]
    assert found.frame_values[-1, 0] == 0
    assert (
        found.activation[-1, 0] > found.activation[0, 0]
    )  # what goes into the ReLU rises all the same
    assert found.activation[0, 0] < -40


def test_left_alone_it_is_a_sentence() -> None:
    with pytest.raises(LensError, match="silent and without a gradient"):
        climb(context(net_with_a_silent_channel(0.1)), DEAD, settings={**STILL, "remedy": "none"})


def test_only_the_silent_of_many_are_helped() -> None:
    goal = {"kind": "channel", "layer": "4", "channels": [2, 3]}
    where = context(net_with_a_silent_channel(0.1))
    found = climb(where, goal, settings={**STILL, "rate": 0.2})
    assert found.silent.tolist() == [True, False]
    assert bool((found.frame_values[-1] > found.frame_values[0]).all())
    alone = climb(where, {"kind": "channel", "layer": "4", "channels": [3]}, settings=STILL)
    assert alone.note == ""


def test_a_unit_before_the_relu_needs_no_help() -> None:
    where = context(net_with_a_silent_channel(0.1))
    found = climb(where, {**DEAD, "layer": "3"}, settings=STILL)
    assert not found.silent.any()
    assert found.note == ""


def test_the_gate_before_a_layer() -> None:
    batch = torch.rand(1, 3, 12, 12)
    net = small_net().eval()
    assert gate_before(net, "4", batch) == "4"
    assert gate_before(net, "2", batch) == "1"  # a pooling layer hands on what the ReLU let through
    assert gate_before(net, "3", batch) is None
    deep = nn.Sequential(Block(), nn.MaxPool2d(2)).eval()
    assert gate_before(deep, "0", batch) == "0.relu"
    assert gate_before(deep, "1", batch) == "0.relu"


def test_an_open_gate_lets_its_rows_through_in_its_last_call_alone() -> None:
    net = Block().eval().requires_grad_(False)
    batch = torch.randn(2, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    apart = separate(net, batch).net
    assert calls_of(net, ["relu"], batch) == {"relu": 2}
    assert calls_of(apart, ["relu"], batch) == {"relu": 1}
    wanted = net(batch.clone())
    raw = net.second(net.relu(net.first(batch.clone()))) + batch
    with helped(apart, gates=["relu"], rows=torch.tensor([True, False])):
        found = apart(batch.clone())
    assert torch.equal(found[0], raw[0])
    assert torch.equal(found[1], wanted[1])
    with helped(apart, gates=["relu"]):
        assert torch.equal(apart(batch.clone()), raw)
    assert torch.equal(apart(batch.clone()), wanted)  # afterwards all is as before


def test_leading_on_changes_no_value_and_only_gradients_that_were_none() -> None:
    net = small_net().eval()
    batch = torch.rand(2, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    apart = separate(net, batch).net
    batch.requires_grad_(True)
    (usual,) = torch.autograd.grad(net(batch).sum(), batch)
    with helped(apart, lead=True):
        assert torch.equal(net(batch), apart(batch))
        (same,) = torch.autograd.grad(apart(batch).sum(), batch)
    assert torch.equal(usual, same)
    gate = nn.Sequential(nn.ReLU())
    x = torch.tensor([[-1.0, -2.0], [-1.0, 3.0]], requires_grad=True)
    with helped(gate, lead=True):
        (gradient,) = torch.autograd.grad((gate(x) * torch.tensor([-1.0, 2.0])).sum(), x)
    # The first row would get nothing: it gets what asks for more. The second gets its own.
    assert gradient.tolist() == [[-1.0, 0.0], [0.0, 2.0]]


class Called(nn.Module):
    """The small net with its ReLUs as functions, the second in a block of its own."""

    def __init__(self, below: float) -> None:
        super().__init__()
        layers = list(net_with_a_silent_channel(below))
        self.first, self.rest, self.out = layers[0], Ending(layers[3]), layers[6]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = torch.max_pool2d(torch.relu(self.first(x)), 2)
        found: torch.Tensor = self.out(self.rest(maps).flatten(1))
        return found


class Ending(nn.Module):
    def __init__(self, conv: nn.Module) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu_(self.conv(x))


@pytest.mark.parametrize("remedy", ["auto", "before", "redirect"])
def test_a_silent_unit_behind_a_function_wakes_up(remedy: str) -> None:
    goal = {"kind": "channel", "layer": "rest", "channel": 2}
    where = context(Called(0.1))
    with unchanged(where.net):
        found = climb(where, goal, settings={**STILL, "remedy": remedy, "rate": 0.2})
    assert found.silent.tolist() == [True]
    assert found.frame_values[-1, 0] > found.frame_values[0, 0] == 0
    assert ("before the ReLU" if remedy != "redirect" else "led on") in found.note


def test_dead_functions_on_the_way_are_led_through() -> None:
    """All of the first layer is silent: nothing but help inside the code reaches the second."""
    net = Called(0.1).requires_grad_(False)
    below = net.first(torch.full((1, 3, 12, 12), 0.5)).amax((0, 2, 3)) + 0.1
    net.first.bias -= below
    goal = {"kind": "channel", "layer": "rest.conv", "channel": 3}
    found = climb(context(net), goal, settings={**STILL, "rate": 0.2})
    assert found.silent.tolist() == [True]
    assert found.frame_values[-1, 0] > found.frame_values[0, 0]
    assert "led on" in found.note


class Hidden(nn.Module):
    """Code that cannot be read, with an activation in it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        nn.init.constant_(self.conv.bias, -50.0)  # type: ignore[arg-type]
        self.out = nn.Linear(400, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = self.conv(x)
        if (
            x.device.type != "meta" and float(x.detach().sum()) == 12345.0
        ):  # what a tracer cannot follow
            maps = -maps
        found: torch.Tensor = self.out(torch.relu(maps).flatten(1))
        return found


def test_code_that_cannot_be_read_is_not_called_constant() -> None:
    with pytest.raises(LensError, match=r"No gradient reaches .* cannot be told apart"):
        climb(context(Hidden()), {"kind": "class", "class": 1}, settings=STILL)


def test_a_row_of_presets_adds_one_part_after_the_other() -> None:
    goal = {"kind": "channel", "layer": "conv2", "channel": 3}
    results = list(
        visualization_ablation(
            LensContext(), "shipped:digits_lenet5", None, goal=goal, settings={"steps": 60}
        )
    )
    last = results[-1]
    # Grey has no colours to mix, so that part is left out.
    assert [row.name for row in last.rows] == ["none", "jitter", "fourier", "all"]
    assert all(row.done for row in last.rows)
    assert [found.share for found in results] == sorted(found.share for found in results)
    assert last.share == 1
    rows = {row.name: row for row in last.rows}
    assert rows["fourier"].rough < rows["none"].rough
    # What was optimised while it was moved stands being moved.
    assert rows["all"].moved / rows["all"].value > rows["none"].moved / rows["none"].value
    assert all(row.value > last.best for row in last.rows)


def test_another_row_and_a_wrong_one() -> None:
    goal = {"kind": "class", "class": 1}
    *_, last = visualization_ablation(
        context(), "a net", None, goal=goal, row="penalties", settings={"steps": 4}
    )
    assert [row.name for row in last.rows] == ["none", "tv", "l2", "blur", "all"]
    with pytest.raises(LensError, match="no row of presets"):
        list(visualization_ablation(context(), "a net", None, goal=goal, row="nosuch"))
