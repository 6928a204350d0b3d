"""Pictures from people: decoded without harm, then fitted to what a network has been trained on.

A file says little about itself that can be trusted. Only the formats people have are opened, the
size is read from the header and refused before a single pixel is decoded, and every way in which a
decoder can fail ends in one sentence.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from data.catalogue import DatasetInfo
from data.drawing import lay_out
from data.pixels import LIGHTNESS, Normalizer

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 12_500_000  # what phones take; 4 bytes each while decoding, twice
MAX_JPEG_PIXELS = 64_000_000  # a JPEG is decoded at a reduced size straight away
MAX_SIDE = 1024  # larger pictures are reduced to this
LONGEST_SHAPE = 8  # longer side : shorter side, beyond which only the middle is scaled


class ImageError(ValueError):
    """A picture that cannot be used; the message is one sentence with the way out."""


@dataclass(frozen=True)
class Fitted:
    """A picture as a network sees it."""

    batch: Tensor  # float32 (1, C, H, W), normalised
    picture: Tensor  # uint8 (C, H, W), the same before normalisation
    note: str  # what was done that the person should know, one sentence; often empty


def decode_image(content: bytes) -> Tensor:
    """The picture in a file as uint8 (3, H, W), upright, over white, at most `MAX_SIDE` a side.

    Raises:
        ImageError: not a picture, of a kind that is not read, damaged, or too large.
    """
    return to_tensor(open_picture(content, MAX_SIDE))


def open_picture(content: bytes, side: int) -> Image.Image:
    """The picture in a file as RGB, upright, over white, its longer side at most `MAX_SIDE`.

    `side`: the number of pixels that will be wanted of each side. A JPEG is decoded no larger than
    that takes.

    Raises:
        ImageError: not a picture, of a kind that is not read, damaged, or too large.
    """
    if len(content) > MAX_BYTES:
        raise ImageError(
            f"The picture has {len(content) >> 20} MB: up to {MAX_BYTES >> 20} MB can be read, save "
            "it smaller."
        )
    try:
        picture = Image.open(io.BytesIO(content), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(_too_large(None)) from error
    except Exception as error:
        raise ImageError(_not_a_picture(content)) from error
    with picture:
        pixels = picture.width * picture.height
        if pixels > (MAX_JPEG_PIXELS if picture.format in {"JPEG", "MPO"} else MAX_PIXELS):
            raise ImageError(_too_large(picture.size))
        try:
            picture.draft("RGB", (side, side))
            picture.load()
            return _over_white(ImageOps.exif_transpose(_reduced(picture)))
        except Exception as error:  # decoders of damaged files fail in every way there is
            raise ImageError(
                "The picture is damaged or incomplete: save it again as PNG or JPEG."
            ) from error


def to_tensor(picture: Image.Image) -> Tensor:
    """An RGB picture as uint8 (3, H, W)."""
    return torch.from_numpy(np.array(picture, dtype=np.uint8)).permute(2, 0, 1).contiguous()


def fit_middle(picture: Image.Image, info: DatasetInfo) -> Image.Image:
    """Its middle at the set's size, after the shorter side was scaled to `info.resize`.

    The same to the pixel as torchvision's `ImageClassification` presets make of a PIL image, which
    is what its networks were measured with: the longer side is rounded down, the crop's corner to
    the nearest pixel, halves to even.
    """
    height, width = info.shape[1:]
    resize = info.resize or min(height, width)
    short = min(picture.size)
    if max(picture.size) > LONGEST_SHAPE * short:  # scaled whole, a thin line would fill gigabytes
        longest = LONGEST_SHAPE * short
        picture = ImageOps.fit(picture, (min(picture.width, longest), min(picture.height, longest)))
    wide, high = (resize if side == short else resize * side // short for side in picture.size)
    method = (
        Image.Resampling.BILINEAR if info.interpolation == "bilinear" else Image.Resampling.BICUBIC
    )
    scaled = picture.resize((wide, high), method)
    left, top = round((wide - width) / 2), round((high - height) / 2)
    return scaled.crop((left, top, left + width, top + height))


def fit_square(picture: Image.Image, side: int) -> Image.Image:
    """Its middle square at `side` pixels: shorter side scaled to fit, the rest cut off evenly."""
    if picture.size == (side, side):
        return picture
    return ImageOps.fit(picture, (side, side), Image.Resampling.BICUBIC)


def fit_image(image: Tensor, info: DatasetInfo) -> Fitted:
    """Make a picture from anywhere look like the pictures of a data set.

    Photos are scaled and cut as own pictures are when they are loaded. For sets of light strokes on
    black, a drawing is cut out, inverted if it is dark on light, and laid out as the set's own.

    Args:
        image: uint8 (1, H, W) or (3, H, W), of any size.
        info: the data set the network was trained on.
    """
    if image.dtype != torch.uint8 or image.dim() != 3 or image.shape[0] not in (1, 3):
        raise ImageError(
            f"`image` is {image.dtype} of shape {tuple(image.shape)}: it must be uint8 (1 or 3, H, W)."
        )
    channels, height, width = info.shape
    note = ""
    if info.framing is not None:
        laid_out, note = lay_out(_gray(image), info.framing, (height, width))
        picture = (laid_out * 255).round().to(torch.uint8)[None]
    else:
        colored = Image.fromarray(image.expand(3, -1, -1).permute(1, 2, 0).contiguous().numpy())
        fitted = fit_square(colored, height) if info.resize is None else fit_middle(colored, info)
        picture = to_tensor(fitted)
        if channels == 1:
            picture = (_gray(picture) * 255).round().to(torch.uint8)[None]
    return Fitted(normalize(picture[None], info), picture, note)


def normalize(images: Tensor, info: DatasetInfo) -> Tensor:
    """uint8 (N, C, H, W) to float32 with the set's mean 0 and deviation 1 per channel."""
    return Normalizer(info, images.device).from_bytes(images)


