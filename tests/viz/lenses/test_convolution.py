"""Torch's answer through the lens, and kernels on pictures against sums by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from data.catalogue import get_info
from data.images import decode_image
from data.samples import read_sample
from tests.viz.arithmetic.drawing import random_settings
from viz.arithmetic.kernels import KERNELS
from viz.arithmetic.numbers import flatten
from viz.arithmetic.record import write_setting
from viz.arithmetic.setting import Setting
from viz.arithmetic.steps import build_steps
from viz.lenses.context import LensContext
from viz.lenses.convolution import convolution, convolve_picture


def ask(context: LensContext, **options: Any) -> Any:
    return convolve_picture(context, None, options.pop("image", "sample:camera"), **options)


def test_torch_agrees_step_by_step(context: LensContext) -> None:
    for setting, numbers in random_settings(120, seed=31):
        x, weight, bias = flatten(numbers)
        answer = convolution(
            context, None, None, setting=write_setting(setting), x=x, weight=weight, bias=bias
        )
        steps = build_steps(setting, numbers)
        assert len(answer.outputs) == len(steps)
        for step, output in zip(steps, answer.outputs, strict=True):
            np.testing.assert_allclose(output, step.output, atol=1e-9, err_msg=str(setting))
        assert answer.version[0].isdigit()


def test_what_cannot_be_computed_is_a_sentence(context: LensContext) -> None:
    plain = write_setting(Setting())
    for setting, x, sentence in (
        (plain, [1.0], "The input has 1 numbers: this setting needs 25"),
        (plain | {"size": [99, 99]}, [0.0], "`size` is 99"),
        (plain | {"kernel_size": [9, 9]}, [0.0] * 25, "larger than the padded input"),
        (plain | {"size": [16, 16], "out_channels": 8, "in_channels": 8, "padding": "full",
                  "kernel_size": [9, 9]}, [0.0], "keep it to 4,096"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=sentence):
            convolution(context, None, None, setting=setting, x=x, weight=[1.0] * 9, bias=[])


def test_a_kernel_on_a_picture_by_hand(context: LensContext) -> None:
    found = ask(context, kernel=KERNELS["sobel_x"].make().tolist(), side=64)
    assert found.picture.shape == (64, 64, 1)
    assert found.response.shape == (64, 64, 1)
    assert found.note == "Reduced from 512×512 pixels."
    picture = found.picture[..., 0] / 255
    for row, column in ((10, 20), (40, 33)):
        patch = picture[row - 1 : row + 2, column - 1 : column + 2]
        assert found.response[row, column, 0] == pytest.approx(
            (patch * KERNELS["sobel_x"].make()).sum(), abs=1e-5
        )
    # reflected: the border sees its own neighbours again
    patch = picture[[1, 0, 1]][:, 4:7]
    assert found.response[0, 5, 0] == pytest.approx(
        (patch * KERNELS["sobel_x"].make()).sum(), abs=1e-5
    )


def test_stride_dilation_border_flip_and_colour(context: LensContext) -> None:
    edge = [[0, 0, 0], [0, 0, 1], [0, 0, 0]]  # the right neighbour
    colored = ask(context, image="sample:coffee", kernel=edge, color=True, side=60)
    assert colored.picture.shape[2] == colored.response.shape[2] == 3
    picture = colored.picture / 255
    np.testing.assert_allclose(colored.response[:, :-1], picture[:, 1:], atol=1e-6)
    flipped = ask(context, image="sample:coffee", kernel=edge, color=True, side=60, flip=True)
    np.testing.assert_allclose(flipped.response[:, 1:], picture[:, :-1], atol=1e-6)
    ring = ask(
        context,
        image="sample:coffee",
        kernel=edge,
        color=True,
        side=60,
        border="circular",
        dilation=3,
    )
    np.testing.assert_allclose(ring.response, np.roll(picture, -3, axis=1), atol=1e-6)
    valid = ask(context, kernel=np.ones((4, 2)).tolist(), border="valid", side=40, stride=3)
    assert valid.response.shape == (13, 13, 1)
    zeros = ask(context, kernel=edge, border="zeros", side=40)
    assert (zeros.response[:, -1] == 0).all()


def test_identity_gives_the_picture_back_and_matches_the_file(context: LensContext) -> None:
    found = ask(context, image="sample:coins", kernel=[[1]], side=640)
    np.testing.assert_allclose(found.response, found.picture / 255, atol=1e-6)
    file = decode_image(read_sample("coins")).numpy()
    assert found.picture.shape[:2] == file.shape[1:]
    assert np.abs(found.picture[..., 0].astype(int) - file[0]).max() <= 1


def test_images_of_data_sets_work_too(context: LensContext) -> None:
    assert ask(context, image="digits/test/3", kernel=[[1]]).picture.shape == (
        *get_info("digits").shape[1:],
        1,
    )
    assert ask(context, image="shapes/test/0", kernel=[[1]], color=True).picture.shape[2] == 3


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"kernel": [[1, 2], [3]]}, "rows of equally many numbers"),
        ({"kernel": np.ones((16, 16)).tolist()}, "up to 15×15"),
        ({"kernel": [[float("nan")]]}, "is not between"),
        ({"kernel": [[1]], "border": "mirror"}, "'mirror' is no way"),
        ({"kernel": [[1]], "stride": 0}, "stride is 0"),
        ({"kernel": [[1]], "side": 5}, "side is 5"),
        ({"kernel": [[1]], "image": "sample:nobody"}, "no sample picture 'nobody'"),
        ({"kernel": [[1]], "image": "nonsense"}, "'nonsense' names no image"),
        ({"kernel": [[1]], "image": "digits/test/99999999"}, "is not there"),
        ({"kernel": np.ones((15, 15)).tolist(), "dilation": 8, "side": 40}, "Reflection needs"),
        (
            {"kernel": np.ones((15, 15)).tolist(), "dilation": 8, "side": 64, "border": "valid"},
            "spans 113×113",
        ),
    ],
)
def test_bad_input_is_a_sentence(
    context: LensContext, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        ask(context, **options)
