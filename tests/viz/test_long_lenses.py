"""What gets the long lane: lenses by name, attribution by the method it asks for."""

from __future__ import annotations

from typing import Any

import pytest

from viz.lenses import LENSES
from viz.long_lenses import CHECKPOINT_LENSES, LONG_LENSES, takes_long


def test_every_name_is_a_lens() -> None:
    assert [name for name in sorted(LONG_LENSES | CHECKPOINT_LENSES) if name not in LENSES] == []


@pytest.mark.parametrize(
    ("lens", "options", "long"),
    [
        ("feature_maps", {}, False),
        ("lesion", {}, True),
        ("attribution", {}, False),
        ("attribution", {"method": "saliency"}, False),
        ("attribution", {"method": "grad_cam", "settings": None}, False),
        ("attribution", {"method": "rise"}, True),
        ("attribution", {"method": "integrated_gradients"}, False),
        ("attribution", {"method": "integrated_gradients", "settings": {"steps": 300}}, True),
        ("attribution", {"method": "nosuch"}, False),
        ("attribution", {"method": ["rise"]}, False),
        ("attribution", {"method": "rise", "settings": {"nosuch": 1}}, False),
    ],
)
def test_by_lens_and_by_method(lens: str, options: dict[str, Any], long: bool) -> None:
    assert takes_long(lens, "shipped:digits_lenet5", options) is long


@pytest.mark.parametrize(
    ("method", "long"), [("grad_cam", False), ("deep_lift", False), ("integrated_gradients", True)]
)
def test_large_networks_take_longer(method: str, long: bool) -> None:
    assert takes_long("attribution", "torchvision:vgg16", {"method": method}) is long
    assert not takes_long("attribution", None, {"method": method})


@pytest.mark.parametrize(
    ("model", "options", "long"),
    [
        ("shipped:digits_lenet5", {}, False),
        ("shipped:digits_lenet5", {"method": "fgsm"}, False),
        ("shipped:digits_lenet5", {"method": "pgd"}, True),
        ("torchvision:resnet18", {"method": "fgsm"}, True),
        (None, {}, False),
    ],
)
def test_attacks_of_many_steps_are_long(
    model: str | None, options: dict[str, Any], long: bool
) -> None:
    assert takes_long("attack", model, options) is long
