"""Receptive fields: published values, hand-computed graphs, and gradients as the judge of both."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from models.architectures.base import ARCHITECTURES
from models.build import build_network
from models.introspect import list_modules
from models.modules import RBF, LocallyConnected2d, ScaledTanh
from models.receptive_field import Field, receptive_fields
from models.registry import get_architecture
from tests.models.random_graphs import SIDES, make_graph, support


def _torchvision(name: str) -> nn.Module:
    plain = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    with torch.device("meta"):
        net: nn.Module = torchvision.models.get_model(name, weights=None, **plain)
    return net


def _square(field: Field) -> tuple[int, int]:
    """(size, stride) of a field that is the same along both axes and lines up."""
    assert (field.misaligned, field.even) == ("", True)
    assert len(set(field.size)) == len(set(field.stride)) == 1
    return field.size[0], field.stride[0]


@pytest.mark.parametrize(
    ("name", "layer", "size", "stride"),
    [
        ("alexnet", "features", 195, 32),
        ("vgg11", "features", 150, 32),
        ("vgg13", "features", 156, 32),
        ("vgg16", "features", 212, 32),
        ("vgg19", "features", 268, 32),
        ("googlenet", "inception5b", 379, 32),
        ("inception_v3", "Mixed_7c", 1311, 32),
        ("squeezenet1_0", "features", 155, 16),
        ("squeezenet1_1", "features", 207, 16),
        ("resnet18", "layer4", 435, 32),
        ("resnet34", "layer4", 899, 32),
        ("resnet50", "layer3", 267, 16),
        ("resnet50", "layer4", 427, 32),
        ("wide_resnet50_2", "layer4", 427, 32),
        ("resnext50_32x4d", "layer4", 427, 32),
        ("resnet101", "layer4", 971, 32),
        ("resnet152", "layer4", 1451, 32),
        ("densenet121", "features.norm5", 2071, 32),
        ("densenet169", "features.norm5", 3351, 32),
        ("densenet201", "features.norm5", 3863, 32),
        ("mobilenet_v2", "features", 491, 32),
        ("mnasnet1_0", "layers", 843, 32),
        ("shufflenet_v2_x1_0", "conv5", 527, 32),
    ],
)
def test_torchvision_fields(name: str, layer: str, size: int, stride: int) -> None:
    """The last convolutional stage; some confirmed by gradient support in the same source."""
    field = receptive_fields(_torchvision(name), (3, 224, 224))[layer]
    assert not field.whole
    assert _square(field) == (size, stride)


def test_vgg16_layer_by_layer() -> None:
    """Sizes and the last padding in the table of google-research/receptive_field."""
    fields = receptive_fields(_torchvision("vgg16"), (3, 224, 224))
    layers = {0: 3, 4: 6, 5: 10, 9: 16, 10: 24, 12: 32, 16: 44, 17: 60, 19: 76, 23: 100}
    layers |= {24: 132, 26: 164, 28: 196, 30: 212}
    assert {at: fields[f"features.{at}"].size[0] for at in layers} == layers
    assert fields["features.30"].start == (-90, -90)


def test_alexnet_layer_by_layer() -> None:
    """Size/stride in the same table; there without the padding that torchvision's conv1 has."""
    fields = receptive_fields(_torchvision("alexnet"), (3, 224, 224))
    found = {at: _square(fields[f"features.{at}"]) for at in (0, 2, 3, 5, 6, 8, 10, 12)}
    assert found == {
        0: (11, 4), 2: (19, 8), 3: (51, 8), 5: (67, 16),
        6: (99, 16), 8: (131, 16), 10: (163, 16), 12: (195, 32),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "efficientnet_b0"])
