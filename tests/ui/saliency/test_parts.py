"""What the saliency page says and draws of a result, by hand."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest

from ui.saliency.automatic import automatic
from ui.saliency.display import Display, color_bar, draw, has_sign, is_empty, picture
from ui.saliency.grid_view import equal_words
from ui.saliency.layers_view import MOST, shown_layers
from ui.saliency.method import cost_words, spent_words
from ui.saliency.take_away import map_csv
from ui.saliency.target import Target, share_words
from ui.saliency.tiles import tile_html
from ui.saliency.training_view import build_panels, fixed_target
from ui.saliency.words import gap_words, notes_html, numbers_html, picture_words
from viz.attribution.table import METHODS
from viz.results import Classification
from viz.results.attribution import Attribution, AttributionLayer, AttributionSupport

UNSIGNED = next(m for m in METHODS.values() if not m.signed and not m.layered)
SIGNED = next(m for m in METHODS.values() if m.signed and not m.layered)
LAYERED = next(m for m in METHODS.values() if m.layered)
COMPLETE = next(m for m in METHODS.values() if m.complete)


def result(**changes: object) -> Attribution:
    """Four classes, a picture of 6×8 in colour, values 1 … 144 / 100 with every other one negative."""
    values = (np.arange(1, 145).reshape(3, 6, 8) / 100).astype(np.float32)
    values[:, :, 1::2] *= -1
    found = Attribution(
        method=SIGNED.name, aim="two", values=values, layer=None,
        image=np.full((6, 8, 3), 120, np.uint8), label=1,
        probs=np.array([0.1, 0.2, 0.6, 0.1], np.float32), classes=("zero", "one", "two", "three"),
        positive=2, against=None, score=5.0, baseline_score=None, gap=None, forward_passes=51,
        backward_passes=50, seconds=0.25, share=1.0, note="", step=None,
    )  # fmt: skip
    return replace(found, **changes)  # type: ignore[arg-type]


def test_channels_are_summed_and_that_is_said() -> None:
    found = result()
    drawn = draw(found, Display(clip=100.0))
    np.testing.assert_allclose(drawn.values, found.values.sum(axis=0), rtol=1e-6)
    assert drawn.extent.limit == pytest.approx(np.abs(found.values.sum(axis=0)).max())
    assert "Summed over the 3 colour channels." in picture_words(found, drawn, Display())
    grey = result(values=np.ones((1, 6, 8), np.float32))
    assert "Summed" not in picture_words(grey, draw(grey, Display()), Display())


def test_what_is_clipped_is_said() -> None:
    found = result()
    drawn = draw(found, Display(clip=90.0))
    assert drawn.extent.clipped == 5  # of 48
    words = picture_words(found, drawn, Display(clip=90.0))
    assert "5 of 48 values lie beyond the end of the scale, the largest at 2.88." in words


def test_coarse_maps_are_not_clipped_without_a_wish() -> None:
    coarse = result(values=np.ones((1, 2, 2), np.float32))
    assert Display().clip_of(coarse) == 100
    assert Display().clip_of(result()) == 99
    assert Display(clip=70.0).clip_of(coarse) == 70


def test_a_coarse_map_says_how_it_is_drawn() -> None:
    found = result(
        method=LAYERED.name, values=np.array([[[1.0, 2.0], [3.0, 4.0]]], np.float32), layer="conv2"
    )
    drawn = draw(found, Display())
    assert drawn.placed.shape == (6, 8)
    assert set(drawn.placed.ravel().tolist()) == {1, 2, 3, 4}
    assert "2×2 values of conv2, drawn as blocks." in picture_words(found, drawn, Display())
    smooth = Display(smooth=True)
    assert len(set(draw(found, smooth).placed.ravel().tolist())) > 4
    assert "blended" in picture_words(found, draw(found, smooth), smooth)


def test_the_mask_counts_its_pixels() -> None:
    masked = Display(masked=True, top=25)
    drawn = draw(result(), masked)
    assert drawn.shown == 12
    assert "Shown: 12 of 48 pixels." in picture_words(result(), drawn, masked)
    everything = Display(masked=True, top=100)
    drawn = draw(result(), everything)
    assert drawn.shown == 24  # the others speak against
    assert "all that speak for it (48 were asked for)" in picture_words(result(), drawn, everything)


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        (0.0, "✓ 0 (0.0 %)"),
        (0.03, "✓ 0.03 (0.8 %)"),
        (-0.4, "−0.4 (10.0 %)"),
        (np.nan, "no number"),
    ],
)
def test_the_gap_has_a_tick_where_it_is_small(gap: float, words: str) -> None:
    assert gap_words(result(method=COMPLETE.name, baseline_score=1.0, gap=gap)) == words


def test_numbers_add_up() -> None:
    found = result(method=COMPLETE.name, baseline_score=1.0, gap=-0.4)
    shown = numbers_html(found, COMPLETE, draw(found, Display()))
    for words in ("<b>5</b>", "<b>1</b>", "<b>3.6</b>", "250 ms", "51 forward, 50 backward"):
        assert words in shown  # 3.6 = 5 − 1 − 0.4


def test_what_a_sum_leaves_is_called_what_it_is() -> None:
    """Each complete method's own remainder; what a network keeps by construction earns no tick."""
    shown = {}
    for method in METHODS.values():
        if method.remainder is not None:
            found = result(method=method.name, baseline_score=1.0, gap=0.0)
            shown[method.name] = numbers_html(found, method, draw(found, Display()))
            assert method.remainder.label in shown[method.name]
            assert method.remainder.words in shown[method.name]
    assert {name for name, words in shown.items() if "f(baseline)" in words} == {
        "integrated_gradients",
        "deep_lift",
    }
    assert "mean over the reference images" in shown["gradient_shap"]
    assert {name for name, words in shown.items() if "✓" in words} == {*shown} - {"lrp"}
    assert "80.0 %" in shown["lrp"]  # 4 of 5
    nothing = result(method="lrp", baseline_score=0.0, gap=0.0, score=0.0)
    assert "no number" in numbers_html(nothing, METHODS["lrp"], draw(nothing, Display()))


