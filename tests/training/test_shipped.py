"""The networks that come with the program: all there, as good as their cards say, and guarded."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from data.catalogue import get_info
from data.load import load_dataset
from data.pixels import Normalizer
from models.build import build_network
from models.weights import load_weights
from training import shipped
from training.batches import OnDevice
from training.evaluate import evaluate
from training.network import spec_layers
from training.ship import PLANS
from training.shipped import (
    ShippedError,
    card_path,
    events_path,
    find_shipped,
    list_shipped,
    shipped_path,
)

NAMES = ["digits_lenet5", "shapes_cnn", "shapes_resnet8"]
LEAST = {"digits_lenet5": 0.98, "shapes_cnn": 0.90, "shapes_resnet8": 0.95}


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped digits net somewhere it may be damaged."""
    shutil.copytree(shipped.ROOT / "digits_lenet5", tmp_path / "digits_lenet5")
    shutil.copy(shipped.ROOT / shipped.DIGESTS, tmp_path)
    monkeypatch.setattr(shipped, "ROOT", tmp_path)
    return tmp_path


def test_they_are_those_of_the_command() -> None:
    nets = list_shipped()
    assert [net.name for net in nets] == NAMES == sorted(plan.name for plan in PLANS)
    specs = {plan.name: plan.spec for plan in PLANS}
    for net in nets:
        assert net.spec == specs[net.name]
        assert net.title == net.spec.title
        assert list(net.steps) == sorted(set(net.steps))
        assert net.steps[:2] == (0, 1)


@pytest.mark.parametrize("name", NAMES)
def test_every_moment_loads_and_the_last_is_as_accurate_as_told(name: str) -> None:
    net = find_shipped(name)
    spec, info = net.spec, get_info(net.spec.dataset.name)
    model = build_network(spec_layers(spec, info), info.shape, len(info.classes), seed=1)
    for step in net.steps:
        weights, metadata = load_weights(shipped_path(name, step))
        model.load_state_dict(weights)
        assert metadata == {"step": str(step)}
        assert all(torch.isfinite(tensor).all() for tensor in weights.values())
    assert shipped_path(name) == shipped_path(name, net.steps[-1])
    cpu = torch.device("cpu")
    test = load_dataset(info.name).test
    scores = evaluate(model, OnDevice(test, cpu), Normalizer(info, cpu), len(info.classes))
    # Another machine may round otherwise: at most one image in 200.
    assert scores.accuracy == pytest.approx(net.test_accuracy, abs=0.005)
    assert net.test_accuracy >= LEAST[name]
    assert f"{100 * net.test_accuracy:.2f} %" in card_path(name).read_text(encoding="utf-8")


def test_every_file_is_in_git_sized_and_named_in_the_digests() -> None:
    files = [path for path in shipped.ROOT.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 5_000_000
    listed = {(shipped.ROOT / file) for file in shipped._digests()}
    assert listed == set(files) - {shipped.ROOT / shipped.DIGESTS}
    done = subprocess.run(
        ["git", "check-ignore", *map(str, files)],  # noqa: S607
        cwd=shipped.ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == ""


def test_an_altered_file_is_refused_and_a_restored_one_taken(copied: Path) -> None:
    path = shipped_path("digits_lenet5", 100)
    assert path.parent.parent.parent == copied
    good = path.read_bytes()
    path.write_bytes(good[:-4] + b"\0\0\x80\x3f")
    with pytest.raises(ShippedError, match=r"digits_lenet5/snapshots/100\.safetensors is not the one"):  # fmt: skip
        shipped_path("digits_lenet5", 100)
    assert shipped_path("digits_lenet5", 10)  # the others still serve
    path.write_bytes(good + b"\0")
    with pytest.raises(ShippedError, match=r"python -m training\.ship"):
        shipped_path("digits_lenet5", 100)
    path.write_bytes(good)
    assert shipped_path("digits_lenet5", 100) == path


def test_a_digest_is_computed_once_for_a_file(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped_path("digits_lenet5", 22)
    monkeypatch.setattr(shipped, "compute_digest", None)  # calling it would fail
    assert shipped_path("digits_lenet5", 22)


@pytest.mark.parametrize("file", ["spec.json", "events.jsonl", "latest.safetensors"])
def test_a_missing_file_is_a_sentence(file: str, copied: Path) -> None:
    (copied / "digits_lenet5" / file).unlink()
    with pytest.raises(ShippedError, match=rf"digits_lenet5/{file} of the program is missing: install"):  # fmt: skip
        shipped_path("digits_lenet5")


def test_what_is_damaged_is_not_listed(copied: Path) -> None:
    assert [net.name for net in list_shipped()] == ["digits_lenet5"]  # the others were not copied
    (copied / "digits_lenet5" / "spec.json").write_text("{}")
    assert list_shipped() == ()


@pytest.mark.parametrize("content", [None, "", "[1]", "3", "{"])
def test_without_digests_there_are_none(content: str | None, copied: Path) -> None:
    (copied / shipped.DIGESTS).unlink()
    if content is not None:
        (copied / shipped.DIGESTS).write_text(content)
    assert list_shipped() == ()
    with pytest.raises(ShippedError, match=r"comes with the program: install the program again"):
        find_shipped("digits_lenet5")


def test_names_and_moments_that_are_not_there() -> None:
    with pytest.raises(ShippedError, match=r"'digits_lenet' comes with the program: choose digits_lenet5"):  # fmt: skip
        find_shipped("digits_lenet")
    with pytest.raises(ShippedError, match=r"keeps no weights of update 101: near it are 83, 100, 121\."):  # fmt: skip
        shipped_path("digits_lenet5", 101)
    with pytest.raises(ShippedError, match="No network called"):
        events_path("../../etc")
    with pytest.raises(ShippedError, match="No network called"):
        card_path("")


def test_nothing_here_imports_torch() -> None:
    code = (
        "import sys; from training.shipped import list_shipped\n"
        "assert list_shipped(); print('torch' in sys.modules)"
    )
    done = subprocess.run(  # our own interpreter, our own text
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, timeout=60, cwd=shipped.ROOT.parents[1],
    )  # fmt: skip
    assert done.stdout.strip() == "False"
