"""What is wrong with a request ends in one sentence, through the door that everybody uses."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import viz.lenses
from data.archives import store_image
from data.imagenet import imagenet_info
from data.paths import DataError
from engine.people import sentence_of
from tests.bad_pictures import broken, odd
from tests.viz.lenses.conftest import WriteWeights
from training import shipped
from training.run_store import RunStore
from viz.lenses import LENSES, run_lens
from viz.lenses.context import LensContext, Subject
from viz.lenses.pictures import fit

ODD, BROKEN = odd(), broken()
NET = "shipped:digits_lenet5"


@pytest.fixture(autouse=True)
def _only_this_test(context: LensContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Lenses see the runs and the uploads of this test only."""
    monkeypatch.setenv("CONVSCOPE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(viz.lenses, "_context", lambda: context)


def look(name: str, model: str | None, image: str | None, options: dict[str, Any]) -> Any:
    """The first result of a lens; one that streams refuses when it is asked for that."""
    found = run_lens(name, model, image, options)
    return next(found) if isinstance(found, Iterator) else found


def refused(name: str, model: str | None, image: str | None, **options: Any) -> str:
    """The sentence a lens refuses with."""
    with pytest.raises(ValueError, match=r"\S") as caught:
        look(name, model, image, options)
    sentence = sentence_of(caught.value)
    assert sentence is not None, repr(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith((".", "?"))
    return sentence


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("model", [NET, "shipped:shapes_cnn"])
def test_odd_pictures_are_shown(kind: str, model: str) -> None:
    found = run_lens("classify", model, f"upload:{store_image(ODD[kind])}", {})
    assert found.probs.sum() == pytest.approx(1, abs=1e-5)
    assert np.isfinite(found.probs).all()


@pytest.mark.parametrize("kind", ["CMYK", "16-bit", "animated", "EXIF-rotated", "misnamed"])
def test_odd_pictures_are_shown_right(kind: str) -> None:
    """The disc is bright and where it was, upright, in the first frame."""
    image = run_lens("classify", "shipped:shapes_cnn", f"upload:{store_image(ODD[kind])}", {}).image
    assert image.shape == (32, 32, 3)
    assert image[16, 8:12].mean() > 100  # the disc's centre: (20, 20) of 60×40, the middle cut out
    assert image[16, 28:].mean() < 60
    assert image[:3].mean() < 60


@pytest.mark.parametrize("kind", ODD)
def test_odd_pictures_fit_a_network_of_photos(kind: str, context: LensContext) -> None:
    like = context.subject(NET)
    subject = Subject(like.net, "Some", imagenet_info(["a", "b"]), None, 0, None, None)
    fitted, _ = fit(context, f"upload:{store_image(ODD[kind])}", subject)
    assert fitted.batch.shape == (1, 3, 224, 224)


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_pictures_are_refused(kind: str) -> None:
    content, words = BROKEN[kind]
    for name in ("classify", "feature_maps"):
        assert words in refused(name, NET, f"upload:{store_image(content)}")


def test_an_upload_that_is_gone_is_said(tmp_path: Path) -> None:
    digest = store_image(ODD["1×1"])
    run_lens("classify", NET, f"upload:{digest}", {})
    for path in (tmp_path / "data" / "uploads").iterdir():
        path.unlink()
    assert "not kept here any more" in refused("classify", NET, f"upload:{digest}")


def test_empty_and_oversized_files_are_not_even_kept() -> None:
    with pytest.raises(DataError, match="The picture is empty"):
        store_image(b"")
    with pytest.raises(DataError, match="up to 20 MB"):
        store_image(bytes((20 << 20) + 1))


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (None, "names no image"),
        ("", "names no image"),
        ("digits", "names no image"),
        ("digits/test/-1", "names no image"),
        ("digits/test/360", "has 360 images, counted from 0"),
        ("digits/nosuch/1", "names no image"),
        ("nosuch/test/1", "no data set 'nosuch'"),
        ("imagenet/val/1", "no data set 'imagenet'"),
        ("cifar10/test/1", "CIFAR-10 is not on this machine yet"),
        ("sample:nosuch", "no sample picture 'nosuch'"),
        ("upload:../../etc/passwd", "names no image"),
        (f"upload:{'a' * 64}", "not kept here any more"),
        ("x" * 100_000, "names no image"),
    ],
)
def test_images_that_are_not_there(image: str | None, words: str) -> None:
    sentence = refused("classify", NET, image)
    assert words in sentence
    assert len(sentence) < 400


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (None, "name one"),
        ("nosuch", "names no network"),
        ("run:20260101-000000-aaaa", "Run 20260101-000000-aaaa is not here"),
        ("shipped:nosuch", "No network called 'nosuch' comes with the program"),
        (f"{NET}@3000", "no weights of update 3000"),
        ("torchvision:nosuch", "no pretrained network called 'nosuch'"),
        ("torchvision:vgg16", r"VGG-16 are not on this machine"),
        ("random:nosuch", "no network called 'nosuch'"),
    ],
)
def test_networks_that_are_not_there(
    model: str | None, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name in ("network", "feature_maps", "filters"):
        assert words in refused(name, model, "digits/test/1")


WITH_LAYER = [
    name
    for name, look in sorted(LENSES.items())
    if inspect.signature(look).parameters.keys() & {"layer", "layers"}
]


@pytest.mark.parametrize("name", WITH_LAYER)
@pytest.mark.parametrize("layer", ["conv9", "conv1.weight", "../conv1", "x" * 50_000])
def test_layers_that_do_not_exist(name: str, layer: str) -> None:
    """Whatever the lens: it says so, and what there is instead."""
    many = "layers" in inspect.signature(LENSES[name]).parameters
    option: dict[str, Any] = {"layers": [layer]} if many else {"layer": layer}
    if name == "twin_comparison":
        option["twin"] = NET
    net = "shipped:shapes_cnn" if name in {"ground_truth", "shortcut"} else NET  # with object masks
    sentence = refused(name, net, "digits/test/1", **option)
    assert len(sentence) < 1500
    assert "conv1" in sentence or "layer" in sentence


def test_a_snapshot_deleted_meanwhile(run_id: str, write: WriteWeights, store: RunStore) -> None:
    write(seed=1, step=8, snapshot=True)
    write(seed=2, step=16, snapshot=True)
    model = f"run:{run_id}@8"
    run_lens("network", model, None, {})
    store.snapshot_path(run_id, 8).unlink()
    for name in ("network", "feature_maps", "filters"):
        sentence = refused(name, model, "digits/test/1")
        assert "keeps no weights of update 8: near it are 16" in sentence
    run_lens("network", f"run:{run_id}@16", None, {})


def test_a_snapshot_deleted_between_two_looks_at_the_disk(
    run_id: str, write: WriteWeights, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(seed=1, step=8, snapshot=True)
    store.snapshot_path(run_id, 8).unlink()
    monkeypatch.setattr(RunStore, "snapshot_steps", lambda *_: [8])  # it was listed just before
    assert "8.safetensors" in refused("network", f"run:{run_id}@8", None)


def test_a_run_deleted_meanwhile(run_id: str, write: WriteWeights, store: RunStore) -> None:
    write(seed=1, step=8)
    run_lens("network", f"run:{run_id}", None, {})
    store.delete(run_id)
    assert "is not here" in refused("network", f"run:{run_id}", None)


@pytest.mark.parametrize("content", [b"", b"torn", b"\xff" * 64])
def test_torn_weights_are_said(content: bytes, run_id: str, store: RunStore) -> None:
    store.weights_path(run_id).write_bytes(content)
    assert "cannot be read as weights" in refused("network", f"run:{run_id}", None)


def test_weights_of_another_network_are_said(
    run_id: str, write: WriteWeights, store: RunStore
) -> None:
    write(seed=1, step=8)
    other = shipped.shipped_path("digits_lenet5").read_bytes()
    store.weights_path(run_id).write_bytes(other)
    assert "do not fit its network" in refused("network", f"run:{run_id}", None)
    write(seed=1, step=9)
    assert run_lens("network", f"run:{run_id}", None, {}).step == 9
