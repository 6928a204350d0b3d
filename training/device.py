"""Chooses where a run computes, and says so in a sentence when it is not where it was asked to."""

from __future__ import annotations

import torch

from training.spec import DeviceName

_TITLES = {"cuda": "CUDA GPU", "mps": "Apple GPU (MPS)"}


def pick_device(name: DeviceName) -> tuple[torch.device, str]:
    """The device to compute on and a note.

    `auto` takes CUDA, else MPS, else the CPU. A device that is asked for by name and is not there is
    replaced by the CPU; the note then says so. Otherwise the note is empty.
    """
    if name == "cpu":
        return torch.device("cpu"), ""
    if name in ("auto", "cuda") and torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device()), ""
    if name in ("auto", "mps") and torch.backends.mps.is_available():
        return torch.device("mps"), ""
    if name == "auto":
        return torch.device("cpu"), ""
    return torch.device("cpu"), f"There is no {_TITLES[name]} here, so this run uses the CPU."


def device_title(device: torch.device) -> str:
    """What to call a device in a caption: `CPU`, `MPS` or the name of the GPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()
