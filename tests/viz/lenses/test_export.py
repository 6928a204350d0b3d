"""Exported files are whole: they give the network's own answers without this program."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator
from safetensors.torch import load
from torch import nn

from data.load import load_dataset
from training.spec import TrainSpec, parse_spec
from viz.lenses import export as export_module
from viz.lenses.context import LensContext
from viz.lenses.export import Deployed, export
from viz.lenses.registry import LensError


def test_safetensors_hold_the_state_dict_and_how_to_use_it(
    context: LensContext, run_id: str, net: nn.Sequential, spec: TrainSpec
) -> None:
    result = export(context, f"run:{run_id}", None)
    weights = load(result.data)
    assert weights.keys() == net.state_dict().keys()
    assert all(torch.equal(weights[name], value) for name, value in net.state_dict().items())
    assert result.file_name == f"run-{run_id}-step40.safetensors"
    length = int.from_bytes(result.data[:8], "little")
    metadata = json.loads(result.data[8 : 8 + length])["__metadata__"]
    assert json.loads(metadata["classes"]) == [str(digit) for digit in range(10)]
    assert json.loads(metadata["step"]) == 40
    assert parse_spec(metadata["spec"]) == spec


def test_onnx_normalises_inside_and_agrees_with_torch_for_any_batch(
    context: LensContext, run_id: str, net: nn.Sequential
) -> None:
    result = export(context, f"run:{run_id}", None, format="onnx")
    file = onnx.load_from_string(result.data)
    onnx.checker.check_model(file)
    digits = load_dataset("digits")
    runtime = ReferenceEvaluator(file)
    for count in (1, 7):
        images = digits.test.images[:count] / 255  # as anybody would feed them
        mean, std = torch.tensor(digits.info.mean), torch.tensor(digits.info.std)
        with torch.no_grad():
            expected = net((images - mean[:, None, None]) / std[:, None, None]).numpy()
        (logits,) = runtime.run(None, {"images": images.numpy()})
        assert np.allclose(logits, expected, atol=1e-4)
    metadata = {entry.key: entry.value for entry in file.metadata_props}
    assert json.loads(metadata["shape"]) == [1, 16, 16]
    assert "in [0, 1]" in metadata["note"]
    assert __file__.encode() not in result.data
    assert b".py" not in result.data  # no paths of the machine that exported


def test_a_file_that_answers_differently_is_withheld(
    context: LensContext, run_id: str, net: nn.Sequential, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(file: onnx.ModelProto) -> None:
        for tensor in file.graph.initializer:
            if tensor.name == "net.fc1.weight":
                tensor.CopyFrom(
                    numpy_helper.from_array(2 * numpy_helper.to_array(tensor), tensor.name)
                )

    monkeypatch.setattr(export_module, "_forget_origin", spoil)
    with pytest.raises(LensError, match="is withheld"):
        export(context, f"run:{run_id}", None, format="onnx")


def test_sums_over_windows_are_exported_right_or_not_at_all(context: LensContext) -> None:
    """LeNet's subsampling: an exporter was seen to turn its sums into means without a word."""
    model = "random:lenet5_1998"
    try:
        result = export(context, model, None, format="onnx")
    except LensError:
        return
    images = torch.rand(5, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    expected = Deployed(context.subject(model))(images).detach().numpy()
    runtime = ReferenceEvaluator(onnx.load_from_string(result.data))
    (logits,) = runtime.run(None, {"images": images.numpy()})
    assert np.allclose(logits, expected, atol=1e-3)