def test_empty_maps_are_explained() -> None:
    zeros = result(values=np.zeros((3, 6, 8), np.float32))
    drawn = draw(zeros, Display())
    assert is_empty(drawn.extent)
    assert "0 everywhere" in notes_html(zeros, drawn)
    told = replace(zeros, note="The unit is dead.")
    assert "The unit is dead." in notes_html(told, drawn)
    assert "0 everywhere" not in notes_html(told, drawn)
    assert notes_html(result(), draw(result(), Display())) == ""
    nothing = result(values=np.full((3, 6, 8), np.nan, np.float32), score=float("nan"))
    assert "diverged" in notes_html(nothing, draw(nothing, Display()))


def test_notes_are_escaped() -> None:
    found = result(note="<script>")
    assert "<script>" not in notes_html(found, draw(found, Display()))


def test_the_colour_bar_says_what_its_ends_mean() -> None:
    signed = color_bar(draw(result(), Display(clip=100.0)).extent, words=True)
    assert "−2.88" in signed
    assert "speaks against" in signed
    positive = result(method=UNSIGNED.name, values=np.abs(result().values))
    unsigned = color_bar(draw(positive, Display(clip=100.0)).extent, words=True)
    assert "<span>0</span>" in unsigned
    assert "most influence" in unsigned


def test_small_pictures_stay_sharp_and_photographs_smooth() -> None:
    assert "cs-saliency-photo" not in picture(np.zeros((32, 32, 3), np.uint8), "x")
    assert "cs-saliency-photo" in picture(np.zeros((224, 224, 3), np.uint8), "x")


def test_numbers_to_take_away_are_exact() -> None:
    values = np.array([[0.1, -1e-9], [3e7, 0]], np.float32)
    read = np.loadtxt(io.StringIO(map_csv(values)), delimiter=",", dtype=np.float32)
    np.testing.assert_array_equal(read, values)


