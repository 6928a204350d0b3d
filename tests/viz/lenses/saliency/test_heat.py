"""Heat: channels summed, layers' maps scaled up as the paper of each class activation map does."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from viz.attribution.table import find_method
from viz.lenses.saliency.heat import heat

SALIENCY = find_method("saliency")
CAM = replace(SALIENCY, name="cam", title="A CAM", family="cam", signed=True)


def test_channels_are_summed_with_their_signs() -> None:
    values = torch.tensor([[[[1.0, -2.0]], [[3.0, 0.5]], [[-1.0, 0.0]]]])  # (1, 3, 1, 2)
    assert heat(values, (1, 2), SALIENCY).tolist() == [[[3.0, -1.5]]]


def test_a_layers_map_is_scaled_up_between_the_middles_of_its_places() -> None:
    values = torch.tensor([[[[0.0, 4.0]]]])  # (1, 1, 1, 2); middles at pixels 0.5 and 2.5
    assert heat(values, (1, 4), CAM).tolist() == [[[0.0, 1.0, 3.0, 4.0]]]


def test_a_layers_map_keeps_its_sign_and_size() -> None:
    values = torch.tensor([[[[-2.0, 1.0], [0.0, 3.0]]]])
    assert torch.equal(heat(values, (2, 2), CAM), values[:, 0])


def test_a_map_of_another_size_that_is_of_no_layer_is_refused() -> None:
    with pytest.raises(ValueError, match="2×2 is not one of an image of 4×4"):
        heat(torch.zeros(1, 3, 2, 2), (4, 4), SALIENCY)
