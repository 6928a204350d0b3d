"""Penalties: what is computed, by hand, is what people are told it is."""

from __future__ import annotations

import pytest
import torch

from viz.lenses.visualize.penalties import (
    distance,
    gram,
    likeness,
    mean_likeness,
    summary,
    total_variation,
)
from viz.visualization.knobs import Knob
from viz.visualization.makers import INVERSION, STYLE
from viz.visualization.settings import KNOBS


def test_total_variation_adds_the_sizes_of_both_differences() -> None:
    image = torch.tensor([[[[0.0, 0.3], [0.4, 0.4]]]])
    # Down |0.4| and |0.1|, right |0.3| and |0|: means 0.25 and 0.15. With the length of the gradient,
    # as Mahendran and Vedaldi have it, the first pixel would count 0.5 and not 0.7.
    assert float(total_variation(image)) == pytest.approx(0.4)


@pytest.mark.parametrize("knob", [KNOBS["tv"], INVERSION["tv"], STYLE["tv"]])
def test_people_are_told_whose_it_is(knob: Knob) -> None:
    assert "Rudin, Osher and Fatemi 1992" in knob.help
    assert "Vedaldi" not in knob.help


def test_distance_by_hand() -> None:
    image = torch.tensor([[[[0.5, 1.0]]], [[[0.5, 0.5]]]])
    assert distance(image, torch.tensor([0.5])).tolist() == pytest.approx([0.125, 0])


@pytest.mark.parametrize("shape", [(3, 8, 1, 2), (3, 2, 5, 5), (5, 8, 2, 2)])
def test_likeness_is_the_cosine_of_gram_matrices_also_in_parts(shape: tuple[int, ...]) -> None:
    maps = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    grams = gram(maps).flatten(1)
    wanted = torch.nn.functional.cosine_similarity(grams[:, None], grams[None], dim=2)
    n = len(maps)
    found = likeness(summary(maps, n))
    assert torch.allclose(found, wanted, atol=1e-5)
    parts = torch.cat([summary(maps[:2], n), summary(maps[2:], n)])
    assert torch.allclose(likeness(parts), found)
    others = (wanted.sum(1) - 1) / (n - 1)
    assert torch.allclose(mean_likeness(maps), others, atol=1e-5)
    assert mean_likeness(maps[:1]).tolist() == [0]
