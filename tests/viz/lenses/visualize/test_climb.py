"""Goals are climbed, whatever they are and however the picture is held; nothing else is changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.viz.lenses.nets import OneNet, conv
from tests.viz.lenses.visualize.nets import climb, context, small_net
from viz.lenses.context import LensContext
from viz.lenses.pictures import fit
from viz.lenses.registry import LensError
from viz.lenses.visualize.lens import feature_visualization
from viz.visualization.knobs import SettingError

CHANNEL: dict[str, Any] = {"kind": "channel", "layer": "3", "channel": 2}
OTHER: dict[str, Any] = {"kind": "channel", "layer": "0", "channel": 1}
DIGITS = "shipped:digits_lenet5"
TRAINED: dict[str, Any] = {"kind": "channel", "layer": "conv2", "channel": 3}
STILL: dict[str, Any] = {"jitter": 0, "scale": 0.0, "rotate": 0.0}
GOALS: dict[str, dict[str, Any]] = {
    "channel": CHANNEL,
    "channels": {"kind": "channel", "layer": "3", "channels": [0, 3, 5]},
    "channel of a row": {"kind": "channel", "layer": "6", "channel": 1},
    "behind a ReLU": {"kind": "channel", "layer": "4", "channel": 3},
    "unit": {"kind": "unit", "layer": "3", "channel": 1, "unit": [0, 5]},
    "middle unit": {"kind": "unit", "layer": "3", "channel": 1},
    "layer": {"kind": "layer", "layer": "2"},
    "class": {"kind": "class", "class": 3},
    "direction": {"kind": "direction", "layer": "3", "weights": [1, -1, 0, 2, 0, 0, 0.5, 0]},
    "direction at a place": {"kind": "direction", "layer": "3", "weights": [1] * 8, "unit": [2, 2]},
    "between": {"kind": "between", "ends": [CHANNEL, OTHER]},
    "one share": {
        "kind": "between",
        "ends": [CHANNEL, {"kind": "class", "class": 0}],
        "share": 0.3,
    },
    "joint": {
        "kind": "joint",
        "parts": [CHANNEL, {"kind": "class", "class": 2}],
        "weights": [1, 2],
    },
}


def state(net: nn.Module) -> tuple[Any, ...]:
    """Everything about a network that a request could leave changed."""
    return (
        [parameter.detach().clone() for parameter in net.parameters()],
        [(p.requires_grad, p.grad) for p in net.parameters()],
        [module.training for module in net.modules()],
        [(len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks)) for m in net.modules()],
        [type(module) for module in net.modules()],
    )  # fmt: skip


def same(before: tuple[Any, ...], after: tuple[Any, ...]) -> None:
    assert all(map(torch.equal, before[0], after[0]))
    assert before[1:] == after[1:]


@pytest.mark.parametrize("valid", ["sigmoid", "clip"])
@pytest.mark.parametrize("basis", ["fourier", "pixels"])
@pytest.mark.parametrize("goal", GOALS.values(), ids=GOALS.keys())
def test_five_steps_raise_every_goal(goal: Mapping[str, Any], basis: str, valid: str) -> None:
    found = climb(
        context(), goal, pictures=3, settings={**STILL, "steps": 5, "basis": basis, "valid": valid}
    )
    assert found.pictures.shape == (3, 12, 12, 3)
    assert bool((found.frame_values[-1] > found.frame_values[0]).all())
    assert bool((np.diff(found.objective) > 0).all())
    assert found.share == 1
    assert found.frame_steps[-1] == 5


@pytest.mark.parametrize("goal", GOALS.values(), ids=GOALS.keys())
def test_the_opposite_lowers_it(goal: Mapping[str, Any]) -> None:
    given = {**STILL, "steps": 5, "negative": True}
    found = climb(context(), goal, pictures=2, settings=given)
    assert bool((found.frame_values[-1] < found.frame_values[0]).all())


@pytest.mark.parametrize("unit", [None, [1, 2]])
def test_a_direction_comes_from_an_image(unit: list[int] | None) -> None:
    where = context(channels=1)
    goal = {
        "kind": "direction",
        "layer": "3",
        "cosine": 0,
        **({} if unit is None else {"unit": unit}),
    }
    with pytest.raises(LensError, match="choose an image"):
        climb(where, goal)
    found = climb(where, goal, image="sample:camera", settings={**STILL, "steps": 5})
    assert found.frame_values[-1, 0] > found.frame_values[0, 0]
    assert "of the image" in found.title
    net = nn.Sequential(*list(where.net)[:4])  # type: ignore[call-overload]
    with torch.inference_mode():
        there = net(fit(where, "sample:camera", where.subject("a net"))[0].batch)[0]
        along = there.mean((1, 2)) if unit is None else there[:, 1, 2]
        maps = net(torch.from_numpy(found.pictures).movedim(3, 1).float() / 255)[0]
        here = maps.mean((1, 2)) if unit is None else maps[:, 1, 2]
        wanted = float(here @ along / along.norm())
    assert found.frame_values[-1, 0] == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("valid", ["sigmoid", "clip"])
@pytest.mark.parametrize("basis", ["fourier", "pixels"])
def test_the_best_picture_of_a_linear_unit_has_the_signs_of_its_weights(
    basis: str, valid: str
) -> None:
    weights = torch.randn(1, 1, 6, 6, generator=torch.Generator().manual_seed(7))
    weights = weights.sign() * (weights.abs() + 0.5)
    where = OneNet(nn.Sequential(conv(weights)), shape=(1, 6, 6))
    settings = {**STILL, "steps": 600, "rate": 0.1, "basis": basis, "valid": valid, "decay": 0.0}
    found = climb(where, {"kind": "unit", "layer": "0", "channel": 0}, settings=settings)
    white = found.pictures[0, ..., 0] > 127
    right = (white == (weights[0, 0].numpy() > 0)).mean()
    share = found.frame_values[-1, 0] / float(weights.clamp(min=0).sum())  # of what can be reached
    assert share <= 1 + 1e-5
    # A wave moves many pixels: one that the sigmoid has saturated cannot follow its own weight.
    held = basis == "fourier" and valid == "sigmoid"
    assert right >= (0.9 if held else 1)
    assert share > (0.8 if held else 0.97)


def test_a_channel_is_the_mean_of_its_map() -> None:
    where = context()
    found = climb(where, CHANNEL, settings={"steps": 3})
    shown = torch.from_numpy(found.pictures).movedim(3, 1).float() / 255
    with torch.inference_mode():
        maps = where.net[3](where.net[2](where.net[1](where.net[0](shown))))  # type: ignore[index]
    assert found.frame_values[-1, 0] == pytest.approx(float(maps[0, 2].mean()), abs=1e-5)


def test_the_best_real_picture_is_found_by_hand() -> None:
    where = context()
    found = climb(where, CHANNEL, settings={"steps": 1})
    images = where.images_of["train"].images.float() / 255
    with torch.inference_mode():
        values = nn.Sequential(*list(where.net)[:4])(images).mean((2, 3))[:, 2]  # type: ignore[call-overload]
    assert found.real is not None
    assert found.real.best[0] == pytest.approx(float(values.max()), abs=1e-5)
    assert found.real.deviation[0] == pytest.approx(float(values.std(correction=0)), abs=1e-5)
    assert found.real.words == "12 training and 12 test images"
    best = where.images_of["train"].images[int(values.argmax())].movedim(0, 2).numpy()
    assert np.array_equal(found.real.pictures[0], best)
    assert found.real.values[0] == found.real.best[0]


def test_a_unit_is_held_against_the_best_place_of_real_pictures() -> None:
    where = context()
    found = climb(where, {"kind": "unit", "layer": "3", "channel": 1}, settings={"steps": 1})
    images = where.images_of["train"].images.float() / 255
    with torch.inference_mode():
        maps = nn.Sequential(*list(where.net)[:4])(images)  # type: ignore[call-overload]
    assert found.real is not None
    assert found.real.best[0] == pytest.approx(float(maps[:, 1].max()), abs=1e-5)


def test_without_pictures_it_still_climbs_and_says_so() -> None:
    where = OneNet(small_net(), shape=(3, 12, 12), classes=tuple("abcd"))
    found = climb(where, CHANNEL, settings={**STILL, "steps": 5})
    assert found.real is None
    assert found.colors == ""
    assert np.isnan(found.above).all()
    assert found.frame_values[-1, 0] > found.frame_values[0, 0]


def test_a_row_goes_from_one_goal_to_the_other() -> None:
    goal = {"kind": "between", "ends": [CHANNEL, OTHER]}
    where = context()
    found = climb(where, goal, pictures=5, settings={**STILL, "steps": 40})
    with torch.inference_mode():
        shown = torch.from_numpy(found.pictures).movedim(3, 1).float() / 255
        first = nn.Sequential(*list(where.net)[:4])(shown).mean((2, 3))[:, 2]  # type: ignore[call-overload]
        last = where.net[0](shown).mean((2, 3))[:, 1]  # type: ignore[index]
    assert first[0] == first.max()
    assert last[-1] == last.max()
    assert found.in_deviations


@pytest.mark.parametrize("penalty", ["tv", "l2"])
def test_penalties_lower_what_they_are_for(penalty: str) -> None:
    settings = {**STILL, "steps": 30, "basis": "pixels", "decorrelate": False}
    plain, paid = (
        climb(LensContext(), TRAINED, model=DIGITS, settings=each).pictures[0].astype(float) / 255
        for each in (settings, {**settings, penalty: 20.0})
    )
    rough = [
        np.abs(np.diff(p, axis=0)).mean() + np.abs(np.diff(p, axis=1)).mean() for p in (plain, paid)
    ]
    far = [np.square(p - 0.305).mean() for p in (plain, paid)]
    measured = rough if penalty == "tv" else far
    assert measured[1] < 0.9 * measured[0]


def test_blur_takes_fine_waves_away() -> None:
    settings = {**STILL, "steps": 32, "basis": "pixels", "decorrelate": False}
    plain = climb(context(), CHANNEL, settings=settings).pictures[0].astype(float)
    soft = climb(context(), CHANNEL, settings={**settings, "blur": 1.0}).pictures[0].astype(float)
    assert np.abs(np.diff(soft, axis=0)).mean() < 0.6 * np.abs(np.diff(plain, axis=0)).mean()


@pytest.mark.parametrize("goal", [TRAINED, {"kind": "class", "class": 3}])
def test_diversity_makes_pictures_less_alike(goal: Mapping[str, Any]) -> None:
    settings = {**STILL, "steps": 30}
    alike, apart = (
        climb(LensContext(), goal, model=DIGITS, pictures=3, settings=each).similarity
        for each in (settings, {**settings, "diversity": 3.0})
    )
    assert apart < alike - 0.1


def test_the_seed_decides_and_nothing_else() -> None:
    torch.manual_seed(11)
    before = torch.random.get_rng_state()
    first = climb(context(), CHANNEL, pictures=2, settings={"steps": 6})
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(12)
    again = climb(context(), CHANNEL, pictures=2, settings={"steps": 6})
    other = climb(context(), CHANNEL, pictures=2, settings={"steps": 6, "seed": 1})
    assert np.array_equal(first.frames, again.frames)
    assert np.array_equal(first.objective, again.objective)
    assert not np.array_equal(first.pictures, other.pictures)
    assert not np.array_equal(first.pictures[0], first.pictures[1])


@pytest.mark.parametrize("goal", GOALS.values(), ids=GOALS.keys())
def test_the_network_stays_as_it_is(goal: Mapping[str, Any]) -> None:
    where = context()
    before = state(where.net)
    climb(where, goal, settings={"steps": 2, "remedy": "redirect"})
    same(before, state(where.net))


def test_the_network_stays_as_it_is_when_left_half_way_or_after_an_error() -> None:
    where = context()
    before = state(where.net)
    running = feature_visualization(where, "a net", None, goal=CHANNEL, settings={"steps": 400})
    next(running)
    same(before, state(where.net))
    running.close()
    same(before, state(where.net))
    with torch.no_grad():
        where.net[3].weight[2, 0, 0, 0] = torch.nan  # type: ignore[index]
    with pytest.raises(LensError, match="no finite number"):
        climb(where, CHANNEL)
    after = state(where.net)
    assert before[1:] == after[1:]


def test_partial_results_come_in_order_and_grow() -> None:
    shares, lengths = [], []
    for found in feature_visualization(
        context(), "a net", None, goal=CHANNEL, settings={"steps": 300}
    ):
        shares.append(found.share)
        lengths.append(len(found.objective))
        assert len(found.frames) == len(found.frame_steps) == len(found.frame_values)
        assert np.array_equal(found.frames[-1], found.pictures)
    assert shares[0] == 0
    assert shares[-1] == 1
    assert shares == sorted(shares)
    assert lengths[-1] == 300


@pytest.mark.parametrize(
    ("goal", "says"),
    [
        ({"kind": "nosuch"}, "no goal"),
        ("conv", "no goal"),
        ({"kind": "channel", "layer": "nosuch"}, "no layer 'nosuch'"),
        ({"kind": "channel", "layer": ["3"]}, "no layer"),
        ({"kind": "channel"}, "no layer"),
        ({"kind": "channel", "layer": "3", "channel": 8}, "below 8"),
        ({"kind": "channel", "layer": "3", "channel": -1}, "below 8"),
        ({"kind": "channel", "layer": "3", "channel": True}, "below 8"),
        ({"kind": "channel", "layer": "3", "channels": []}, "no channels"),
        ({"kind": "channel", "layer": "3", "channels": [0, 9]}, "below 8"),
        ({"kind": "unit", "layer": "3", "channel": 0, "unit": [6, 0]}, "row below 6"),
        ({"kind": "unit", "layer": "3", "channel": 0, "unit": [1]}, "row below 6"),
        ({"kind": "class", "class": 4}, "below 4"),
        ({"kind": "class", "class": "a"}, "below 4"),
        ({"kind": "direction", "layer": "3", "weights": [1.0]}, "has 8 numbers"),
        ({"kind": "direction", "layer": "3", "weights": [0.0] * 8}, "0 everywhere"),
        ({"kind": "direction", "layer": "3", "weights": [1] * 8, "cosine": -1}, "power of the cosine"),
        ({"kind": "between", "ends": [CHANNEL]}, "two ends"),
        ({"kind": "between", "ends": [CHANNEL, CHANNEL], "share": 2}, "from 0 to 1"),
        ({"kind": "between", "ends": [CHANNEL, {"kind": "joint", "parts": []}]}, "cannot be a part"),
        ({"kind": "joint", "parts": []}, "1 to 8"),
        ({"kind": "joint", "parts": [CHANNEL], "weights": [1, 2]}, "weight for each"),
    ],
)  # fmt: skip
def test_wrong_goals_are_sentences(goal: Any, says: str) -> None:
    with pytest.raises(LensError, match=says):
        climb(context(), goal)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"nosuch": 1}, "no setting 'nosuch'"),
        ({"steps": 0}, "from 1 to 2048"),
        ({"steps": 1.5}, "a whole number"),
        ({"steps": True}, "a whole number"),
        ({"rate": "fast"}, "a number from"),
        ({"basis": "wavelets"}, "fourier or pixels"),
        ({"decorrelate": 1}, "true or false"),
        ({"tv": -1}, "from 0 to 50"),
        ({"rotate": float("nan")}, "from 0 to 45"),
    ],
)
def test_wrong_settings_are_sentences(settings: Any, says: str) -> None:
    with pytest.raises(SettingError, match=says):
        climb(context(), CHANNEL, settings=settings)


@pytest.mark.parametrize("size", [1, 40])
def test_a_size_that_the_network_does_not_take_is_a_sentence(size: int) -> None:
    with pytest.raises(LensError, match=f"no pictures of {size} pixels"):
        climb(context(), CHANNEL, settings={"size": size})


def test_another_size_where_the_network_takes_it() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 4))
    settings = {"size": 20, "steps": 3}
    found = climb(context(net), {"kind": "class", "class": 1}, settings=settings)
    assert found.pictures.shape == (1, 20, 20, 3)
    assert found.real is not None
    assert found.real.pictures.shape[1:] == (12, 12, 3)


@pytest.mark.parametrize("pictures", [0, 65, 1.5])
def test_wrong_numbers_of_pictures_are_sentences(pictures: Any) -> None:
    with pytest.raises(LensError, match="pictures is"):
        climb(context(), CHANNEL, pictures=pictures)


def test_a_constant_network_is_said() -> None:
    net = small_net()
    with torch.no_grad():
        for parameter in net[0].parameters():
            parameter.zero_()
    with pytest.raises(LensError, match="No pixel changes"):
        climb(context(net), CHANNEL)


def test_too_little_memory_is_a_sentence_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise torch.OutOfMemoryError("no room")

    where = context()
    before = state(where.net)
    monkeypatch.setattr("viz.lenses.visualize.climb.Climb._aim", refuse)
    with pytest.raises(LensError, match="memory is not enough for a picture of 12×12"):
        climb(where, CHANNEL, pictures=4)
    same(before, state(where.net))
