"""Picture files that people do upload: odd but fine, broken, and made to fill a machine's memory."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image


def saved(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """The file of a picture."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def huge(width: int, height: int) -> bytes:
    """A whole PNG of one bit a pixel, all black: 169 megapixels take 20 kB."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = zlib.compress(bytes((width // 8 + 1) * height), 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


def scene() -> Image.Image:
    """Something to recognise: a bright disc left of the middle on a dark ground, 60×40."""
    across, down = np.meshgrid(np.arange(60), np.arange(40))
    disc = (across - 20) ** 2 + (down - 20) ** 2 < 100
    grey = np.where(disc, 230, 20).astype(np.uint8)
    return Image.fromarray(np.stack([grey, grey // 2, grey // 3], -1))


def _turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    return saved(scene().transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, quality=95)


def odd() -> dict[str, bytes]:
    """By kind: files that are unusual and must be shown all the same."""
    picture = scene()
    sixteen = Image.fromarray(np.asarray(picture.convert("L"), dtype=np.uint16) * 257)
    frames = [Image.new("RGB", picture.size) for _ in range(3)]
    return {
        "CMYK": saved(picture.convert("CMYK"), "JPEG", quality=95),
        "16-bit": saved(sixteen),
        "animated": saved(picture, "GIF", save_all=True, append_images=frames),
        "1×1": saved(Image.new("RGB", (1, 1), (200, 30, 60))),
        "EXIF-rotated": _turned(),
        "thin": saved(Image.new("RGB", (1000, 1), (200, 30, 60))),
        "palette": saved(picture.quantize(7), "PNG", transparency=0),
        "1-bit": saved(picture.convert("1")),
        "misnamed": saved(picture, "BMP"),  # whatever its name says
    }


def broken() -> dict[str, tuple[bytes, str]]:
    """By kind: files that cannot be shown, and what the sentence says of them."""
    svg = b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'><rect/></svg>"
    whole = saved(scene())
    photo = saved(scene().resize((600, 400)), "JPEG")
    return {
        "truncated PNG": (whole[: len(whole) // 2], "damaged or incomplete: save it again"),
        "truncated JPEG": (photo[: len(photo) // 3], "damaged or incomplete: save it again"),
        "169 megapixels": (huge(13_000, 13_000), "up to 12 megapixels can be read"),
        "SVG named .png": (svg, "an SVG drawing, whatever its name says: save it as"),
        "text": (b"hello, this is no picture", "not a picture that can be read: save it as"),
        "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC or AVIF picture: save it as"),
        "TIFF": (saved(scene(), "TIFF"), "not a picture that can be read"),
    }
