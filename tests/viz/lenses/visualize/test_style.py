"""Style transfer: Gram matrices by hand, losses that fall, and nothing left on the network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.viz.lenses.nets import OneNet, conv
from tests.viz.lenses.visualize.nets import context
from tests.viz.lenses.visualize.unchanged import unchanged
from viz.lenses.registry import LensError
from viz.lenses.visualize.penalties import gram
from viz.lenses.visualize.studio import open_scene, read_picture
from viz.lenses.visualize.style import Losses, style_transfer
from viz.results.dream import Styled

CONTENT, STYLE = "sample:chelsea", "sample:coffee"


def paint(where: OneNet, style: str = STYLE, **options: Any) -> Styled:
    settings = {"size": 0, "steps": 5, **options.pop("settings", {})}
    last: Styled
    *_, last = style_transfer(where, "a net", CONTENT, style=style, settings=settings, **options)
    return last


def test_gram_matrix_by_hand() -> None:
    maps = torch.tensor([[[[1.0, 2.0]], [[3.0, -1.0]]]])  # (1, 2, 1, 2)
    # (1·1 + 2·2)/2, (1·3 − 2·1)/2, (3·3 + 1·1)/2
    assert torch.equal(gram(maps), torch.tensor([[[2.5, 0.5], [0.5, 5.0]]]))


def test_style_does_not_ask_where() -> None:
    """The same patches in another order are the same style, and not the same content."""
    where = OneNet(nn.Sequential(conv(torch.eye(3).view(3, 3, 1, 1)), nn.ReLU()), shape=(3, 12, 12))
    scene = open_scene(where, "a net", CONTENT, 0, None)
    turned = scene.image.flip(3)
    content, style, _ = Losses(scene, turned, "1", ["1"])(scene.image)
    assert float(content) == 0
    assert float(style) == pytest.approx(0, abs=1e-10)
    content, style, _ = Losses(scene, turned, "1", ["1"])(turned)
    assert float(content) > 0.01
    assert float(style) == 0


def test_losses_by_hand() -> None:
    """An identity as the network: content ‖x − c‖² / ‖c‖², style the same of the mean products."""
    where = OneNet(nn.Sequential(nn.Identity()), shape=(3, 12, 12))
    scene = open_scene(where, "a net", CONTENT, 0, None)
    painted, _, _ = read_picture(where, STYLE, scene.subject, 0)
    content, style, _ = Losses(scene, painted, "0", ["0"])(painted)
    expected = (painted - scene.image).square().sum() / scene.image.square().sum()
    assert float(content) == pytest.approx(float(expected), rel=1e-5)
    assert float(style) == 0
    _, style, _ = Losses(scene, painted, "0", ["0"])(scene.image)
    flat = [image[0].flatten(1).numpy() for image in (scene.image, painted)]  # (3, 144) each
    mine, theirs = (np.einsum("ap,bp->ab", x, x) / 144 for x in flat)
    assert float(style) == pytest.approx(((mine - theirs) ** 2).sum() / (theirs**2).sum(), rel=1e-4)


@pytest.mark.parametrize("optimiser", ["lbfgs", "adam"])
@pytest.mark.parametrize("channels", [1, 3])
def test_five_steps_bring_the_style(optimiser: str, channels: int) -> None:
    where = context(channels=channels)
    with unchanged(where.net):
        found = paint(where, settings={"optimiser": optimiser})
    assert found.style_loss[-1] < 0.9 * found.style_loss[0]
    assert found.total[-1] < found.total[0]
    assert found.by_layer[:, 1].mean() < found.by_layer[:, 0].mean()
    assert found.image.shape == found.content.shape == found.style.shape == (12, 12, channels)
    assert found.share == 1.0


def test_from_noise_the_content_comes_back() -> None:
    found = paint(context(), settings={"start": "noise", "style": -2.0, "steps": 30})
    assert found.content_loss[-1] < 0.3 * found.content_loss[0]


def test_weights_choose_between_content_and_style() -> None:
    light, heavy = (
        paint(context(), settings={"style": power, "steps": 20}) for power in (-2.0, 3.0)
    )
    assert light.content_loss[-1] < heavy.content_loss[-1]
    assert heavy.style_loss[-1] < light.style_loss[-1]
    assert heavy.weights[0] == pytest.approx(1000)


def test_begun_with_the_content_its_loss_is_none_at_first() -> None:
    found = paint(context())
    assert found.content_loss[0] == pytest.approx(0, abs=1e-4)
    assert np.abs(found.stills[0].image.astype(int) - found.content).max() <= 2


def test_layers_can_be_chosen_and_are_shown() -> None:
    found = paint(context(), content_layer="3", style_layers=["0", "3"])
    assert (found.content_layer, found.style_layers) == ("3", ("0", "3"))
    assert found.by_layer.shape == (2, 2)
    default = paint(context())
    assert set(default.style_layers) <= {"1", "4"}


def test_the_same_seed_makes_the_same_picture() -> None:
    first, again = (paint(context(), settings={"start": "noise"}) for _ in range(2))
    assert np.array_equal(first.image, again.image)


def test_stills_and_partial_results() -> None:
    results = list(
        style_transfer(context(), "a net", CONTENT, style=STYLE, settings={"size": 0, "steps": 12})
    )
    assert results[0].share < 1
    assert [still.step for still in results[-1].stills] == [0, 4, 8, 12]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"style": "sample:nobody"}, "nobody"),
        ({"style": "what"}, "names no image"),
        ({"content_layer": "99"}, "no layer '99'"),
        ({"style_layers": ["1", "99"]}, "no layer '99'"),
        ({"style_layers": [str(n) for n in range(9)]}, "9 style layers"),
    ],
)
def test_what_cannot_be_is_a_sentence(options: dict[str, Any], words: str) -> None:
    where = context()
    with unchanged(where.net), pytest.raises(ValueError, match=words):
        paint(where, **options)


def test_a_silent_layer_is_a_sentence() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(400, 4))
    nn.init.constant_(net[0].bias, -1e3)  # type: ignore[arg-type]
    with pytest.raises(LensError, match="only zeros"):
        paint(context(net), content_layer="1")
