"""Attacks on networks whose gradient is known, and the lenses around them."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from data.images import Fitted, normalize
from tests.viz.lenses.nets import OneNet, split
from viz.lenses import pictures
from viz.lenses.adversarial import Plan, attack, attack_curve
from viz.lenses.attack_accuracy import attack_accuracy
from viz.lenses.attacks import Victim, anywhere, away_from, fgsm, pgd, random_signs, towards
from viz.lenses.context import LensContext
from viz.lenses.registry import LensError
from viz.lenses.visible_strength import ROUND, visible_strength

# Two classes on 1×2×2 images: class a from the left column, class b from the right.
WEIGHTS = torch.tensor([[3.0, -1.0, 2.0, 0.0], [-2.0, 1.5, 0.5, 4.0]])
IMAGES = torch.tensor([[0.9, 0.1, 0.8, 0.2], [0.2, 0.6, 0.3, 0.7]]).view(2, 1, 2, 2)


def linear_net() -> nn.Sequential:
    layer = nn.Linear(4, 2)
    with torch.no_grad():
        layer.weight.copy_(WEIGHTS)
        layer.bias.zero_()
    return nn.Sequential(nn.Flatten(), layer)


def victim(net: nn.Module | None = None) -> Victim:
    context = OneNet(net or linear_net(), shape=(1, 2, 2))
    return Victim(context.net, context.info())


def radii(*values: float) -> Tensor:
    return torch.tensor(values)


def loss(pixels: Tensor, classes: Tensor) -> Tensor:
    return nn.functional.cross_entropy(pixels.flatten(1) @ WEIGHTS.T, classes, reduction="none")


def test_fgsm_on_a_linear_network_by_hand() -> None:
    """∂ loss / ∂ x is a positive multiple of the other class's weights minus the class's own."""
    classes = torch.tensor([0, 1])
    found = fgsm(victim(), IMAGES, away_from(classes), radii(0.05, 0.1))
    signs = torch.tensor([[-1.0, 1, -1, 1], [1.0, -1, 1, -1]]).view(2, 1, 2, 2)
    expected = (IMAGES + torch.tensor([0.05, 0.1]).view(2, 1, 1, 1) * signs).clamp(0, 1)
    torch.testing.assert_close(found, expected)


def test_a_target_is_approached_and_the_others_are_left() -> None:
    there = torch.tensor([1, 0])
    found = fgsm(victim(), IMAGES, towards(there), radii(0.05, 0.05))
    assert (loss(found, there) < loss(IMAGES, there)).all()
    torch.testing.assert_close(  # of two classes towards the one is away from the other
        found, fgsm(victim(), IMAGES, away_from(1 - there), radii(0.05, 0.05))
    )


def test_nothing_happens_at_strength_0() -> None:
    start = anywhere(IMAGES.shape, torch.Generator().manual_seed(1))
    objective, none = away_from(torch.tensor([0, 1])), radii(0, 0)
    assert torch.equal(fgsm(victim(), IMAGES, objective, none), IMAGES)
    assert torch.equal(
        pgd(victim(), IMAGES, objective, none, steps=3, step_size=none + 0.1, start=start), IMAGES
    )
    assert torch.equal(random_signs(IMAGES, none, torch.Generator()), IMAGES)


@pytest.mark.parametrize("starts", [False, True])
@pytest.mark.parametrize("size", [0.01, 0.5])
def test_pgd_stays_in_the_ball_and_reaches_what_fgsm_does(starts: bool, size: float) -> None:
    """On a linear network one step of FGSM is the best there is, and PGD finds it."""
    classes, epsilon = torch.tensor([0, 1]), radii(0.08, 0.2)
    start = anywhere(IMAGES.shape, torch.Generator().manual_seed(3)) if starts else None
    found = pgd(
        victim(), IMAGES, away_from(classes), epsilon, steps=60, step_size=radii(size, size),
        start=start,
    )  # fmt: skip
    away = (found - IMAGES).abs().flatten(1).amax(1)
    assert (away <= epsilon + 1e-6).all()
    assert found.min() >= 0
    assert found.max() <= 1
    best = fgsm(victim(), IMAGES, away_from(classes), epsilon)
    torch.testing.assert_close(loss(found, classes), loss(best, classes), atol=1e-4, rtol=0)


def test_pgd_returns_the_best_point_it_came_through() -> None:
    """A gradient that points the wrong way must not make the image easier."""

    class Wrong(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            logits = x.flatten(1) @ WEIGHTS.T
            return logits.detach() * 2 - logits  # the value is right, the gradient is not

    classes = torch.tensor([0, 1])
    found = pgd(
        victim(Wrong()), IMAGES, away_from(classes), radii(0.1, 0.1), steps=5,
        step_size=radii(0.02, 0.02),
    )  # fmt: skip
    assert torch.equal(found, IMAGES)


def test_a_sure_network_still_has_a_gradient() -> None:
    """Its probability is exactly 1, so the gradient of its cross-entropy is exactly 0."""
    net = linear_net()
    with torch.no_grad():
        net[1].weight.mul_(60)  # type: ignore[operator]
    assert float(victim(net).probs(IMAGES[:1])[0, 0]) == 1.0
    found = fgsm(victim(net), IMAGES[:1], away_from(torch.tensor([0])), radii(0.05))
    expected = fgsm(victim(), IMAGES[:1], away_from(torch.tensor([0])), radii(0.05))
    torch.testing.assert_close(found, expected)


def test_the_direction_is_that_of_the_cross_entropy(context: LensContext, model: str) -> None:
    subject = context.subject(model)
    pixels = context.images(subject, "val").images[:8].float() / 255
    classes = context.images(subject, "val").labels[:8]
    held = Victim(subject.net, subject.info)
    _, ours = held.climb(pixels, away_from(classes))
    _, theirs = held.climb(
        pixels, lambda logits: nn.functional.cross_entropy(logits, classes, reduction="none")
    )
    cosine = nn.functional.cosine_similarity(ours.flatten(1), theirs.flatten(1))
    torch.testing.assert_close(cosine, torch.ones(8))


def test_the_ball_is_one_of_pixels_whatever_the_normalisation() -> None:
    context = OneNet(linear_net(), shape=(1, 2, 2))
    info = context.info()
    tight = type(info)(**{**vars(info), "mean": (0.4,), "std": (0.02,)})
    found = fgsm(Victim(context.net, tight), IMAGES, away_from(torch.tensor([0, 1])), radii(0.05, 0.05))  # fmt: skip
    assert float((found - IMAGES).abs().max()) == pytest.approx(0.05)


def test_noise_is_as_large_as_fgsm_and_repeats() -> None:
    inner = torch.full((3, 1, 2, 2), 0.5)
    found = [random_signs(inner, radii(0.1, 0.2, 0.3), torch.Generator().manual_seed(7)) for _ in "ab"]  # fmt: skip
    assert torch.equal(*found)
    sizes = (found[0] - inner).abs().flatten(1)
    torch.testing.assert_close(sizes, radii(0.1, 0.2, 0.3)[:, None].expand(3, 4))


def _context(net: nn.Module | None = None) -> Any:
    labels = [0, 1] * 15
    images = IMAGES.repeat(15, 1, 1, 1)
    return OneNet(net or linear_net(), {"val": split(images, labels)}, shape=(1, 2, 2))


def _exhaust(results: Any) -> Any:
    *_, last = results
    return last


def test_accuracy_under_attack_by_hand() -> None:
    """The margin of each image is the distance at which FGSM, here the best attack, turns it."""
    context = _context()
    pixels = context.images_of["val"].images.float() / 255
    labels = context.images_of["val"].labels
    strengths = [0.0, 4.0, 16.0, 28.0, 32.0]
    found = _exhaust(attack_accuracy(context, None, None, images=30, epsilons=strengths, steps=20))
    assert found.kinds == ("noise", "fgsm", "pgd")
    assert found.images == found.total == 30
    expected = []
    for epsilon in strengths:
        each = fgsm(victim(), pixels, away_from(labels), torch.full((30,), epsilon / 255))
        right = (each.flatten(1) @ WEIGHTS.T).argmax(1) == labels
        expected.append(int(right.sum()))
    assert found.right[1].tolist() == expected
    assert found.right[2].tolist() == expected
    assert (np.diff(found.right[2]) <= 0).all()
    assert found.right[0, 0] == found.right[1, 0] == found.right[2, 0]
    assert found.bounds[0, 0, 0] < 1.0 == found.bounds[0, 0, 1]


def test_partial_counts_grow_and_the_same_question_has_the_same_answer(
    context: LensContext, model: str
) -> None:
    options: dict[str, Any] = {"images": 60, "epsilons": [0, 8], "steps": 3}
    seen = list(attack_accuracy(context, model, None, **options))
    assert len(seen) > 1
    assert [each.images for each in seen] == sorted({each.images for each in seen})
    assert seen[-1].share == 1
    assert all((each.right <= each.images).all() for each in seen)
    again = _exhaust(attack_accuracy(context, model, None, **options))
    assert np.array_equal(again.right, seen[-1].right)


def test_one_image_and_what_is_left_unchanged(
    context: LensContext, model: str, net: nn.Module
) -> None:
    subject = context.subject(model).net
    state = {name: value.clone() for name, value in subject.state_dict().items()}
    for method in ("fgsm", "pgd"):
        found = _exhaust(
            attack(context, model, "digits/test/3", method=method, epsilon=16, steps=5)
        )
        assert found.largest <= 16 + 1e-3
        assert abs(found.attacked - found.original).max() <= 16 / 255 + 1e-6
        assert found.after[found.source] < found.before[found.source]
        assert found.after.sum() == pytest.approx(1, abs=1e-5)
    _exhaust(attack_curve(context, model, "digits/test/3", method="pgd", steps=3))
    assert all(torch.equal(state[name], value) for name, value in subject.state_dict().items())
    assert not any(p.requires_grad or p.grad is not None for p in subject.parameters())
    assert not any(each.training for each in subject.modules())
    for part in subject.modules():
        assert not part._forward_hooks | part._backward_hooks | part._forward_pre_hooks


def test_the_least_strength_is_bracketed_by_what_was_seen(context: LensContext, model: str) -> None:
    found = _exhaust(attack_curve(context, model, "digits/test/3"))
    assert found.share == 1
    assert np.isfinite(found.probs).all()
    np.testing.assert_allclose(found.probs.sum(1), 1, atol=1e-5)
    assert found.smallest is not None
    assert found.holds is not None
    assert 0 < found.smallest - found.holds < 0.05 * max(1, found.smallest)
    at = _exhaust(attack(context, model, "digits/test/3", epsilon=found.smallest))
    below = _exhaust(attack(context, model, "digits/test/3", epsilon=found.holds))
    assert at.succeeded
    assert not below.succeeded


def test_on_a_linear_network_the_least_strength_is_the_margin() -> None:
    """ε* = (difference of logits) / (1-norm of the difference of weights)."""
    context = _LinearImage(linear_net(), shape=(1, 2, 2))
    found = _exhaust(attack_curve(context, None, "any"))
    pixels = context.picture.float().flatten() / 255
    difference = WEIGHTS[0] - WEIGHTS[1]
    margin = float(difference @ pixels / difference.abs().sum()) * 255
    assert found.holds < margin <= found.smallest + 1e-4
    targeted = _exhaust(attack_curve(context, None, "any", target=1))
    assert targeted.smallest == found.smallest


class _LinearImage(OneNet):
    picture = torch.tensor([[[140, 128], [128, 120]]], dtype=torch.uint8)


@pytest.fixture(autouse=True)
def _fit_any(monkeypatch: pytest.MonkeyPatch) -> None:
    """`any` names the picture of a context that has one."""

    def fit(context: Any, image: str | None, subject: Any) -> Any:
        if image != "any":
            return pictures.fit(context, image, subject)
        return Fitted(normalize(context.picture[None], subject.info), context.picture, ""), None

    monkeypatch.setattr("viz.lenses.adversarial.fit", fit)
    monkeypatch.setattr("viz.lenses.visible_strength.fit", fit)


def test_it_begins_at_the_next_round_strength_above_the_margin() -> None:
    context = _LinearImage(linear_net(), shape=(1, 2, 2))
    pixels = context.picture.float().flatten() / 255
    difference = WEIGHTS[0] - WEIGHTS[1]
    margin = float(difference @ pixels / difference.abs().sum()) * 255
    expected = next(each for each in ROUND if each > margin)
    assert visible_strength(context, None, "any").epsilon == expected
    assert visible_strength(context, None, "any", target=1).epsilon == expected
    nothing = visible_strength(_LinearImage(_Constant(), shape=(1, 2, 2)), None, "any")
    assert nothing.epsilon is None


def test_an_attack_of_many_steps_comes_in_parts(
    context: LensContext, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last part is what it is without them; shares rise to 1; the objective never falls."""
    monkeypatch.setattr("viz.lenses.pace.Pace.due", lambda self: True)
    seen = list(attack(context, model, "digits/test/3", method="pgd", epsilon=16, steps=6))
    shares = [each.share for each in seen]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    assert len(seen) > 6
    lost = [float(each.after[each.source]) for each in seen]
    assert all(after <= before + 1e-6 for before, after in pairwise(lost))
    assert [each.noise_draws for each in seen[:7]] == [0] * 7
    assert seen[-1].noise_draws == 100
    monkeypatch.setattr("viz.lenses.pace.Pace.due", lambda self: False)
    (whole,) = attack(context, model, "digits/test/3", method="pgd", epsilon=16, steps=6)
    assert np.array_equal(whole.attacked, seen[-1].attacked)
    assert whole.noise_flips == seen[-1].noise_flips


