"""Built networks against the tables made without torch; weights as a function of the seed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from models.build import build_network, make_module
from models.initial import initial_draws
from models.introspect import list_modules
from models.layers import (
    Activation,
    AnyLayer,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    LayerError,
    LayerRow,
    Linear,
    Local,
    Norm,
    PartialConv,
    Pool,
    Rbf,
    Residual,
    Shape,
    Subsample,
    check,
    summarize,
)
from models.recipes import recipe
from models.registry import get_architecture, list_architectures

NAMES = [architecture.name for architecture in list_architectures()]
INPUTS: list[Shape] = [(1, 16, 16), (1, 28, 28), (3, 32, 32), (3, 64, 64)]


def assert_equals_table(net: nn.Module, rows: Sequence[LayerRow], input_shape: Shape) -> None:
    """Shapes, parameters and MACs torch shows are those computed without it."""
    measured = {row.name: row for row in list_modules(net, input_shape)}
    for row in rows:
        found = measured[row.name]
        assert (found.in_shape, found.out_shape) == (row.in_shape, row.out_shape)
        assert (found.num_params, found.macs) == (row.num_params, row.macs)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("input_shape", INPUTS)
def test_registry_tables_equal_torch(name: str, input_shape: Shape) -> None:
    layers = get_architecture(name).layers(input_shape, 7)
    rows = check(layers, input_shape, 7).rows
    net = build_network(layers, input_shape, 7, seed=0).to("meta")
    assert [child for child, _ in net.named_children()] == [row.name for row in rows]
    assert_equals_table(net, rows, input_shape)


@pytest.mark.parametrize("name", NAMES)
def test_registry_networks_learn_something(name: str) -> None:
    """Every weight gets a finite gradient, and logits start small enough to learn from."""
    layers = get_architecture(name).layers((1, 16, 16), 5)
    net = build_network(layers, (1, 16, 16), 5, seed=0)
    images = torch.randn(8, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    loss = nn.functional.cross_entropy(net(images), torch.arange(8) % 5)
    torch.autograd.backward(loss)
    assert loss.item() < 10
    for parameter_name, parameter in net.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name
        assert parameter.grad.any(), parameter_name


@pytest.mark.parametrize("name", NAMES)
def test_no_module_works_in_place_or_twice(name: str) -> None:
    layers = get_architecture(name).layers((3, 32, 32), 10)
    net = build_network(layers, (3, 32, 32), 10, seed=0).to("meta")
    assert not any(getattr(module, "inplace", False) for module in net.modules())
    calls: list[nn.Module] = []
    for module in net.modules():
        module.register_forward_hook(lambda module, _inputs, _output: calls.append(module))
    net.eval()(torch.zeros(1, 3, 32, 32, device="meta"))
    assert len(calls) == len(set(calls)) == len(list(net.modules()))


def test_weights_are_a_function_of_the_seed_alone() -> None:
    layers = get_architecture("lenet5").layers((1, 28, 28), 10)
    torch.manual_seed(1)
    first = build_network(layers, (1, 28, 28), 10, seed=5).state_dict()
    torch.manual_seed(2)
    second = build_network(layers, (1, 28, 28), 10, seed=5).state_dict()
    other = build_network(layers, (1, 28, 28), 10, seed=6).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])


def test_the_global_random_state_is_left_alone() -> None:
    before = torch.get_rng_state()
    layers = get_architecture("resnet8").layers((3, 32, 32), 10)
    build_network(layers, (3, 32, 32), 10, seed=5)
    assert torch.equal(before, torch.get_rng_state())


def test_every_weight_is_drawn_and_norms_start_neutral() -> None:
    for name in NAMES:
        layers = get_architecture(name).layers((1, 28, 28), 10)
        rows = check(layers, (1, 28, 28), 10).rows
        drawn = {draw.parameter for draw in initial_draws(layers, rows)}
        net = build_network(layers, (1, 28, 28), 10, seed=0)
        for parameter, values in net.named_parameters():
            if parameter not in drawn:
                assert "norm" in parameter, (name, parameter)
                assert (values == float(parameter.endswith("weight"))).all()


@pytest.mark.parametrize(
    ("function", "deviation"),
    [("relu", (2 / 200) ** 0.5), ("tanh", (1 / 200) ** 0.5), (None, (1 / 600) ** 0.5)],
)
def test_initial_variance_follows_the_next_activation(
    function: str | None, deviation: float
) -> None:
    after = () if function is None else (Activation.model_validate({"function": function}),)
    layers = (Conv(out_channels=400, kernel_size=5), Norm(), *after, Flatten(), Linear())
    net = build_network(layers, (8, 6, 6), 2, seed=0)
    assert net.get_parameter("conv1.weight").std().item() == pytest.approx(deviation, rel=0.02)
    assert not net.get_parameter("conv1.bias").any()


def test_he_initialisation_keeps_the_scale_through_depth() -> None:
    """He et al. 2015: the mean square of a ReLU layer's input stays, to the twentieth layer."""
    deep = [part for _ in range(20) for part in (Linear(out_features=256), Activation())]
    net = build_network((Flatten(), *deep, Linear()), (1, 16, 16), 2, seed=0)
    x = torch.randn(64, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    last_hidden = net[:-1](x)
    assert 0.3 < last_hidden.square().mean().item() < 3


def test_lenet_1998_weights_lie_within_the_papers_bounds() -> None:
    layers = get_architecture("lenet5_1998").layers((1, 28, 28), 10)
    net = build_network(layers, (1, 28, 28), 10, seed=0)
    partial = net.get_parameter("conv2.weight")
    for rows, inputs in (((0, 18), 3), ((18, 54), 4), ((54, 60), 6)):
        bound = 2.4 / (25 * inputs)
        largest = partial[slice(*rows)].abs().max().item()
        assert 0.9 * bound < largest <= bound
    assert net.get_parameter("fc1.weight").abs().max().item() <= 2.4 / 120


small = st.integers(0, 4)
positive = st.integers(1, 4)


def layer_lists() -> st.SearchStrategy[list[AnyLayer]]:
    """Lists of small layers, about half of which cannot work."""
    some: list[st.SearchStrategy[AnyLayer]] = [
        st.builds(
            Conv,
            out_channels=st.integers(1, 6),
            kernel_size=positive,
            stride=positive,
            padding=small,
            dilation=st.integers(1, 3),
            groups=st.sampled_from([1, 1, 1, 2, 3]),
            bias=st.booleans(),
        ),
        st.builds(
            Local,
            out_channels=positive,
            kernel_size=positive,
            stride=positive,
            padding=small,
            bias=st.booleans(),
        ),
        st.builds(
            PartialConv,
            connections=st.lists(st.lists(small, min_size=1, max_size=3), min_size=1, max_size=4),
            kernel_size=positive,
            padding=small,
        ),
        st.builds(
            Pool,
            mode=st.sampled_from(["max", "mean"]),
            kernel_size=positive,
            stride=st.none() | positive,
            padding=st.integers(0, 2),
        ),
        st.builds(Subsample, kernel_size=positive),
        st.builds(
            Norm,
            mode=st.sampled_from(["batch", "group", "instance", "layer"]),
            groups=st.integers(1, 3),
        ),
        st.builds(
            Activation,
            function=st.sampled_from(
                ["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "scaled_tanh", "sigmoid"]
            ),
        ),
        st.builds(Dropout, p=st.sampled_from([0.0, 0.5])),
        st.builds(Flatten),
        st.builds(Linear, out_features=st.sampled_from([84, 6]), bias=st.booleans()),
        st.builds(
            Residual,
            out_channels=st.integers(1, 6),
            stride=st.integers(1, 3),
            norm=st.booleans(),
            shortcut=st.sampled_from(["pad", "conv"]),
        ),
        st.builds(GlobalPool, mode=st.sampled_from(["mean", "max"])),
        st.builds(Rbf),
    ]
    ends: list[list[AnyLayer]] = [[Flatten(), Linear()], [GlobalPool(), Linear()], [Linear()], []]
    return st.builds(
        lambda body, end: [*body, *end],
        st.lists(st.one_of(some), min_size=1, max_size=5),
        st.sampled_from(ends),
    )


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    layer_lists(),
    st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9)),
    st.integers(2, 4),
)
def test_check_accepts_exactly_what_torch_can_run(
    layers: list[AnyLayer], input_shape: Shape, num_classes: int
) -> None:
    summary = summarize(tuple(layers), input_shape, num_classes)
    if summary.error is None:
        net = build_network(tuple(layers), input_shape, num_classes, seed=0)
        assert_equals_table(net, summary.rows, input_shape)
        batch = torch.randn(summary.min_batch, *input_shape)
        assert net.train()(batch).shape == (summary.min_batch, num_classes)
        return
    index = summary.error.index
    with pytest.raises(LayerError):
        build_network(tuple(layers), input_shape, num_classes, seed=0)
    reasons = ("always gives 0", "cannot drop", "each only once")
    by_meaning = any(reason in str(summary.error) for reason in reasons)
    if by_meaning or index < len(summary.rows):
        return  # torch would run it, to no use; or the end is not one number per class
    shape = summary.rows[-1].out_shape if summary.rows else input_shape
    assert not _torch_runs(layers[index], shape, num_classes)


def _torch_runs(layer: AnyLayer, in_shape: Shape, num_classes: int) -> bool:
    """Whether torch makes what the layer is meant to make with this refused layer."""
    outputs = getattr(layer, "out_channels", getattr(layer, "out_features", num_classes))
    outputs = num_classes if outputs == "classes" else outputs
    row = LayerRow(0, "", layer.kind, "", in_shape, (outputs,), 0, 0, "", 0, "", 1)
    try:
        out: torch.Tensor = make_module(recipe(layer, row))(torch.zeros(2, *in_shape))
    except (RuntimeError, ValueError, IndexError, TypeError):
        return False
    if isinstance(layer, Linear | Rbf):  # torch would take the columns of maps for features
        return tuple(out.shape) == (2, outputs)
    return out.dim() == 4
