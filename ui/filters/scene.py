"""What every view of the Filters page needs to know about what is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ui.looking import glance
from ui.subject.bar import Chosen
from viz.results import Filters

LOOK_SECONDS = 60.0


@dataclass(frozen=True)
class Scene:
    """One layer of one network, and one of its filters."""

    chosen: Chosen
    layer: str
    first: bool  # whether this convolution reads the image itself
    number: int  # of the filter
    count: int  # filters of the layer

    def look(self, lens: str, **options: Any) -> Any:
        """A lens on this layer.

        Raises:
            EngineError: what `glance` raises.
        """
        return glance(
            lens, self.chosen.model, options.pop("image", None), layer=self.layer,
            timeout=options.pop("timeout", LOOK_SECONDS), **options, **self.chosen.options,
        )  # fmt: skip

    def in_color(self, found: Filters) -> bool:
        """Whether the filters read red, green and blue."""
        return self.first and found.num_inputs == 3

    def input_name(self, channel: int, found: Filters, number: int | None = None) -> str:
        """What an input channel of a filter is called; default: of the chosen filter."""
        if self.in_color(found):
            return ("red", "green", "blue")[channel]
        if self.first and found.num_inputs == 1 and found.groups == 1:
            return "the image"
        group = (self.number if number is None else number) // (found.num_filters // found.groups)
        return f"input channel {group * found.num_inputs + channel}"