class _Constant(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.tensor([[0.2, 0.1]]).expand(len(x), 2)


def test_a_constant_network_is_said_to_have_no_direction() -> None:
    found = _exhaust(attack(_LinearImage(_Constant(), shape=(1, 2, 2)), None, "any", epsilon=32))
    assert "0 everywhere" in found.note
    assert found.largest == 0
    assert not found.succeeded
    curve = _exhaust(attack_curve(_LinearImage(_Constant(), shape=(1, 2, 2)), None, "any"))
    assert curve.smallest is None


def test_a_diverged_network_does_not_break_the_lens() -> None:
    net = linear_net()
    with torch.no_grad():
        net[1].weight.fill_(math.nan)  # type: ignore[operator]
    found = _exhaust(attack(_LinearImage(net, shape=(1, 2, 2)), None, "any"))
    assert np.isnan(found.before).all()
    assert _exhaust(attack_curve(_LinearImage(net, shape=(1, 2, 2)), None, "any")).share == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"target": 10}, "no class 10"),
        ({"target": -1}, "no class -1"),
        ({"method": "cw"}, "'cw' is no attack"),
        ({"epsilon": 33}, "epsilon is 33"),
        ({"epsilon": float("nan")}, "epsilon is nan"),
        ({"epsilon": True}, "epsilon is True"),
        ({"steps": 0}, "steps is 0"),
        ({"step_size": 0}, "step_size is 0"),
        ({"random_start": "yes"}, "random_start"),
    ],
)
def test_wrong_input_is_a_sentence(
    context: LensContext, model: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(LensError, match=words) as caught:
        _exhaust(attack(context, model, "digits/test/0", **options))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"split": "train"}, "holds nothing out"),
        ({"images": 0}, "images is 0"),
        ({"epsilons": [4, 2]}, "no strengths"),
        ({"epsilons": []}, "no strengths"),
        ({"epsilons": [99]}, "epsilon is 99"),
    ],
)
def test_wrong_sets_are_a_sentence(
    context: LensContext, model: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(LensError, match=words):
        _exhaust(attack_accuracy(context, model, None, **options))


def test_a_network_without_data_here_is_a_sentence() -> None:
    with pytest.raises(LensError, match="not here"):
        _exhaust(attack_accuracy(OneNet(linear_net(), shape=(1, 2, 2)), None, None))


def test_the_start_is_the_same_for_every_strength() -> None:
    plan = Plan("pgd", None, 1, 1e-6, True)
    many = IMAGES[:1].expand(2, -1, -1, -1)
    found = plan.run(victim(), many, torch.tensor([0, 0]), torch.tensor([1.0, 2.0]))
    change = (found - many).flatten(1)
    torch.testing.assert_close(change[1], 2 * change[0], atol=2e-6, rtol=0)
