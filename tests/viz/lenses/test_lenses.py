"""Each lens against a brute-force answer from the same network, and what all lenses share."""

from __future__ import annotations

import inspect
import io
import pickle
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

import viz.lenses
from data.archives import store_image
from data.load import Dataset
from training.run_store import RunStore
from viz.lenses import LENSES, LensError, run_lens
from viz.lenses.classify import classify
from viz.lenses.contact_sheet import contact_sheet, images
from viz.lenses.context import LensContext
from viz.lenses.evaluation import evaluation
from viz.lenses.feature_maps import feature_maps
from viz.lenses.filters import filters
from viz.lenses.predictions import predictions


def normalised(images: Tensor, digits: Dataset) -> Tensor:
    mean, std = torch.tensor(digits.info.mean), torch.tensor(digits.info.std)
    return (images / 255 - mean[:, None, None]) / std[:, None, None]


def brute_force(net: nn.Module, images: Tensor, digits: Dataset) -> npt.NDArray[np.float32]:
    """Probabilities one image at a time."""
    with torch.no_grad():
        rows = [net(image[None]).softmax(1) for image in normalised(images, digits)]
    return torch.cat(rows).numpy()


def hwc(images: Tensor) -> npt.NDArray[np.uint8]:
    return images.permute(0, 2, 3, 1).numpy()


def test_predictions_equal_brute_force_and_stay_the_same_images(
    context: LensContext, model: str, net: nn.Sequential, digits: Dataset
) -> None:
    result = predictions(context, model, None, count=20)
    chosen = torch.from_numpy(result.indices)
    expected = brute_force(net, digits.val.images[chosen], digits)
    assert np.allclose(result.probs, expected, atol=1e-5)
    assert np.allclose(result.probs.sum(axis=1), 1, atol=1e-6)
    assert np.array_equal(result.images, hwc(digits.val.images[chosen]))
    assert np.array_equal(result.labels, digits.val.labels[chosen])
    assert np.bincount(result.labels).tolist() == [2] * 10
    assert (result.step, result.split, len(result.classes)) == (40, "val", 10)
    again = predictions(context, model, None, count=20)
    assert np.array_equal(again.indices, result.indices)


def test_evaluation_equals_brute_force(
    context: LensContext, model: str, net: nn.Sequential, digits: Dataset
) -> None:
    result = evaluation(context, model, None, split="test")
    probs = brute_force(net, digits.test.images, digits)
    assert np.array_equal(result.predicted, probs.argmax(1))
    assert np.allclose(result.confidence, probs.max(1), atol=1e-5)
    assert np.array_equal(result.labels, digits.test.labels)
    assert result.confusion.sum() == len(digits.test)
    assert np.trace(result.confusion) / len(digits.test) == result.accuracy


def test_a_confusion_cell_is_its_images_most_confident_first(
    context: LensContext, model: str, digits: Dataset
) -> None:
    result = evaluation(context, model, None)
    true, predicted = divmod(int(result.confusion.argmax()), 10)
    cell = result.cell(true, predicted)
    assert len(cell) == result.confusion[true, predicted] > 0
    assert np.all(np.diff(result.confidence[cell]) <= 0)
    pictures = images(context, model, None, split="val", indices=cell.tolist())
    assert set(pictures.labels.tolist()) == {true}
    assert np.array_equal(pictures.images, hwc(digits.val.images[torch.from_numpy(cell)]))


def test_classify_equals_brute_force(
    context: LensContext, model: str, net: nn.Sequential, digits: Dataset
) -> None:
    result = classify(context, model, "digits/test/17")
    one = digits.test.at(torch.tensor([17]))
    assert np.allclose(result.probs, brute_force(net, one.images, digits)[0], atol=1e-5)
    assert np.array_equal(result.image, hwc(one.images)[0])
    assert (result.label, result.note, result.step) == (int(one.labels[0]), "", 40)


