"""torchvision's pretrained networks: built, given the weights that lie on disk, made fit to look at.

Loading never touches the network; `models.fetch` downloads, and only when somebody asks for it.
"""

from __future__ import annotations

import pickle
import re
from collections import OrderedDict
from typing import Any, Final

import torch
from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights

from models.weights import WeightsError
from models.zoo import ZooNet, find_net, is_on_disk, weights_dir, weights_file

# Heads that only training uses, by the names their weights have.
_AUXILIARY: Final = ("aux1.", "aux2.", "AuxLogits.")
_AS_PUBLISHED: Final[dict[str, dict[str, Any]]] = {
    "googlenet": {"transform_input": True, "aux_logits": False, "init_weights": False},
    "inception_v3": {"transform_input": True, "aux_logits": False, "init_weights": False},
}
_COMPUTED_WIDTHS: Final = {"regnet_y_400mf"}  # by tensor arithmetic, which needs real numbers
# DenseNet's files were written when a dot was allowed in a module's name.
_DENSENET_OLD: Final = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)")


def load_pretrained(name: str) -> tuple[nn.Module, tuple[str, ...]]:
    """A pretrained network from disk, and its classes by index.

    It is in evaluation mode, takes images (N, 3, H, W) normalised with ImageNet's statistics and
    gives logits (N, 1000). Auxiliary heads are left out, and no module works in place, so that what
    a hook sees stays what it was: torchvision's ReLUs overwrite the maps before them. (GoogLeNet,
    Inception and DenseNet also call an in-place `relu` as a function, which no setting changes;
    whoever keeps their maps must copy them at once, as `viz.lenses.recorder` does.)

    Raises:
        ModelError: there is no such network.
        WeightsError: its weights are not on disk, or the file is damaged.
    """
    net = find_net(name)
    if not is_on_disk(name):
        raise WeightsError(
            f"The weights of {net.title} are not on this machine: download them "
            f"({net.megabytes:.0f} MB), put {net.file_name} under {weights_dir()}, or choose a "
            "network that comes with the program."
        )
    device = "cpu" if name in _COMPUTED_WIDTHS else "meta"  # no time for weights to be replaced
    with torch.random.fork_rng(devices=[]), torch.device(device):
        model = get_model(name, weights=None, **_AS_PUBLISHED.get(name, {}))
    try:
        model.load_state_dict(_read(net), assign=True)
    except (
        OSError,
        EOFError,
        RuntimeError,
        ValueError,
        AttributeError,
        pickle.UnpicklingError,
    ) as error:
        raise WeightsError(
            f"The weights of {net.title} under {weights_file(name)} are damaged or of another "
            "network: delete the file and download it again."
        ) from error
    for module in model.modules():
        if getattr(module, "inplace", False):
            module.inplace = False
    categories = get_model_weights(name)["IMAGENET1K_V1"].meta["categories"]
    return model.float().eval(), tuple(categories)


def _read(net: ZooNet) -> OrderedDict[str, Tensor]:
    """The state dict of a file, under the names that torchvision's network has today."""
    stored = torch.load(weights_file(net.name), map_location="cpu", weights_only=True)
    weights = OrderedDict(
        (_DENSENET_OLD.sub(r"\1\2", key), tensor)
        for key, tensor in stored.items()
        if not key.startswith(_AUXILIARY)
    )
    # The versions of the modules that wrote it: MNASNet builds older files another stem.
    weights._metadata = getattr(stored, "_metadata", {})  # type: ignore[attr-defined]
    return weights
