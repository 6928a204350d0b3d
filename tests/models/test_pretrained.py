"""torchvision's networks with the weights of a file: as torchvision loads them, and fit to look at.

The files here are of torchvision's own random networks under the names of the published ones; what
needs the real weights says where it looks for them.
"""

from __future__ import annotations

import io
import os
import pickle
import re
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import get_model

from data.imagenet import imagenet_info
from data.images import decode_image, fit_image
from models import pretrained
from models.architectures.base import ModelError
from models.pretrained import load_pretrained
from models.weights import WeightsError
from models.zoo import ZOO, ZooNet, find_net, is_on_disk, weights_file

REAL_HOME = os.environ.get("TORCH_HOME")
PICTURES = Path(os.environ.get("CONVSCOPE_DATA", "")) / "imagenet-sample-images"
# Top-1 of the publicly compressed copies of the weights on all 500 pictures.
MEASURED = {"mobilenet_v2": 0.818, "resnet18": 0.744, "squeezenet1_1": 0.594}


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache of torch's."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path


def write(name: str, *, seed: int = 0) -> nn.Module:
    """A file as the published one is made, of random weights; returns what torchvision loads."""
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        source = get_model(name, weights=None, aux_logits=True, **options) if options else get_model(name)  # fmt: skip
        for key, tensor in source.state_dict().items():
            if key.endswith("running_var"):
                tensor.uniform_(0.5, 2)
    torch.save(source.state_dict(), weights_file(name))
    reference: nn.Module = get_model(name, weights="IMAGENET1K_V1", progress=False)
    return reference.eval()


@pytest.mark.parametrize("name", ["squeezenet1_1", "googlenet", "regnet_y_400mf", "mnasnet0_5"])
def test_the_network_answers_as_torchvisions(name: str, home: Path) -> None:
    """Also GoogLeNet, whose file has heads that are left out and whose input is rescaled inside."""
    expected = write(name)
    net, categories = load_pretrained(name)
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(net(image), expected(image))
    assert len(categories) == 1000
    assert categories[0] == "tench"
    assert sum(parameter.numel() for parameter in net.parameters()) == find_net(name).num_params
    assert not any(module.training for module in net.modules())
    assert not any(tensor.is_meta for tensor in (*net.parameters(), *net.buffers()))


def test_densenets_old_names_are_read(home: Path) -> None:
    """The published files have `norm.1` where the network has `norm1`."""
    expected = write("densenet121")
    path = weights_file("densenet121")
    weights: dict[str, Tensor] = torch.load(path, weights_only=True)
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2", key): tensor
        for key, tensor in weights.items()
    }
    assert old.keys() != weights.keys()
    torch.save(old, path)
    net, _ = load_pretrained("densenet121")
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(net(image), expected(image))


@pytest.mark.parametrize("net", ZOO, ids=lambda net: str(net.name))
def test_every_network_of_the_table_can_be_built(net: ZooNet, home: Path) -> None:
    """From a file of nothing: what is missing is told, and that is the only thing wrong."""
    nothing: OrderedDict[str, Tensor] = OrderedDict()
    nothing._metadata = {"": {"version": 2}}  # type: ignore[attr-defined]
    torch.save(nothing, weights_file(net.name))
    with pytest.raises(WeightsError, match="damaged or of another network") as caught:
        load_pretrained(net.name)
    assert "Missing key(s)" in str(caught.value.__cause__)


def test_nothing_works_in_place_and_the_maps_before_a_relu_stay(home: Path) -> None:
    expected = write("squeezenet1_1")
    net, _ = load_pretrained("squeezenet1_1")
    assert any(getattr(module, "inplace", False) for module in expected.modules())
    assert not any(getattr(module, "inplace", False) for module in net.modules())
    kept: list[Tensor] = []
    handle = net.get_submodule("features.0").register_forward_hook(
        lambda module, inputs, output: kept.append(output)
    )
    net(torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)))
    handle.remove()
    assert (kept[0] < 0).any()  # an in-place ReLU would have made them 0


