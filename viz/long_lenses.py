"""Which lenses take long, and which read more than weights. Apart from the lenses, because the engine
asks and must not import torch.

A long lens takes seconds where the others take some hundredths of one, and nobody redraws it while a
network trains: the engine gives it a worker of its own, so that live pictures do not wait behind it.
"""

from __future__ import annotations

from typing import Final

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