def test_the_class_is_the_same_at_all_moments() -> None:
    said = Classification(
        image=np.zeros((2, 2, 1), np.uint8), probs=np.array([0.1, 0.7, 0.2], np.float32),
        classes=("a", "b", "c"), note="", label=None, step=None,
    )  # fmt: skip
    assert fixed_target(Target({}, "b"), said) == {"class": 1}
    assert fixed_target(Target({"class": 2, "against": 1}, ""), said) == {"class": 2, "against": 1}
    unit = {"layer": "conv1", "channel": 3}
    assert fixed_target(Target(unit, ""), said) == unit


def test_one_scale_over_all_moments() -> None:
    weak, strong = result(), result(values=10 * result().values)
    values, pictures, bars = build_panels([weak, strong], Display(clip=100.0))
    assert values.limit == pytest.approx(28.8)  # type: ignore[union-attr]
    assert values.scale == "diverging"  # type: ignore[union-attr]
    assert pictures.pngs[0] != pictures.pngs[1]  # type: ignore[union-attr]
    assert bars.target == 1  # type: ignore[union-attr]


def test_layers_are_spread_with_the_default_among_them() -> None:
    layers = tuple(AttributionLayer(f"l{at}", "Conv2d", (4, 8, 8)) for at in range(50))
    support = AttributionSupport({}, layers, "l47", "", "")
    shown = [layer.name for layer in shown_layers(support, everything=False)]
    assert len(shown) <= MOST
    assert shown[0] == "l0"
    assert shown[-1] == "l49"
    assert "l47" in shown
    assert shown == sorted(shown, key=lambda name: int(name[1:]))
    assert len(shown_layers(support, everything=True)) == 50
    assert len(shown_layers(replace(support, layers=layers[:5]), everything=False)) == 5


@pytest.mark.parametrize(
    ("name", "settings", "signed"),
    [
        ("grad_cam", {}, False),
        ("grad_cam", {"relu": "no"}, True),
        ("hires_cam", {}, True),
        ("hires_cam", {"relu": "yes"}, False),
        ("saliency", {}, False),
        ("input_x_gradient", {}, True),
    ],
)
def test_the_setting_decides_on_the_scale_and_not_the_data(
    name: str, settings: dict[str, str], signed: bool
) -> None:
    positive = result(method=name, values=np.abs(result().values))
    assert draw(positive, Display(), settings=settings).extent.signed is signed
    assert has_sign(METHODS[name], settings) is signed


def test_a_map_of_zeros_says_why_and_has_no_scale() -> None:
    zeros = result(method="grad_cam", values=np.zeros((1, 2, 2), np.float32), note="Nothing fires.")
    shown = tile_html(zeros, Display(), "over")
    assert "Nothing fires." in shown
    assert "−0" not in shown
    assert "0 everywhere" in color_bar(draw(zeros, Display()).extent, words=True)
    growing = replace(zeros, share=0.4)
    assert "Nothing fires." not in tile_html(growing, Display(), "over")


def test_ends_of_blocks_stand_for_many_layers() -> None:
    """Blocks of convolution, norm, activation and convolution, norm: what adds up is the last norm."""
    layers = []
    for block in range(20):
        for at, kind in enumerate(("Conv2d", "BatchNorm2d", "ReLU6", "Conv2d", "BatchNorm2d")):
            layers.append(AttributionLayer(f"features.{block}.conv.{at}", kind, (4, 8, 8)))
    support = AttributionSupport({}, tuple(layers), "features.19.conv.2", "", "")
    shown = [layer.name for layer in shown_layers(support, everything=False)]
    assert MOST - 2 <= len(shown) <= MOST
    assert shown[0] == "features.0.conv.4"
    assert shown[-1] == "features.19.conv.4"
    assert {name for name in shown if not name.endswith(".4")} == {"features.19.conv.2"}
    gaps = np.diff([int(name.split(".")[1]) for name in shown if name.endswith(".4")])
    assert gaps.min() >= 1
    assert gaps.max() - gaps.min() <= 1


def test_a_norm_before_a_shortcut_is_no_end() -> None:
    kinds = {"conv2": "Conv2d", "norm2": "BatchNorm2d", "short": "Conv2d", "relu2": "ReLU"}
    layers = tuple(
        AttributionLayer(f"b{block}.{name}", kind, (4, 8, 8))
        for block in range(4)
        for name, kind in kinds.items()
    )
    support = AttributionSupport({}, layers, "b3.relu2", "", "")
    shown = [layer.name for layer in shown_layers(support, everything=False)]
    assert shown == [f"b{block}.relu2" for block in range(4)]


