"""The trap closes on a network that was taught the patch, and leaves its twin alone."""

from __future__ import annotations

import pytest
import torch

from data.procedural import shortcut_box
from tests.viz.lenses.trust.conftest import Trained
from tests.viz.lenses.trust.linear import linear_context
from viz.intervals import wilson
from viz.lenses.registry import LensError
from viz.lenses.trust.shortcut import judge, shortcut
from viz.results.trust import Accuracy, MethodScore, Shortcut

METHODS = ["saliency", "grad_cam", "occlusion"]


def measured(context: object, **options: object) -> Shortcut:
    last: Shortcut
    *_, last = shortcut(context, None, None, **options)
    return last


def scores(result: Shortcut, measure: str) -> dict[str, MethodScore]:
    [found] = [each for each in result.measurements if each.measure == measure]
    return {score.method: score for score in found.scores}


def accuracies(*right: int) -> list[Accuracy]:
    names = ("telling", "independent", "absent")
    return [
        Accuracy(name, "", n, 100, *wilson(n, 100)) for name, n in zip(names, right, strict=True)
    ]


def test_a_network_relies_on_the_patch_where_the_intervals_do_not_meet() -> None:
    assert judge(accuracies(99, 40, 30), 0.95).relies
    assert not judge(accuracies(85, 83, 84), 0.0).relies
    assert not judge(accuracies(90, 85, 85), 0.95).relies  # 85 and 90 of 100 cannot be told apart
    assert "95 % of the images" in judge(accuracies(99, 40, 30), 0.95).verdict
    assert "on 99.0 % of" in judge(accuracies(99, 40, 30), 0.95).verdict
    assert "without the patch" in judge(accuracies(85, 83, 84), 0.0).verdict


def test_accuracy_falls_without_the_patch_and_methods_find_it(shortcut_net: Trained) -> None:
    found = measured(shortcut_net, methods=METHODS, images=48)
    telling, independent, absent = found.accuracies
    assert telling.share > 0.95
    assert independent.share < 0.7
    assert absent.share < 0.7
    assert found.relies
    assert found.planted == shortcut_net.spec.dataset.shortcut
    assert found.patch_area == pytest.approx(25 / 1024)
    shares, hits = scores(found, "patch_share"), scores(found, "patch_pointing")
    for method in METHODS:
        assert shares[method].low > found.patch_area
    # The maximum of a class activation map may lie a whole cell of the layer beside the patch.
    for method in ("saliency", "occlusion"):
        assert hits[method].low > max(0.5, hits["random"].high)
    assert hits["centre"].mean == 0
    assert all(each.evidence for each in found.measurements if each.measure.startswith("patch"))


def test_the_twin_does_not_care_and_its_maps_leave_the_patch_alone(
    plain_net: Trained, shortcut_net: Trained
) -> None:
    twin = measured(plain_net, methods=METHODS, images=48)
    taught = measured(shortcut_net, methods=METHODS, images=48)
    assert not twin.relies
    assert not any(each.evidence for each in twin.measurements)
    for method in METHODS:
        shares = (scores(each, "patch_share")[method] for each in (twin, taught))
        assert next(shares).high < next(shares).low
    for method in ("saliency", "occlusion"):
        hits = (scores(each, "patch_pointing")[method] for each in (twin, taught))
        assert next(hits).high < next(hits).low


def test_the_pictures_are_the_test_images_with_a_patch_that_tells(plain_net: Trained) -> None:
    found = measured(plain_net, methods=["saliency"], images=10, examples=4)
    rows, columns = shortcut_box(32)
    colours: dict[int, bytes] = {}
    for example in found.examples:
        plain = plain_net.dataset.test.images[int(example.name.rpartition("/")[2])]
        picture = torch.from_numpy(example.image).movedim(-1, 0).clone()
        colour = picture[:, 0, 0].numpy().tobytes()
        assert colours.setdefault(example.label, colour) == colour
        assert example.patch is not None
        assert int(example.patch.sum()) == 25
        assert not (example.patch & example.mask).any()
        picture[:, rows, columns] = plain[:, rows, columns]
        assert torch.equal(picture, plain)


def test_a_tolerance_widens_what_counts_and_what_chance_gives(shortcut_net: Trained) -> None:
    strict, loose = (
        measured(shortcut_net, methods=["grad_cam"], images=16, tolerance=by) for by in (0, 8)
    )
    assert strict.measurements[1].chance == pytest.approx(5**2 / 32**2)
    assert loose.measurements[1].chance == pytest.approx(13**2 / 32**2)
    hits = (scores(each, "patch_pointing")["grad_cam"].mean for each in (strict, loose))
    assert next(hits) < next(hits)
    with pytest.raises(LensError, match="tolerance is -1"):
        measured(shortcut_net, tolerance=-1)


def test_the_accuracies_come_first(plain_net: Trained) -> None:
    first = next(iter(shortcut(plain_net, None, None, methods=["saliency"], images=4)))
    assert len(first.accuracies) == 3
    assert first.share == 0
    assert not first.measurements[0].scores


def test_only_shapes_have_the_patch() -> None:
    with pytest.raises(LensError, match="network on shapes"):
        measured(linear_context(torch.ones(4, 4), torch.ones(1, 1, 4, 4)))
