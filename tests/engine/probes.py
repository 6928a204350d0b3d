"""What the forkserver tests run inside a worker."""

from __future__ import annotations

import os
import resource
import sys
from multiprocessing.connection import Connection
from typing import Any


def ask(threads: int, pipe: Connection[Any, Any]) -> None:
    """Send facts about this worker and the process it was forked from."""
    preloaded = {"torch._dynamo", "training.loop", "viz.lenses", "data.load"} <= set(sys.modules)
    import torch

    facts = {
        "forkserver": os.getppid(),
        "preloaded": preloaded,
        "cuda_initialized": torch.cuda.is_initialized(),  # type: ignore[no-untyped-call]
        "bad_fork": torch.cuda._is_in_bad_fork(),
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
        "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
    }
    torch.set_num_threads(threads)
    weights = torch.randn(8, 1, 3, 3, requires_grad=True)
    images = torch.randn(64, 1, 32, 32)
    loss = torch.nn.functional.conv2d(images, weights).square().sum()
    torch.autograd.backward(loss)  # uses the pool
    facts["learned"] = weights.grad is not None
    facts["torch_threads"] = torch.get_num_threads()
    pipe.send(facts)