def test_few_blocks_keep_their_activations() -> None:
    """A net of two long blocks is not cut down to two tiles."""
    layers = [
        AttributionLayer(f"body.{part}.{at}", kind, (4, 8, 8))
        for part in range(2)
        for at, kind in enumerate(("Conv2d", "ReLU") * 8)
    ]
    support = AttributionSupport({}, tuple(layers), "body.1.15", "", "")
    shown = shown_layers(support, everything=False)
    assert MOST // 2 < len(shown) <= MOST
    assert {layer.kind for layer in shown} == {"ReLU"}


def cam(method: str, *values: float, layer: str = "relu3") -> Attribution:
    return result(method=method, values=np.array([[values]], np.float32), layer=layer)


def test_equal_maps_are_a_lesson() -> None:
    same = [
        cam("grad_cam", 0, 1, 2),
        cam("hires_cam", -3, 1, 2.00001),
        cam("layer_cam", 0, 2, 2),
        cam("xgrad_cam", 0, 1, 2),
        result(),
    ]
    words = equal_words(same)
    assert words.startswith("Grad-CAM, HiResCAM and XGrad-CAM are the same map here in what speaks")
    assert "relu3" in words
    assert "Draelos" in words
    assert equal_words(same[:1]) == ""
    assert equal_words([cam("grad_cam", 0, 1), cam("hires_cam", 0, 2)]) == ""
    assert equal_words([cam("grad_cam", 0, 0), cam("xgrad_cam", 0, 0)]) == ""  # nothing to compare
    assert equal_words([cam("grad_cam", 0, 1), cam("xgrad_cam", 0, 1, layer="relu2")]) == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "f(image), the logit of two"),
        ({"against": 0}, "f(image), the logit of two − logit of zero"),
        (
            {"positive": None, "aim": "channel 3 of conv2"},
            "the mean activation of channel 3 of conv2",
        ),
        (
            {"positive": None, "aim": "channel 3 of conv2 at row 1, column 2"},
            "the activation of channel 3 of conv2 at row 1, column 2",
        ),
    ],
)
def test_f_has_a_name(changes: dict[str, object], words: str) -> None:
    found = result(**changes)
    shown = numbers_html(found, SIGNED, draw(found, Display()))
    assert words in shown
    assert "<summary>" in shown  # the hovers again for those without a mouse


@pytest.mark.parametrize(
    ("share", "words"),
    [(1.0, ">99 %"), (0.9999, ">99 %"), (0.74, "74 %"), (0.0, "<1 %"), (float("nan"), "no number")],
)
def test_probabilities_are_rounded_alike(share: float, words: str) -> None:
    assert share_words(share) == words


@pytest.mark.parametrize(
    ("name", "option", "shape", "number"),
    [
        ("rise", "grid", (3, 224, 224), 7),
        ("rise", "grid", (1, 16, 16), 4),
        ("occlusion", "window", (3, 50, 50), 10),
        ("occlusion", "stride", (3, 50, 50), 3),
        ("lime", "segments", (1, 16, 16), 16),
        ("rise", "seed", (1, 16, 16), None),
        ("rise", "masks", (1, 16, 16), None),
    ],
)
def test_what_automatic_means_here(
    name: str, option: str, shape: tuple[int, ...], number: int | None
) -> None:
    method = METHODS[name]
    row = next(one for one in method.options if one.name == option)
    assert automatic(row, method.settings({}), shape) == number


def test_a_step_follows_its_patch() -> None:
    method = METHODS["occlusion"]
    row = next(one for one in method.options if one.name == "stride")
    assert automatic(row, method.settings({"window": 12}), (3, 50, 50)) == 4


def test_costs_before_are_bounds() -> None:
    assert cost_words(METHODS["saliency"], {}, (1, 16, 16)).startswith("1 forward")
    assert cost_words(METHODS["rise"], {}, (1, 16, 16)).startswith("Up to 1,000 forward")
    assert spent_words(result()) == "Made: 51 forward, 50 backward passes."
