"""Weight files: they round-trip, replace at once, and bad ones are told as sentences."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch

from models.build import build_network
from models.registry import get_architecture
from models.weights import WeightsError, load_weights, save_weights


def test_round_trip_of_a_network_and_its_metadata(tmp_path: Path) -> None:
    layers = get_architecture("resnet8").layers((1, 16, 16), 10)
    state = build_network(layers, (1, 16, 16), 10, seed=1).state_dict()
    save_weights(tmp_path / "1.safetensors", state, {"step": "1"})
    loaded, metadata = load_weights(tmp_path / "1.safetensors")
    assert metadata == {"step": "1"}
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[name], state[name]) for name in state)
    assert [path.name for path in tmp_path.iterdir()] == ["1.safetensors"]


def test_transposed_and_shared_memory_is_saved(tmp_path: Path) -> None:
    matrix = torch.arange(6.0).reshape(2, 3)
    save_weights(tmp_path / "w", {"a": matrix.T, "b": matrix, "c": matrix[0]}, {})
    loaded, metadata = load_weights(tmp_path / "w")
    assert torch.equal(loaded["a"], matrix.T)
    assert torch.equal(loaded["c"], matrix[0])
    assert metadata == {}


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "w"
    save_weights(path, {"a": torch.ones(3)}, {})

    def full_disk(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_weights(path, {"a": torch.zeros(3)}, {})
    assert torch.equal(load_weights(path)[0]["a"], torch.ones(3))
    assert [entry.name for entry in tmp_path.iterdir()] == ["w"]


def test_loaded_tensors_do_not_follow_the_file(tmp_path: Path) -> None:
    """A snapshot may be deleted or replaced while a lens still looks at it."""
    path = tmp_path / "w"
    save_weights(path, {"a": torch.ones(1000)}, {})
    loaded, _ = load_weights(path)
    save_weights(path, {"a": torch.zeros(1000)}, {})
    assert loaded["a"].sum() == 1000
    loaded["a"].add_(1)
    assert load_weights(path)[0]["a"].sum() == 0


@pytest.mark.parametrize("content", [b"", b"\x80\x02pickle", b"\xff" * 100])
def test_what_is_no_weights_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w").write_bytes(content)
    with pytest.raises(WeightsError, match="cannot be read as weights"):
        load_weights(tmp_path / "w")


def test_a_torn_file_and_a_missing_one(tmp_path: Path) -> None:
    save_weights(tmp_path / "w", {"a": torch.ones(1000)}, {})
    whole = (tmp_path / "w").read_bytes()
    (tmp_path / "w").write_bytes(whole[:-10])
    with pytest.raises(WeightsError, match="cannot be read as weights"):
        load_weights(tmp_path / "w")
    with pytest.raises(WeightsError, match="no weights at gone"):
        load_weights(tmp_path / "gone")
