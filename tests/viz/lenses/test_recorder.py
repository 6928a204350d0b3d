"""What the recorder stores is what torch computed; what it leaves behind is nothing."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from viz.lenses.recorder import (
    Call,
    followers,
    map_calls,
    map_layers,
    record,
    record_part,
    replace_outputs,
    run_until,
)


class Reused(nn.Module):
    """One ReLU in two places, an in-place one, and a module that gives no tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.inplace = nn.ReLU(inplace=True)
        self.relu = nn.ReLU()
        self.pair = Pair()

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(-self.inplace(self.conv(x)))
        pair: tuple[Tensor, Tensor] = self.pair(self.relu(x + 1))
        return pair[0] + pair[1]


class Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x


def hooks(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in model.modules())


def test_outputs_equal_torch_functional_results() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.Tanh(), nn.AvgPool2d(2))
    x = torch.randn(1, 2, 8, 8)
    with record(model, ["0", "1", "2"]) as outputs, torch.no_grad():
        model(x)
    weight, bias = model.get_parameter("0.weight"), model.get_parameter("0.bias")
    maps = functional.conv2d(x, weight, bias, stride=2, padding=1)
    assert torch.equal(outputs["0"][0], maps)
    assert torch.equal(outputs["1"][0], maps.tanh())
    assert torch.equal(outputs["2"][0], functional.avg_pool2d(maps.tanh(), 2))


def test_an_in_place_module_does_not_change_what_is_stored() -> None:
    torch.manual_seed(0)
    model, x = Reused(), torch.randn(1, 1, 6, 6)
    with record(model, ["conv", "inplace"]) as outputs:
        model(x)
    expected = functional.conv2d(x, model.conv.weight, model.conv.bias)
    assert torch.equal(outputs["conv"][0], expected)
    assert (outputs["conv"][0] < 0).any()
    assert torch.equal(outputs["inplace"][0], outputs["conv"][0].relu())
    assert not outputs["conv"][0].requires_grad


def test_a_module_used_twice_has_two_outputs_and_no_tensor_is_left_out() -> None:
    model = Reused()
    with record(model, ["relu", "pair"]) as outputs:
        model(torch.zeros(1, 1, 6, 6))
    assert len(outputs["relu"]) == 2
    assert outputs["pair"] == []


def mixed() -> nn.Sequential:
    """Modes and gradients as a training half-way frozen has them."""
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(0.5), nn.ReLU())
    model.train()
    model[1].eval()
    model[0].weight.requires_grad_(False)
    return model


def state(model: nn.Module) -> list[object]:
    modes: list[object] = [module.training for module in model.modules()]
    grads: list[object] = [parameter.requires_grad for parameter in model.parameters()]
    return [*modes, *grads, *(value.clone().tolist() for value in model.state_dict().values())]


def test_afterwards_everything_is_as_before() -> None:
    model = mixed()
    before = state(model)
    with record(model, ["0", "3"]):
        assert hooks(model) == 2
        assert not any(module.training for module in model.modules())
        model.requires_grad_(True)
        model(torch.randn(4, 1, 5, 5))
    assert hooks(model) == 0
    assert state(model) == before


def test_after_an_error_everything_is_as_before() -> None:
    model = mixed()
    before = state(model)
    with pytest.raises(RuntimeError), record(model, ["0", "3"]):
        model(torch.randn(4, 7, 5, 5))  # wrong number of channels
    assert hooks(model) == 0
    assert state(model) == before


def test_an_unknown_layer_leaves_no_hook() -> None:
    model = mixed()
    with pytest.raises(AttributeError), record(model, ["0", "nosuch"]):
        pass
    assert hooks(model) == 0


def test_map_layers_are_the_innermost_ones_with_maps_in_order_of_running() -> None:
    model = nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), nn.Flatten(), nn.Linear(18, 2)
    )
    assert map_layers(model, torch.zeros(1, 1, 5, 5)) == ["0.0", "0.1"]


