"""DeepDream: it climbs, in octaves of the right sizes, on grey and small networks, and leaves nothing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.viz.lenses.nets import OneNet, conv
from tests.viz.lenses.visualize.nets import context, small_net
from tests.viz.lenses.visualize.unchanged import unchanged
from viz.lenses.registry import LensError
from viz.lenses.visualize.dream import deep_dream, excitement, octave_sizes
from viz.lenses.visualize.studio import open_scene
from viz.results.dream import Dream
from viz.visualization.knobs import SettingError

IMAGE = "sample:chelsea"
FEW = {"octaves": 2, "steps": 5, "size": 24, "jitter": 2}


def dream(where: OneNet, image: str = IMAGE, **options: Any) -> Dream:
    last: Dream
    *_, last = deep_dream(where, "a net", image, **{"settings": FEW, **options})
    return last


@pytest.mark.parametrize("channels", [1, 3])
def test_five_steps_excite_the_layer_more(channels: int) -> None:
    where = context(channels=channels)
    with unchanged(where.net):
        found = dream(where, layer="3")
    assert found.excited[1] > 1.1 * found.excited[0]
    for octave in (0, 1):  # each octave for itself
        values = found.objective[found.octave == octave]
        assert len(values) == 5
        assert values[-1] > values[0]
    assert found.before.shape == found.image.shape == (24, 24, channels)
    assert found.share == 1.0


def test_octaves_are_scaled_and_those_too_small_left_out() -> None:
    assert octave_sizes((224, 224), 4, 1.4) == [(82, 82), (114, 114), (160, 160), (224, 224)]
    assert octave_sizes((32, 32), 6, 1.4) == [(8, 8), (12, 12), (16, 16), (23, 23), (32, 32)]
    assert octave_sizes((8, 8), 4, 1.4) == [(8, 8)]
    assert octave_sizes((40, 20), 2, 2.0) == [(20, 10), (40, 20)]


def test_stills_have_the_sizes_of_their_octaves() -> None:
    found = dream(context(), layer="3")
    assert found.octaves == ((17, 17), (24, 24))
    sizes = {still.image.shape[:2] for still in found.stills}
    assert sizes == {(17, 17), (24, 24)}
    steps = [still.step for still in found.stills]
    assert steps == sorted(set(steps))
    assert steps[0] == 0
    assert np.array_equal(found.stills[-1].image, found.image)


def test_a_step_moves_pixels_by_its_size_on_average() -> None:
    """One linear filter: the first step goes along its gradient, divided by the gradient's mean size."""
    where = OneNet(nn.Sequential(conv(torch.full((1, 1, 1, 1), 2.0))), shape=(1, 12, 12))
    settings = {"octaves": 1, "steps": 1, "size": 0, "jitter": 0, "rate": 5.0}
    found = dream(where, layer="0", settings=settings)
    x = open_scene(where, "a net", IMAGE, 0, None).image
    # d mean((2 x)²) / dx is 8 x / n, so a step is x / mean(x) times the size.
    expected = (x + 5.0 / 255 * x / x.mean()).clamp(0, 1)
    assert np.abs(found.image[..., 0] / 255 - expected[0, 0].numpy()).max() <= 0.51 / 255


def test_only_the_chosen_channels_count() -> None:
    maps = torch.tensor([1.0, 3.0]).view(1, 2, 1, 1).expand(1, 2, 4, 4)
    assert float(excitement(maps, [])) == 5.0
    assert float(excitement(maps, [1])) == 9.0
    found = dream(context(), layer="3", channels=[2, 1, 2])
    assert found.channels == (1, 2)
    assert found.excited[1] > found.excited[0]


def test_the_detail_of_an_octave_is_carried_to_the_next() -> None:
    """What the first octave added is still there when the second has made no step of any size."""
    settings = {"octaves": 2, "steps": 3, "size": 24, "jitter": 0, "rate": 0.1}
    slow = dream(context(), layer="3", settings=settings)
    fast = dream(context(), layer="3", settings={**settings, "rate": 8.0})
    begun = [next(still for still in one.stills if still.step == 3).image for one in (slow, fast)]
    differences = [np.abs(image.astype(float) - slow.before).mean() for image in begun]
    assert differences[1] > 5 * differences[0]
    assert differences[1] > 5  # grey levels


def test_the_same_seed_makes_the_same_picture() -> None:
    first, again = dream(context(), layer="3"), dream(context(), layer="3")
    assert np.array_equal(first.image, again.image)
    other = dream(context(), layer="3", settings={**FEW, "seed": 1})
    assert not np.array_equal(first.image, other.image)


def test_a_layer_for_one_size_only_is_dreamed_at_that_size() -> None:
    """Nobody asked for a size: the default enlarges, which a linear layer does not take."""
    found = dream(context(), layer="6", settings={"octaves": 3, "steps": 5, "jitter": 0})
    assert found.octaves == ((12, 12),)
    assert "2 octaves are left out" in found.note
    assert found.excited[1] > found.excited[0]
    with pytest.raises(LensError, match="choose size 0, which is 12×12"):
        dream(context(), layer="6", settings={"size": 24})


def test_partial_results_come_first_and_say_how_far_they_are() -> None:
    results = list(deep_dream(context(), "a net", IMAGE, layer="3", settings=FEW))
    assert results[0].share < 1
    assert math.isnan(results[0].excited[1])
    assert results[0].answers[1] is None
    assert [each.share for each in results] == sorted(each.share for each in results)


def test_a_picture_without_gradient_is_said() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    nn.init.constant_(net[0].bias, -1e3)  # type: ignore[arg-type]
    where = context(net)
    with unchanged(net), pytest.raises(LensError, match="Nothing in this picture excites"):
        dream(where, layer="1")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layer": "99"}, "has no layer '99'"),
        ({"layer": "3", "channels": [8]}, "below 8"),
        ({"layer": "3", "channels": [-1]}, "below 8"),
        ({"layer": "3", "settings": {"size": 4}}, "too small"),
    ],
)
def test_what_cannot_be_is_a_sentence(options: dict[str, Any], words: str) -> None:
    where = context()
    with unchanged(where.net), pytest.raises(LensError, match=words):
        dream(where, **options)


@pytest.mark.parametrize("settings", [{"octave": 2}, {"octaves": 0}, {"steps": 2.5}, {"rate": "x"}])
def test_settings_are_checked(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingError):
        dream(context(), layer="3", settings=settings)


def test_a_mode_that_was_on_stays_on() -> None:
    """The network is run in the mode it is in; a worker's are in evaluation mode."""
    where = context(nn.Sequential(small_net(), nn.Identity()))
    where.net.train()
    with unchanged(where.net):
        dream(where, layer="0.3")
