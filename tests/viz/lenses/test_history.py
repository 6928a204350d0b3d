"""The history lens against the networks whose snapshots it was given."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from data.catalogue import get_info
from data.images import normalize
from data.load import load_dataset
from models.build import build_network
from models.weights import save_weights
from tests.viz.lenses.conftest import WriteWeights
from training.network import spec_layers
from training.run_store import RunStore
from training.spec import parse_spec
from viz.lenses import history as module
from viz.lenses.context import LensContext
from viz.lenses.effective_field import effective_field
from viz.lenses.history import filter_moves, history
from viz.lenses.recorder import record
from viz.lenses.registry import LensError
from viz.long_lenses import LONG_LENSES
from viz.results.history import Moments

IMAGE = "digits/test/3"
STEPS = (0, 1, 10)


@pytest.fixture
def nets(write: WriteWeights) -> dict[int, Any]:
    """A run's snapshots by step, each another network."""
    return {step: write(100 + step, step, snapshot=True) for step in STEPS}


def look(context: LensContext, run_id: str, **options: Any) -> Moments:
    found: Moments = history(context, f"run:{run_id}", IMAGE, **options)
    return found


def test_every_moment_is_that_snapshots_own(
    context: LensContext, run_id: str, nets: dict[int, Any]
) -> None:
    found = look(context, run_id, layer="pool1")
    data = load_dataset("digits")
    batch = normalize(data.test.images[3:4], data.info)
    assert [one.step for one in found.moments] == list(STEPS)
    for one in found.moments:
        net = nets[one.step]
        with record(net, ["pool1"]) as outputs, torch.inference_mode():
            probs = torch.softmax(net(batch), dim=1)[0]
        assert one.filters is not None
        assert one.maps is not None
        np.testing.assert_allclose(one.probs, probs.numpy(), atol=1e-6)
        np.testing.assert_allclose(one.maps, outputs["pool1"][-1][0].numpy(), atol=1e-5)
        np.testing.assert_array_equal(one.filters, net.conv1.weight.detach().numpy())
    assert found.label == int(data.test.labels[3])
    assert found.held_out == f"all {len(data.val)} validation images"


def test_confusion_and_loss_count_the_validation_images(
    context: LensContext, run_id: str, nets: dict[int, Any]
) -> None:
    found = look(context, run_id)
    data = load_dataset("digits")
    images = normalize(data.val.images, data.info)
    for one in found.moments:
        with torch.inference_mode():
            logits = nets[one.step](images)
        expected = np.zeros((10, 10), int)
        np.add.at(expected, (data.val.labels.numpy(), logits.argmax(1).numpy()), 1)
        np.testing.assert_array_equal(one.confusion, expected)
        assert one.loss == pytest.approx(float(functional.cross_entropy(logits, data.val.labels)))
        assert one.accuracy == int((logits.argmax(1) == data.val.labels).sum()) / len(data.val)


