"""One module for each activation, and the same network: by hand, then our own."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.fx import Proxy
from torch.nn import functional as F

from models.build import build_network
from models.modules import ScaledTanh
from models.registry import get_architecture, list_architectures
from models.separate import ACTIVATIONS, MAX_POOLINGS, exchanged, not_separate, separate


class Net(nn.Module):
    """A forward pass given as a function of the network and the image."""

    def __init__(self, code: Callable[[Net, Tensor], Any]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3)
        self.mix = nn.Conv2d(3, 3, 1)
        self.norm = nn.BatchNorm2d(3)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(2)
        self.drop = nn.Dropout(0.5, inplace=True)
        self.code = code

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, 8, 8) to (N, 3)."""
        return torch.mean(self.code(self, x), (2, 3))


class Swish(nn.Module):
    """Somebody's module without parts whose code has an activation inside."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape in, the same out."""
        return x * torch.sigmoid(x)


def functional_relu(net: Net, x: Tensor) -> Any:
    return torch.relu(net.mix(F.relu(net.conv(x)).relu())).relu_()


def reused_relu(net: Net, x: Tensor) -> Any:
    first = net.relu(net.conv(x))
    return net.relu(net.relu(net.mix(first)) + first)


def other_words_for_relu(net: Net, x: Tensor) -> Any:
    first = net.mix(net.conv(x).clamp(min=0))
    return torch.clamp_min(net.mix(torch.clamp(first, 0)), 0)


def in_place(net: Net, x: Tensor) -> Any:
    first = net.conv(x)
    second = F.relu(first, inplace=True)  # `first` has no negatives any more
    second = net.mix(second) + first
    second += first
    second.mul_(2).add_(first)
    net.relu(second)
    return second


def many(net: Net, x: Tensor) -> Any:
    first = F.leaky_relu(net.conv(x), 0.2)
    first = F.gelu(F.silu(F.elu(first, 0.5)), approximate="tanh")
    first = F.hardtanh(F.hardswish(F.softplus(first)), -0.5, 0.5)
    first = F.logsigmoid(torch.tanh(first).sigmoid())
    return F.max_pool2d(F.threshold(F.relu6(net.mix(first)), 0.1, 0.0), 2, stride=1)


def pooled(net: Net, x: Tensor) -> Any:
    return F.adaptive_max_pool2d(net.pool(torch.max_pool2d(net.conv(x), 2, 1)), 1)


def dropped(net: Net, x: Tensor) -> Any:
    return net.drop(F.dropout(net.relu(net.norm(net.conv(x))), 0.5, net.training))


CODES: dict[Callable[[Net, Tensor], Any], list[str]] = {
    functional_relu: ["ReLU"] * 4,
    reused_relu: ["ReLU"] * 3,
    other_words_for_relu: ["ReLU"] * 3,
    in_place: ["ReLU"] * 2,
    many: [
        *("LeakyReLU", "ELU", "SiLU", "GELU", "Softplus", "Hardswish", "Hardtanh", "Tanh"),
        *("Sigmoid", "LogSigmoid", "ReLU6", "Threshold", "MaxPool2d"),
    ],
    pooled: ["MaxPool2d", "MaxPool2d", "AdaptiveMaxPool2d"],
    dropped: ["ReLU"],
}


def uses(net: nn.Module, batch: Tensor) -> list[str]:
    """Class names of the activations and max poolings as they run; each must run once."""
    ran: list[nn.Module] = []
    handles = [
        module.register_forward_hook(lambda module, _inputs, _output: ran.append(module))
        for module in net.modules()
        if isinstance(module, ACTIVATIONS + MAX_POOLINGS)
    ]
    with torch.no_grad():
        net(batch)
    for handle in handles:
        handle.remove()
    assert len({id(module) for module in ran}) == len(ran)
    assert not any(getattr(module, "inplace", False) for module in ran)
    return [type(module).__name__ for module in ran]


def hooks(net: nn.Module) -> int:
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) + len(module._backward_hooks)
        for module in net.modules()
    )


@pytest.mark.parametrize("code", CODES, ids=lambda code: str(code.__name__))
def test_each_activation_becomes_a_module(code: Callable[[Net, Tensor], Any]) -> None:
    torch.manual_seed(0)
    net, batch = Net(code).eval(), torch.randn(2, 1, 8, 8)
    found = separate(net, batch)
    assert found.refusal == ""
    assert uses(found.net, batch) == CODES[code]
    assert torch.equal(found.net(batch), net(batch.clone()))
    other = torch.randn(5, 1, 8, 8) * 3
    assert torch.equal(found.net(other), net(other.clone()))
    assert set(dict(net.named_modules())) <= set(dict(found.net.named_modules()))


