"""Where images live on disk, and the one error type of this package. Nothing here imports torch."""

from __future__ import annotations

import os
import re
from pathlib import Path

DIGEST = re.compile(r"[0-9a-f]{64}")


class DataError(ValueError):
    """A data set that cannot be had; the message is one sentence with the way out."""


def data_dir() -> Path:
    """The folder that holds every data set: `CONVSCOPE_DATA`, or `~/.cache/convscope`."""
    named = os.environ.get("CONVSCOPE_DATA")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "convscope"


def uploads_dir() -> Path:
    """Where uploaded archives and pictures are kept, by the digest of their bytes."""
    return data_dir() / "uploads"


def check_digest(digest: str) -> str:
    """`digest` itself, once it is surely a SHA-256 in hex and so no path.

    Raises:
        DataError: for anything else.
    """
    if not DIGEST.fullmatch(digest):
        raise DataError(
            f"{digest[:60]!r} names no upload (64 hexadecimal digits do): upload the file again."
        )
    return digest