def test_half_precision_files_become_float32(home: Path) -> None:
    write("squeezenet1_1")
    path = weights_file("squeezenet1_1")
    weights: dict[str, Tensor] = torch.load(path, weights_only=True)
    torch.save({key: tensor.half() for key, tensor in weights.items()}, path)
    net, _ = load_pretrained("squeezenet1_1")
    assert {parameter.dtype for parameter in net.parameters()} == {torch.float32}


def test_the_random_state_is_left_alone(home: Path) -> None:
    write("regnet_y_400mf")
    before = torch.random.get_rng_state()
    load_pretrained("regnet_y_400mf")
    assert torch.equal(torch.random.get_rng_state(), before)


def test_loading_never_downloads(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def connects(*_: object, **__: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr("urllib.request.OpenerDirector.open", connects)
    with pytest.raises(WeightsError, match=r"not on this machine: download them \(45 MB\), put") as caught:  # fmt: skip
        load_pretrained("resnet18")
    assert "resnet18-f37072fd.pth under" in str(caught.value)
    assert "comes with the program" in str(caught.value)
    with pytest.raises(ModelError, match="no pretrained network called 'resnet'"):
        load_pretrained("resnet")


class Danger:
    """Unpickling it would run code."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("ran",)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a file of torch",
        b"PK\x03\x04torn",
        pickle.dumps([1, 2], protocol=2),
        pickle.dumps(3, protocol=2),
    ],
)
def test_damaged_files_are_a_sentence(content: bytes, home: Path) -> None:
    weights_file("resnet18").write_bytes(content)
    with pytest.raises(WeightsError, match=r"ResNet-18 under .* are damaged .* delete the file"):
        load_pretrained("resnet18")


def test_files_of_another_network_or_with_code_are_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    torch.save(get_model("squeezenet1_0").state_dict(), weights_file("squeezenet1_1"))
    with pytest.raises(WeightsError, match="of another network"):
        load_pretrained("squeezenet1_1")
    file = io.BytesIO()
    torch.save({"conv1.weight": Danger()}, file)
    weights_file("resnet18").write_bytes(file.getvalue())
    with pytest.raises(WeightsError, match="damaged"):
        load_pretrained("resnet18")
    assert not (home / "ran").exists()


def test_the_table_needs_no_torch() -> None:
    code = "import sys, models.zoo; print('torch' in sys.modules)"
    done = subprocess.run(  # our own interpreter, our own text
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, timeout=60,
        cwd=Path(pretrained.__file__).parents[1],
    )  # fmt: skip
    assert done.stdout.strip() == "False"


@pytest.mark.data
@pytest.mark.parametrize("name", sorted(MEASURED))
def test_real_weights_classify_real_photos(name: str) -> None:
    """Every fifth of 500 pictures: within two standard errors of what was measured on all."""
    if not is_on_disk(name):
        pytest.skip(f"needs {find_net(name).file_name} under TORCH_HOME, {REAL_HOME or 'not set'}")
    if not PICTURES.is_dir():
        pytest.skip(f"needs imagenet-sample-images under CONVSCOPE_DATA, not at {PICTURES}")
    net, categories = load_pretrained(name)
    info = imagenet_info(categories)
    files = sorted(PICTURES.iterdir())[::5]
    # The pictures are one of every second class, in the order of the classes.
    batch = torch.cat([fit_image(decode_image(file.read_bytes()), info).batch for file in files])
    with torch.inference_mode():
        predicted = torch.cat([net(part).argmax(1) for part in torch.split(batch, 10)])
    accuracy = (predicted == torch.arange(0, 1000, 10)).float().mean().item()
    expected = MEASURED[name]
    assert abs(accuracy - expected) <= 2 * (expected * (1 - expected) / len(files)) ** 0.5