def test_a_reused_module_keeps_its_name_for_the_last_use() -> None:
    net = Net(reused_relu).eval()
    found = separate(net, torch.zeros(1, 1, 8, 8)).net
    names = [name for name, _ in found.named_modules() if "relu" in name]
    assert names == ["relu", "relu_1", "relu_2"]
    seen: dict[str, Tensor] = {}
    for name in names:
        found.get_submodule(name).register_forward_hook(
            lambda _module, _inputs, output, name=name: seen.update({name: output})
        )
    x = torch.randn(1, 1, 8, 8)
    logits = found(x)
    assert torch.equal(seen["relu"].mean((2, 3)), logits)
    assert torch.equal(seen["relu_1"], net.conv(x).relu())
    assert torch.equal(seen["relu_2"], net.mix(seen["relu_1"]).relu())


def test_a_block_used_twice_has_activations_of_its_own_for_each_use() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.ReLU(inplace=True))

        def forward(self, x: Tensor) -> Tensor:
            return torch.flatten(self.block(self.block(x)), 1)

    net, batch = Twice().eval(), torch.randn(2, 1, 4, 4)
    found = separate(net, batch)
    assert found.refusal == ""
    assert uses(found.net, batch) == ["ReLU", "ReLU"]
    with torch.no_grad():
        net.get_parameter("block.0.weight").mul_(2)  # both uses have the one weight
    assert torch.equal(found.net(batch), net(batch))


def test_the_same_relu_in_two_places_of_a_sequence() -> None:
    relu = nn.ReLU(inplace=True)
    net = nn.Sequential(nn.Conv2d(1, 2, 1), relu, nn.Conv2d(2, 2, 1), relu, nn.Flatten()).eval()
    batch = torch.randn(2, 1, 4, 4)
    found = separate(net, batch)
    assert (found.refusal, uses(found.net, batch)) == ("", ["ReLU", "ReLU"])
    assert isinstance(found.net, nn.Sequential)


def test_modules_with_an_activation_in_their_code() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 1), Swish(), ScaledTanh(), nn.Flatten()).eval()
    batch = torch.randn(2, 1, 4, 4)
    found = separate(net, batch)
    assert (found.refusal, uses(found.net, batch)) == ("", ["Sigmoid", "ScaledTanh"])
    assert torch.equal(found.net(batch), net(batch))


def test_weights_loaded_later_show_and_so_do_others_put_in_their_place() -> None:
    net, batch = Net(reused_relu).eval(), torch.randn(2, 1, 8, 8)
    found = separate(net, batch).net
    assert {id(each) for each in found.parameters()} == {id(each) for each in net.parameters()}
    net.load_state_dict(Net(reused_relu).state_dict())
    assert torch.equal(found(batch), net(batch))
    net.mix.weight = nn.Parameter(torch.randn(3, 3, 1, 1))
    net.get_buffer("norm.running_mean").fill_(3.0)
    assert torch.equal(found(batch), net(batch))
    assert torch.equal(found.get_buffer("norm.running_mean"), net.get_buffer("norm.running_mean"))


def test_the_network_is_left_as_it_was() -> None:
    net = Net(in_place).train()
    net.norm.eval()
    net.mix.weight.requires_grad_(False)
    state = {name: value.clone() for name, value in net.state_dict().items()}
    modes = [module.training for module in net.modules()]
    wanted = [parameter.requires_grad for parameter in net.parameters()]
    attributes = {name: set(module.__dict__) for name, module in net.named_modules()}
    batch = torch.randn(2, 1, 8, 8)
    before = batch.clone()
    found = separate(net, batch).net
    assert torch.equal(batch, before)
    assert not any(module.training for module in found.modules())
    assert [module.training for module in net.modules()] == modes
    assert [parameter.requires_grad for parameter in net.parameters()] == wanted
    assert {name: set(module.__dict__) for name, module in net.named_modules()} == attributes
    assert net.relu.inplace
    assert hooks(net) == hooks(found) == 0
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    found.get_submodule("relu").register_forward_hook(lambda *_: None)
    assert hooks(net) == 0


def test_code_that_depends_on_values_is_kept_and_refused() -> None:
    def code(net: Net, x: Tensor) -> Tensor:
        first = net.conv(x)
        return F.relu(net.mix(first)) if first.sum() > -1e9 else first

    net, batch = Net(code).eval(), torch.randn(2, 1, 8, 8)
    found = separate(net, batch)
    assert "applies relu where it cannot be told apart" in found.refusal
    assert torch.equal(found.net(batch), net(batch))
    assert found.net is not net
    assert not found.net.get_submodule("relu").inplace
    assert not_separate(found.net, batch) == found.refusal == not_separate(net, batch)
    assert hooks(found.net) == 0


