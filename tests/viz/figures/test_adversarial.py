"""Attacks as pictures and curves: factors, colours, intervals, what is not known yet."""

from __future__ import annotations

import numpy as np
import pytest

from tests.viz.figures.reading import unpack, valid
from viz.figures.adversarial import magnify, plot_attack_accuracy, plot_attack_curve, to_bytes
from viz.results.adversarial import AttackAccuracy, AttackCurve

NAN = float("nan")


def _curve(probs: list[list[float]], **more: object) -> AttackCurve:
    values = {
        "method": "fgsm", "epsilons": np.array([0, 4, 8], np.float32),
        "probs": np.array(probs, np.float32), "noise": np.array([0.9, 0.9, 0.8], np.float32),
        "noise_flips": np.zeros(3, np.int64), "noise_draws": 20, "source": 0, "target": None,
        "smallest": None, "holds": None, "classes": ("a", "<b>", "c"), "share": 1.0, "step": 1,
    }  # fmt: skip
    return AttackCurve(**{**values, **more})  # type: ignore[arg-type]


PROBS = [[0.9, 0.1, 0.0], [0.6, 0.1, 0.3], [0.1, 0.2, 0.7]]


def test_differences_of_colours_grow_by_a_round_factor() -> None:
    original = np.full((2, 2, 3), 0.5, np.float32)
    changed = original.copy()
    changed[0, 0, 0] += 8 / 255
    changed[1, 1, 2] -= 4 / 255
    pixels, factor = magnify(original, changed)
    assert factor == 10  # 0.5 / (8 / 255) is 15.9
    assert pixels[0, 0].tolist() == [208, 128, 128]
    assert pixels[1, 1].tolist() == [128, 128, 88]


def test_of_grey_pictures_the_sign_is_a_colour() -> None:
    original = np.full((1, 3, 1), 0.5, np.float32)
    changed = original + np.array([[-0.1, 0, 0.1]], np.float32)[..., None]
    pixels, factor = magnify(original, changed)
    assert factor is None
    down, none, up = pixels[0].astype(int)
    assert down[2] > down[0]  # blue
    assert up[0] > up[2]  # orange
    assert none.min() > 240


@pytest.mark.parametrize("channels", [1, 3])
def test_no_difference_is_one_colour(channels: int) -> None:
    same = np.random.default_rng(0).random((2, 2, channels), np.float32)
    pixels, factor = magnify(same, same)
    assert factor == (1 if channels == 3 else None)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) == 1


def test_bytes_are_rounded_and_clipped() -> None:
    assert to_bytes([[[-0.1], [0.5], [1.2]]]).ravel().tolist() == [0, 128, 255]


def test_the_curve_shows_the_answer_and_what_it_becomes() -> None:
    figure = valid(plot_attack_curve(_curve(PROBS, smallest=6.5, holds=6.0), now=8, answer=2))
    source, other, noise = figure.data
    assert source.name == "a, the answer"
    assert unpack(source.y) == pytest.approx([0.9, 0.6, 0.1], abs=1e-6)
    assert other.name == "c, the answer at ε = 8"
    assert unpack(noise.y) == pytest.approx([0.9, 0.9, 0.8], abs=1e-6)
    assert [shape.x0 for shape in figure.layout.shapes] == [8, 6.5]
    assert "6.5" in figure.layout.annotations[0].text


def test_the_target_is_shown_and_names_are_no_markup() -> None:
    figure = valid(plot_attack_curve(_curve(PROBS, target=1), now=0, answer=0))
    assert figure.data[1].name == "&lt;b&gt;, the target"
    assert not figure.layout.annotations


def test_whoever_wins_is_shown_each_class_once() -> None:
    probs = [[0.9, 0.1, 0.0], [0.1, 0.7, 0.2], [0.0, 0.1, 0.9]]

    def names(answer: int, **more: object) -> list[str]:
        figure = valid(plot_attack_curve(_curve(probs, **more), now=4, answer=answer))
        return [line.name for line in figure.data]

    noise = "the answer, noise"
    assert names(1) == ["a, the answer", "&lt;b&gt;, the answer at ε = 4", "c", noise]
    assert names(0) == ["a, the answer", "c", noise]
    assert names(2, target=1) == [
        "a, the answer", "&lt;b&gt;, the target", "c, the answer at ε = 4", noise,
    ]  # fmt: skip


def test_strengths_to_come_are_left_out() -> None:
    figure = valid(
        plot_attack_curve(_curve([PROBS[0], PROBS[1], [NAN] * 3], share=0.5), now=8, answer=2)
    )
    assert unpack(figure.data[0].x).tolist() == [0, 4]
    empty = valid(plot_attack_curve(_curve([[NAN] * 3] * 3, share=0.0), now=8, answer=2))
    assert "being computed" in empty.layout.annotations[0].text


def _accuracy(images: int) -> AttackAccuracy:
    return AttackAccuracy(
        kinds=("noise", "fgsm", "pgd"), epsilons=np.array([0, 8], np.float32),
        right=np.array([[18, 18], [18, 4], [18, 0]]), images=images, total=20, words="20 images",
        steps=10, share=1.0, step=1,
    )  # fmt: skip


def test_accuracy_has_bands_of_its_intervals() -> None:
    found = _accuracy(20)
    figure = valid(plot_attack_accuracy(found))
    bands, lines = figure.data[::2], figure.data[1::2]
    assert [line.name for line in lines] == ["random noise", "FGSM", "PGD"]
    assert unpack(lines[1].y) == pytest.approx([0.9, 0.2])
    low, high = found.bounds[1, 1]
    assert low < 0.2 < high
    assert unpack(bands[1].y) == pytest.approx([found.bounds[1, 0, 1], high, low, found.bounds[1, 0, 0]])  # fmt: skip
    assert found.bounds[2, 1].tolist()[0] == 0.0


def test_accuracy_of_no_image_is_said() -> None:
    assert "first images" in valid(plot_attack_accuracy(_accuracy(0))).layout.annotations[0].text
    assert np.isnan(_accuracy(0).accuracy).all()
