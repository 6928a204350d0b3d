"""What the bar knows without the engine: networks, moments and images by their references."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.catalogue import DataError, DatasetInfo, get_info
from models.layers import summarize
from models.references import ReferenceError
from models.registry import ModelError, list_architectures
from training.history import History
from training.run_store import RunError, RunStatus, RunStore
from training.shipped import ShippedError
from training.spec import DatasetSpec, NamedNetwork, TrainSpec
from ui import runtime
from ui.subject import images, models
from ui.subject.image_picker import pad_size, sheet
from ui.subject.images import (
    DataImage,
    default_image,
    image_title,
    next_index,
    parse_data_image,
    random_index,
)
from ui.subject.models import (
    data_choices,
    default_model,
    find_model,
    run_choices,
    shipped_choices,
)
from ui.subject.moments import find_step, step_title

SHIPPED = "shipped:digits_lenet5"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    found = RunStore(tmp_path / "runs")
    monkeypatch.setattr(runtime, "store", lambda: found)
    return found


def snapshots(store: RunStore, run_id: str, *steps: int) -> None:
    for step in steps:
        store.snapshot_path(run_id, step).write_bytes(b"")


# -- networks ----------------------------------------------------------------------------------


def test_the_first_thing_to_see_is_a_trained_network() -> None:
    assert default_model() == SHIPPED
    model = find_model(default_model())
    assert model.history is not None
    assert len(model.history.steps) > 10
    assert model.options == {}
    assert default_image(model) == "digits/test/0"


def test_a_run_brings_its_title_steps_and_state(store: RunStore) -> None:
    run_id = store.new_run(TrainSpec(title="Mine", dataset=DatasetSpec(name="shapes")))
    snapshots(store, run_id, 0, 3, 12)
    store.write_status(run_id, RunStatus(state="running"))
    model = find_model(f"run:{run_id}@3")
    assert (model.base, model.step, model.title) == (f"run:{run_id}", 3, "Mine")
    assert model.active
    assert model.history is not None
    assert model.history.steps == (0, 3, 12)
    assert default_image(model) == "shapes/test/0"


def test_untrained_weights_carry_their_data_set_to_every_lens() -> None:
    model = find_model("random:resnet20", "shapes")
    assert model.options == {"dataset": {"name": "shapes"}}
    assert model.history is None
    assert default_image(model) == "shapes/test/0"
    assert find_model("random:resnet20").options == {"dataset": {"name": "digits"}}


def test_a_pretrained_network_has_no_images_of_its_own() -> None:
    model = find_model("torchvision:mobilenet_v2")
    assert (model.title, model.history, model.info) == ("MobileNetV2", None, None)
    assert default_image(model) == "sample:chelsea"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("../../etc/passwd", ReferenceError),
        ("", ReferenceError),
        ("run:20260101-000000-aaaa", RunError),
        ("shipped:nothing_here", ShippedError),
        ("torchvision:nothing_here", ModelError),
        ("random:nothing_here", ModelError),
    ],
)
def test_what_names_no_network_is_one_sentence(
    store: RunStore, text: str, error: type[ValueError]
) -> None:
    with pytest.raises(error) as caught:
        find_model(text)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_what_is_no_reference_gets_examples_that_work() -> None:
    with pytest.raises(ReferenceError, match=r"such as shipped:digits_lenet5") as caught:
        find_model("unicorn")
    named = re.findall(r"shipped:\w+", str(caught.value).partition("such as")[2])
    assert named == [choice.base for choice in shipped_choices()]


def test_a_folder_is_told_apart_from_the_set_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVSCOPE_DATA", str(tmp_path))
    for one in ("cat", "dog"):
        folder = tmp_path / "cifar10" / one
        folder.mkdir(parents=True)
        for index in range(12):
            Image.new("RGB", (8, 8), (index, 0, 0)).save(folder / f"{index}.png")
    monkeypatch.setattr(models, "is_available", lambda name: True)
    titles = data_choices()
    assert titles["folder:cifar10"] == "cifar10 (folder)"
    assert titles["cifar10"] == "CIFAR-10"
    model = find_model("random:resnet20", "folder:cifar10")
    assert model.origin == "for cifar10 (folder)"
    elsewhere = image_title("folder:cifar10/test/3", None, find_model(SHIPPED))
    assert elsewhere == "cifar10 (folder) test 3"


@pytest.mark.parametrize(
    ("info", "size", "as_it_is"),
    [
        (get_info("digits"), 28, False),
        (get_info("mnist"), 28, False),
        (get_info("shapes"), 32, True),
        (get_info("shapes", 64), 64, True),
        (replace(get_info("shapes"), shape=(3, 4, 4)), 8, False),
        (replace(get_info("shapes"), shape=(3, 224, 224)), 128, False),
        (None, 128, False),
    ],
)
def test_a_drawing_has_the_size_of_the_network_or_it_is_said(
    info: DatasetInfo | None, size: int, as_it_is: bool
) -> None:
    found, note = pad_size(info)
    assert found == size
    assert ("thumbnail" in note) != as_it_is


def test_an_unknown_data_set_is_told_apart_from_an_unknown_network() -> None:
    with pytest.raises(DataError):
        find_model("random:lenet5", "nothing")


def test_a_run_whose_data_set_is_gone_can_still_be_looked_at(store: RunStore) -> None:
    run_id = store.new_run(TrainSpec(dataset=DatasetSpec(name="folder:gone")))
    model = find_model(f"run:{run_id}")
    assert model.info is None
    assert not model.has_images
    assert default_image(model).startswith("sample:")


def test_lists_name_what_there_is(store: RunStore) -> None:
    assert list(run_choices()) == []
    first = store.new_run(TrainSpec(title="A *first* one"))
    broken = store.new_run(TrainSpec())
    (store.path(broken) / "spec.json").write_text("{")
    [choice] = run_choices()
    assert choice.base == f"run:{first}"
    assert choice.line.startswith("A *first* one · ")
    assert SHIPPED in [one.base for one in shipped_choices()]


@pytest.mark.parametrize("side", [8, 16, 32])
def test_only_architectures_that_take_the_images_are_offered(
    monkeypatch: pytest.MonkeyPatch, side: int
) -> None:
    info = replace(get_info("digits"), shape=(1, side, side))
    monkeypatch.setattr(models, "get_info", lambda name: info)
    offered = {one.base.removeprefix("random:") for one in models.random_choices("digits")}
    for architecture in list_architectures():
        if architecture.name in offered:
            summarize(architecture.layers(info.shape, 10), info.shape, 10)
        else:
            assert architecture.smallest > side
    assert len(offered) == len(list_architectures()) or side < 16


def test_for_unknown_images_no_architecture_is_offered() -> None:
    assert models.random_choices("nothing") == []


# -- moments -----------------------------------------------------------------------------------


@pytest.fixture
def history(store: RunStore) -> History:
    run_id = store.new_run(TrainSpec(network=NamedNetwork(name="lenet5")))
    snapshots(store, run_id, 0, 1, 2, 5, 10, 100)
    found = find_model(f"run:{run_id}").history
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "named", "step", "said"),
    [
        (None, None, None, ""),
        ("5", None, 5, ""),
        ("0", None, 0, ""),
        (None, 10, 10, ""),
        ("2", 10, 2, ""),  # the link's step is newer than the reference's
        ("newest", 10, None, ""),
        ("7", None, 5, "update 5"),
        ("60", None, 100, "update 100"),
        (None, 3, 2, "update 2"),
        ("999999999", None, 100, "update 100"),
        ("9999999999", None, None, "no number"),
        ("-5", None, None, "no number"),
        ("²", None, None, "no number"),
        ("five", None, None, "no number"),
    ],
)
def test_a_link_finds_its_moment(
    history: History, text: str | None, named: int | None, step: int | None, said: str
) -> None:
    found, sentence = find_step(text, named, history)
    assert found == step
    assert bool(sentence) == bool(said)
    assert said in sentence


def test_without_a_past_there_are_no_moments() -> None:
    assert find_step(None, None, None) == (None, "")
    found, said = find_step("5", None, None)
    assert found is None
    assert said.endswith("left out.")


def test_moments_are_called_by_their_update(history: History) -> None:
    assert step_title(5, history, active=True) == "update 5"
    assert step_title(None, history, active=True) == "the newest weights"
    assert step_title(None, history, active=False) == "update 100, the last"


# -- images ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["digits/test/17", "folder:my cats/val/0", "shapes/train/7999", "zip:ab/test/3"]
)
def test_a_data_image_is_read_and_written_alike(text: str) -> None:
    found = parse_data_image(text)
    assert found is not None
    assert str(found) == text


@pytest.mark.parametrize(
    "text", ["", "digits/test", "digits/test/-1", "digits/all/3", "a/b/test/1", "sample:chelsea"]
)
def test_other_references_are_no_data_image(text: str) -> None:
    assert parse_data_image(text) is None


def test_images_have_names_for_people() -> None:
    model = find_model(SHIPPED)
    assert image_title("digits/test/1234", "7", model) == "Test 1,234 · class 7"
    assert image_title("digits/val/3", None, model) == "Validation 3"
    assert image_title("shapes/test/3", None, model) == "Shapes and textures test 3"
    assert image_title("sample:chelsea", None, model) == "Chelsea the cat"
    assert image_title("drawn:" + "0" * 64, None, model) == "Your drawing"
    assert image_title("upload:" + "0" * 64, None, model) == "Your picture"


def test_stepping_goes_round_and_keeps_to_the_class() -> None:
    image = DataImage("digits", "test", 4)
    members = [0, 4, 9]
    assert next_index(image, 1, members).index == 9
    assert next_index(image, -1, members).index == 0
    assert next_index(DataImage("digits", "test", 9), 1, members).index == 0
    assert next_index(DataImage("digits", "test", 0), -1, members).index == 9
    assert next_index(DataImage("digits", "test", 5), 1, members).index == 9  # not one of them
    assert next_index(DataImage("digits", "test", 5), -1, members).index == 4


def test_a_random_image_is_another_one() -> None:
    image = DataImage("digits", "test", 4)
    assert {random_index(image, [4, 9]).index for _ in range(20)} == {9}
    assert random_index(image, [4]).index == 4


def test_split_sizes_are_those_of_the_catalogue() -> None:
    info = get_info("digits")
    assert [images.split_size(info, split) for split in ("train", "val", "test")] == [
        1257,
        180,
        360,
    ]


def test_a_sheet_keeps_every_pixel_in_its_place() -> None:
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (5, 6, 7, 3), np.uint8)
    png, grid = sheet(small, columns=3, gap=2)
    assert (grid.rows, grid.columns, grid.tile, grid.count) == (2, 3, (6, 7), 5)
    pixels = np.asarray(Image.open(io.BytesIO(png)))
    assert pixels.shape == (2 * 8 - 2, 3 * 9 - 2, 4)
    np.testing.assert_array_equal(pixels[8:14, 9:16, :3], small[4])
    assert pixels[8:14, 18:, 3].max() == 0, "the place without an image is transparent"
    gray, _ = sheet(small[..., :1], columns=3, gap=2)
    shades = np.asarray(Image.open(io.BytesIO(gray)))[:6, :7, :3]
    np.testing.assert_array_equal(shades, small[0, :, :, :1].repeat(3, axis=2))
