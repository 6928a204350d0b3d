"""From a reference to the right network with the right weights, or a sentence that says why not."""

from __future__ import annotations

import os

import pytest
import torch
from torch import nn

from data.catalogue import get_info
from models.build import build_network
from models.registry import get_architecture
from models.weights import save_weights
from tests.viz.lenses.conftest import WriteWeights
from training.run_store import RunError, RunStore
from training.spec import DatasetSpec
from viz.lenses import context as context_module
from viz.lenses.context import LensContext, choose_split, dataset_spec
from viz.lenses.registry import LensError


def same(one: nn.Module, other: nn.Module) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_a_run_has_its_latest_weights(
    context: LensContext, run_id: str, write: WriteWeights
) -> None:
    net = write(seed=1, step=40)
    subject = context.subject(f"run:{run_id}")
    assert same(subject.net, net)
    assert (subject.step, subject.seed, subject.info.name) == (40, 3, "digits")
    assert not any(module.training for module in subject.net.modules())
    assert not any(parameter.requires_grad for parameter in subject.net.parameters())


def test_newer_weights_are_noticed_and_the_network_is_not_built_again(
    context: LensContext, run_id: str, write: WriteWeights
) -> None:
    write(seed=1, step=40)
    first = context.subject(f"run:{run_id}")
    newer = write(seed=2, step=50)
    second = context.subject(f"run:{run_id}")
    assert second.net is first.net
    assert same(second.net, newer)
    assert second.step == 50


def test_unchanged_weights_are_not_read_again(
    context: LensContext, run_id: str, write: WriteWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(seed=1, step=40)
    context.subject(f"run:{run_id}")
    monkeypatch.setattr(context_module, "load_weights", None)  # calling it would fail
    assert context.subject(f"run:{run_id}").step == 40


def test_a_snapshot_and_the_latest_take_turns(
    context: LensContext, run_id: str, write: WriteWeights
) -> None:
    old, new = write(seed=1, step=8, snapshot=True), write(seed=2, step=90)
    for _ in range(2):
        assert same(context.subject(f"run:{run_id}@8").net, old)
        assert same(context.subject(f"run:{run_id}").net, new)
    assert context.subject(f"run:{run_id}@8").step == 8


def test_without_latest_the_newest_snapshot_serves(
    context: LensContext, run_id: str, write: WriteWeights
) -> None:
    write(seed=1, step=8, snapshot=True)
    newest = write(seed=2, step=16, snapshot=True)
    assert same(context.subject(f"run:{run_id}").net, newest)


def test_random_weights_are_those_training_with_seed_0_begins_with(context: LensContext) -> None:
    subject = context.subject("random:lenet5", {"name": "shapes"})
    info = get_info("shapes")
    layers = get_architecture("lenet5").layers(info.shape, 10)
    assert same(subject.net, build_network(layers, info.shape, 10, seed=0))
    assert (subject.step, subject.info.shape) == (None, (3, 32, 32))
    assert context.subject("random:lenet5").info.name == "digits"


def test_only_a_few_networks_are_kept(
    context: LensContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context_module, "KEPT_NETS", 2)
    first = context.subject("random:lenet5").net
    context.subject("random:lenet5", {"name": "shapes"})
    assert context.subject("random:lenet5").net is first
    context.subject("random:tiny_vgg", {"name": "shapes"})
    context.subject("random:tiny_vgg", {"name": "shapes", "image_size": 64})
    assert context.subject("random:lenet5").net is not first


def test_a_data_set_is_loaded_once(context: LensContext) -> None:
    assert context.data(DatasetSpec()) is context.data(DatasetSpec())
    assert context.data(DatasetSpec(), seed=1) is not context.data(DatasetSpec())


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (None, "looks at a network"),
        ("run:../../etc/passwd", "names no network"),
        ("run:20260131-094500-ab2c", "is not here"),
        ("random:nosuch", "no network called 'nosuch'"),
        ("shipped:something", "something"),
        ("torchvision:nosuch", "nosuch"),
    ],
)
def test_what_names_no_network_gets_a_sentence(
    context: LensContext, model: str | None, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        context.subject(model)


def test_a_run_without_weights_says_so(context: LensContext, run_id: str) -> None:
    with pytest.raises(RunError, match="has no weights yet"):
        context.subject(f"run:{run_id}")


def test_a_missing_snapshot_names_those_nearby(
    context: LensContext, run_id: str, write: WriteWeights
) -> None:
    with pytest.raises(RunError, match="update 7: none is kept yet"):
        context.subject(f"run:{run_id}@7")
    for step in (0, 4, 8, 16):
        write(seed=1, step=step, snapshot=True)
    with pytest.raises(RunError, match="update 7: near it are 0, 4, 8"):
        context.subject(f"run:{run_id}@7")


def test_torn_or_foreign_weights_get_a_sentence(
    context: LensContext, store: RunStore, run_id: str
) -> None:
    path = store.weights_path(run_id)
    path.write_bytes(b"torn")
    with pytest.raises(ValueError, match="cannot be read as weights"):
        context.subject(f"run:{run_id}")
    save_weights(path, {"x": torch.zeros(1)}, {})
    os.utime(path, ns=(1, 1))
    with pytest.raises(LensError, match="do not fit its network"):
        context.subject(f"run:{run_id}")


def test_a_refused_file_leaves_nothing_of_itself_behind(
    context: LensContext, store: RunStore, run_id: str, write: WriteWeights
) -> None:
    write(seed=1, step=4, snapshot=True)
    before = {k: v.clone() for k, v in context.subject(f"run:{run_id}@4").net.state_dict().items()}
    first = next(iter(before))
    partly = {first: torch.zeros_like(before[first])}  # fits, but the rest is missing
    save_weights(store.weights_path(run_id), partly, {})
    with pytest.raises(LensError, match="do not fit its network"):
        context.subject(f"run:{run_id}")
    after = context.subject(f"run:{run_id}@4").net.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_nothing_is_downloaded_for_a_picture(
    context: LensContext, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("CONVSCOPE_DATA", str(tmp_path))
    with pytest.raises(LensError, match="MNIST is not on this machine yet"):
        context.data(DatasetSpec(name="mnist"))


def test_wrong_options_are_named(context: LensContext) -> None:
    with pytest.raises(LensError, match="`image_size` is '17'"):
        dataset_spec({"image_size": 17})
    with pytest.raises(LensError, match="'dev' is no split"):
        choose_split(context.data(DatasetSpec()), "dev")