def test_squeeze_excitation_sees_the_whole_image(name: str) -> None:
    fields = receptive_fields(_torchvision(name), (3, 224, 224))
    gate = next(key for key in fields if key.endswith("avgpool"))
    block = gate.rsplit(".", 1)[0]  # the module around the pool
    names = list(fields)
    assert not any(fields[key].whole for key in names[: names.index(gate)])
    after = fields[block]
    assert (after.whole, after.has_place, after.whole_since) == (True, True, gate)
    assert after.box(3, 3) == (0, 0, 224, 224) == after.read_box(3, 3)
    assert all(fields[key].whole for key in names[names.index(block) :])
    top, _, bottom, _ = after.local_box(3, 3)
    assert 0 < bottom - top == after.size[0] < 224


def _maps(net: nn.Sequential, shape: tuple[int, int, int]) -> list[int]:
    """Field sizes of convolutions and pools in order."""
    kinds = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
    fields = receptive_fields(net, shape)
    return [fields[name].size[0] for name, part in net.named_children() if isinstance(part, kinds)]


@pytest.mark.parametrize(
    ("name", "shape", "sizes"),
    [
        ("lenet5", (1, 32, 32), [5, 6, 14, 16]),
        ("convnetjs_cifar", (3, 32, 32), [5, 6, 14, 16, 32, 36]),
        ("tiny_vgg", (3, 64, 64), [3, 5, 6, 10, 14, 16]),
    ],
)
def test_architectures(name: str, shape: tuple[int, int, int], sizes: list[int]) -> None:
    net = build_network(get_architecture(name).layers(shape, 10), shape, 10, seed=0)
    assert _maps(net, shape) == sizes


def test_lenet_1998_reads_the_whole_field_in_c5() -> None:
    shape = (1, 32, 32)
    net = build_network(get_architecture("lenet5_1998").layers(shape, 10), shape, 10, seed=0)
    fields = receptive_fields(net, shape)
    found = [_square(fields[name]) for name in ("conv1", "sub1", "conv2", "sub2", "conv3")]
    assert found == [(5, 1), (6, 2), (14, 2), (16, 4), (32, 4)]
    assert fields["conv3"].box(0, 0) == (0, 0, 32, 32)
    assert fields["rbf1"].box(0, 0) == (0, 0, 32, 32)


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_every_architecture_ends_with_the_whole_image(name: str) -> None:
    shape = (3, 32, 32)
    net = build_network(get_architecture(name).layers(shape, 10), shape, 10, seed=0)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    net.train()
    fields = receptive_fields(net, shape)
    assert list(fields) == [row.name for row in list_modules(net, shape)]
    assert list(fields.values())[-1].box(0, 0) == (0, 0, 32, 32)
    assert not any(field.misaligned for field in fields.values())
    assert net.training
    assert not any(module._forward_hooks for module in net.modules())
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


@pytest.mark.parametrize("count", [2, 3])
def test_stacks_of_3x3(count: int) -> None:
    """Two see as much as one 5×5, three as one 7×7."""
    stack = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(count)))
    one = nn.Sequential(nn.Conv2d(1, 1, 2 * count + 1, padding=count))
    left = receptive_fields(stack, (1, 16, 16))[str(count - 1)]
    right = receptive_fields(one, (1, 16, 16))["0"]
    assert left.size == right.size == (2 * count + 1,) * 2
    assert left.start == right.start == (-count, -count)


