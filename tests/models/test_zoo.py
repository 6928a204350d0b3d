"""The table of pretrained networks against torchvision, which publishes them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch.hub
from torchvision.models import get_model_weights

from models.architectures.base import ModelError
from models.zoo import (
    ZOO,
    find_net,
    is_on_disk,
    progress_path,
    read_progress,
    weights_dir,
    weights_file,
)

NAMES = [net.name for net in ZOO]


@pytest.mark.parametrize("name", NAMES)
def test_the_table_is_torchvisions(name: str) -> None:
    net, weights = find_net(name), get_model_weights(name)["IMAGENET1K_V1"]
    preset = weights.transforms()
    assert net.url == weights.url
    assert net.megabytes == pytest.approx(weights.meta["_file_size"], abs=0.06)
    if name != "inception_v3":  # torchvision counts the auxiliary head
        assert net.num_params == weights.meta["num_params"]
    assert [net.input_side] == preset.crop_size
    assert [net.resize] == preset.resize_size
    assert net.interpolation == preset.interpolation.value
    assert tuple(preset.mean) == (0.485, 0.456, 0.406)
    assert not net.note or net.note.endswith(".")


def test_names_are_unique_and_titles_too() -> None:
    assert len({net.name for net in ZOO}) == len(ZOO) == len({net.title for net in ZOO})


def test_the_parameters_of_the_paper_beside_those_that_ship() -> None:
    """AlexNet of 2012, counted: the note must not be wrong about it."""
    groups = [(96, 3, 11), (256, 48, 5), (384, 256, 3), (384, 192, 3), (256, 192, 3)]
    convolutions = sum(out * (inputs * side * side + 1) for out, inputs, side in groups)
    linear = 9217 * 4096 + 4097 * 4096 + 4097 * 1000
    assert f"{convolutions + linear:,}" == "60,965,224"
    assert "60,965,224" in find_net("alexnet").note
    published = get_model_weights("inception_v3")["IMAGENET1K_V1"].meta["num_params"]
    assert f"{published:,}" in find_net("inception_v3").note


def test_unknown_names_get_the_closest() -> None:
    with pytest.raises(ModelError, match=r"'resnet19' here: try .*resnet18"):
        find_net("resnet19")
    assert not is_on_disk("resnet19")
    assert not is_on_disk("../../etc/passwd")


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"TORCH_HOME": "/elsewhere"},
        {"TORCH_HOME": "~/here"},
        {"XDG_CACHE_HOME": "/caches"},
        {"TORCH_HOME": "/elsewhere", "XDG_CACHE_HOME": "/caches"},
    ],
)
def test_weights_lie_where_torch_puts_them(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert weights_dir() == Path(torch.hub.get_dir()) / "checkpoints"


def test_a_file_in_its_place_is_on_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert not is_on_disk("resnet18")
    weights_file("resnet18").parent.mkdir(parents=True)
    weights_file("resnet18").touch()
    assert is_on_disk("resnet18")


def test_progress_is_read_until_it_is_stale(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert read_progress("resnet18") is None
    path = progress_path("resnet18")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"done_bytes": 3, "total_bytes": 12}))
    progress = read_progress("resnet18")
    assert progress is not None
    assert (progress.done_bytes, progress.total_bytes) == (3, 12)
    old = path.stat().st_mtime - 60
    os.utime(path, (old, old))
    assert read_progress("resnet18") is None
    path.write_text("{")
    assert read_progress("resnet18") is None