def test_a_dark_drawing_on_white_paper_is_inverted_and_says_so(
    context: LensContext, model: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CONVSCOPE_DATA", str(tmp_path))
    paper = np.full((60, 60, 3), 255, np.uint8)
    paper[10:50, 27:33] = 0
    file = io.BytesIO()
    Image.fromarray(paper).save(file, "PNG")
    result = classify(context, model, f"drawn:{store_image(file.getvalue())}")
    assert "inverted" in result.note
    assert result.image.shape == (16, 16, 1)
    assert result.image[8, 8] > 128 > result.image[8, 0]  # a light stroke on black
    assert result.probs.sum() == pytest.approx(1, abs=1e-6)
    assert result.label is None


def test_an_image_of_another_data_set_is_made_to_fit(context: LensContext) -> None:
    result = classify(context, "random:lenet5", "digits/test/3", dataset={"name": "shapes"})
    assert result.image.shape == (32, 32, 3)
    assert result.label is None


def test_filters_are_the_weights(context: LensContext, model: str, net: nn.Sequential) -> None:
    first = filters(context, model, None)
    assert np.array_equal(first.weights, net.get_parameter("conv1.weight").detach().numpy())
    assert first.weights.flags.c_contiguous
    assert first.layer == "conv1"
    assert first.layers == ("conv1", "block1.conv1", "block1.conv2", "block1.shortcut.conv")
    deep = filters(context, model, None, layer="block1.conv2")
    assert np.array_equal(deep.weights, net.get_parameter("block1.conv2.weight").detach().numpy())


def test_filters_of_a_partial_convolution_show_what_is_not_connected_as_0(
    context: LensContext,
) -> None:
    result = filters(context, "random:lenet5_1998", None, layer="conv2")
    unconnected = np.all(result.weights == 0, axis=(2, 3))  # (O, I)
    assert result.weights.shape[:2] == (16, 6)
    assert (~unconnected).sum() == 60  # LeCun et al. 1998, table I


def test_feature_maps_equal_torch_functional(
    context: LensContext, model: str, net: nn.Sequential, digits: Dataset
) -> None:
    result = feature_maps(context, model, "digits/val/3")
    maps = {layer.layer: layer.maps for layer in result.layers}
    x = normalised(digits.val.images[3:4], digits)
    with torch.no_grad():
        conv = functional.conv2d(
            x, net.get_parameter("conv1.weight"), net.get_parameter("conv1.bias"), padding=2
        )
        relu = net.get_submodule("norm1")(conv).relu()
    assert np.allclose(maps["conv1"], conv[0], atol=1e-5)
    assert np.allclose(maps["relu1"], relu[0], atol=1e-5)
    assert np.allclose(maps["pool1"], functional.max_pool2d(relu, 2)[0], atol=1e-5)
    assert list(maps)[:3] == ["conv1", "relu1", "pool1"]
    assert "block1.relu2" in maps
    assert "norm1" not in maps
    assert "norm1" in result.available
    assert all(layer.num_channels == len(layer.maps) for layer in result.layers)
    assert np.array_equal(result.image, hwc(digits.val.images[3:4])[0])


def test_the_first_layers_are_those_of_all_and_the_rest_does_not_run(
    context: LensContext, model: str
) -> None:
    whole = feature_maps(context, model, "digits/val/3")
    runs: list[str] = []
    net = context.subject(model).net
    handles = [
        module.register_forward_pre_hook(lambda *_, name=name: runs.append(name))
        for name, module in net.named_modules()
        if name
    ]
    some = feature_maps(context, model, "digits/val/3", first=2)
    for handle in handles:
        handle.remove()
    assert [layer.layer for layer in some.layers] == [layer.layer for layer in whole.layers[:2]]
    for one, other in zip(some.layers, whole.layers, strict=False):
        assert np.array_equal(one.maps, other.maps)
        assert one.maps.flags.c_contiguous
    assert runs[-1] == some.layers[-1].layer
    assert some.available == whole.available
    with pytest.raises(LensError, match="first is 0"):
        feature_maps(context, model, "digits/val/3", first=0)


def test_feature_maps_of_chosen_layers_and_channels(context: LensContext, model: str) -> None:
    (layer,) = feature_maps(context, model, "digits/val/3", layers=["norm1"], limit=3).layers
    assert layer.maps.shape == (3, 16, 16)
    assert (layer.num_channels, layer.kind) == (4, "BatchNorm2d")


def test_contact_sheet_takes_the_first(context: LensContext, digits: Dataset) -> None:
    first = contact_sheet(context, None, None, count=7)
    assert np.array_equal(first.images, hwc(digits.train.images[:7]))
    assert first.augmented is None
    assert np.array_equal(first.labels, digits.train.labels[:7])


def test_contact_sheet_shows_the_same_images_augmented(context: LensContext) -> None:
    before = torch.random.get_rng_state()
    plain = contact_sheet(context, None, None, count=12, augment={})
    moved = contact_sheet(context, None, None, count=12, augment={"shift": 3}, seed=5)
    assert np.array_equal(plain.augmented, plain.images)
    assert moved.augmented is not None
    assert moved.augmented.shape == moved.images.shape
    changed = (moved.augmented != moved.images).any(axis=(1, 2, 3))
    assert changed.sum() > 6  # a shift by (0, 0) has a chance of 1 in 49
    again = contact_sheet(context, None, None, count=12, augment={"shift": 3}, seed=5)
    assert np.array_equal(again.augmented, moved.augmented)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_two_networks_in_turns_do_not_mix(context: LensContext, model: str) -> None:
    other = "random:lenet5"
    alone = {
        name: predictions(LensContext(context.store), name, None).probs for name in (model, other)
    }
    for name in (model, other, model, other):
        assert np.array_equal(predictions(context, name, None).probs, alone[name])
        feature_maps(context, name, "digits/test/1")


def test_lenses_leave_no_hook_and_evaluation_mode(context: LensContext, model: str) -> None:
    net = context.subject(model).net
    feature_maps(context, model, "digits/test/1")
    with pytest.raises(LensError):
        feature_maps(context, model, "digits/test/1", layers=["nosuch"])
    assert not any(module._forward_hooks for module in net.modules())
    assert not any(module.training for module in net.modules())


@pytest.mark.parametrize(
    ("name", "image", "options", "words"),
    [
        ("nosuch", None, {}, "no view 'nosuch'; there are"),
        ("filters", None, {"layr": "conv1"}, "no option 'layr'; it has layer, first_filter"),
        ("filters", None, {"layer": "conv9"}, "no convolution 'conv9'; it has conv1"),
        ("predictions", None, {"count": 0}, "count is 0: choose a whole number from 1"),
        ("predictions", None, {"count": 2.5}, "count is 2.5"),
        ("predictions", None, {"split": "x"}, "'x' is no split"),
        ("classify", None, {}, "names no image"),
        ("classify", "digits/test/../17", {}, "names no image"),
        ("classify", "digits/test/99999", {}, "has 360 images"),
        ("classify", "nosuch/test/1", {}, "no data set 'nosuch'"),
        ("classify", "mnist/test/1", {}, "MNIST is not on this machine yet"),
        ("classify", f"drawn:{'0' * 64}", {}, "not kept here any more"),
        ("feature_maps", "digits/test/1", {"layers": ["fc1"]}, "no layer with maps called 'fc1'"),
        ("images", None, {"indices": [180]}, "Image 180 is not there: val has 180"),
        ("images", None, {"indices": ["1"]}, "Image '1' is not there"),
        ("images", None, {"indices": list(range(900))}, "900 images at once are too many"),
        ("contact_sheet", None, {"count": -1}, "count is -1"),
        ("contact_sheet", None, {"augment": {"flip": 7}}, "`flip` is '7'"),
        ("contact_sheet", None, {"dataset": {"name": "nosuch"}}, "no data set 'nosuch'"),
        ("export", None, {"format": "exe"}, "'exe' is no file format"),
    ],
)
def test_what_cannot_be_shown_gets_a_sentence(
    model: str,
    store: RunStore,
    name: str,
    image: str | None,
    options: dict[str, object],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("CONVSCOPE_DATA", str(tmp_path))
    monkeypatch.setattr(viz.lenses, "_context", lambda: LensContext(store))
    with pytest.raises(ValueError, match=words) as caught:
        run_lens(name, model, image, options)
    assert type(caught.value).__module__.partition(".")[0] in {"data", "models", "training", "viz"}


def test_a_network_without_convolutions_has_no_filters(context: LensContext) -> None:
    with pytest.raises(LensError, match="has no convolution"):
        filters(context, "random:small_fc", None)


def test_results_cross_a_process_border(
    model: str, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVSCOPE_RUNS", str(store.root))
    viz.lenses._context.cache_clear()
    result = run_lens("filters", model, None, {"layer": "conv1"})
    viz.lenses._context.cache_clear()
    back = pickle.loads(pickle.dumps(result, protocol=5))  # noqa: S301
    assert np.array_equal(back.weights, result.weights)


@pytest.mark.parametrize("name", sorted(LENSES))
def test_every_lens_has_the_same_shape(name: str) -> None:
    parameters = list(inspect.signature(LENSES[name]).parameters.values())
    assert [each.name for each in parameters[:3]] == ["context", "model", "image"]
    assert all(each.kind is each.KEYWORD_ONLY for each in parameters[3:])


def test_an_option_that_is_needed_and_missing_gets_a_sentence() -> None:
    with pytest.raises(LensError, match="'convolution' needs the option 'setting'"):
        run_lens("convolution", None, None, {})
