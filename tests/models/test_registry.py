"""The shipped architectures: published counts, every promised input, and no torch to list them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from models.architectures.base import ARCHITECTURES, register
from models.layers import Shape, Summary, check
from models.registry import ModelError, get_architecture, list_architectures

NAMES = [architecture.name for architecture in list_architectures()]


def table(name: str, input_shape: Shape, num_classes: int = 10) -> Summary:
    """The checked table of a registered network."""
    return check(get_architecture(name).layers(input_shape, num_classes), input_shape, num_classes)


@pytest.mark.parametrize(
    ("name", "input_shape", "num_params"),
    [
        ("lenet5", (1, 32, 32), 61_706),
        ("lenet5", (1, 28, 28), 61_706),
        ("lenet5_1998", (1, 32, 32), 60_000),
        ("lenet5_1998", (1, 28, 28), 60_000),
        ("convnetjs_mnist", (1, 24, 24), 5_994),
        ("convnetjs_mnist", (1, 28, 28), 5_994),
        ("convnetjs_cifar", (3, 32, 32), 22_466),
        ("tiny_vgg", (3, 64, 64), 19_920),
        ("resnet8", (3, 32, 32), 75_290),
        ("resnet20", (3, 32, 32), 269_722),
        ("plain20", (3, 32, 32), 269_722),
    ],
)
def test_published_parameter_counts(name: str, input_shape: Shape, num_params: int) -> None:
    assert table(name, input_shape).num_params == num_params


@pytest.mark.parametrize("input_shape", [(1, 32, 32), (1, 28, 28)])
def test_lenet_1998_counts_per_layer(input_shape: Shape) -> None:
    """LeCun et al. 1998, section II.B; connections are weights times places, biases included."""
    rows = {row.name: row for row in table("lenet5_1998", input_shape).rows}
    layers = ("conv1", "sub1", "conv2", "sub2", "conv3", "fc1", "rbf1")  # C1 S2 C3 S4 C5 F6 output
    counts = [rows[name].num_params for name in layers]
    assert counts == [156, 12, 1_516, 32, 48_120, 10_164, 0]
    places = {"conv1": 28 * 28, "conv2": 10 * 10, "conv3": 1, "fc1": 1}
    for name, count in places.items():
        biases = rows[name].out_shape[0] * count
        assert rows[name].macs + biases == rows[name].num_params * count
    assert rows["conv1"].num_params * places["conv1"] == 122_304
    assert rows["conv2"].num_params * places["conv2"] == 151_600


def test_convnetjs_mnist_formula() -> None:
    assert table("convnetjs_mnist", (1, 28, 28)).rows[0].formula == "5×5×1×8 + 8 = 208"


def test_tiny_vgg_sees_thirteen_by_thirteen() -> None:
    rows = {row.name: row for row in table("tiny_vgg", (3, 64, 64)).rows}
    assert rows["flatten1"].in_shape == (10, 13, 13)
    assert rows["flatten1"].out_shape == (1690,)


def test_plain_and_residual_differ_in_shortcuts_only() -> None:
    plain, residual = table("plain20", (3, 32, 32)), table("resnet20", (3, 32, 32))
    assert plain.num_params == residual.num_params
    assert plain.macs == residual.macs


@pytest.mark.parametrize("input_shape", [(1, 16, 16), (1, 28, 28), (3, 32, 32), (3, 64, 64)])
def test_staircase_has_the_same_units_on_every_step(input_shape: Shape) -> None:
    steps = [table(name, input_shape) for name in ("small_conv", "small_local", "small_fc")]
    units = [
        [row.activations for row in summary.rows if row.kind in ("conv", "local", "linear")]
        for summary in steps
    ]
    assert units[0] == units[1] == units[2]
    shared, local, full = (summary.num_params for summary in steps)
    assert shared < local < full
    assert steps[0].macs == steps[1].macs  # the same connections; only sharing differs


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("num_classes", [2, 10, 200])
@pytest.mark.parametrize(
    "input_shape", [(1, 16, 16), (1, 28, 28), (3, 32, 32), (3, 64, 64), (3, 32, 48)]
)
def test_works_for_every_promised_input(name: str, num_classes: int, input_shape: Shape) -> None:
    summary = table(name, input_shape, num_classes)
    assert summary.rows[-1].out_shape == (num_classes,)
    assert summary.min_batch == 1


@pytest.mark.parametrize("name", NAMES)
def test_works_down_to_its_smallest_image(name: str) -> None:
    side = get_architecture(name).smallest
    assert table(name, (3, side, side)).min_batch == 1


@pytest.mark.parametrize("name", NAMES)
def test_formulas_are_arithmetic(name: str) -> None:
    for row in table(name, (3, 32, 32)).rows:
        terms, _, total = row.formula.partition(" = ")
        assert eval(terms.replace("×", "*")) == row.num_params  # noqa: S307
        assert int((total or "0").replace(",", "")) == row.num_params


def test_listing_is_in_natural_order() -> None:
    assert NAMES.index("resnet8") < NAMES.index("resnet20")
    assert len(NAMES) == len(set(NAMES)) == 15
    for architecture in list_architectures():
        assert architecture.summary.endswith((".", "?"))
        assert architecture.source


def test_unknown_name_suggests_close_ones() -> None:
    with pytest.raises(ModelError, match=r"no network called 'resnet18'; try resnet8, resnet20"):
        get_architecture("resnet18")
    with pytest.raises(ModelError, match=r"'\.\./\.\./etc/passwd'.*lenet5"):
        get_architecture("../../etc/passwd")


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="Two architectures are called 'lenet5'"):
        register("lenet5", title="", summary="", source="", smallest=1)(
            ARCHITECTURES["lenet5"].layers
        )


def test_tables_and_sources_need_no_torch() -> None:
    program = """
import sys
import models.layers, models.references
from models.registry import list_architectures
from models.source import pytorch_source
for architecture in list_architectures():
    layers = architecture.layers((3, 32, 32), 10)
    models.layers.check(layers, (3, 32, 32), 10)
    pytorch_source(layers, (3, 32, 32), 10, seed=0)
assert "torch" not in sys.modules, "torch was imported"
"""
    subprocess.run([sys.executable, "-c", program], check=True)
