"""Receptive fields as lenses: table, gradient check, effective field, and the fit of its width."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from data.catalogue import get_info
from models.build import build_network
from models.layers import parse_layers
from models.receptive_field import receptive_fields as compute_fields
from models.registry import list_architectures
from models.weights import save_weights
from training.network import spec_layers
from training.run_store import RunStore
from training.spec import parse_spec
from viz.lenses import unit_gradients
from viz.lenses.context import LensContext
from viz.lenses.effective_field import effective_field
from viz.lenses.fields import gradient_support, receptive_fields, unit_map
from viz.lenses.gaussian import fit_gaussian
from viz.lenses.geometry import network_fields
from viz.lenses.registry import LensError
from viz.results.fields import EffectiveField, Gaussian, Support

SHIPPED = "shipped:digits_lenet5"
SHAPES = {"name": "shapes"}


def _hooks(net: nn.Module) -> int:
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(module, kind)) for module in net.modules() for kind in kinds)


def test_table_holds_every_layer_and_each_units_box(context: LensContext) -> None:
    table = receptive_fields(context, SHIPPED, None)
    net = context.subject(SHIPPED).net
    fields = compute_fields(net, (1, *table.image))
    assert [each.layer for each in table.layers] == list(fields)
    conv2 = table.find("conv2")
    assert conv2 is not None
    assert (conv2.kind, conv2.leaf, conv2.size, conv2.stride) == ("Conv2d", True, (14, 14), (2, 2))
    for y in range(conv2.units[0]):
        for x in range(conv2.units[1]):
            assert conv2.box(y, x) == fields["conv2"].box(y, x)
            assert conv2.read_box(y, x) == fields["conv2"].read_box(y, x)
    assert table.find("nosuch") is None


@pytest.mark.parametrize("name", [each.name for each in list_architectures()])
def test_theory_is_gradient_support(context: LensContext, name: str) -> None:
    """For every architecture of the project, in some layers, at a corner and in the middle."""
    model = f"random:{name}"
    layers = receptive_fields(context, model, None, dataset=SHAPES).layers
    placed = [each.layer for each in layers if each.placed]
    for layer in {*placed[1 :: max(1, len(placed) // 3)], *placed[-1:], layers[-1].layer}:
        for unit in ([0, 0], None):
            found = gradient_support(context, model, None, layer=layer, unit=unit, dataset=SHAPES)
            assert found.matches, found
            assert found.num_pixels > 0
    assert _hooks(context.subject(model, SHAPES).net) == 0


def test_the_check_would_notice(context: LensContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network whose paths are not what was computed gets no tick."""
    subject = context.subject(SHIPPED)
    right = network_fields(subject)
    shifted = dict(right, conv2=right["relu1"])
    monkeypatch.setattr(unit_gradients, "network_fields", lambda _: shifted)
    assert not gradient_support(context, SHIPPED, None, layer="conv2", unit=[1, 1]).matches


def test_the_check_leaves_the_network_alone(context: LensContext) -> None:
    subject = context.subject(SHIPPED)
    before = {key: value.clone() for key, value in subject.net.state_dict().items()}
    gradient_support(context, SHIPPED, None)
    effective_field(context, SHIPPED, None, images=2)
    after = subject.net.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items())
    assert not any(parameter.requires_grad for parameter in subject.net.parameters())
    assert not subject.net.training
    assert _hooks(subject.net) == 0


def test_support_of_a_unit_of_padding(context: LensContext) -> None:
    nothing = Support("a", (0, 0), (0, 0, 0, 0), (0, 0, 0, 0), 0)
    assert nothing.matches


def _gradient_by_hand(net: nn.Module, batch: Tensor, layers: int, y: int, x: int) -> Tensor:
    image = batch.clone().requires_grad_(True)
    maps = nn.Sequential(*list(net.children())[:layers])(image)
    (gradient,) = torch.autograd.grad(maps[:, :, y, x].sum(), image)
    return gradient.abs().mean(0).sum(0)  # (H, W)


