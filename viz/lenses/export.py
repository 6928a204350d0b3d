"""A network as a file to take away. Both kinds of file work without this program.

The ONNX file takes images in [0, 1] and normalises inside, so nobody has to know the mean and the
deviation of the training images to use it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
import torch
import torch.onnx
from onnx import helper
from onnx.reference import ReferenceEvaluator
from safetensors.torch import save
from torch import Tensor, nn

from viz.lenses.context import LensContext, Subject
from viz.lenses.registry import LensError, lens
from viz.results import Export


class Deployed(nn.Module):
    """A network with its normalisation in front: images (N, C, H, W) in [0, 1] to logits (N, K)."""

    mean: Tensor
    std: Tensor

    def __init__(self, subject: Subject) -> None:
        super().__init__()
        self.net = subject.net
        self.register_buffer("mean", torch.tensor(subject.info.mean).view(-1, 1, 1))
        self.register_buffer("std", torch.tensor(subject.info.std).view(-1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K) of images (N, C, H, W) in [0, 1]."""
        logits: Tensor = self.net((images - self.mean) / self.std)
        return logits


@lens("export")
def export(
    context: LensContext,
    model: str | None,
    image: str | None,
    *,
    format: str = "safetensors",
    dataset: Mapping[str, Any] | None = None,
) -> Export:
    """The network as a file: `format` is safetensors (its state dict) or onnx (ready to run).

    Both carry metadata: model, step, classes, shape, mean and std as JSON texts, and the spec.
    """
    if format not in _FORMATS:
        raise LensError(f"{format[:40]!r} is no file format: choose {' or '.join(_FORMATS)}.")
    subject = context.subject(model, dataset)
    data, note = _FORMATS[format](subject, _metadata(str(model), subject))
    moment = "" if subject.step is None else f"-step{subject.step}"
    name = re.sub(r"[^A-Za-z0-9]+", "-", str(model).partition("@")[0])
    return Export(data, f"{name}{moment}.{format}", note)


def _metadata(model: str, subject: Subject) -> dict[str, str]:
    values: dict[str, Any] = {
        "model": model,
        "step": subject.step,
        "dataset": subject.info.name,
        "classes": subject.info.classes,
        "shape": subject.info.shape,
        "mean": subject.info.mean,
        "std": subject.info.std,
    }
    texts = {name: json.dumps(value) for name, value in values.items()}
    return texts | ({"spec": subject.spec.model_dump_json()} if subject.spec else {})


def _safetensors(subject: Subject, metadata: dict[str, str]) -> tuple[bytes, str]:
    tensors = {name: tensor.contiguous() for name, tensor in subject.net.state_dict().items()}
    note = (
        "The state dict: load it with safetensors.torch.load_file into the network of the script. "
        "Normalise images with the mean and std of the metadata first."
    )
    return save(tensors, metadata={**metadata, "note": note}), note


def _onnx(subject: Subject, metadata: dict[str, str]) -> tuple[bytes, str]:
    channels, height, width = subject.info.shape
    deployed = Deployed(subject).eval()
    program = torch.onnx.export(
        deployed,
        (torch.zeros(2, channels, height, width),),  # 2: a batch of 1 would be taken for constant
        input_names=["images"],
        output_names=["logits"],
        dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
        dynamo=True,
        verbose=False,
    )
    if program is None:
        raise RuntimeError("the exporter gave no program")
    file: onnx.ModelProto = program.model_proto
    _forget_origin(file)
    note = (
        f"Input `images`: float32 (batch, {channels}, {height}, {width}) in [0, 1], normalised "
        f"inside. Output `logits`: (batch, {len(subject.info.classes)}), softmax gives the "
        "probabilities of the classes in the metadata."
    )
    _verify(file, deployed, subject)
    helper.set_model_props(file, {**metadata, "note": note})
    return file.SerializeToString(), note


def _verify(file: onnx.ModelProto, deployed: Deployed, subject: Subject) -> None:
    """Run the file beside the network: an exporter that mistakes an operation says nothing.

    Raises:
        LensError: when the two disagree.
    """
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(
        3, *subject.info.shape, generator=generator
    )  # not the size it was made with
    with torch.inference_mode():
        expected = deployed(images).numpy()
    (logits,) = ReferenceEvaluator(file).run(None, {"images": images.numpy()})
    if not np.allclose(logits, expected, rtol=1e-4, atol=1e-4):
        raise LensError(
            "The ONNX file would not give this network's answers, so it is withheld: take the "
            "safetensors file and the script instead."
        )


def _forget_origin(file: onnx.ModelProto) -> None:
    """Remove the exporter's notes on where each node came from: they hold paths of this machine."""
    graph = file.graph
    for part in (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    graph.ClearField("metadata_props")


_FORMATS: dict[str, Callable[[Subject, dict[str, str]], tuple[bytes, str]]] = {
    "safetensors": _safetensors,
    "onnx": _onnx,
}
