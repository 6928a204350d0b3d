"""Which lenses take long, and which read more than weights. Apart from the lenses, because the engine
asks and must not import torch.

A long lens takes seconds where the others take some hundredths of one, and nobody redraws it while a
network trains: the engine gives it a worker of its own, so that live pictures do not wait behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from viz.attribution.table import METHODS

LONG_LENSES: Final = frozenset(
    {
        *("export", "evaluation", "history", "filter_moves", "fetch_weights", "lesion"),
        *("best_patches", "map_statistics", "gradient_support", "effective_field"),
        *("filter_activity", "edit_accuracy"),
        *("faithfulness", "road", "robustness", "ground_truth", "shortcut"),
        *("neighbours", "label_check", "patch_effects", "attack_curve", "attack_accuracy"),
        *("feature_visualization", "visualization_ablation"),
        *("deep_dream", "feature_inversion", "style_transfer"),
        *("randomisation", "twin_comparison"),
    }
)

CHECKPOINT_LENSES: Final = frozenset({"filter_learning"})
"""What these answer changes with a run's checkpoint, too."""

MANY_PASSES: Final = 200
"""Through a small network for one image: what asks for more is long, whatever lens asks."""
MANY_LARGE_PASSES: Final = 10
"""Likewise through one of torchvision's, where a pass takes a hundred times as long."""
_TYPICAL: Final = (3, 32, 32)  # the engine knows the settings of a method, not its network's images


def takes_long(lens: str, model: str | None, options: Mapping[str, Any]) -> bool:
    """Whether a request belongs on a long lane: by its lens, or by the method it asks for."""
    if lens == "attack":  # one step through a small network is a matter of milliseconds
        return options.get("method") == "pgd" or (model or "").startswith("torchvision:")
    method = METHODS.get(str(options.get("method"))) if lens == "attribution" else None
    if method is None:
        return lens in LONG_LENSES
    try:
        settings = method.settings(options.get("settings") or {})
    except ValueError:  # the lens says what is wrong with them
        return False
    large = model is not None and model.startswith("torchvision:")
    passes = method.cost(settings, _TYPICAL).passes
    return passes > (MANY_LARGE_PASSES if large else MANY_PASSES)
