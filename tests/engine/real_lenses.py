"""The real lenses, for workers whose environment a test cannot set, and a gate to hold them at."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from viz.lenses import run_lens


def run(name: str, model: str | None, image: str | None, options: dict[str, Any]) -> Any:
    """As `run_lens`. Options that begin with an underscore are for this function.

    `_data`: CONVSCOPE_DATA of the worker. `_begun`: a file to write the process into; the lens is then held for ever,
    in the middle of a look as far as anybody can tell.
    """
    own = {key: options.pop(key) for key in ("_data", "_begun") if key in options}
    if "_data" in own:
        os.environ["CONVSCOPE_DATA"] = own["_data"]
    if "_begun" in own:
        Path(own["_begun"]).write_text(str(os.getpid()))
        while True:
            time.sleep(0.01)
    return run_lens(name, model, image, options)
