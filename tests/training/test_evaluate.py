"""Held-out scores against one image at a time."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from data.load import Split
from data.pixels import Normalizer
from tests.training.helpers import CPU, make_data, tiny_spec
from training.batches import OnDevice
from training.evaluate import evaluate, sample_index
from training.state import TrainState


def test_equals_brute_force() -> None:
    data = make_data(num_val=601)  # several batches and a short one
    state = TrainState.fresh(tiny_spec(), data.info, CPU)
    normalizer = Normalizer(data.info, CPU, state.memory_format)
    scores = evaluate(state.model, OnDevice(data.val, CPU), normalizer, 4)
    state.model.eval()
    confusion = [[0] * 4 for _ in range(4)]
    losses = []
    with torch.no_grad():
        for image, label in zip(data.val.images, data.val.labels, strict=True):
            logits = state.model((image[None].float() / 255 - 0.43) / 0.25)
            confusion[int(label)][int(logits.argmax())] += 1
            losses.append(functional.cross_entropy(logits, label[None]).item())
    assert scores.confusion == tuple(map(tuple, confusion))
    assert scores.loss == pytest.approx(sum(losses) / 601, rel=1e-5)
    assert scores.accuracy == pytest.approx(sum(confusion[i][i] for i in range(4)) / 601)


def test_of_a_sample() -> None:
    data = make_data(num_val=300)
    state = TrainState.fresh(tiny_spec(), data.info, CPU)
    normalizer = Normalizer(data.info, CPU, state.memory_format)
    index = torch.tensor([5, 17, 200])
    part = Split(data.val.images[index], data.val.labels[index])
    of_index = evaluate(state.model, OnDevice(data.val, CPU), normalizer, 4, index)
    assert of_index == evaluate(state.model, OnDevice(part, CPU), normalizer, 4)


def test_modes_and_statistics_are_left_as_they_were() -> None:
    data = make_data()
    state = TrainState.fresh(tiny_spec(), data.info, CPU)
    state.model.train()
    state.model.get_submodule("norm1").eval()
    before = {name: value.clone() for name, value in state.model.state_dict().items()}
    evaluate(
        state.model, OnDevice(data.val, CPU), Normalizer(data.info, CPU, state.memory_format), 4
    )
    modes = {name: module.training for name, module in state.model.named_children()}
    assert modes.pop("norm1") is False
    assert all(modes.values())
    for name, value in state.model.state_dict().items():
        assert torch.equal(value, before[name])


def test_modes_come_back_after_an_exception() -> None:
    data = make_data()
    net = nn.Sequential(nn.Dropout(), nn.Linear(3, 4))
    with pytest.raises(RuntimeError):
        evaluate(
            net, OnDevice(data.val, CPU), Normalizer(data.info, CPU, torch.contiguous_format), 4
        )
    assert net.training
    assert net[0].training


@pytest.mark.parametrize(
    ("num_val", "every", "batch", "size"),
    [
        (5000, 100, 64, 320),
        (5000, 100, 128, 640),
        (5000, 1, 1, 200),
        (5000, 1000, 512, 1000),
        (24, 9, 9, 24),
    ],
)
def test_sample_size(num_val: int, every: int, batch: int, size: int) -> None:
    index = sample_index(0, num_val, every, batch)
    assert len(set(index.tolist())) == len(index) == size
    assert index.tolist() == sample_index(0, num_val, every, batch).tolist()