def test_the_field_is_that_of_the_effective_field_lens(
    context: LensContext, run_id: str, nets: dict[int, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIELD_IMAGES", 32)
    found = look(context, run_id, field="relu1", steps=[1])
    alone = effective_field(context, f"run:{run_id}@1", None, layer="relu1", images=32)
    assert found.field_layer == "relu1"
    field = found.moments[0].field
    assert field is not None
    assert field.box == alone.box
    np.testing.assert_allclose(field.heat, alone.heat, rtol=1e-4, atol=1e-9)


def test_a_page_asks_for_the_new_moments_alone(
    context: LensContext, run_id: str, nets: dict[int, Any], write: WriteWeights
) -> None:
    whole = look(context, run_id)
    net = write(77, 12, snapshot=True)
    new = look(context, run_id, steps=[12])
    assert [one.step for one in new.moments] == [12]
    np.testing.assert_array_equal(
        new.moments[0].filters, net.get_parameter("conv1.weight").detach().numpy()
    )
    common = [dataclasses.replace(one, moments=()) for one in (whole, new)]
    for field in dataclasses.fields(Moments):
        np.testing.assert_equal(*(getattr(one, field.name) for one in common))


def test_filters_are_those_of_the_convolution_before_the_layer(
    context: LensContext, run_id: str, nets: dict[int, Any]
) -> None:
    found = look(context, run_id, layer="block1.relu2", steps=[0])
    assert found.filter_layer.startswith("block1.")
    assert found.layer == "block1.relu2"
    first = look(context, run_id, layer="norm1", steps=[0])
    assert first.filter_layer == "conv1"
    assert first.num_maps == 4


def test_large_layers_are_limited_and_say_so(
    context: LensContext, run_id: str, nets: dict[int, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_MAPS", 2)
    monkeypatch.setattr(module, "MAX_FILTERS", 3)
    monkeypatch.setattr(module, "MAX_VALUES", 2 * 8 * 8)
    found = look(context, run_id, layer="conv1", steps=[0])
    full = look_unlimited(context, run_id)
    assert found.moments[0].filters is not None
    assert found.moments[0].maps is not None
    assert len(found.moments[0].filters) == 3
    assert (found.num_filters, found.num_maps) == (4, 4)
    maps = found.moments[0].maps
    assert maps.shape[0] == 2
    side = full.shape[-1]
    by = -(-side // 8)
    assert maps.shape[-1] == -(-side // by)
    assert found.map_shape == (side, side)
    np.testing.assert_allclose(maps[:, 0, 0], full[:2, :by, :by].mean((1, 2)), rtol=1e-4, atol=1e-6)


def test_input_channels_are_limited_and_counted(
    context: LensContext, run_id: str, nets: dict[int, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = look(context, run_id, layer="block1.conv2", steps=[0])
    assert whole.moments[0].filters is not None
    assert whole.num_inputs == whole.moments[0].filters.shape[1] == 6
    monkeypatch.setattr(module, "MAX_INPUTS", 3)
    found = look(context, run_id, layer="block1.conv2", steps=[0])
    assert found.moments[0].filters is not None
    assert found.moments[0].filters.shape[1] == 3
    assert found.num_inputs == 6
    assert not found.filter_colors


def test_only_the_first_convolution_of_a_coloured_image_reads_colours(
    context: LensContext, store: RunStore
) -> None:
    kernel = {"kind": "conv", "out_channels": 3, "kernel_size": 3, "padding": 1}
    layers = [kernel, kernel, {"kind": "flatten"}, {"kind": "linear"}]
    for dataset, expected in (("shapes", [True, False]), ("digits", [False, False])):
        spec = parse_spec(
            {"network": {"kind": "custom", "layers": layers}, "dataset": {"name": dataset}}
        )
        info = get_info(spec.dataset.name)
        net = build_network(spec_layers(spec, info), info.shape, len(info.classes), seed=0)
        run_id = store.new_run(spec)
        save_weights(store.snapshot_path(run_id, 0), net.state_dict(), {"step": "0"})
        for layer, colors in zip(("conv1", "conv2"), expected, strict=True):
            found = history(context, f"run:{run_id}", f"{dataset}/test/0", layer=layer)
            assert found.filter_colors is colors
            assert found.num_inputs == (info.shape[0] if layer == "conv1" else 3)


def test_moves_are_those_of_all_weights(
    context: LensContext, run_id: str, nets: dict[int, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_FILTERS", 1)
    monkeypatch.setattr(module, "MAX_INPUTS", 1)
    layer = "block1.conv1"
    found = filter_moves(context, f"run:{run_id}", None, steps=[0, 1, 10], layer=layer)
    weights = [nets[step].get_parameter(f"{layer}.weight").detach().numpy() for step in STEPS]
    expected = [np.linalg.norm(after - before) for before, after in itertools.pairwise(weights)]
    np.testing.assert_allclose(found.norms, expected, rtol=1e-5)
    assert (found.layer, found.steps) == (layer, STEPS)
    alone = filter_moves(context, f"run:{run_id}", None, steps=[10])
    assert (alone.layer, alone.norms.shape) == ("conv1", (0,))
    with pytest.raises(LensError, match="no convolution 'conv9'"):
        filter_moves(context, f"run:{run_id}", None, layer="conv9")


def look_unlimited(context: LensContext, run_id: str) -> Any:
    data = load_dataset("digits")
    net = context.subject(f"run:{run_id}@0").net
    with record(net, ["conv1"]) as outputs, torch.inference_mode():
        net(normalize(data.test.images[3:4], data.info))
    return outputs["conv1"][-1][0].numpy()


def test_a_network_without_maps_shows_what_it_has(context: LensContext, store: RunStore) -> None:
    spec = parse_spec({"network": {"kind": "named", "name": "small_fc"}})
    run_id = store.new_run(spec)
    info = get_info(spec.dataset.name)
    net = build_network(spec_layers(spec, info), info.shape, len(info.classes), seed=0)
    save_weights(store.snapshot_path(run_id, 0), net.state_dict(), {"step": "0"})
    found = look(context, run_id)
    assert (found.layer, found.filter_layer, found.field_layer) == ("", "", "")
    [one] = found.moments
    assert one.filters is None
    assert one.maps is None
    assert one.field is None
    assert one.confusion is not None
    with pytest.raises(LensError, match="no layer with maps called 'conv1'"):
        look(context, run_id, layer="conv1")


def test_weights_that_are_no_numbers_pass_through(
    context: LensContext, run_id: str, nets: dict[int, Any], store: RunStore
) -> None:
    weights = {
        name: tensor * float("nan") if tensor.is_floating_point() else tensor
        for name, tensor in nets[0].state_dict().items()
    }
    save_weights(store.snapshot_path(run_id, 12), weights, {"step": "12"})
    [one] = look(context, run_id, steps=[12]).moments
    assert np.isnan(one.probs).all()
    assert one.confusion is not None
    assert one.field is not None
    assert one.field.area95 == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"steps": [0, 3]}, "keeps no weights of update 3"),
        ({"steps": []}, "0 moments at once"),
        ({"steps": [0] * 25}, "25 moments at once"),
        ({"steps": [True]}, "keeps no weights of update True"),
        ({"layer": "conv9"}, "no layer with maps called 'conv9'"),
        ({"field": "conv9"}, "no layer 'conv9'"),
    ],
)
def test_what_is_not_there_is_a_sentence(
    context: LensContext, run_id: str, nets: dict[int, Any], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(LensError, match=words):
        look(context, run_id, **options)


def test_networks_without_a_past_and_runs_without_moments(
    context: LensContext, run_id: str
) -> None:
    with pytest.raises(LensError, match="no earlier moments"):
        history(context, "random:lenet5", IMAGE)
    with pytest.raises(LensError, match="wait until it has started"):
        look(context, run_id)


def test_a_snapshot_deleted_meanwhile_is_a_sentence(
    context: LensContext, run_id: str, nets: dict[int, Any], store: RunStore
) -> None:
    look(context, run_id)
    store.snapshot_path(run_id, 1).unlink()
    assert [one.step for one in look(context, run_id).moments] == [0, 10]
    with pytest.raises(LensError, match="keeps no weights of update 1"):
        look(context, run_id, steps=[0, 1, 10])


def test_it_has_a_worker_of_its_own() -> None:
    assert {"history", "filter_moves"} <= LONG_LENSES