def test_effective_field_is_the_mean_absolute_gradient(context: LensContext) -> None:
    found = effective_field(context, SHIPPED, None, layer="conv2", unit=[1, 2], images=5)
    subject = context.subject(SHIPPED)
    split = context.images(subject, "val")
    index = torch.arange(5) * len(split) // 5
    mean, std = (
        torch.tensor(each).view(-1, 1, 1) for each in (subject.info.mean, subject.info.std)
    )
    batch = (split.images[index] / 255 - mean) / std
    names = [name for name, _ in subject.net.named_children()]
    expected = _gradient_by_hand(subject.net, batch, names.index("conv2") + 1, 1, 2)
    np.testing.assert_allclose(found.heat, expected.numpy(), rtol=1e-4, atol=1e-6)
    assert (found.num_images, found.source, found.unit) == (5, "validation images", (1, 2))


def test_all_of_the_gradient_lies_in_the_box(context: LensContext) -> None:
    table = receptive_fields(context, SHIPPED, None)
    for each in table.layers:
        if each.placed:
            found = effective_field(context, SHIPPED, None, layer=each.layer, images=4)
            assert found.inside == pytest.approx(1, abs=1e-12)
            assert found.box == each.box(each.units[0] // 2, each.units[1] // 2)
            assert 0 < found.area95 <= found.box_area


def test_one_channel_alone(context: LensContext) -> None:
    """The kernel itself, for a convolution that reads the image."""
    found = effective_field(context, SHIPPED, None, layer="conv1", channel=2, images=3)
    weight = context.subject(SHIPPED).net.get_submodule("conv1").get_parameter("weight")
    top, left, bottom, right = found.box
    np.testing.assert_allclose(
        found.heat[top:bottom, left:right], weight[2, 0].abs().numpy(), rtol=1e-5
    )


def test_a_gate_sees_beyond_the_box(context: LensContext) -> None:
    layers = parse_layers(
        [
            {"kind": "conv", "out_channels": 4, "kernel_size": 3, "padding": 1},
            {"kind": "norm", "mode": "instance"},
            {"kind": "flatten"},
            {"kind": "linear"},
        ]
    )
    net = build_network(layers, (1, 16, 16), 10, seed=0).eval()
    batch = torch.rand(2, 1, 16, 16)
    gradient = unit_gradients.unit_gradient(net, batch, "norm1", (8, 8), 0, 1)
    heat = gradient.abs().sum((0, 1))
    inside = heat[7:10, 7:10].sum() / heat.sum()
    assert 0.3 < inside < 1
    assert compute_fields(net, (1, 16, 16))["norm1"].whole


def test_the_share_of_a_gated_unit_is_of_the_image(context: LensContext, store: RunStore) -> None:
    """Its box is 3×3, and its gradient is spread over the image."""
    layers = [
        {"kind": "conv", "out_channels": 4, "kernel_size": 3, "padding": 1},
        {"kind": "norm", "mode": "instance"},
        {"kind": "flatten"},
        {"kind": "linear"},
    ]
    spec = parse_spec({"network": {"kind": "custom", "layers": layers}})
    info = get_info(spec.dataset.name)
    net = build_network(spec_layers(spec, info), info.shape, len(info.classes), seed=0)
    run_id = store.new_run(spec)
    save_weights(store.snapshot_path(run_id, 0), net.state_dict(), {"step": "0"})
    found = effective_field(context, f"run:{run_id}@0", None, layer="norm1", images=8)
    assert found.whole
    assert found.area95 > found.box_area == 9
    assert found.share95 == found.area95 / (info.shape[1] * info.shape[2])
    assert found.share95 <= 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layer": "nosuch"}, "no layer 'nosuch'"),
        ({"layer": "conv2", "unit": [9, 0]}, "row below 4"),
        ({"layer": "conv2", "unit": [1]}, "no unit"),
        ({"layer": "conv2", "unit": ["1", True]}, "no unit"),
        ({"layer": "conv2", "channel": 99}, "no channel 99"),
        ({"images": 0}, "whole number from 1 to 64"),
    ],
)
def test_bad_requests_get_a_sentence(
    context: LensContext, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(LensError, match=words):
        effective_field(context, SHIPPED, None, **options)
    assert _hooks(context.subject(SHIPPED).net) == 0


def test_a_shared_module_is_met_the_last_time_it_runs() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu = nn.ReLU(inplace=True)
            self.first, self.second = nn.Conv2d(1, 2, 3), nn.Conv2d(2, 1, 3)

        def forward(self, x: Tensor) -> Tensor:
            found: Tensor = self.relu(self.second(self.relu(self.first(x))))
            return found.flatten(1)

    net = Twice()
    for parameter in net.parameters():
        parameter.data = parameter.data.abs()
    image = torch.rand(1, 1, 8, 8)
    gradient = unit_gradients.unit_gradient(net, image, "relu", (0, 0), None, calls=2)
    assert (gradient[0, 0] != 0).nonzero().max() == 4  # 5×5, not the 3×3 of its first use


def test_unit_map(context: LensContext) -> None:
    every = unit_map(context, SHIPPED, "digits/test/0", layer="conv1")
    one = unit_map(context, SHIPPED, "digits/test/0", layer="conv1", channel=1)
    assert every.values.shape == one.values.shape == (16, 16)
    assert (every.values >= 0).all()
    assert every.num_channels == 6
    logits = unit_map(context, SHIPPED, "digits/test/0", layer="fc2")
    assert logits.values.shape == (1, 1)
    with pytest.raises(LensError, match="no channel 6"):
        unit_map(context, SHIPPED, "digits/test/0", layer="conv1", channel=6)


def _spot(sy: float, sx: float, y: float, x: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    rows, columns = np.mgrid[:32, :28]
    spot: np.ndarray[Any, np.dtype[np.float64]] = np.exp(
        -((rows - y) ** 2) / (2 * sy**2) - (columns - x) ** 2 / (2 * sx**2)
    )
    return 7 * spot


@pytest.mark.parametrize(
    ("sy", "sx", "y", "x"), [(2, 2, 16, 14), (0.8, 5, 10.3, 20.2), (9, 6, 2, 25), (4, 4, -1, 13)]
)
def test_fit_finds_the_gaussian_it_was_made_of(sy: float, sx: float, y: float, x: float) -> None:
    """Also where the border cuts it off, or its centre lies outside."""
    found = fit_gaussian(_spot(sy, sx, y, x), (-5, -5, 40, 40))
    assert found.sigma == pytest.approx((sy, sx), rel=1e-3)
    assert found.centre == pytest.approx((y, x), abs=1e-2)
    assert found.r2 == pytest.approx(1, abs=1e-6)


def test_fit_only_looks_inside_the_window() -> None:
    heat = _spot(2, 3, 16, 14)
    heat[:8], heat[26:] = 50, 50
    found = fit_gaussian(heat, (8, 0, 26, 28))
    assert found.sigma == pytest.approx((2, 3), rel=1e-3)
    assert found.centre == pytest.approx((16, 14), abs=1e-2)


def test_fit_survives_noise_and_spikes() -> None:
    rng = np.random.default_rng(0)
    heat = _spot(5, 4, 16, 14) * rng.exponential(size=(32, 28))
    heat[20, 10] *= 8
    found = fit_gaussian(heat, (0, 0, 32, 28))
    assert found.sigma == pytest.approx((5, 4), rel=0.3)
    assert 0 < found.r2 < 0.9


@pytest.mark.parametrize(
    "heat", [np.zeros((9, 9)), np.ones((9, 9)), np.full((9, 9), np.nan), np.ones((2, 9))]
)
def test_no_peak_no_width(heat: Any) -> None:
    assert np.isnan(fit_gaussian(heat, (0, 0, 9, 9)).sigma).all()


def test_shares_of_a_field_that_is_nothing() -> None:
    nothing = EffectiveField(
        "a", (0, 0), None, np.zeros((4, 4), np.float32), (-2, -2, 2, 3), False,
        Gaussian((np.nan, np.nan), (np.nan, np.nan), np.nan), np.nan, 0, 1, "", None,
    )  # fmt: skip
    assert nothing.box_area == 6
    assert np.isnan(nothing.share95)