def _gray(image: Tensor) -> Tensor:
    """float (H, W) in [0, 1]: the lightness, as PIL's mode L."""
    values = image.float() / 255
    if image.shape[0] == 1:
        return values[0]
    return (values * torch.tensor(LIGHTNESS).view(3, 1, 1)).sum(0)


def _reduced(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I") or picture.mode == "F":  # 16 bits a pixel, and what they become
        values = np.asarray(picture, dtype=np.float32)
        scale = 255 / 65535 if picture.mode.startswith("I") else 1.0
        converted = Image.fromarray((values * scale).clip(0, 255).astype(np.uint8))
        converted.info = picture.info
        picture = converted
    if max(picture.size) > MAX_SIDE:
        if picture.mode in {"1", "P", "PA"}:  # palettes cannot be averaged
            picture = picture.convert("RGBA" if _has_alpha(picture) else "RGB")
        picture.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.BOX, reducing_gap=None)
    return picture


def _over_white(picture: Image.Image) -> Image.Image:
    if not _has_alpha(picture):
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    white = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(white, layer).convert("RGB")


def _has_alpha(picture: Image.Image) -> bool:
    return picture.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in picture.info


def _too_large(size: tuple[int, int] | None) -> str:
    what = "far too many pixels" if size is None else f"{size[0]}×{size[1]} pixels"
    return f"The picture has {what}: up to {MAX_PIXELS // 10**6} megapixels can be read, save it smaller."


def _not_a_picture(content: bytes) -> str:
    begins = content.lstrip()[:100].lower()
    what = "not a picture that can be read"
    if begins.startswith((b"<svg", b"<?xml")):
        what = "an SVG drawing, whatever its name says"
    elif content[4:12] in {b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypavif"}:
        what = "a HEIC or AVIF picture"
    elif not content:
        what = "empty"
    return f"The file is {what}: save it as JPEG, PNG, WebP, GIF or BMP."
