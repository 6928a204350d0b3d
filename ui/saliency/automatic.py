"""What "0" means in settings that depend on the size of the image, as the number that is taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from viz.attribution.method import Option
from viz.attribution.sizes import Shape, num_segments, occlusion_stride, occlusion_window, rise_grid

_Values = Mapping[str, Any]
_AUTOMATIC: Final[Mapping[str, Callable[[Shape, _Values], int]]] = {
    "window": lambda shape, _values: occlusion_window(shape, 0),
    "stride": lambda shape, values: occlusion_stride(shape, int(values["window"]), 0),
    "grid": lambda shape, _values: rise_grid(shape, 0),
    "segments": lambda shape, _values: num_segments(shape, 0),
}


def automatic(option: Option, values: _Values, shape: tuple[int, ...]) -> int | None:
    """What 0 stands for; None where the option has no such number.

    Args:
        option: of a method.
        values: all settings of the method.
        shape: (C, H, W) of the image.
    """
    if option.choices or option.default != 0 or option.name not in _AUTOMATIC:
        return None
    channels, height, width = shape
    return _AUTOMATIC[option.name]((channels, height, width), values)
