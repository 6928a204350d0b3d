"""Everything that cannot be trained is refused in one sentence, before anything starts."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
from typing import Any

import pytest

from data.catalogue import get_info
from models.layers import MAX_PARAMS, summarize
from training import admission
from training.admission import MAX_ACTIVATION_BYTES, admit
from training.spec import CustomNetwork, SpecError, TrainSpec, parse_spec

LINEAR = {"kind": "linear"}
FLAT = {"kind": "flatten"}


def layers(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"network": {"kind": "custom", "layers": list(rows)}}


def conv(**values: Any) -> dict[str, Any]:
    return {"kind": "conv", "kernel_size": 3, "out_channels": 4, **values}


WRONG: dict[str, tuple[Any, str]] = {
    "no layers": (layers(), "layers"),
    "kernel larger than the image": (layers(conv(kernel_size=40), FLAT, LINEAR), "40"),
    "lr is no number": ('{"optimizer":{"lr":NaN}}', "finite"),
    "lr is infinite": ('{"optimizer":{"lr":1e999}}', "finite"),
    "lr is zero": ({"optimizer": {"lr": 0}}, "more than 0"),
    "lr is text": ({"optimizer": {"lr": "fast"}}, "fast"),
    "batch 0": ({"batch_size": 0}, "1 or more"),
    "batch of a million": ({"batch_size": 10**6}, "8,192 or less"),
    "batch larger than the set": ({"batch_size": 8192}, "1257"),
    "batch of a googol": ('{"batch_size":1' + "0" * 100 + "}", "8,192"),
    "batch of 2.5": ({"batch_size": 2.5}, "2.5"),
    "a billion channels": (layers(conv(out_channels=10**9), FLAT, LINEAR), "1,000,000,000"),
    "negative channels": (layers(conv(out_channels=-4), FLAT, LINEAR), "-4"),
    "a googol of channels": (layers(conv(out_channels=10**100), FLAT, LINEAR), "10000000"),
    "stride 0": (layers(conv(stride=0), FLAT, LINEAR), "stride"),
    "groups that do not divide": (layers(conv(out_channels=4, groups=3), FLAT, LINEAR), "groups"),
    "wrong number of outputs": (layers(FLAT, {"kind": "linear", "out_features": 7}), "10"),
    "maps at the end": (layers(conv()), "classes"),
    "linear on maps": (layers(LINEAR), "flatten"),
    "too many layers": (layers(*[conv(padding=1)] * 201, FLAT, LINEAR), "200"),
    "unknown layer": (layers({"kind": "teleport"}), "teleport"),
    "unknown network": ({"network": {"kind": "named", "name": "resnet9000"}}, "resnet9000"),
    "unknown network kind": ({"network": {"kind": "pickle"}}, "pickle"),
    "unknown data set": ({"dataset": {"name": "imagenet"}}, "imagenet"),
    "path for a data set": ({"dataset": {"name": "folder:../../etc"}}, "../../etc"),
    "archive that is not there": ({"dataset": {"name": "zip:" + "0" * 64}}, "0000"),
    "half a surrogate": ({"dataset": {"name": "\ud800"}}, "unicode"),
    "size it does not have": ({"dataset": {"name": "digits", "image_size": 64}}, "64"),
    "size nobody has": ({"dataset": {"image_size": 17}}, "17"),
    "shortcut where there is none": ({"dataset": {"shortcut": 0.5}}, "Shapes"),
    "label noise above 1": ({"dataset": {"label_noise": 1.5}}, "1 or less"),
    "no training images": ({"dataset": {"train_limit": 0}}, "1 or more"),
    "limit below the batch": ({"dataset": {"train_limit": 20}}, "20"),
    "momentum 1": ({"optimizer": {"momentum": 1}}, "less than 1"),
    "nesterov of adam": ({"optimizer": {"name": "adam", "nesterov": True}}, "Nesterov"),
    "unknown optimiser": ({"optimizer": {"name": "sgdw"}}, "sgdw"),
    "unknown schedule": ({"schedule": {"name": "zigzag"}}, "zigzag"),
    "falling milestones": ({"schedule": {"milestones": [0.9, 0.1]}}, "rising"),
    "sweep that falls": ({"schedule": {"name": "range_test", "min_lr": 1.0}}, "min_lr"),
    "sweep too short": ({"schedule": {"name": "range_test"}, "max_steps": 3}, "20"),
    "dropout 1": ({"dropout": 1}, "less than 1"),
    "no epochs": ({"epochs": 0}, "1 or more"),
    "too many updates": ({"epochs": 10_000, "batch_size": 1}, "12,570,000"),
    "shift beyond the image": ({"augment": {"shift": 16}}, "8 or less"),
    "cutout of everything": ({"augment": {"cutout": 32}}, "8 or less"),
    "negative seed": ({"seed": -1}, "0 or more"),
    "unknown device": ({"device": "tpu"}, "tpu"),
    "unknown field": ({"learning_rate": 0.1}, "learning_rate"),
    "field with a line break": ({"a\nb": 1}, "a?b"),
    "not an object": ("[1, 2]", "object"),
    "not JSON": ("{'lr': 1}", "JSON"),
    "nothing": (None, "dictionary"),
    "a list": ([1], "dictionary"),
    "very deep JSON": ("[" * 100_000, "JSON"),
    "very long name": ({"dataset": {"name": "x" * 10**6}}, "200"),
    "nothing to train": (layers({"kind": "global_pool"}), "classes"),
    "too many parameters": (
        layers(FLAT, {"kind": "linear", "out_features": 60_000}, LINEAR, LINEAR)
        | {"dataset": {"name": "cifar10"}},
        "parameters",
    ),
    "too much memory": (
        layers(*[conv(out_channels=256, padding=1)] * 9, FLAT, LINEAR)
        | {"dataset": {"name": "mnist"}, "batch_size": 4096},
        "GiB",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_refused_with_a_sentence(case: str) -> None:
    values, fragment = WRONG[case]
    with pytest.raises(SpecError) as caught:
        admit(parse_spec(values))
    message = str(caught.value)
    assert fragment in message
    assert message[0].isupper() or message[0] == "`"
    assert message.endswith((".", "?"))
    assert "\n" not in message
    assert len(message) < 400
    assert "Traceback" not in message


def test_images_too_small_for_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    small = dataclasses.replace(get_info("digits"), shape=(1, 5, 5))
    monkeypatch.setattr(admission, "get_info", lambda *args: small)
    spec = parse_spec({"network": {"kind": "named", "name": "resnet8"}})
    with pytest.raises(SpecError, match=r"at least 8 pixels a side and .* has 5×5"):
        admit(spec)


def test_every_split_needs_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    few = dataclasses.replace(get_info("digits"), num_val=0)
    monkeypatch.setattr(admission, "get_info", lambda *args: few)
    with pytest.raises(SpecError, match="0 to validate"):
        admit(parse_spec({}))


def test_batch_norm_needs_two_numbers() -> None:
    """1257 = 4 · 314 + 1 digits: the last batch of 4 is one image, alone in its batch norm."""
    norm = layers(FLAT, {"kind": "linear", "out_features": 5}, {"kind": "norm"}, LINEAR)
    with pytest.raises(SpecError, match="last batch of 1 "):
        admit(parse_spec(norm | {"batch_size": 4}))
    assert admit(parse_spec(norm | {"batch_size": 5})).total_steps == 2520


def test_what_is_admitted_is_described() -> None:
    found = admit(TrainSpec(batch_size=100, epochs=3))
    assert found.info.name == "digits"
    assert found.num_train == 1257
    assert found.total_steps == 39
    assert found.activation_bytes == 4 * 100 * found.summary.activation_count
    assert 0 < found.summary.num_params <= MAX_PARAMS
    assert found.activation_bytes <= MAX_ACTIVATION_BYTES
    limited = parse_spec({"dataset": {"train_limit": 100}, "max_steps": 7, "batch_size": 10})
    assert (admit(limited).num_train, admit(limited).total_steps) == (100, 7)
    generous = parse_spec({"dataset": {"train_limit": 10**6}})
    assert admit(generous).num_train == 1257


def test_the_layer_table_and_admission_allow_the_same_size() -> None:
    """What the editor shows as valid can be trained; what it refuses cannot."""
    info = get_info("shapes", 64)
    pixels, classes = math.prod(info.shape), len(info.classes)
    fits = (MAX_PARAMS - classes) // (pixels + 1 + classes)  # units between two linear layers
    for units in (fits, fits + 1):
        spec = parse_spec(
            layers(FLAT, {"kind": "linear", "out_features": units}, LINEAR)
            | {"dataset": {"name": "shapes", "image_size": 64}}
        )
        assert isinstance(spec.network, CustomNetwork)
        if summarize(spec.network.layers, info.shape, classes).error is None:
            assert units == fits
            assert admit(spec).summary.num_params <= MAX_PARAMS
        else:
            assert units == fits + 1
            with pytest.raises(SpecError, match=f"more than {MAX_PARAMS:,}"):
                admit(spec)


def test_a_mistake_of_the_program_is_not_taken_for_the_visitors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def mistaken(*_: object) -> None:
        raise ValueError("not a sentence")

    monkeypatch.setattr(admission, "get_info", mistaken)
    with pytest.raises(ValueError, match="not a sentence") as caught:
        admit(TrainSpec())
    assert not isinstance(caught.value, SpecError)


def test_torch_is_not_needed() -> None:
    """The web process imports all of this and must never load torch."""
    code = (
        "import sys, training.admission, training.control, training.events, training.follow, "
        "training.metrics_csv, training.presets, training.run_store, training.schedules, "
        "training.script, training.spec; "
        "from training.presets import list_presets; "
        "from training.admission import admit; "
        "from training.script import run_script; "
        "[run_script(p.spec, admit(p.spec).info) for p in list_presets()]; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'sklearn', 'torchvision')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
