"""Motions against torch's own, and the meter against networks whose equivariance is known."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.receptive_field import receptive_fields
from viz.lenses import geometry
from viz.lenses.motions import (
    Motion,
    Occlusion,
    border_color,
    expected_maps,
    measure,
    move_picture,
    occlude,
)
from viz.results.maps import Geometry, LayerChange

SIDE = 16


def picture(seed: int = 0, channels: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (channels, SIDE, SIDE), dtype=torch.uint8, generator=generator)


def geometry_of(net: nn.Module) -> Geometry:
    """Of the last module."""
    fields = receptive_fields(net, (3, SIDE, SIDE))
    return geometry.geometry_of(fields[list(fields)[-1]])


def change(
    net: nn.Sequential, act: Motion | Occlusion, *, placed: Geometry | None = None
) -> LayerChange:
    """What the meter says of the last layer of `net` for a random picture."""
    before = picture()
    grey = (0.5, 0.5, 0.5)
    after = move_picture(before, act) if isinstance(act, Motion) else occlude(before, act, grey)
    with torch.no_grad():
        output = net(torch.stack([before, after]) / 255)
    return measure("last", "Conv2d", output, placed or geometry_of(net), act)


def conv(
    *,
    stride: int = 1,
    padding: int = 0,
    mode: Literal["zeros", "circular"] = "zeros",
    size: int = 3,
) -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=padding, padding_mode=mode), nn.ReLU()).eval()


@pytest.mark.parametrize(("dx", "dy"), [(3, 0), (0, -2), (-1, 5)])
def test_a_shift_is_that_of_roll_and_bare_pixels_have_the_borders_color(dx: int, dy: int) -> None:
    before = picture()
    after = move_picture(before, Motion.translation(dx, dy))
    rolled = before.roll((dy, dx), dims=(1, 2))
    kept = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    kept[max(dy, 0) : SIDE + min(dy, 0), max(dx, 0) : SIDE + min(dx, 0)] = True
    assert torch.equal(after[:, kept], rolled[:, kept])
    assert (after[:, ~kept] == border_color(before)[:, None]).all()


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_are_those_of_rot90(quarters: int) -> None:
    before = picture()
    angle = {1: 90.0, 2: 180.0, 3: -90.0}[quarters]
    after = move_picture(before, Motion.rotation(angle, SIDE, SIDE))
    assert torch.equal(after, before.rot90(quarters, dims=(1, 2)))


def test_turning_by_nothing_changes_nothing() -> None:
    assert torch.equal(move_picture(picture(), Motion.rotation(0.0, SIDE, SIDE)), picture())


def test_the_border_color_is_a_median_of_the_border() -> None:
    square = torch.full((1, 5, 5), 9, dtype=torch.uint8)
    square[0, 1:4, 1:4] = 200
    square[0, 0, 0] = 255
    assert border_color(square).tolist() == [9]


def test_an_occlusion_hides_what_it_covers_and_no_more() -> None:
    before = picture()
    after = occlude(before, Occlusion(-1, 13, 5), (0.5, 0.2, 0.0))
    covered = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    covered[:4, 13:] = True
    assert (after[:, covered] == torch.tensor([[128], [51], [0]])).all()
    assert torch.equal(after[:, ~covered], before[:, ~covered])


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize(("dx", "dy"), [(1, 0), (2, 3), (-4, 1)])
def test_a_convolution_moves_along_exactly_away_from_the_border(
    dx: int, dy: int, padding: int
) -> None:
    found = change(conv(padding=padding), Motion.translation(dx, dy))
    assert found.interior == 0
    # Whose 3×3 field lies in both images: (16 − |d| − 2) a side.
    assert found.num_interior == (SIDE - abs(dx) - 2) * (SIDE - abs(dy) - 2)
    assert found.invariance > 0.1


def test_a_valid_convolution_moves_along_exactly_wherever_something_moved_to() -> None:
    """Without padding, only units whose place before lay beyond the map see what is laid bare."""
    found = change(conv(), Motion.translation(2, 0))
    assert found.equivariance == 0
    assert found.invariance > 0.1


def test_a_circular_convolution_of_a_picture_that_is_rolled_moves_along_everywhere() -> None:
    net, before = conv(padding=1, mode="circular"), picture()
    with torch.no_grad():
        output = net(torch.stack([before, before.roll(2, dims=2)]) / 255)
    moved = expected_maps(output[0], geometry_of(net), Motion.translation(2, 0))
    known = torch.from_numpy(moved.known)
    assert torch.equal(moved.maps[:, known], output[1][:, known])
    assert moved.known.sum() == SIDE * (SIDE - 2)


@pytest.mark.parametrize("layer", [nn.MaxPool2d(2), nn.Conv2d(4, 4, 2, stride=2)])
def test_striding_spoils_shifts_that_are_no_whole_number_of_steps(layer: nn.Module) -> None:
    torch.manual_seed(5)
    net = nn.Sequential(*conv(), layer)
    assert change(net, Motion.translation(2, 4)).interior <= 1e-6
    assert change(net, Motion.translation(1, 0)).interior > 0.05


def test_the_whole_network_is_exact_for_shifts_by_its_stride() -> None:
    torch.manual_seed(1)
    net = nn.Sequential(*conv(padding=1), nn.MaxPool2d(2), nn.Conv2d(4, 5, 3, padding=1)).eval()
    found = change(net, Motion.translation(4, 0))
    assert found.interior <= 1e-6
    assert found.num_interior > 0
    assert found.equivariance > 1e-3  # the padding at the border


def symmetric() -> nn.Sequential:
    """A convolution that does not care which way round its input is, with an even kernel, so that
    its units lie between pixels."""
    layer = nn.Conv2d(3, 2, 4, padding=1)
    with torch.no_grad():
        turned = [layer.weight.rot90(k, dims=(2, 3)) for k in range(4)]
        layer.weight.copy_(torch.stack(turned).sum(dim=0))
    return nn.Sequential(layer).eval()


@pytest.mark.parametrize("angle", [90.0, 180.0])
def test_a_symmetric_kernel_turns_along_only_where_its_units_truly_sit(angle: float) -> None:
    torch.manual_seed(2)
    net, act = symmetric(), Motion.rotation(angle, SIDE, SIDE)
    assert change(net, act).interior <= 1e-5
    wrong = geometry_of(net)
    wrong = dataclasses.replace(wrong, tops=wrong.tops + 1, bottoms=wrong.bottoms + 1)
    assert change(net, act, placed=wrong).interior > 0.05


def test_units_that_cannot_see_the_square_do_not_change() -> None:
    net = nn.Sequential(*conv(padding=1), nn.MaxPool2d(2)).eval()
    act = Occlusion(5, 5, 3)  # pixels 5 to 7; a unit sees 4×4 pixels from 2y − 1
    found = change(net, act)
    touched = sum(2 * y - 1 < 8 and 2 * y + 3 > 5 for y in range(8))
    assert found.num_unseeing == 64 - touched**2
    assert found.unseeing <= 1e-6
    assert found.invariance > 0
    assert math.isnan(found.equivariance)
    narrow = dataclasses.replace(
        geometry_of(net), bottoms=geometry_of(net).tops + 1, rights=geometry_of(net).lefts + 1
    )
    assert change(net, act, placed=narrow).unseeing > 0.01  # a field too small is found out


def test_values_between_units_are_interpolated() -> None:
    net = nn.Sequential(nn.AvgPool2d(2)).eval()
    ramp = torch.arange(8, dtype=torch.float32).repeat(1, 8, 1)  # (1, 8, 8)
    pooled = receptive_fields(net, (1, 16, 16))["0"]
    moved = expected_maps(ramp, geometry.geometry_of(pooled), Motion.translation(1, 0))
    assert torch.allclose(moved.maps[0, :, 1:], ramp[0, :, 1:] - 0.5)
    assert torch.isnan(moved.maps[0, :, 0]).all()
    assert moved.known[:, 1:].all()
    assert not moved.known[:, 0].any()


def test_layers_that_see_everything_have_no_interior() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1)).eval()
    found = change(net, Motion.translation(2, 0))
    assert found.shape == (4, 1, 1)
    assert found.num_interior == 0
    assert math.isnan(found.equivariance)
    assert found.invariance > 0
    assert change(net, Occlusion(0, 0, 4)).num_unseeing == 0


def test_vectors_can_only_stay() -> None:
    output = torch.tensor([[3.0, 4.0], [3.0, 9.0]])
    found = measure("fc", "Linear", output, None, Motion.translation(1, 1))
    assert found.invariance == pytest.approx(1.0)
    assert math.isnan(found.equivariance)
    silent = measure("fc", "Linear", torch.zeros(2, 2), None, Motion.translation(1, 1))
    assert math.isnan(silent.invariance)


def test_source_is_the_inverse() -> None:
    act = Motion.rotation(30.0, 9, 7)
    rows, columns = act.source(np.array([4.0]), np.array([3.0]))
    assert (rows[0], columns[0]) == pytest.approx((4, 3))  # the middle stays
