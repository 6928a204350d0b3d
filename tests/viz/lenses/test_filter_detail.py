"""Statistics of filters against planted ones, spectra against closed forms and numpy's FFT."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.viz.lenses.nets import OneNet, conv, split
from viz.lenses.filter_activity import filter_activity
from viz.lenses.filter_detail import compute_spectrum, filter_detail, filter_statistics
from viz.lenses.registry import LensError

EDGE = torch.tensor([[1.0, 0.0, -1.0]] * 3)


def planted() -> nn.Sequential:
    """Filters: an edge, twice the edge with another bias, its negative, a dead one, a zero one."""
    filters = torch.stack([EDGE, 2 * EDGE, -EDGE, EDGE.T, torch.zeros(3, 3)])[:, None]
    layer = conv(filters, [0.0, 1.0, 0.0, -100.0, 0.5])
    return nn.Sequential(layer, nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(20, 2))


def step_images() -> Tensor:
    """Two images with an edge to the right, one all dark."""
    images = torch.zeros(3, 1, 4, 4)
    images[:2, :, :, 2:] = 1
    return images


def context(net: nn.Module | None = None) -> OneNet:
    return OneNet(net or planted(), {"val": split(step_images(), [0, 1, 0])})


def test_norms_biases_and_planted_duplicates() -> None:
    found = filter_statistics(context(), "any", None)
    root = math.sqrt(6)
    assert np.allclose(found.norms, [root, 2 * root, root, root, 0])
    assert found.biases is not None
    assert found.biases.tolist() == [0, 1, 0, -100, 0.5]
    assert found.pairs.tolist() == [[0, 1]]  # neither the negative nor the zero filter is alike
    assert found.cosines == pytest.approx([1.0])
    assert found.in_pair.tolist() == [True, True, False, False, False]
    assert found.num_pairs == 1
    assert "0.95" in found.compared
    assert found.histogram.sum() == 5 * 9
    assert found.edges[0] == -found.edges[-1] == -2


def test_dead_is_never_above_0_after_the_relu() -> None:
    found = filter_activity(context(), "any", None)
    # 0 answers −3 to the edge; 1 with its bias 1 still excites the dark image; 2 answers 3
    assert found.highest is not None
    assert found.active is not None
    assert np.allclose(found.highest, [0, 1, 3, 0, 0.5])
    assert np.allclose(found.active, [0, 1 / 3, 2 / 3, 0, 1])
    assert found.dead(5).tolist() == [True, False, False, True, False]
    assert "ReLU 1" in found.measured
    assert "all 3 validation images" in found.measured


def test_without_images_or_without_a_relu_dead_is_not_claimed() -> None:
    elsewhere = filter_activity(OneNet(planted()), "any", None)
    assert elsewhere.active is None
    assert not elsewhere.dead(5).any()
    assert "not here" in elsewhere.measured
    net = nn.Sequential(conv(EDGE[None, None], [0.0]), nn.Flatten(), nn.Linear(4, 2))
    silent = filter_activity(context(net), "any", None)
    assert silent.active is None
    assert "no ReLU follows 0" in silent.measured


def test_a_relu_after_norm_and_pooling_is_found_and_one_after_an_addition_is_not() -> None:
    class Added(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3, padding=1)
            self.relu = nn.ReLU(inplace=True)
            self.deep = nn.Conv2d(1, 2, 3)
            self.norm, self.pool = nn.BatchNorm2d(2), nn.MaxPool2d(2)
            self.out = nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            maps = self.relu(self.conv(x) + x)
            logits: Tensor = self.out(self.relu(self.pool(self.norm(self.deep(maps)))).flatten(1))
            return logits

    net = Added()
    assert "no ReLU follows conv" in filter_activity(context(net), "any", None).measured
    deep = filter_activity(context(net), "any", None, layer="deep")
    assert deep.highest is not None
    with torch.no_grad():
        maps = net.relu(net.conv(step_images()) + step_images())
        expected = net.relu(net.pool(net.norm(net.deep(maps)))).amax((0, 2, 3))
    assert np.allclose(deep.highest, expected, atol=1e-6)  # the second use of the one ReLU


def test_filters_of_different_groups_are_not_compared() -> None:
    twice = torch.stack([EDGE, EDGE, EDGE, EDGE.T])[:, None]
    layer = conv(twice, None, groups=2)
    net = nn.Sequential(layer, nn.ReLU(), nn.Flatten(), nn.Linear(16, 2))
    grouped = OneNet(net, shape=(2, 4, 4))
    found = filter_statistics(grouped, "any", None)
    assert found.pairs.tolist() == [[0, 1]]
    assert "of the same group" in found.compared
    detail = filter_detail(grouped, "any", None, number=2)
    assert detail.nearest.tolist() == [3]
    assert detail.cosines == pytest.approx([0])
    assert detail.input_names == ("1",)
    depthwise = nn.Sequential(conv(twice[:2], None, groups=2), nn.Flatten(), nn.Linear(8, 2))
    alone = filter_statistics(OneNet(depthwise, shape=(2, 4, 4)), "any", None)
    assert alone.num_pairs == 0
    assert "input channel of its own" in alone.compared


def test_spectra_of_known_kernels() -> None:
    size = 33
    frequencies = np.fft.fftshift(np.fft.fftfreq(size))
    impulse = torch.zeros(3, 3)
    impulse[1, 1] = -2
    assert np.allclose(compute_spectrum(impulse, size), 2)
    # the sums of a box of three: 1 + 2 cos 2πf; the central difference: 2 |sin 2πf|
    box = compute_spectrum(torch.ones(1, 3), size)
    assert np.allclose(box[5], np.abs(1 + 2 * np.cos(2 * np.pi * frequencies)))
    difference = compute_spectrum(torch.tensor([[1.0, 0.0, -1.0]]), size)
    assert np.allclose(difference[0], 2 * np.abs(np.sin(2 * np.pi * frequencies)))
    assert difference[16, 16] == pytest.approx(0)  # frequency 0 lies in the middle


def test_spectra_equal_numpys_fft_and_parseval_holds() -> None:
    torch.manual_seed(0)
    kernels = torch.randn(4, 5, 3)
    found = compute_spectrum(kernels, 16).numpy()
    expected = np.abs(np.fft.fftshift(np.fft.fft2(kernels.numpy(), s=(16, 16)), axes=(1, 2)))
    assert np.allclose(found, expected, atol=1e-5)
    assert np.allclose((found**2).mean((1, 2)), kernels.square().sum((1, 2)), rtol=1e-5)


def test_detail_of_a_filter() -> None:
    torch.manual_seed(1)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 2))
    found = filter_detail(OneNet(net, shape=(3, 4, 4)), "any", None, number=2, channel=1)
    weights = net.get_parameter("0.weight").detach()
    assert np.array_equal(found.kernels, weights[2])
    assert found.input_names == ("red", "green", "blue")
    assert found.norm == pytest.approx(float(weights[2].norm()))
    assert np.allclose(found.spectrum, compute_spectrum(weights[2, 1]), atol=1e-5)
    assert found.total[32, 32] == pytest.approx(float(weights[2].sum((1, 2)).norm()), rel=1e-5)
    unit = torch.nn.functional.normalize(weights.flatten(1), dim=1)
    cosines = (unit @ unit[2]).tolist()
    order = sorted({0, 1, 3}, key=lambda i: -cosines[i])
    assert found.nearest.tolist() == order
    assert np.allclose(found.cosines, [cosines[i] for i in order], atol=1e-6)
    assert found.histogram.sum() == 27


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"layer": "nosuch"}, "no convolution 'nosuch'"),
        ({"number": 5}, "no filter 5"),
        ({"number": -1}, "no filter -1"),
        ({"number": True}, "no filter True"),
        ({"channel": 1}, "no input channel 1"),
    ],
)
def test_what_is_not_there_is_a_sentence(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(LensError, match=sentence):
        filter_detail(context(), "any", None, **options)


def test_weights_that_are_no_numbers_do_not_stop_the_view() -> None:
    net = planted()
    with torch.no_grad():
        net.get_parameter("0.weight")[0] = torch.nan
    found = filter_statistics(context(net), "any", None)
    assert np.isnan(found.norms[0])
    assert found.histogram.sum() == 4 * 9
    assert np.isnan(filter_detail(context(net), "any", None).spectrum).all()
