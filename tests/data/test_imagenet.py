"""A photo is made to fit an ImageNet network exactly as torchvision does it."""

from __future__ import annotations

import io

import pytest
import torch
from PIL import Image
from torchvision.models import EfficientNet_B0_Weights, Inception_V3_Weights, ResNet18_Weights

from data.catalogue import get_info, list_datasets
from data.imagenet import imagenet_info
from data.images import LONGEST_SHAPE, decode_image, fit_image, fit_middle
from data.samples import SAMPLES, read_sample

CATEGORIES = ResNet18_Weights.IMAGENET1K_V1.meta["categories"]


@pytest.mark.parametrize("name", [sample.name for sample in SAMPLES])
def test_pictures_equal_torchvisions_preset(name: str) -> None:
    """From a PIL image to the rounding of floats; from a tensor, whose pixels torchvision scales
    with other arithmetic, within one of 255 levels."""
    content = read_sample(name)
    fitted = fit_image(decode_image(content), imagenet_info(CATEGORIES))
    preset = ResNet18_Weights.IMAGENET1K_V1.transforms()
    expected = preset(Image.open(io.BytesIO(content)).convert("RGB"))
    assert torch.allclose(fitted.batch[0], expected, rtol=0, atol=1e-6)
    from_tensor = preset(decode_image(content))
    levels = (fitted.batch[0] - from_tensor) * torch.tensor(preset.std).view(3, 1, 1) * 255
    assert levels.abs().max() <= 1.001
    assert fitted.picture.shape == (3, 224, 224)
    assert fitted.note == ""


@pytest.mark.parametrize(
    ("preset", "side", "resize", "interpolation"),
    [
        (Inception_V3_Weights.IMAGENET1K_V1, 299, 342, "bilinear"),
        (EfficientNet_B0_Weights.IMAGENET1K_V1, 224, 256, "bicubic"),
    ],
)
def test_other_sizes_and_interpolations_too(
    preset: Inception_V3_Weights | EfficientNet_B0_Weights,
    side: int,
    resize: int,
    interpolation: str,
) -> None:
    content = read_sample("rocket")
    info = imagenet_info(CATEGORIES, side, resize, "bicubic" if interpolation == "bicubic" else "bilinear")  # fmt: skip
    expected = preset.transforms()(Image.open(io.BytesIO(content)).convert("RGB"))
    fitted = fit_image(decode_image(content), info)
    assert torch.allclose(fitted.batch[0], expected, rtol=0, atol=1e-6)


def test_a_grey_picture_is_the_same_in_all_channels() -> None:
    grey = torch.randint(0, 256, (1, 300, 280), dtype=torch.uint8)
    picture = fit_image(grey, imagenet_info(CATEGORIES)).picture
    assert torch.equal(picture[0], picture[1])
    assert torch.equal(picture[0], picture[2])


@pytest.mark.parametrize("size", [(1, 1), (1, 1024), (1024, 1), (1024, 127), (5, 3), (256, 256)])
def test_every_shape_fits_and_a_thin_line_fills_no_memory(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    largest = 0
    resize = Image.Image.resize

    def measured(self: Image.Image, size: tuple[int, int], *args: object, **more: object) -> Image.Image:  # fmt: skip
        nonlocal largest
        largest = max(largest, size[0] * size[1])
        return resize(self, size, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Image.Image, "resize", measured)
    picture = Image.new("RGB", size, (10, 200, 30))
    fitted = fit_middle(picture, imagenet_info(CATEGORIES))
    assert fitted.size == (224, 224)
    assert fitted.getpixel((100, 100)) == (10, 200, 30)
    assert largest <= LONGEST_SHAPE * 256 * 256


def test_the_middle_of_a_very_wide_picture_is_taken() -> None:
    picture = Image.new("RGB", (1000, 50), (0, 0, 0))
    picture.paste((255, 255, 255), (490, 0, 510, 50))
    fitted = fit_middle(picture, imagenet_info(CATEGORIES))
    row = [fitted.getpixel((x, 112)) for x in range(224)]
    white = [x for x, pixel in enumerate(row) if pixel == (255, 255, 255)]
    assert abs((white[0] + white[-1]) / 2 - 111.5) <= 1


def test_imagenet_is_no_data_set_to_train_on() -> None:
    assert "imagenet" not in [info.name for info in list_datasets()]
    info = imagenet_info(CATEGORIES)
    assert (len(info.classes), info.shape, info.resize) == (1000, (3, 224, 224), 256)
    assert get_info("cifar10").resize is None
