"""Every number against torch, over random settings; the sum written out against both."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from tests.viz.arithmetic.drawing import random_settings
from viz.arithmetic.numbers import draw_numbers, flatten, use_numbers
from viz.arithmetic.setting import Setting
from viz.arithmetic.steps import build_steps, gather_layout, terms
from viz.arithmetic.torch_layers import torch_code


def run_code(code: str) -> np.ndarray[Any, Any]:
    """What the code a person copies computes, (O, *out)."""
    found: dict[str, Any] = {"print": lambda *_: None}
    exec(code, found)  # noqa: S102  # our own text, as a reader would run it
    result: np.ndarray[Any, Any] = found["y"][0].numpy()
    return result


def test_the_code_to_copy_gives_the_numbers_shown() -> None:
    torch.set_num_threads(1)
    seen = set()
    for setting, numbers in random_settings(1000, seed=1):
        output = build_steps(setting, numbers)[-1].output
        answer = run_code(torch_code(setting, numbers))
        assert answer.shape == output.shape, setting
        np.testing.assert_allclose(answer, output, rtol=2e-6, atol=1e-5, err_msg=str(setting))
        seen.add((setting.operation, setting.dims))
    assert len(seen) == 24  # 8 operations in 1, 2 and 3 dimensions


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
def test_same_puts_the_odd_cell_where_torch_puts_it() -> None:
    for kernel, dilation in itertools.product(range(1, 6), range(1, 4)):
        setting = Setting(
            size=(5, 7), kernel_size=(kernel, 2), dilation=(dilation, 3), padding="same"
        )
        numbers = draw_numbers(setting, seed=kernel)
        [step] = build_steps(setting, numbers)
        answer = torch.nn.functional.conv2d(
            torch.from_numpy(numbers.x)[None], torch.from_numpy(numbers.weights[0]),
            padding="same", dilation=setting.dilation,
        )  # fmt: skip
        np.testing.assert_allclose(answer[0].numpy(), step.output)


def test_torch_has_no_same_with_a_stride_so_the_code_gives_the_number() -> None:
    setting = Setting(padding="same", stride=(2, 2))
    code = torch_code(setting, draw_numbers(setting))
    assert "padding=1" in code
    assert '"same"' not in code
    with pytest.raises(ValueError, match="not supported for strided"):
        torch.nn.Conv2d(1, 1, 3, stride=2, padding="same")


def test_the_products_written_out_sum_to_the_output() -> None:
    for setting, numbers in random_settings(40, seed=9):
        for step in build_steps(setting, numbers):
            for channel, *place in itertools.product(*map(range, step.output.shape)):
                position = tuple(place)
                found = list(terms(step, channel, position))
                values = np.array([term.x for term in found])
                if step.reduce == "sum":
                    bias = step.bias[channel] if step.bias.size else 0
                    wanted = sum(term.product for term in found) + bias
                elif step.reduce == "max":
                    wanted = values.max()
                elif step.reduce == "mean":
                    wanted = values.mean()
                else:
                    with np.errstate(invalid="ignore"):
                        total = (values**step.norm).sum()
                        wanted = total if step.norm == 1 else total ** (1 / step.norm)
                cell: tuple[Any, ...] = (channel, *position)
                np.testing.assert_allclose(step.output[cell], wanted, atol=1e-9)
                for term in found:
                    source = term.source
                    held = step.blank if source is None else step.x[(term.channel, *source)]
                    assert term.x == held


def test_the_corrected_figure_of_padding_and_stride() -> None:
    # conv_arithmetic#17: the published output is the one of stride 1
    setting = Setting(stride=(2, 2), padding="any", amounts=((1, 1), (1, 1)))
    x = [float(digit) for digit in "2233301303230133321233023"]
    numbers = use_numbers(setting, x, [2, 0, 1, 1, 0, 0, 0, 1, 1], [])
    [step] = build_steps(setting, numbers)
    assert step.output.tolist() == [[[1, 5, 6], [7, 8, 3], [3, 10, 4]]]


def test_the_shapes_of_the_cs231n_demo() -> None:
    setting = Setting(
        stride=(2, 2),
        padding="any",
        amounts=((1, 1), (1, 1)),
        in_channels=3,
        out_channels=2,
        bias=True,
    )
    [step] = build_steps(setting, draw_numbers(setting))
    assert step.grid == (7, 7)
    assert step.output.shape == (2, 3, 3)
    assert len(list(terms(step, 1, (2, 2)))) == 27


def test_an_impulse_gives_the_kernel_turned_round_unless_it_is_flipped() -> None:
    kernel = list(range(1, 10))
    for flip in (False, True):
        setting = Setting(padding="same", flip=flip)
        impulse = draw_numbers(setting, fill="impulse")
        numbers = use_numbers(setting, impulse.x.ravel().tolist(), kernel, [])
        middle = build_steps(setting, numbers)[0].output[0, 1:4, 1:4].ravel().tolist()
        assert middle == (kernel if flip else kernel[::-1])


def test_odd_powers_of_negative_numbers_have_no_root_as_in_torch() -> None:
    setting = Setting(operation="lp", size=(1, 4), kernel_size=(1, 2), stride=(1, 2), norm=3)
    [step] = build_steps(setting, use_numbers(setting, [-2, -1, 1, 2], [], []))
    assert np.isnan(step.output[0, 0, 0])
    assert step.output[0, 0, 1] == pytest.approx(9 ** (1 / 3))


def test_transposed_weights_are_regrouped_by_output_channel() -> None:
    weight = np.arange(4 * 3 * 2, dtype=float).reshape(
        4, 3, 2
    )  # 4 inputs, 2 groups, 3 outputs each
    gathered = gather_layout(weight, 2)
    assert gathered.shape == (6, 2, 2)
    for out, inner in itertools.product(range(6), range(2)):
        group, own = divmod(out, 3)
        assert gathered[out, inner].tolist() == weight[group * 2 + inner, own].tolist()


def test_numbers_survive_being_flattened() -> None:
    for setting, numbers in random_settings(30, seed=4):
        again = use_numbers(setting, *flatten(numbers))
        assert np.array_equal(again.x, numbers.x)
        assert all(map(np.array_equal, again.weights, numbers.weights))
        assert np.array_equal(again.bias, numbers.bias)
