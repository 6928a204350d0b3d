"""Accuracies of edited networks against whole runs of them, and what is kept between two edits."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from data.load import Split
from tests.viz.lenses.nets import OneNet, split
from viz.lenses import edit_accuracy as module
from viz.lenses.edit_accuracy import edit_accuracy
from viz.lenses.edit_filter import apply_edits
from viz.long_lenses import LONG_LENSES

ZERO_FIRST = {"layer": "0", "filter": 1, "op": "zero"}
NEGATE_DEEP = {"layer": "2.0", "filter": 0, "op": "scale", "values": -1.0}


class Wrapped(nn.Module):
    """The same network without a chain that could be cut."""

    def __init__(self, inner: nn.Sequential) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.inner(x)
        return logits


def make() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.ReLU(inplace=True),
        nn.Sequential(nn.Conv2d(4, 3, 2), nn.ReLU(inplace=True)),
        nn.Flatten(),
        nn.Linear(3, 2),
    )


def held() -> Split:
    generator = torch.Generator().manual_seed(1)
    return split(torch.rand(230, 1, 4, 4, generator=generator), [0, 1] * 115)


def by_hand(context: OneNet, edits: list[dict[str, Any]]) -> tuple[Tensor, Tensor]:
    part = context.images_of["val"]
    net = copy.deepcopy(context.net)
    apply_edits(net, context.subject("any"), edits)
    with torch.no_grad():
        before, after = (
            each(part.images / 255).argmax(1) == part.labels for each in (context.net, net)
        )
    return before, after


def check(context: OneNet, edits: list[dict[str, Any]]) -> None:
    found = edit_accuracy(context, "any", None, edits=edits)
    before, after = by_hand(context, edits)
    assert found.counts is not None
    assert found.counts.right_before == int(before.sum())
    assert found.counts.broken == int((before & ~after).sum())
    assert found.counts.fixed == int((~before & after).sum())
    assert found.right_after.sum() == int(after.sum())


@pytest.mark.parametrize("limit", [0, 10**9])
def test_edits_one_after_the_other(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In every order, so that the chain is cut anew; layers work in place on what is kept."""
    monkeypatch.setattr(module, "_KEPT_VALUES", limit)
    context = OneNet(make(), {"val": held()})
    for edits in (
        [], [ZERO_FIRST], [NEGATE_DEEP], [NEGATE_DEEP], [NEGATE_DEEP, ZERO_FIRST], [ZERO_FIRST], [],
    ):  # fmt: skip
        check(context, edits)


def test_a_network_that_is_no_chain() -> None:
    context = OneNet(Wrapped(make()), {"val": held()})
    for edits in ([{**ZERO_FIRST, "layer": "inner.0"}], [{**NEGATE_DEEP, "layer": "inner.2.0"}]):
        check(context, edits)


def test_other_weights_are_measured_anew() -> None:
    context = OneNet(make(), {"val": held()})
    check(context, [NEGATE_DEEP])
    with torch.no_grad():
        context.net.get_parameter("4.weight").neg_()
        context.net.get_parameter("0.weight").mul_(-3)
    check(context, [NEGATE_DEEP])


def test_a_second_edit_runs_only_what_follows_it() -> None:
    context = OneNet(make(), {"val": held()})
    check(context, [NEGATE_DEEP])
    runs: list[str] = []
    handles = [
        part.register_forward_pre_hook(lambda *_, name=name: runs.append(name))
        for name, part in context.net.named_children()
    ]
    edit_accuracy(context, "any", None, edits=[{**NEGATE_DEEP, "filter": 1}])
    for handle in handles:
        handle.remove()
    assert runs == ["2", "3", "4"] * 3  # batches; the copy that is edited has the hooks, too
    assert {"edit_accuracy", "filter_activity"} <= LONG_LENSES
    assert "edited" not in LONG_LENSES
