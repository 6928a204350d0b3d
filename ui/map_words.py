"""A map beside the image it was made of: what their sizes say, on every page that shows both."""

from __future__ import annotations


def padded_map_words(layer: str, maps: tuple[int, ...], image: tuple[int, ...]) -> str:
    """Why a map (..., H, W) is larger than the image (H, W, ...) it stands beside; "" where it is not."""
    (height, width), (rows, columns) = maps[-2:], image[:2]
    if height <= rows and width <= columns:
        return ""
    return (
        f"{layer}'s map is {height}×{width} and the image {rows}×{columns}: padding puts a frame "
        "around the image, which the map covers, too."
    )
