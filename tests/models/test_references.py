"""Model references: the four forms round-trip, everything else is refused with a sentence."""

from __future__ import annotations

import pytest

from models.references import (
    ModelRef,
    RandomRef,
    ReferenceError,
    RunRef,
    ShippedRef,
    TorchvisionRef,
    parse_reference,
)


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("run:20260131-094500-ab2c", RunRef("20260131-094500-ab2c")),
        ("run:20260131-094500-ab2c@0", RunRef("20260131-094500-ab2c", 0)),
        ("run:20260131-094500-ab2c@1024", RunRef("20260131-094500-ab2c", 1024)),
        ("shipped:digits_lenet5", ShippedRef("digits_lenet5")),
        ("torchvision:resnet50", TorchvisionRef("resnet50")),
        ("random:lenet5_1998", RandomRef("lenet5_1998")),
    ],
)
def test_forms_round_trip(text: str, reference: ModelRef) -> None:
    assert parse_reference(text) == reference
    assert str(reference) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lenet5",
        "run:",
        "run:../../etc/passwd",
        "run:20260131-094500-ab2c/../x",
        "run:20260131-094500-ab2c\n",
        "run:20260131-094500-AB2C",
        "run:20260131-094500-ab2c@",
        "run:20260131-094500-ab2c@-1",
        "run:20260131-094500-ab2c@007",
        "run:20260131-094500-ab2c@9999999999",
        "run:٢٠٢٦٠١٣١-٠٩٤٥٠٠-ab2c",
        "random:os.system",
        "random:__init__",
        "torchvision:ResNet50",
        "shipped:a/b",
        "shipped:" + "a" * 10_000,
        "file:weights",
        " run:20260131-094500-ab2c",
        "run:20260131-094500-ab2c\0",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ReferenceError, match=r"names no network; write run:<id>") as caught:
        parse_reference(text)
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)
