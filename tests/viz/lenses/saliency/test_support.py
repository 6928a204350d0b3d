"""What a page asks before and after: which methods, which layers, and why a map is empty."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.viz.lenses.nets import OneNet
from tests.viz.lenses.nets import split as split_of
from viz.attribution.table import METHODS
from viz.lenses import LENSES
from viz.lenses.context import LensContext
from viz.lenses.registry import LensError
from viz.lenses.saliency import perturb
from viz.results.attribution import Attribution, AttributionSupport

CAMS = [name for name, each in METHODS.items() if each.family == "cam"]
FORWARD = [name for name, each in METHODS.items() if each.family == "perturbation"]


def net_of(*, bias: float = 0.0, weight: float = 1.0, head: float = 1.0) -> nn.Sequential:
    """One convolution of one weight, a ReLU, the mean over the image, two classes: ± the mean."""
    conv, linear = nn.Conv2d(1, 1, 1), nn.Linear(1, 2)
    with torch.no_grad():
        conv.weight.fill_(weight)
        conv.bias.fill_(bias)  # type: ignore[union-attr]
        linear.weight.copy_(torch.tensor([[head], [-head]]))
        linear.bias.zero_()
    pool = (nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(conv, nn.ReLU(inplace=True), *pool, linear)


def look(net: nn.Module, **options: Any) -> Attribution:
    images = torch.linspace(0, 1, 16).view(1, 1, 4, 4)
    context = OneNet(net, {"test": split_of(images, [0])})
    context.data = lambda *_args: _Data(context)  # type: ignore[assignment, method-assign]
    *_, last = LENSES["attribution"](context, "run:x", "digits/test/0", **options)
    assert isinstance(last, Attribution)
    return last


class _Data:
    def __init__(self, context: OneNet) -> None:
        self.train = self.val = self.test = context.images_of["test"]


def test_support_of_a_network_that_comes_with_the_program(context: LensContext) -> None:
    found = LENSES["attribution_support"](context, "shipped:shapes_resnet8", None)
    assert isinstance(found, AttributionSupport)
    assert found.default_layer == "block3.relu2"
    assert not set(found.refusals) & {*CAMS, *FORWARD}
    assert found.note == ""
    shapes = {each.name: (each.kind, each.shape) for each in found.layers}
    assert shapes["block3.relu2"] == ("ReLU", (64, 8, 8))


def test_a_fully_connected_network_has_no_class_activation_maps(context: LensContext) -> None:
    found = LENSES["attribution_support"](context, "random:small_fc", None)
    assert (found.layers, found.default_layer) == ((), None)
    assert "no layer with maps" in found.why
    assert dict.fromkeys(CAMS, found.why).items() <= found.refusals.items()
    assert not set(FORWARD) & set(found.refusals)


def test_what_was_done_to_the_network_is_told() -> None:
    found = LENSES["attribution_support"](OneNet(net_of()), "run:x", None)
    assert found.note == (
        "Computed on a copy with the same weights and equal outputs, of whose activations 1 work on a "
        "tensor of their own instead of in place."
    )


@pytest.mark.parametrize("method", [*CAMS, *FORWARD])
def test_every_method_answers_with_its_own_default_settings(method: str) -> None:
    found = look(net_of(), method=method)
    assert found.share == 1
    assert found.values.shape == (1, 4, 4)
    assert found.values.any()
    assert found.note == ""
    assert found.layer == ("1" if METHODS[method].layered else None)
    assert found.values.dtype.name == "float32"


@pytest.mark.parametrize(
    ("layer", "words"),
    [("3", "3 has no places left"), ("7", "'7' is no layer"), ("4", "4 has no places left")],
)
def test_a_layer_that_cannot_serve_is_a_sentence(layer: str, words: str) -> None:
    with pytest.raises(LensError, match=words):
        look(net_of(), method="grad_cam", layer=layer)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ({"class": 2}, "no class 2"),
        ({"class": -1}, "no class -1"),
        ({"class": 0, "against": 0}, "cannot be held against itself"),
        ({"layer": "nowhere", "channel": 0}, "'nowhere' is no layer of A net"),
        ({"layer": "", "channel": 0}, "'' is no layer of A net"),
        ({"layer": "0", "channel": 1}, r"no unit \[1\]: its output is 1×4×4"),
        ({"layer": "0", "channel": 0, "unit": [4, 0]}, r"no unit \[0, 4, 0\]"),
        ({"layer": "3", "channel": 0, "unit": [0, 0]}, r"no unit \[0, 0, 0\]: its output is 1,"),
    ],
)
def test_a_target_that_is_not_there_is_a_sentence(target: dict[str, Any], words: str) -> None:
    with pytest.raises(LensError, match=words):
        look(net_of(), method="occlusion", target=target)


@pytest.mark.parametrize("method", ["saliency", "grad_cam", "layer_cam", *FORWARD])
def test_a_network_that_does_not_look_is_explained(method: str) -> None:
    found = look(net_of(head=0.0), method=method)
    assert not found.values.any()
    wanted = "no change made to the image" if method in FORWARD else "does not (change|depend)"
    assert METHODS[method].title in found.note
    assert re.search(wanted, found.note)


def test_an_empty_class_activation_map_is_explained() -> None:
    against = look(net_of(), method="grad_cam", target={"class": 1})
    assert not against.values.any()
    assert "no place of 1 both fires and speaks" in against.note
    assert "look at the signed map" in against.note
    signed = look(net_of(), method="grad_cam", target={"class": 1}, settings={"relu": "no"})
    assert (signed.values <= 0).all()
    assert signed.note == ""
    silent = look(net_of(bias=-2.0), method="grad_cam")
    assert "every map of 1 is 0 at this image" in silent.note


def test_a_network_that_diverged_is_explained() -> None:
    found = look(net_of(head=float("inf")), method="grad_cam")
    assert "not numbers" in found.note


def test_memory_that_runs_out_halves_the_batch_and_the_map_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Narrow(nn.Module):
        """Has room for three images at a time."""

        def __init__(self, net: nn.Module) -> None:
            super().__init__()
            self.net, self.sizes = net, [0]

        def forward(self, x: Tensor) -> Tensor:
            """Logits."""
            self.sizes.append(len(x))
            if len(x) > 3:
                raise torch.OutOfMemoryError("out of memory")
            found: Tensor = self.net(x)
            return found

    wanted = look(net_of(), method="occlusion").values
    monkeypatch.setattr(perturb, "good_batch", lambda _net, _image: 10)
    narrow = Narrow(net_of())
    found = look(narrow, method="occlusion").values
    assert {9, 4, 2} <= set(narrow.sizes)
    assert abs(found - wanted).max() < 1e-6
