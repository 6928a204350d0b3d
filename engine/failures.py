"""Says what went wrong in a job worker: a reason for the program and a sentence for people."""

from __future__ import annotations

import errno
import traceback
from pathlib import Path
from typing import Final

import torch

from engine.people import sentence_of
from training.events import FailReason

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# torch and safetensors keep the text of the system's error and lose its number.
_FULL_TEXTS: Final = ("No space left", "quota exceeded", "File too large")
# torch's CPU allocator raises a bare RuntimeError.
_CPU_OUT_OF_MEMORY: Final = ("can't allocate memory", "not enough memory", "Cannot allocate memory")


def write_traceback(error: BaseException, run_directory: Path) -> None:
    """Keep the details of a mistake of the program as `error.txt` in the run's directory.

    Raises:
        OSError: when that cannot be written.
    """
    text = "".join(traceback.format_exception(error))
    (run_directory / "error.txt").write_text(text, encoding="utf-8")


def explain(error: BaseException, run_directory: Path) -> tuple[FailReason, str]:
    """Reason and sentence for what ended a worker."""
    sentence = sentence_of(error)
    if sentence is not None:
        return "user_error", sentence
    if isinstance(error, torch.OutOfMemoryError):
        return "oom_gpu", (
            "The GPU ran out of memory: use a smaller batch, a smaller network, or device cpu."
        )
    if isinstance(error, MemoryError) or any(text in str(error) for text in _CPU_OUT_OF_MEMORY):
        return "oom_cpu", "Memory ran out: use a smaller batch or a smaller network."
    if getattr(error, "errno", None) in _FULL or any(text in str(error) for text in _FULL_TEXTS):
        return "disk_full", (
            "The disk with the run directory is full: free some space, then resume the run from "
            "its last checkpoint."
        )
    if isinstance(error, OSError):
        return "user_error", (
            f"A file could not be read or written ({error}): see that {run_directory} is there and "
            "writable, then resume the run."
        )
    return "bug", (
        f"ConvScope made a mistake ({type(error).__name__}); the details are in error.txt in the "
        "run's directory. The run can be resumed from its last checkpoint."
    )
