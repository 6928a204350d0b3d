"""Fetching weights on purpose: what is there is not fetched, what cannot be is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from models import fetch
from models.weights import WeightsError
from models.zoo import weights_file
from viz.lenses.context import LensContext
from viz.lenses.fetch_weights import fetch_weights
from viz.lenses.registry import LensError
from viz.long_lenses import LONG_LENSES


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path


def test_weights_on_disk_are_not_fetched_again(
    context: LensContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "urlopen", None)  # calling it would fail
    weights_file("resnet18").parent.mkdir(parents=True)
    weights_file("resnet18").write_bytes(b"123")
    found = fetch_weights(context, "torchvision:resnet18", None, press="1")
    assert (found.title, found.file_name) == ("ResNet-18", "resnet18-f37072fd.pth")
    assert found.num_bytes == 3


def test_without_network_it_is_a_sentence(
    context: LensContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: object, **__: object) -> None:
        raise OSError("[Errno -3] Temporary failure in name resolution")

    monkeypatch.setattr(fetch, "urlopen", offline)
    with pytest.raises(WeightsError, match=r"ResNet-18 \(45 MB\) could not be downloaded: connect"):
        fetch_weights(context, "torchvision:resnet18", None)


@pytest.mark.parametrize("model", ["random:lenet5", "shipped:digits_lenet5"])
def test_other_networks_are_not_downloaded(model: str, context: LensContext) -> None:
    with pytest.raises(LensError, match=rf"{model} is not downloaded: only torchvision:<name>"):
        fetch_weights(context, model, None)


def test_a_download_does_not_hold_up_pictures() -> None:
    assert "fetch_weights" in LONG_LENSES