def test_code_that_cannot_be_read_is_fine_where_its_activations_are_modules() -> None:
    def once(net: Net, x: Tensor) -> Any:
        first = net.relu(net.conv(x))
        return net.mix(first) if first.sum() > -1e9 else first

    def twice(net: Net, x: Tensor) -> Any:
        first = net.relu(net.conv(x))
        return net.relu(net.mix(first)) if first.sum() > -1e9 else first

    batch = torch.randn(2, 1, 8, 8)
    assert separate(Net(once).eval(), batch).refusal == ""
    assert "one ReLU in several places" in separate(Net(twice).eval(), batch).refusal


def test_a_rewritten_network_that_would_differ_is_not_used() -> None:
    """What tracing does not see."""

    class Steps(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            scale = 1.0 if type(x) is Tensor else 2.0  # another path for whoever only looks
            return F.relu(x * scale).flatten(1)

    net, batch = Steps().eval(), torch.randn(1, 1, 8, 8)
    found = separate(net, batch)
    assert torch.equal(found.net(batch), net(batch))
    assert "applies relu" in found.refusal


def test_in_place_work_that_cannot_be_taken_apart_is_kept_and_refused() -> None:
    def code(net: Net, x: Tensor) -> Tensor:
        first = net.conv(x)
        net.relu(first)  # what it returns is not used
        return first if first.sum() > -1e9 else x

    net, batch = Net(code).eval(), torch.randn(2, 1, 8, 8)
    found = separate(net, batch)
    assert torch.equal(found.net(batch), net(batch))
    assert "an in-place ReLU" in found.refusal


def test_a_network_gone_to_nan_is_separated_all_the_same() -> None:
    net, batch = Net(reused_relu).eval(), torch.randn(2, 1, 8, 8)
    with torch.no_grad():
        net.mix.weight.fill_(torch.nan)
    found = separate(net, batch)
    assert found.net(batch).isnan().all()
    assert (found.refusal, uses(found.net, batch)) == ("", ["ReLU"] * 3)


class Turned(nn.Module):
    """Reads otherwise when it is traced: with the sign of its answer turned."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3)
        self.head = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, 8, 8) to (N, 2)."""
        maps = F.relu(self.conv(x))
        if isinstance(x, Proxy):
            maps = maps * -1
        logits: Tensor = self.head(maps.mean((2, 3)))
        return logits


@pytest.mark.parametrize("value", [0.0, torch.nan])
def test_weights_that_hide_a_difference_do_not_pass_a_wrong_copy(value: float) -> None:
    """The copy serves the weights of all moments, also where the first were zeros or no numbers."""
    torch.manual_seed(0)
    net, batch = Turned().eval(), torch.randn(1, 1, 8, 8)
    other = {name: one.clone() for name, one in net.state_dict().items()}
    with torch.no_grad():
        net.head.weight.fill_(value)
    before = {name: one.clone() for name, one in net.state_dict().items()}
    state = torch.get_rng_state()
    found = separate(net, batch)
    assert torch.equal(torch.get_rng_state(), state)
    for name, one in net.state_dict().items():  # nothing was tried on the network itself
        assert torch.equal(one.nan_to_num(7), before[name].nan_to_num(7))
    net.load_state_dict(other)
    assert torch.equal(found.net(batch), net(batch))
    assert "relu" in found.refusal.lower()


def test_it_is_made_once_and_goes_with_its_network() -> None:
    net = Net(reused_relu).eval()
    batch = torch.randn(1, 1, 8, 8)
    found = separate(net, batch)
    assert separate(net, batch) is found
    gone, copy_gone = weakref.ref(net), weakref.ref(found.net)
    del net, found
    gc.collect()
    assert gone() is None
    assert copy_gone() is None


@pytest.mark.parametrize("name", [architecture.name for architecture in list_architectures()])
def test_our_own_networks(name: str) -> None:
    shape = (3, 32, 32)
    net = build_network(get_architecture(name).layers(shape, 10), shape, 10, seed=0).eval()
    batch = torch.randn(2, *shape)
    found = separate(net, batch)
    assert found.refusal == ""
    assert torch.equal(found.net(batch), net(batch))
    assert [*dict(found.net.named_modules())] == [*dict(net.named_modules())]
    uses(found.net, batch)


def test_other_modules_for_a_while() -> None:
    net = separate(Net(reused_relu).eval(), torch.zeros(1, 1, 8, 8)).net
    batch = torch.randn(2, 1, 8, 8)
    before, modules = net(batch), dict(net.named_modules())

    def make(name: str, module: nn.Module) -> nn.Module | None:
        return nn.Identity() if isinstance(module, nn.ReLU) and name != "relu_1" else None

    with exchanged(net, make):
        assert isinstance(net.relu, nn.Identity)
        assert isinstance(net.relu_1, nn.ReLU)
        assert not torch.equal(net(batch), before)
    assert dict(net.named_modules()) == modules
    with pytest.raises(ZeroDivisionError), exchanged(net, make):
        raise ZeroDivisionError
    assert dict(net.named_modules()) == modules
    assert torch.equal(net(batch), before)
