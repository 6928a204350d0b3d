"""Pictures from strangers: every kind is decoded right or refused in one sentence."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from data import images as images_module
from data.catalogue import get_info
from data.images import ImageError, decode_image, fit_image, normalize
from tests.data.conftest import encoded


def _saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def _png_header(width: int, height: int, rows: int) -> bytes:
    """A PNG of one bit a pixel that claims any size and compresses to almost nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = zlib.compress(bytes((width // 8 + 1) * rows), 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


QUARTERS = Image.new("RGB", (20, 10))
QUARTERS.paste((255, 0, 0), (0, 0, 10, 5))
QUARTERS.paste((0, 255, 0), (10, 0, 20, 5))
QUARTERS.paste((0, 0, 255), (0, 5, 10, 10))


def _corner(image: Tensor) -> list[int]:
    return image[:, 1, 1].tolist()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "WEBP", "GIF", "JPEG"])
def test_the_formats_that_people_have(kind: str) -> None:
    image = decode_image(_saved(QUARTERS, kind))
    assert image.shape == (3, 10, 20)
    assert image.dtype == torch.uint8
    assert image[0, 2, 4] > 200 > 100 > image[1, 2, 4]
    assert image[1, 2, 15] > 200 > 100 > image[0, 2, 15]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_png_mode(mode: str) -> None:
    if mode == "I;16":
        values = np.full((6, 6), 51 * 257, dtype=np.uint16)
        picture = Image.fromarray(values)
    else:
        picture = Image.new(
            "RGB", (6, 6), (255, 255, 255) if mode == "1" else (51, 51, 51)
        ).convert(mode)
    expected = 255 if mode == "1" else 51
    image = decode_image(_saved(picture, "PNG"))
    assert image.shape == (3, 6, 6)
    assert (image.int() - expected).abs().max() <= 1


def test_cmyk() -> None:
    image = decode_image(_saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"))
    assert (image[:, 4, 4].int() - torch.tensor([255, 0, 0])).abs().max() < 12


def test_transparency_is_laid_over_white() -> None:
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    clear.putpixel((1, 1), (0, 0, 0, 255))
    clear.putpixel((2, 2), (0, 0, 0, 128))
    image = decode_image(_saved(clear, "PNG"))
    assert image[:, 0, 0].tolist() == [255] * 3
    assert image[:, 1, 1].tolist() == [0] * 3
    assert 125 <= int(image[0, 2, 2]) <= 129
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([255, 0, 0, 0, 255, 0])
    content = _saved(palette, "PNG", transparency=0)
    assert decode_image(content)[:, 0, 0].tolist() == [255] * 3


def test_the_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in ((255, 0, 0), (0, 255, 0))]
    for kind in ("GIF", "WEBP", "PNG"):
        content = _saved(frames[0], kind, save_all=True, append_images=frames[1:])
        assert decode_image(content)[0, 4, 4] > 240


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright(orientation: int) -> None:
    """Turned by the inverse and marked with the orientation, the picture comes back as it was."""
    inverse = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = QUARTERS.transpose(inverse[orientation]) if orientation > 1 else QUARTERS
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = decode_image(_saved(stored, "PNG", exif=exif))
    expected = torch.from_numpy(np.array(QUARTERS)).permute(2, 0, 1)
    assert torch.equal(image, expected)


def test_one_pixel() -> None:
    assert decode_image(encoded((1, 2, 3), (1, 1))).flatten().tolist() == [1, 2, 3]


def test_large_pictures_are_reduced() -> None:
    assert decode_image(encoded((9, 9, 9), (3000, 1500))).shape == (3, 512, 1024)
    assert decode_image(encoded((9, 9, 9), (3000, 1500), "JPEG")).shape == (3, 512, 1024)


@pytest.mark.parametrize("warnings_are_errors", [True, False])
@pytest.mark.parametrize("side", [5000, 13_000, 16_000, 60_000])
def test_small_files_of_many_pixels_are_refused_before_decoding(
    side: int, warnings_are_errors: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = _png_header(side, side, 1000 if side > 13_000 else side)
    assert len(content) < 40_000

    def decoded(_: object) -> None:
        raise AssertionError("a pixel was decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decoded)
    with warnings.catch_warnings():
        warnings.simplefilter("error" if warnings_are_errors else "ignore")
        with pytest.raises(ImageError, match="up to 12 megapixels can be read"):
            decode_image(content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "The file is empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", "an SVG drawing, whatever its name"),
        (b"  \n<?xml version='1.0'?><svg/>", "an SVG drawing"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC or AVIF picture"),
        (b"%PDF-1.7", "not a picture that can be read"),
        (b"\x80\x04\x95pickle", "not a picture that can be read"),
        (bytes(1000), "not a picture that can be read"),
        (b"\x89PNG\r\n\x1a\n", "not a picture that can be read"),
    ],
)
def test_what_is_no_picture_is_said(content: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=reason) as caught:
        decode_image(content)
    assert "save it as JPEG, PNG" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_a_file_cut_anywhere_is_decoded_or_refused_never_a_crash(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (24, 24, 3), dtype=np.uint8)
    content = _saved(Image.fromarray(noise), kind)
    refused = 0
    for length in range(0, len(content) - 1, max(1, len(content) // 60)):
        try:
            decode_image(content[:length])
        except ImageError:
            refused += 1
    assert refused > 50


def test_damaged_bytes_are_decoded_or_refused_never_a_crash() -> None:
    generator = np.random.default_rng(1)
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP"):
        content = bytearray(_saved(QUARTERS, kind))
        for _ in range(40):
            broken = bytearray(content)
            for place in generator.integers(0, len(content), 4):
                broken[place] = int(generator.integers(256))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # decoders remark on what they repair
                with suppress(ImageError):
                    assert decode_image(bytes(broken)).dim() == 3


def test_other_formats_are_not_even_tried() -> None:
    content = _saved(QUARTERS, "TIFF")
    with pytest.raises(ImageError, match="not a picture that can be read"):
        decode_image(content)


def test_too_many_bytes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images_module, "MAX_BYTES", 10)
    with pytest.raises(ImageError, match="up to 0 MB"):
        decode_image(encoded((1, 1, 1)))


def test_normalize_by_hand() -> None:
    info = get_info("cifar10")
    pixels = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 3, 1, 1)
    expected = [(v - m) / s for v, m, s in zip((0, 0.2, 1), info.mean, info.std, strict=True)]
    assert normalize(pixels, info).flatten().tolist() == pytest.approx(expected)


def test_photos_are_fitted_like_the_own_pictures_of_a_folder() -> None:
    wide = torch.zeros(3, 30, 90, dtype=torch.uint8)
    wide[:, :, 30:60] = 200
    fitted = fit_image(wide, get_info("cifar10"))
    assert fitted.picture.shape == (3, 32, 32)
    assert fitted.batch.shape == (1, 3, 32, 32)
    assert (fitted.picture[..., 2:-2].int() - 200).abs().max() < 3
    assert torch.equal(fitted.batch, normalize(fitted.picture[None], get_info("cifar10")))
    assert fitted.note == ""


def test_a_picture_of_the_set_itself_stays_as_it_is() -> None:
    image = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8)
    assert torch.equal(fit_image(image, get_info("shapes")).picture, image)


def test_grey_pictures_become_coloured_where_the_set_is() -> None:
    image = torch.randint(0, 256, (1, 32, 32), dtype=torch.uint8)
    assert torch.equal(fit_image(image, get_info("shapes")).picture, image.expand(3, -1, -1))


@pytest.mark.parametrize(
    "image",
    [
        torch.zeros(3, 8, 8),
        torch.zeros(8, 8, dtype=torch.uint8),
        torch.zeros(4, 8, 8, dtype=torch.uint8),
    ],
)
def test_what_is_no_image_tensor_is_refused(image: Tensor) -> None:
    with pytest.raises(ImageError, match=r"must be uint8 \(1 or 3, H, W\)"):
        fit_image(image, get_info("digits"))
