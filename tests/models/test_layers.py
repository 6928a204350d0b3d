"""Layer tables: hand-computed numbers, names, and a sentence for everything that cannot work."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import TypeAdapter

from models.layers import (
    LAYER_KINDS,
    Activation,
    AnyLayer,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    LayerError,
    LayerList,
    Linear,
    Local,
    Norm,
    PartialConv,
    Pool,
    Rbf,
    Residual,
    Subsample,
    check,
    parse_layers,
    summarize,
    with_dropout,
)

IMAGE = (3, 8, 8)


def one(layer: AnyLayer, input_shape: tuple[int, ...] = IMAGE) -> Any:
    """The table line of a network of one layer."""
    return summarize((layer,), input_shape, 10).rows[0]


def refusal(*layers: AnyLayer, input_shape: tuple[int, ...] = IMAGE) -> LayerError:
    """The error of a network that must have one."""
    error = summarize(layers, input_shape, 10).error
    assert error is not None
    return error


@pytest.mark.parametrize(
    ("layer", "out_shape", "num_params", "macs", "formula"),
    [
        (Conv(out_channels=5), (5, 6, 6), 140, 4860, "3×3×3×5 + 5 = 140"),
        (Conv(out_channels=5, bias=False), (5, 6, 6), 135, 4860, "3×3×3×5 = 135"),
        (Conv(out_channels=6, groups=3, padding=1), (6, 8, 8), 60, 3456, "3×3×1×6 + 6 = 60"),
        (Conv(out_channels="classes", kernel_size=1), (10, 8, 8), 40, 1920, "1×1×3×10 + 10 = 40"),
        (Local(out_channels=2), (2, 6, 6), 2016, 1944, "6×6×(3×3×3×2 + 2) = 2,016"),
        (
            PartialConv(connections=((0, 2), (1,)), kernel_size=5),
            (2, 4, 4),
            77,
            1200,
            "5×5×3 + 2 = 77",
        ),
        (Pool(), (3, 4, 4), 0, 0, "0"),
        (Pool(mode="mean", kernel_size=3, stride=1, padding=1), (3, 8, 8), 0, 0, "0"),
        (Subsample(), (3, 4, 4), 6, 48, "3 + 3 = 6"),
        (Norm(), (3, 8, 8), 6, 0, "2×3 = 6"),
        (Norm(mode="layer"), (3, 8, 8), 384, 0, "2×3×8×8 = 384"),
        (Flatten(), (192,), 0, 0, "0"),
        (GlobalPool(), (3,), 0, 0, "0"),
        (
            Residual(out_channels=4, stride=2),
            (4, 4, 4),
            268,
            4032,
            "3×3×3×4 + 2×4 + 3×3×4×4 + 2×4 = 268",
        ),
        (
            Residual(out_channels=4, stride=2, norm=False, shortcut="conv"),
            (4, 4, 4),
            276,
            4224,
            "3×3×3×4 + 4 + 3×3×4×4 + 4 + 1×1×3×4 + 4 = 276",
        ),
    ],
)
def test_hand_computed_rows(
    layer: AnyLayer, out_shape: tuple[int, ...], num_params: int, macs: int, formula: str
) -> None:
    row = one(layer)
    assert row.out_shape == out_shape
    assert (row.num_params, row.macs, row.formula) == (num_params, macs, formula)


@pytest.mark.parametrize(
    ("size", "kernel", "padding", "stride", "dilation", "out"),
    [
        (5, 3, 0, 1, 1, 3),  # valid
        (5, 3, 1, 1, 1, 5),  # same, odd kernel
        (5, 3, 2, 1, 1, 7),  # full
        (5, 3, 1, 2, 1, 3),  # strided
        (7, 3, 0, 1, 2, 3),  # dilated
        (10, 3, 0, 2, 1, 4),  # 4.5 positions: floor, as torch does
        (5, 2, 0, 2, 1, 2),
    ],
)
def test_output_sizes_of_conv_arithmetic(
    size: int, kernel: int, padding: int, stride: int, dilation: int, out: int
) -> None:
    """Relationships 1 to 15 of Dumoulin and Visin (2016)."""
    conv = Conv(kernel_size=kernel, padding=padding, stride=stride, dilation=dilation)
    assert one(conv, (1, size, size)).out_shape[1:] == (out, out)


def test_cs231n_conv_demo() -> None:
    row = one(Conv(out_channels=2, kernel_size=3, stride=2, padding=1), (3, 5, 5))
    assert row.out_shape == (2, 3, 3)


def test_note_counts_the_cells_never_read() -> None:
    assert one(Pool(), (1, 5, 4)).note == "never reads the last 1 row of its input"
    assert one(Pool(kernel_size=3), (1, 14, 14)).note == (
        "never reads the last 2 rows and 2 columns of its input"
    )
    assert one(Conv(stride=2, padding=1), (1, 8, 8)).note == ""  # only padding is left over


def test_names_are_numbered_per_kind() -> None:
    layers = (
        Conv(padding=1),
        Norm(),
        Activation(),
        Pool(),
        Conv(padding=1),
        Activation(),
        Activation(function="tanh"),
        Dropout(),
        Residual(),
        GlobalPool(),
        Linear(out_features=7),
        Linear(),
    )
    names = [row.name for row in check(layers, IMAGE, 10).rows]
    assert names == (
        "conv1 norm1 relu1 pool1 conv2 relu2 tanh1 drop1 block1 gap1 fc1 fc2".split()  # noqa: SIM905
    )


def test_totals_and_stored_activations() -> None:
    layers = (Conv(out_channels=2), Activation(), Flatten(), Linear())
    summary = check(layers, (1, 6, 6), 10)
    assert summary.num_params == (9 * 2 + 2) + (32 * 10 + 10)
    assert summary.macs == 9 * 2 * 16 + 320
    assert summary.activation_count == 32 + 32 + 32 + 10
    # a residual block keeps conv, norm and ReLU twice, and its 1×1 convolution and norm
    block = one(Residual(out_channels=4, stride=2, shortcut="conv"))
    assert block.activations == 8 * math.prod(block.out_shape)


@pytest.mark.parametrize(
    ("layer", "needed"), [(Norm(), 2), (Norm(mode="layer"), 1), (Residual(), 2)]
)
def test_min_batch_where_batch_norm_sees_one_number(layer: AnyLayer, needed: int) -> None:
    layers = (layer, GlobalPool(), Linear())
    assert summarize(layers, (3, 1, 1), 10).min_batch == needed
    assert summarize(layers, (3, 1, 2), 10).min_batch == 1


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ([Conv(kernel_size=9)], "`kernel_size` 9 is larger than the input, 8×8 with padding"),
        ([Conv(kernel_size=5, dilation=2)], "`kernel_size` 5 dilated to 9 is larger"),
        ([Conv(groups=2)], "`groups` is 2 but the 3 input channels"),
        ([Conv(groups=3, out_channels=4)], "`out_channels` is 4 and cannot be split"),
        ([Conv(stride=0)], "`stride` is 0; choose 1 to 1,024"),
        ([Conv(padding=-1)], "`padding` is -1; choose 0"),
        ([Conv(out_channels=10**9)], "`out_channels` is 1,000,000,000; choose 1 to 65,536"),
        ([Conv(out_channels=65_536, padding=1_000)], "more than 100,000,000 numbers"),
        ([Flatten(), Linear(out_features=65_536), Linear(out_features=65_536)], "parameters"),
        ([Local(out_channels=65_536, padding=9)], "parameters, more than 30,000,000"),
        ([Pool(padding=2, kernel_size=3)], "may be padded by at most 1"),
        ([Pool(kernel_size=9)], "`kernel_size` 9 is larger"),
        ([Linear()], "put a flatten or a global pool layer before it"),
        ([Flatten(), Conv()], "it needs maps but gets a row of 192 numbers"),
        ([Flatten(), Norm(mode="instance")], "instance norm needs maps"),
        ([Norm(mode="group", groups=2)], "`groups` is 2 but the 3 input channels"),
        ([Norm(mode="group", groups=0)], "`groups` is 0; choose 1"),
        ([Pool(kernel_size=8), Norm(mode="instance")], "always gives 0; use batch norm"),
        ([Pool(kernel_size=8), Norm(mode="group", groups=3)], "always gives 0"),
        ([Residual(out_channels=2)], "cannot drop any of the 3 input channels"),
        ([Dropout(p=1.0)], "`p` is 1; choose at least 0 and less than 1"),
        ([PartialConv(connections=((3,),))], "input channel 3; there are 3, numbered 0 to 2"),
        ([PartialConv(connections=((0, 0),))], "list at least one, each only once"),
        ([PartialConv(connections=())], "`connections` is 0"),
        ([Flatten(), Rbf()], "put a linear layer with 84 outputs before it"),
    ],
)
def test_what_cannot_work_says_why(layers: list[AnyLayer], says: str) -> None:
    error = refusal(*layers, Flatten(), Linear())
    assert says in str(error)
    assert str(error).startswith(f"Layer {error.index + 1} (")
    assert str(error).endswith(".")
    assert "\n" not in str(error)
    assert error.index == len(layers) - 1


def test_rows_up_to_the_error_are_kept() -> None:
    summary = summarize((Conv(), Pool(), Conv(kernel_size=4), Flatten(), Linear()), IMAGE, 10)
    assert [row.name for row in summary.rows] == ["conv1", "pool1"]
    assert summary.error is not None
    assert summary.error.index == 2


@pytest.mark.parametrize("layers", [(Conv(),), (Flatten(),), (Flatten(), Linear(out_features=9))])
def test_the_end_must_be_one_number_per_class(layers: LayerList) -> None:
    summary = summarize(layers, IMAGE, 10)
    assert len(summary.rows) == len(layers)
    assert summary.error is not None
    assert "one number for each of the 10 classes" in str(summary.error)
    with pytest.raises(LayerError, match="one number for each"):
        check(layers, IMAGE, 10)


def test_the_network_as_a_whole_is_capped() -> None:
    wide: LayerList = (Flatten(), *[Linear(out_features=2_500)] * 6, Linear())
    error = refusal(*wide)
    assert error.index == 6
    assert "the network would have" in str(error)


def test_no_layers_and_no_image() -> None:
    assert "no layers" in str(refusal())
    with pytest.raises(ValueError, match="at least 2 classes"):
        summarize((Linear(),), (3, 0, 8), 10)


def test_with_dropout_comes_before_the_last_weights() -> None:
    layers = (Conv(), Flatten(), Linear(out_features=9), Activation(), Linear())
    dropped = with_dropout(layers, 0.3)
    assert dropped == (*layers[:4], Dropout(p=0.3), layers[4])
    assert with_dropout(layers, 0) is layers
    assert with_dropout((Flatten(),), 0.3) == (Flatten(),)
    assert check(dropped, IMAGE, 10).num_params == check(layers, IMAGE, 10).num_params


def test_layer_lists_survive_json() -> None:
    layers = (
        Conv(out_channels="classes"),
        Pool(stride=1),
        Norm(mode="group", groups=2),
        PartialConv(connections=((0, 1), (1,))),
        Residual(shortcut="conv"),
        Dropout(p=0.25),
    )
    adapter: TypeAdapter[LayerList] = TypeAdapter(LayerList)
    assert adapter.validate_json(adapter.dump_json(layers)) == layers
    assert parse_layers(layer.model_dump(mode="json") for layer in layers) == layers


def test_every_kind_can_be_parsed_from_its_name() -> None:
    assert [layer.kind for layer in parse_layers({"kind": kind} for kind in LAYER_KINDS)] == list(
        LAYER_KINDS
    )


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"kind": "convolution"}, "`kind` is 'convolution'; choose one of conv, pool"),
        ({}, "`kind` is 'None'"),
        ({"kind": "conv", "filters": 3}, "`filters` is '3': extra inputs"),
        ({"kind": "conv", "out_channels": "ten"}, 'write a whole number or the word "classes"'),
        ({"kind": "pool", "stride": 1.5}, "`stride` is '1.5'"),
        ({"kind": "conv", "stride": 10**5000}, "`stride` is beyond 1,000,000,000,000"),
        ({"kind": "dropout", "p": math.nan}, "`p` is 'nan'"),
        ("conv", "`kind` is|layer"),
    ],
)
def test_unreadable_rows_name_field_and_value(row: Any, says: str) -> None:
    with pytest.raises(LayerError) as caught:
        parse_layers([{"kind": "flatten"}, row])
    assert caught.value.index == 1
    assert any(part in str(caught.value) for part in says.split("|"))
    assert len(str(caught.value)) < 250


def test_too_many_layers() -> None:
    with pytest.raises(LayerError, match="at most 200") as caught:
        parse_layers([{"kind": "activation"}] * 201)
    assert caught.value.index == 200
    with pytest.raises(LayerError, match="no layers"):
        parse_layers([])
