"""Weights on disk: safetensors files, which hold numbers and text and nothing that can be executed.

A file is written under a temporary name and then renamed, so that a reader, or a process killed in
the middle, finds the old file or the new one and never a half.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor


class WeightsError(ValueError):
    """A weights file that cannot be read; the message is one sentence with the way out."""


def save_weights(path: Path, state_dict: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write tensors and text to `path`, replacing what is there at once or not at all.

    Raises:
        OSError: the disk is full or the folder cannot be written; `path` is as it was.
    """
    tensors = {
        name: tensor.detach().to("cpu", copy=True).contiguous()
        for name, tensor in state_dict.items()
    }
    content = save(tensors, metadata=dict(metadata))
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def load_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors, on the CPU, and the metadata of a file `save_weights` wrote.

    Raises:
        WeightsError: there is no such file, or it is not a whole safetensors file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, file.metadata() or {}
    except FileNotFoundError:
        raise WeightsError(f"There are no weights at {path.name}; choose another moment.") from None
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{path.name} cannot be read as weights ({error}); delete it and save it again."
        ) from error
