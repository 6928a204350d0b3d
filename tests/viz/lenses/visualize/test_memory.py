"""Memory that runs out: pictures are made in smaller batches and are the same ones; where even one is
too many, people are told so and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import vgg16

from tests.viz.lenses.nets import OneNet
from tests.viz.lenses.visualize.narrow import Narrow
from tests.viz.lenses.visualize.nets import climb, context, small_net
from viz.lenses.registry import LensError
from viz.lenses.visualize.dream import deep_dream
from viz.lenses.visualize.inversion import feature_inversion
from viz.lenses.visualize.lens import feature_visualization, visualization_ablation
from viz.lenses.visualize.memory import pictures_at_once, room
from viz.lenses.visualize.style import style_transfer

PICTURE = 3 * 12 * 12  # values
IMAGE = "sample:chelsea"
CHANNEL = {"kind": "channel", "layer": "1.3", "channel": 2}
CLASS = {"kind": "class", "class": 2}


def narrow(most: int, **options: Any) -> tuple[OneNet, Narrow]:
    gate = Narrow(most, **options)
    return context(nn.Sequential(gate, small_net())), gate


@pytest.mark.parametrize("goal", [CHANNEL, CLASS])
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("error", [RuntimeError, torch.OutOfMemoryError])
def test_pictures_are_halved_and_stay_the_same_ones(
    goal: dict[str, Any], backward: bool, error: type[RuntimeError]
) -> None:
    settings = {"steps": 6, "tv": 0.5, "l2": 0.5}
    whole = climb(narrow(10**9)[0], goal, pictures=5, settings=settings)
    where, gate = narrow(2 * PICTURE, backward=backward, error=error)
    found = climb(where, goal, pictures=5, settings=settings)
    assert np.abs(found.pictures.astype(int) - whole.pictures).max() <= 1
    assert found.activation == pytest.approx(whole.activation, abs=1e-4)
    assert found.objective == pytest.approx(whole.objective, abs=1e-4)
    assert found.similarity == pytest.approx(whole.similarity, abs=1e-4)
    # Once they are halved they stay so: nothing is tried in vain at every step.
    assert gate.seen.count(5) == 1
    assert {1, 2} <= set(gate.seen)


def test_rows_of_opened_gates_follow_their_pictures() -> None:
    """Of five pictures two are silent; halved, each still has its own gate."""
    net = small_net().requires_grad_(False)
    net[3].bias.fill_(1.0)  # type: ignore[operator]
    net[3].bias[2] -= 100  # type: ignore[index, operator]
    goal = {"kind": "channel", "layer": "1.4", "channels": [3, 2, 1, 0, 2]}
    found = []
    for most in (10**9, 3 * PICTURE):  # the ReLUs are told apart with three pictures
        gate = Narrow(most)
        where = context(nn.Sequential(gate, net))
        found.append(climb(where, goal, settings={"steps": 4}))
    assert found[0].silent.tolist() == [False, True, False, False, True]
    assert found[1].silent.tolist() == found[0].silent.tolist()
    assert found[1].activation == pytest.approx(found[0].activation, rel=1e-4, abs=1e-4)


def test_diversity_needs_all_at_once_and_says_so() -> None:
    where, _ = narrow(2 * PICTURE, backward=True)
    with pytest.raises(LensError, match=r"5 pictures of 12×12 pixels at once.*diversity to 0"):
        climb(where, CHANNEL, pictures=5, settings={"steps": 2, "diversity": 1.0})


Run = Callable[[OneNet, dict[str, Any]], Iterator[Any]]
RUNS: dict[str, Run] = {
    "visualization": lambda where, settings: feature_visualization(
        where, "a net", None, goal=CHANNEL, pictures=3, settings=settings
    ),
    "ablation": lambda where, settings: visualization_ablation(
        where, "a net", None, goal=CHANNEL, settings=settings
    ),
    "dream": lambda where, settings: deep_dream(
        where, "a net", IMAGE, layer="1.3", settings=settings
    ),
    "inversion": lambda where, settings: feature_inversion(
        where, "a net", IMAGE, layers=["1.3"], settings=settings
    ),
    "style": lambda where, settings: style_transfer(
        where, "a net", IMAGE, style="sample:coffee", settings=settings
    ),
}


@pytest.mark.parametrize("size", [0, 24])
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS.keys())
def test_one_picture_that_is_too_large_is_said_to_be(run: Run, backward: bool, size: int) -> None:
    """Never that the network takes no such size, and never an exception of torch's."""
    # At 12 pixels nothing fits; at 24 the network's own size would.
    net = nn.Sequential(Narrow(0 if size == 0 else PICTURE, backward=backward), Pooled())
    with pytest.raises(LensError, match=r"memory.*smaller") as raised:
        list(run(context(net), {"size": size, "steps": 2}))
    assert "takes no pictures" not in str(raised.value)


