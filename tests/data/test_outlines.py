"""Distance fields: zero on the edge, negative inside, and of slope one as a distance must be."""

from __future__ import annotations

import math

import pytest
import torch

from data.outlines import OUTLINES, REACH, circle, ring, square

LINE = (torch.arange(260) + 0.5) * 0.01 - 1.3
X, Y = LINE[None, None, :].expand(1, 260, 260), LINE[None, :, None].expand(1, 260, 260)
AREAS = {
    "circle": math.pi * 0.92**2,
    "square": 1.56**2,
    "ring": math.pi * (0.98**2 - 0.5**2),
    "cross": 2 * 1.96 * 0.6 - 0.6**2,
    "triangle": 3 * math.sqrt(3) / 4 * 1.05**2,
    "star": 5 * 1.08 * 0.48 * math.sin(math.pi / 5),
    # A square of side 1.04 and two half discs on its sides.
    "heart": 1.04**2 + math.pi * 0.52**2,
}


@pytest.mark.parametrize("name", OUTLINES)
def test_area_inside_is_that_of_the_shape(name: str) -> None:
    inside = OUTLINES[name](X, Y) < 0
    assert float(inside.float().sum()) * 0.01**2 == pytest.approx(AREAS[name], rel=0.01)


@pytest.mark.parametrize("name", OUTLINES)
def test_distance_changes_by_one_per_unit_near_the_edge(name: str) -> None:
    distance = OUTLINES[name](X, Y)[0]
    near = distance[1:-1, 1:-1].abs() < 0.05
    across = (distance[1:-1, 2:] - distance[1:-1, :-2]) / 0.02
    down = (distance[2:, 1:-1] - distance[:-2, 1:-1]) / 0.02
    slope = torch.hypot(across, down)[near]
    # Corners are where the nearest edge changes: only a small share of the points may deviate.
    assert float(((slope - 1).abs() < 0.02).float().mean()) > 0.9


@pytest.mark.parametrize("name", OUTLINES)
def test_stays_within_the_reach_that_the_generator_leaves_room_for(name: str) -> None:
    inside = OUTLINES[name](X, Y) <= 0
    assert float(torch.hypot(X, Y)[inside].max()) < REACH


def test_by_hand() -> None:
    zero, one = torch.zeros(1, 1, 1), torch.ones(1, 1, 1)
    assert circle(one, zero).item() == pytest.approx(0.08)
    assert ring(zero, zero).item() == pytest.approx(0.5)
    assert square(zero, zero).item() == pytest.approx(-0.78)
    assert square(2 * one, 2 * one).item() == pytest.approx(math.hypot(1.22, 1.22))
