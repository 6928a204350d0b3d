"""Maps for the measures: batches, what is kept, and what is not allowed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import nn

from tests.viz.lenses.nets import OneNet
from tests.viz.lenses.trust.linear import linear_context
from viz.attribution.table import find_method
from viz.lenses.context import LensContext, Subject
from viz.lenses.registry import LensError
from viz.lenses.saliency.heat import heat
from viz.lenses.saliency.lens import attribution
from viz.lenses.saliency.methods import Map, attribute, run
from viz.lenses.saliency.problem import Problem, make_problem
from viz.lenses.trust import explaining
from viz.lenses.trust import maps as module
from viz.lenses.trust.changes import explain
from viz.lenses.trust.explaining import BATCH_IMAGES
from viz.lenses.trust.images import choose_images
from viz.lenses.trust.maps import Heat, heats

GENERATOR = torch.Generator


def setup(count: int = 3) -> tuple[Subject, torch.Tensor, torch.Tensor]:
    weights = torch.randn(6, 6, generator=GENERATOR().manual_seed(0))
    images = torch.rand(count, 1, 6, 6, generator=GENERATOR().manual_seed(1))
    subject = linear_context(weights, images).subject(None)
    return subject, images, torch.zeros(count, dtype=torch.int64)


def final(found: list[Heat]) -> dict[str, torch.Tensor]:
    return {each.name: each.values for each in found if each.values is not None}


def test_many_images_in_batches_have_the_maps_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    subject, images, classes = setup(2 * BATCH_IMAGES + 3)
    found = list(heats(["input_x_gradient", "edges"], subject, images, classes, references=None))
    assert [each.share for each in found if each.name == "input_x_gradient"][-1] == 1
    assert len(found) == 4  # three batches and a control
    method = find_method("input_x_gradient")
    whole = attribute("input_x_gradient", make_problem(subject, images, classes))
    expected = heat(whole.values, (6, 6), method)
    assert torch.allclose(final(found)["input_x_gradient"], expected, atol=1e-6)


def test_maps_are_made_once_for_the_same_weights_and_images(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subject, images, classes = setup()
    [first] = final(list(heats(["saliency"], subject, images, classes, references=None))).values()

    def fail(*_: object) -> None:
        raise AssertionError("made again")

    with monkeypatch.context() as patch:
        patch.setattr(explaining, "run", fail)
        [second] = final(
            list(heats(["saliency"], subject, images.clone(), classes, references=None))
        ).values()
        assert torch.equal(first, second)
        with pytest.raises(AssertionError, match="made again"):
            list(heats(["saliency"], subject, images, 1 - classes, references=None))
    with torch.no_grad():
        for value in subject.net.parameters():
            value.mul_(2)
    [third] = final(list(heats(["saliency"], subject, images, classes, references=None))).values()
    assert torch.allclose(third, 2 * first)


def test_what_is_not_to_be_kept_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    subject, images, classes = setup()
    monkeypatch.setattr(module, "_KEPT", type(module._KEPT)())
    list(heats(["saliency"], subject, images, classes, references=None, keep=False))
    assert not module._KEPT
    monkeypatch.setattr(module, "KEPT_BYTES", 1)
    list(heats(["saliency", "input_x_gradient"], subject, images, classes, references=None))
    assert len(module._KEPT) == 1  # the least recently used has left


def test_a_method_that_the_network_does_not_allow_is_left_out_with_a_sentence() -> None:
    subject, images, classes = setup()
    found = list(heats(["saliency", "grad_cam"], subject, images, classes, references=None))
    assert [each.name for each in found if each.values is not None] == ["saliency"]
    assert found[-1].name == "grad_cam"
    assert found[-1].refusal.endswith(".")
    assert found[-1].share == 1


def test_a_layer_without_places_is_said_before_anything_is_computed() -> None:
    subject, images, classes = setup()
    with pytest.raises(LensError, match=r"\.$"):
        next(heats(["saliency"], subject, images, classes, references=None, layer="0"))


def test_the_map_of_an_image_does_not_hang_on_which_others_were_picked() -> None:
    """Nor does it differ from the one on the saliency page: all have the same references."""
    context = LensContext()
    model = "shipped:digits_lenet5"
    subject = context.subject(model)
    many = choose_images(context, subject, count=12)
    name = many.told.names[1]
    few = replace(many, batch=many.batch[1:4], classes=many.classes[1:4])
    found = []
    for chosen, at in ((many, 1), (few, 0)):
        maps = final(
            list(
                heats(
                    ["gradient_shap"],
                    subject,
                    chosen.batch,
                    chosen.classes,
                    references=chosen.references,
                    keep=False,
                )
            )
        )["gradient_shap"]
        assert len(maps) == len(chosen.batch)
        *_, (_, signed) = explain(
            "gradient_shap", subject, chosen, layer=None, settings=None, stage=0
        )
        assert signed is not None
        found += [maps[at], signed.values[at]]
    target = {"class": int(few.classes[0])}
    *_, page = attribution(context, model, name, method="gradient_shap", target=target)
    found.append(torch.from_numpy(page.values).sum(0))
    for each in found[1:]:
        assert torch.allclose(each, found[0], atol=1e-4)


def test_references_are_told_apart_in_what_is_kept() -> None:
    subject, images, classes = setup()
    one, two = (
        final(list(heats(["gradient_shap"], subject, images, classes, references=references)))
        for references in (torch.zeros(2, 1, 6, 6), torch.ones(2, 1, 6, 6))
    )
    assert not torch.allclose(one["gradient_shap"], two["gradient_shap"])


def test_a_slow_method_gives_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explaining, "PAUSE", 0.0)
    subject, images, classes = setup()
    found = list(
        heats(
            ["smoothgrad"],
            subject,
            images,
            classes,
            references=None,
            settings={"smoothgrad": {"samples": 512}},
        )
    )
    assert len(found) > 2
    shares = [each.share for each in found]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert [each.values is None for each in found] == [True] * (len(found) - 1) + [False]


def test_where_memory_runs_out_fewer_images_are_explained_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subject, images, classes = setup(7)
    expected = final(
        list(heats(["saliency"], subject, images, classes, references=None, keep=False))
    )
    most = [2]

    def scarce(name: str, problem: Problem) -> Iterator[Map]:
        if len(problem.images) > most[0]:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        yield from run(name, problem)

    monkeypatch.setattr(explaining, "run", scarce)
    found = list(heats(["saliency"], subject, images, classes, references=None, keep=False))
    assert torch.allclose(final(found)["saliency"], expected["saliency"])
    most[0] = 0
    [last] = heats(["saliency"], subject, images, classes, references=None, keep=False)
    assert last.values is None
    assert "memory does not hold Saliency" in last.refusal


def test_slopes_are_worth_their_value_times_how_far_the_pixel_is_from_the_mean() -> None:
    generator = GENERATOR().manual_seed(4)
    images = torch.randn(2, 3, 6, 6, generator=generator)
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
    subject = OneNet(net, {}, (3, 6, 6)).subject(None)
    classes = torch.zeros(2, dtype=torch.int64)
    names = ["guided_backprop", "saliency", "input_x_gradient", "vargrad"]
    found = {
        each.name: each
        for each in heats(names, subject, images, classes, references=None)
        if each.values is not None
    }
    for name in ("guided_backprop", "saliency"):
        values = attribute(name, make_problem(subject, images, classes)).values
        worth = found[name].worth
        assert worth is not None
        assert torch.allclose(worth, (values * images).sum(1), atol=1e-6)
    for name in ("input_x_gradient", "vargrad"):
        assert found[name].worth is found[name].values