class Pooled(nn.Sequential):
    """Takes pictures of any size."""

    def __init__(self) -> None:
        layers = list(small_net())
        super().__init__(*layers[:5], nn.AdaptiveAvgPool2d(6), *layers[5:])


def test_an_octave_is_not_left_out_because_the_memory_ran_out() -> None:
    gate = NoSmall(10**9)
    where = context(nn.Sequential(gate, Pooled()))
    settings = {"octaves": 2, "size": 24, "steps": 1}
    with pytest.raises(LensError, match="memory is not enough for a picture of 24 pixels"):
        list(deep_dream(where, "a net", IMAGE, layer="1.3", settings=settings))


class NoSmall(Narrow):
    """The memory is gone just when the first octave, 17 pixels, is tried."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, …) to the same."""
        if x.shape[-1] == 17:
            raise MemoryError
        return super().forward(x)


@pytest.mark.parametrize("run", [RUNS["dream"], RUNS["inversion"], RUNS["style"]])
def test_an_answer_is_not_shrunk_because_the_memory_ran_out(run: Run) -> None:
    """The layers that are asked fit, what comes behind them does only at the network's own size."""
    layers = list(Pooled())
    front = nn.Sequential(nn.Identity(), nn.Sequential(*layers[:5]))
    net = nn.Sequential(*front, Narrow(8 * 6 * 6), *layers[5:])
    with pytest.raises(LensError, match="memory is not enough for a picture of 24 pixels"):
        list(run(context(net), {"size": 24, "steps": 1}))


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match=r"^shapes do not fit$"), room("a picture"):
        raise RuntimeError("shapes do not fit")


def test_an_answer_at_another_size_is_said() -> None:
    """A linear layer takes one size; what is said to the picture of another is of a shrunk one."""
    *_, found = feature_inversion(
        context(), "a net", IMAGE, layers=["3"], settings={"size": 24, "steps": 1}
    )
    assert "shrunk or enlarged to 12×12 pixels" in found.note
    *_, own = feature_inversion(
        context(), "a net", IMAGE, layers=["3"], settings={"size": 0, "steps": 1}
    )
    assert "shrunk" not in own.note


def test_pictures_at_once_are_a_matter_of_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    # 432 of the picture; 864 after convolution and ReLU each, 216 pooled, 288 twice, 288 flat, 4 classes.
    values = 432 + 2 * 864 + 216 + 2 * 288 + 288 + 4
    for count in (1, 3):
        monkeypatch.setattr("viz.lenses.visualize.memory._AT_ONCE_BYTES", count * 12 * values)
        assert pictures_at_once(small_net(), torch.empty(1, 3, 12, 12)) == count
    monkeypatch.setattr("viz.lenses.visualize.memory._AT_ONCE_BYTES", 1)
    assert pictures_at_once(small_net(), torch.empty(1, 3, 12, 12)) == 1


def test_a_large_network_at_a_large_size_is_not_trusted_with_many() -> None:
    with torch.device("meta"):
        net = vgg16(weights=None)
    assert pictures_at_once(net, torch.empty(1, 3, 512, 512)) == 1
    assert 2 <= pictures_at_once(net, torch.empty(1, 3, 128, 128)) < 64


def test_pictures_are_split_before_the_first_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = climb(narrow(10**9)[0], CHANNEL, pictures=5, settings={"steps": 3})
    monkeypatch.setattr("viz.lenses.visualize.climb.pictures_at_once", lambda _net, _blank: 2)
    where, gate = narrow(10**9)
    found = climb(where, CHANNEL, pictures=5, settings={"steps": 3})
    assert np.abs(found.pictures.astype(int) - whole.pictures).max() <= 1
    assert 5 not in gate.seen
    with pytest.raises(LensError, match="make up to 2, or smaller ones, or set diversity to 0"):
        climb(where, CHANNEL, pictures=5, settings={"steps": 3, "diversity": 1.0})
