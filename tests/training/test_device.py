"""The device asked for, or the CPU and a sentence."""

from __future__ import annotations

import pytest
import torch

from training.device import device_title, pick_device


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.usefixtures("bare")
def test_without_a_gpu() -> None:
    cpu = torch.device("cpu")
    assert pick_device("auto") == (cpu, "")
    assert pick_device("cpu") == (cpu, "")
    assert pick_device("cuda") == (cpu, "There is no CUDA GPU here, so this run uses the CPU.")
    assert pick_device("mps") == (
        cpu,
        "There is no Apple GPU (MPS) here, so this run uses the CPU.",
    )


def test_gpus_are_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert pick_device("auto")[0].type == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    assert pick_device("auto") == (torch.device("cuda", 0), "")
    assert pick_device("cpu")[0].type == "cpu"


def test_title() -> None:
    assert device_title(torch.device("cpu")) == "CPU"