def test_replaced_outputs_go_on_and_leave_nothing_behind() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(inplace=True), nn.Conv2d(3, 2, 3))
    x = torch.randn(2, 1, 7, 7)

    def silence(maps: Tensor) -> Tensor:
        maps[:, 1] = 0
        return maps

    with torch.no_grad(), record(model, ["0"]) as outputs:
        plain = model(x)
        with replace_outputs(model, {"0": silence}):
            found = model(x)
        again = model(x)
        maps = model[0](x)
        maps[:, 1] = 0
        assert torch.allclose(found, model[2](maps.relu()))
    assert torch.equal(plain, again)
    assert not torch.equal(plain, found)
    assert outputs["0"][0][:, 1].any()  # the recorder came first and keeps what was computed
    assert hooks(model) == 0


def test_after_an_error_no_replacement_is_left() -> None:
    model = mixed()
    before = state(model)

    def fail(maps: Tensor) -> Tensor:
        raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"), replace_outputs(model, {"0": fail}):
        model(torch.randn(4, 1, 5, 5))
    assert hooks(model) == 0
    assert state(model) == before
    with pytest.raises(AttributeError), replace_outputs(model, {"0": fail, "nosuch": fail}):
        pass
    assert hooks(model) == 0


def test_followers_are_the_channelwise_modules_up_to_the_next_mixing() -> None:
    conv = nn.Conv2d(1, 2, 3, padding=1)
    model = nn.Sequential(
        conv, nn.MaxPool2d(2), nn.BatchNorm2d(2), nn.ReLU(inplace=True), nn.Conv2d(2, 2, 1), nn.ReLU()
    ).eval()  # fmt: skip
    x = torch.zeros(1, 1, 6, 6)
    assert followers(model, "0", x) == [Call("1", 0), Call("2", 0), Call("3", 0)]
    assert followers(model, "4", x) == [Call("5", 0)]
    assert followers(model, "5", x) == []
    assert hooks(model) == 0
    with pytest.raises(AttributeError):
        followers(model, "nosuch", x)


def test_followers_end_where_something_else_takes_over() -> None:
    reused = Reused()
    x = torch.zeros(1, 1, 6, 6)
    # the in-place ReLU hands on the tensor it was given; the negation after it is no module
    assert followers(reused, "conv", x) == [Call("inplace", 0)]
    assert followers(reused, "inplace", x) == []
    with pytest.raises(RuntimeError):
        followers(reused, "conv", torch.zeros(1, 5, 6, 6))
    assert hooks(reused) == 0


def test_a_run_stops_behind_the_call_that_is_wanted() -> None:
    net, x = Reused(), torch.randn(2, 1, 6, 6)
    calls = map_calls(net, x)
    assert len(calls) >= 2
    with record(net, ["conv", "inplace"]) as whole, torch.no_grad():
        net(x)
    for stop, last in enumerate(calls):
        with record(net, dict.fromkeys(call.layer for call in calls)) as found:
            run_until(net, x, last)
        assert sum(map(len, found.values())) == stop + 1
        assert all(
            torch.equal(output, whole[name][index])
            for name, outputs in found.items() if name in whole
            for index, output in enumerate(outputs)
        )  # fmt: skip
        assert hooks(net) == 0
    with record(net, ["conv"]) as again:
        run_until(net, x, None)
    assert torch.equal(again["conv"][0], whole["conv"][0])


def test_a_run_that_fails_on_its_way_fails_and_leaves_no_hook() -> None:
    net = Reused()
    with pytest.raises(RuntimeError):
        run_until(net, torch.zeros(1, 5, 6, 6), Call("inplace", 0))
    with pytest.raises(AttributeError):
        run_until(net, torch.zeros(1, 1, 6, 6), Call("nosuch", 0))
    assert hooks(net) == 0


def test_calls_with_maps_are_counted_whatever_else_the_module_puts_out() -> None:
    relu = nn.ReLU()
    net = nn.Sequential(nn.Conv2d(1, 2, 1), relu, nn.Flatten(), relu).eval()
    assert map_calls(net, torch.zeros(1, 1, 3, 3)) == (Call("0", 0), Call("1", 0))
    seen: list[int] = []
    with record_part(net, ["1"], lambda _name, output: seen.append(output.ndim)):
        run_until(net, torch.zeros(1, 1, 3, 3), Call("1", 1))
    assert seen == [4, 2]
