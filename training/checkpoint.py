"""Keeps a training so that it can go on, to the bit, after a crash at any moment.

A checkpoint is written to a temporary name, synced and renamed, so that whatever is killed when, the
old or the new one is there and whole. It is read with `weights_only=True`: no code in it is run.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path
from typing import Any

import torch

from training.spec import TrainSpec
from training.state import TrainState

_VERSION = 1


class CheckpointError(ValueError):
    """A checkpoint that cannot be used; the message is one sentence with the way out."""


def spec_digest(spec: TrainSpec) -> str:
    """What makes two specs the same training: everything but the title and the device."""
    text = spec.model_dump_json(exclude={"title", "device"})
    return hashlib.sha256(text.encode()).hexdigest()


def save(path: Path, state: TrainState) -> bool:
    """Write the state of a training that is suspended between two updates.

    Returns:
        False, with nothing written, when a weight is not a number: there is nothing worth keeping,
        and the older checkpoint stays. The loop itself reports the failure at its next Progress.

    Raises:
        OSError: when the disk is full or the directory is gone; the older checkpoint stays.
    """
    if not state.is_finite():
        return False
    values = {"version": _VERSION, "spec": spec_digest(state.spec), "state": state.state_dict()}
    temporary = path.with_name(f"{path.name}.tmp.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            torch.save(values, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except (OSError, RuntimeError) as error:
        temporary.unlink(missing_ok=True)
        raise error if isinstance(error, OSError) else OSError(str(error)) from error
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return True


def load(path: Path, state: TrainState) -> None:
    """Put a fresh state of the same spec where the checkpoint was.

    Raises:
        CheckpointError: when it is missing, damaged, or of another spec or version.
    """
    try:
        values: dict[str, Any] = torch.load(path, map_location=state.device, weights_only=True)
        version, digest, content = values["version"], values["spec"], values["state"]
    except FileNotFoundError as error:
        raise CheckpointError(
            f"There is no checkpoint {path.name} yet: start the run from its beginning."
        ) from error
    except (OSError, EOFError, RuntimeError, KeyError, TypeError, pickle.UnpicklingError) as error:
        raise CheckpointError(
            f"The checkpoint {path.name} is damaged: start the run from its beginning."
        ) from error
    if version != _VERSION:
        raise CheckpointError(
            f"The checkpoint has version {version} and this program reads version {_VERSION}: "
            "start the run from its beginning."
        )
    if digest != spec_digest(state.spec):
        raise CheckpointError(
            "The checkpoint belongs to another spec than this run's: start the run from its beginning."
        )
    state.load_state_dict(content)