class _Joined(nn.Module):
    """Two ways, added."""

    def __init__(self, left: nn.Module, right: nn.Module) -> None:
        super().__init__()
        self.left, self.right = left, right

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to what both give."""
        added: Tensor = self.left(x) + self.right(x)
        return added


def _aligned() -> nn.Module:
    pad = nn.ZeroPad2d((1, 0, 1, 0))
    right = nn.Sequential(pad, nn.Conv2d(1, 1, 3, stride=2), nn.Conv2d(1, 1, 1, stride=2))
    return _Joined(nn.Conv2d(1, 1, 1, stride=4), right)


def test_aligned_paths() -> None:
    """The aligned graph in the tests of google-research/receptive_field: 3, stride 4, padding 1."""
    field = receptive_fields(nn.Sequential(_aligned()), (1, 8, 8))["0"]
    assert _square(field) == (3, 4)
    assert field.start == (-1, -1)


def test_additions_in_a_row() -> None:
    """Another of theirs: the aligned graph, then a residual pair with padding: 11, 8, 5."""
    pad = nn.ZeroPad2d((1, 0, 1, 0))
    second = _Joined(nn.Conv2d(1, 1, 1, stride=2), nn.Sequential(pad, nn.Conv2d(1, 1, 3, stride=2)))
    field = receptive_fields(nn.Sequential(_aligned(), nn.ReLU(), second), (1, 32, 32))["2"]
    assert _square(field) == (11, 8)
    assert field.start == (-5, -5)


def test_non_square_kernels() -> None:
    """A third: 3×5 then 3×1, both of stride 2, see 7 rows and 5 columns."""
    net = nn.Sequential(nn.Conv2d(1, 1, (3, 5), stride=2), nn.Conv2d(1, 1, (3, 1), stride=2))
    field = receptive_fields(net, (1, 8, 8))["1"]
    assert (field.size, field.stride, field.start) == ((7, 5), (4, 4), (0, 0))


def test_paths_of_different_strides_are_reported() -> None:
    """Their misaligned graph: the field cannot be one formula, each unit has the union."""
    left = nn.Sequential(nn.ZeroPad2d((2, 1, 2, 1)), nn.Conv2d(1, 1, 5, stride=2))
    right = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3))
    net = nn.Sequential(_Joined(left, right), nn.Conv2d(1, 1, 3, padding=1))
    fields = receptive_fields(net, (1, 8, 8))
    expected = "In 0 paths of strides 2 and 1 px meet; the box holds both."
    assert fields["0"].misaligned == expected == fields["1"].misaligned
    assert fields["0.left"].misaligned == ""
    assert not fields["0"].even
    assert fields["0"].box(0, 0) == (-2, -2, 5, 5)  # rows -2..3 and 0..5
    assert fields["0"].box(3, 0) == (3, -2, 9, 5)  # rows 4..9 and 3..8


def test_centres_that_do_not_line_up_are_reported() -> None:
    net = nn.Sequential(_Joined(nn.Conv2d(1, 1, 2, padding=(0, 0)), nn.MaxPool2d(3, 1, (1, 0))))
    net[0].left = nn.Sequential(nn.Conv2d(1, 1, 2), nn.ZeroPad2d((0, -1, 0, 1)))
    field = receptive_fields(net, (1, 8, 8))["0"]
    assert field.misaligned == "In 0 paths whose centres lie 0.5 px apart meet; the box holds both."
    assert (field.even, field.size, field.start) == (True, (3, 3), (-1, 0))


@pytest.mark.parametrize("first", range(0, 200, 20))
def test_boxes_equal_gradient_support(first: int) -> None:
    """For random graphs, every unit reads exactly the pixels with a gradient, at borders too."""
    checked = 0
    for seed in range(first, first + 20):
        net = make_graph(seed)
        if net is None:
            continue
        fields = receptive_fields(nn.Sequential(net), (4, *SIDES))
        if any(_reads_nothing(field) for name, field in fields.items() if ".o" in name):
            continue  # a branch of padding alone: rows and columns are no longer independent
        field, hulls = fields["0"], support(net)
        # What reflected padding shows lies elsewhere than the padding.
        reflects = any(getattr(module, "way", "") == "reflect" for module in net.modules())
        assert not field.has_place or field.units == hulls.shape[:2], seed
        for y in range(hulls.shape[0]):
            for x in range(hulls.shape[1]):
                place = (y, x) if field.has_place else (0, 0)
                assert field.read_box(*place) == tuple(hulls[y, x].tolist()), (seed, y, x)
                assert reflects or _covers(field, place), (seed, y, x)
        checked += 1
    assert checked >= 5


def _reads_nothing(field: Field) -> bool:
    places = [(y, x) for y in range(field.units[0]) for x in range(field.units[1])]
    return any(field.read_box(*place) == (0, 0, 0, 0) for place in places)


def _covers(field: Field, place: tuple[int, int]) -> bool:
    """Whether the box holds all that is read."""
    box, read = field.box(*place), field.read_box(*place)
    starts = all(outer <= inner for outer, inner in zip(box[:2], read[:2], strict=True))
    stops = all(outer >= inner for outer, inner in zip(box[2:], read[2:], strict=True))
    return read == (0, 0, 0, 0) or (starts and stops)


_FLAT = (nn.Flatten, nn.Linear, RBF, ScaledTanh)


@pytest.mark.parametrize(
    "name", ["resnet8", "small_local", "lenet5_1998", "all_conv", "small_vgg", "tiny_vgg"]
)
def test_architectures_against_gradients(name: str) -> None:
    """Our own modules too: locally connected, partly connected, option-A shortcuts."""
    shape = (3, 20, 17)
    net = build_network(get_architecture(name).layers(shape, 10), shape, 10, seed=0)
    fields = receptive_fields(net, shape)
    chosen = [
        key
        for key, part in net.named_children()
        if fields[key].has_place and type(part) not in _FLAT
    ][-1]
    cut = nn.Sequential()
    for key, part in net.named_children():
        if isinstance(part, nn.MaxPool2d):  # the mean sees what the maximum chooses from
            part = nn.AvgPool2d(part.kernel_size, part.stride, part.padding)
        cut.append(part)
        if key == chosen:
            break
    for parameter in net.parameters():
        parameter.data = torch.rand(parameter.shape).abs() * 0.01 + 0.01
    cut.double().eval()
    image = torch.ones(1, *shape, dtype=torch.float64, requires_grad=True)
    maps = cut(image).sum((0, 1))
    field = fields[chosen]
    assert field.units == maps.shape
    for y, x in {(0, 0), (maps.shape[0] // 2, maps.shape[1] // 2), (-1, -1), (0, -1)}:
        (gradient,) = torch.autograd.grad(maps[y, x], image, retain_graph=True)
        rows, columns = gradient[0].sum(0).nonzero().T
        hull = int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1
        assert field.read_box(y, x) == hull


def test_a_padded_unit_reads_nothing() -> None:
    field = receptive_fields(nn.Sequential(nn.Conv2d(1, 1, 1, padding=1)), (1, 4, 4))["0"]
    assert field.box(0, 0) == (-1, -1, 0, 0)
    assert field.read_box(0, 0) == (0, 0, 0, 0)
    assert field.box(1, 1) == (0, 0, 1, 1) == field.read_box(1, 1)


def test_locally_connected() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3, 2, 1), LocallyConnected2d(2, 3, (4, 4), 3, 1, 1))
    field = receptive_fields(net, (1, 8, 8))["1"]
    assert (_square(field), field.start) == ((7, 2), (-3, -3))


def test_a_shared_module_has_the_field_of_its_last_call() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3)

        def forward(self, x: Tensor) -> Tensor:
            twice: Tensor = self.conv(self.conv(x))
            return twice

    assert receptive_fields(Shared(), (1, 7, 7))["conv"].size == (5, 5)


def test_works_inside_inference_mode_and_keeps_weights_off() -> None:
    net = nn.Sequential(nn.Conv2d(1, 1, 3), nn.MaxPool2d(2))
    with torch.inference_mode():
        inside = receptive_fields(net, (1, 9, 9))
    assert inside == receptive_fields(net, (1, 9, 9))


def test_an_image_too_small_is_the_networks_own_error() -> None:
    with pytest.raises(RuntimeError, match="Kernel size"):
        receptive_fields(nn.Sequential(nn.Conv2d(1, 1, 5)), (1, 4, 4))


def test_ceil_mode_reaches_beyond_the_map() -> None:
    field = receptive_fields(nn.Sequential(nn.MaxPool2d(2, 2, ceil_mode=True)), (1, 5, 5))["0"]
    assert field.box(2, 2) == (4, 4, 6, 6)
    assert field.read_box(2, 2) == (4, 4, 5, 5)
    assert F.max_pool2d(torch.zeros(1, 1, 5, 5), 2, 2, ceil_mode=True).shape[-1] == 3
