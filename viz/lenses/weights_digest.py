"""What a network's weights are, in a few letters: the same module holds others at another moment, so
whatever is kept of a network is kept by them.
"""

from __future__ import annotations

import hashlib

from torch import nn


def digest_weights(net: nn.Module) -> str:
    """Of the layers, and of the names and values of all parameters and buffers."""
    found = hashlib.blake2b(str(net).encode(), digest_size=16)
    for name, values in net.state_dict().items():
        found.update(name.encode())
        found.update(values.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()
