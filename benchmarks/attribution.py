"""What an explanation costs: each method against its own passes run bare, and against captum.

Bare are a method's own passes: as many images forward, and forward and backward, as the method says
that it ran, through the network as it was loaded (activations in place, nothing hooked), with
nothing around them, at the batch size that is fastest here among those up to their number, which is
looked for first. So what is over 1 is a method's own arithmetic, its hooks, and whatever it runs in
batches or on a copy of the network that are slower. In particular:

* a class activation map's backward pass ends at the layer, and so does its bare one;
* Integrated Gradients and GradientSHAP also run their baseline or references forward, once;
* DeepLift runs two forward passes, of baseline and image, and one backward pass; the slopes of
  every activation are arithmetic of its own;
* LRP has no rule for the shortcuts of these three networks and is refused by them.

Captum is called the plain way, for the same number of passes. In one process with one thread, as a
worker; times are CPU time of the process, which with one thread is what a clock says on a machine
that does nothing else. Ours, bare and captum take turns, as many as fit, three at least; medians of
these are told, and the worst ratio over what is aimed for counts.

    python -m benchmarks.attribution [--seconds 2.5] [--only grad_cam,rise]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import get_model

from benchmarks.captum_plain import captum_ways
from benchmarks.machine import describe
from data.imagenet import imagenet_info
from data.samples import SAMPLES
from models.separate import separate
from models.zoo import find_net, is_on_disk
from viz.attribution.method import Method
from viz.attribution.sizes import occlusion_stride, occlusion_window
from viz.attribution.table import METHODS
from viz.lenses.context import LensContext, Subject
from viz.lenses.pictures import fit
from viz.lenses.registry import LensError
from viz.lenses.saliency.layers import choose_layer
from viz.lenses.saliency.methods import attribute
from viz.lenses.saliency.problem import Problem, make_problem
from viz.lenses.saliency.segments import segment

GRADIENT_AIM, PERTURBATION_AIM, CAPTUM_AIM = 1.2, 1.5, 1.0
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)
LARGEST_PASS = 600_000  # values of the images in a batch that is tried: 4 of 3×224×224
FEWEST_TURNS, MOST_TURNS = 3, 60  # besides the first, which warms up
# On ImageNet's size, fewer samples than by default: the ratio is the same.
FEWER: dict[str, dict[str, Any]] = {
    "smoothgrad": {"samples": 8},
    "vargrad": {"samples": 8},
    "integrated_gradients": {"steps": 8},
    "gradient_shap": {"samples": 8},
    "score_cam": {"channels": 32},
    "occlusion": {"window": 64, "stride": 40},
    "rise": {"masks": 32},
    "lime": {"samples": 32},
    "kernel_shap": {"samples": 32},
    "feature_ablation": {"segments": 25},
}


@dataclass(frozen=True)
class Case:
    """A network and one image."""

    title: str
    subject: Subject
    image: Tensor  # (1, C, H, W)
    settings: Mapping[str, Mapping[str, Any]]  # by method, where not the default


@dataclass(frozen=True)
class Pass:
    """Passes of a network run bare: forward alone, or forward and backward."""

    batch: int
    run: Callable[[], object]  # one batch


def cases() -> list[Case]:
    """ResNet-8 and ResNet-20 on 3×32×32, MobileNetV2 on 3×224×224."""
    context = LensContext()
    shipped = context.subject("shipped:shapes_resnet8")
    random = context.subject("random:resnet20", {"name": "shapes"})
    large, weights = _mobilenet(context)
    return [
        Case("ResNet-8 on 3×32×32", shipped, _image(context, shipped, "shapes/test/0"), {}),
        Case("ResNet-20 on 3×32×32", random, _image(context, random, "shapes/test/0"), {}),
        Case(
            f"MobileNetV2 ({weights} weights) on 3×224×224",
            large,
            _image(context, large, f"sample:{SAMPLES[0].name}"),
            FEWER,
        ),
    ]


def _image(context: LensContext, subject: Subject, reference: str) -> Tensor:
    return fit(context, reference, subject)[0].batch


def _mobilenet(context: LensContext) -> tuple[Subject, str]:
    """With its own weights where they are on disk, else random ones: the time is the same."""
    if is_on_disk("mobilenet_v2"):
        return context.subject("torchvision:mobilenet_v2"), "pretrained"
    torch.manual_seed(0)
    net = get_model("mobilenet_v2", weights=None).eval().requires_grad_(False)
    found = find_net("mobilenet_v2")
    names = tuple(str(index) for index in range(1000))
    info = imagenet_info(names, found.input_side, found.resize, found.interpolation)
    fast = net.to(memory_format=torch.channels_last)
    return Subject(fast, found.title, info, None, 0, None, None), "random"


class Bare:
    """Bare passes of one network, by how many there are."""

    def __init__(self, net: nn.Module, image: Tensor) -> None:
        self._net = net
        self._image = image
        self._known: dict[tuple[bool, int], Pass] = {}

    def to_layer(self, layer: str) -> Pass:
        """Of one image, backward as far as the output of a layer."""
        module = self._net.get_submodule(layer)
        kept: list[Tensor] = []

        def cut(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
            kept[:] = [output.detach().requires_grad_()]
            return kept[0]

        def run() -> object:
            handle = module.register_forward_hook(cut)
            with torch.enable_grad():
                logits = self._net(self._image)
            handle.remove()
            return torch.autograd.grad(logits[:, 0].sum(), kept[0])

        return Pass(1, run)

    def best(self, count: int, *, backward: bool) -> Pass:
        """At the batch size that is fastest a pass, among those up to `count`."""
        sizes = [size for size in BATCHES if size <= count]
        sizes = [size for size in sizes if size * self._image.numel() <= LARGEST_PASS] or [1]
        key = (backward, sizes[-1])
        if key not in self._known:
            ways = [Pass(size, self._pass(size, backward)) for size in sizes]
            times: dict[int, list[float]] = {size: [] for size in sizes}
            for _ in range(6):
                for way in ways:
                    times[way.batch].append(_seconds(way.run) / way.batch)
            self._known[key] = min(ways, key=lambda way: statistics.median(times[way.batch][1:]))
        return self._known[key]

    def _pass(self, size: int, backward: bool) -> Callable[[], object]:
        images = self._image.repeat(size, 1, 1, 1)

        def forward() -> object:
            with torch.inference_mode():
                return self._net(images)

        def both() -> object:
            leaf = images.detach().requires_grad_()
            with torch.enable_grad():
                return torch.autograd.grad(self._net(leaf)[:, 0].sum(), leaf)

        return both if backward else forward


def measure(case: Case, method: Method, bare: Bare, seconds: float) -> dict[str, Any]:
    """Milliseconds of ours, bare and captum for one method, and their ratios; takes `seconds` of
    wall time, longer where three turns do."""
    problem, captum = _prepare(case, method)
    counts = attribute(method.name, problem)  # also warms up what is found out once for a network
    backward, forward = counts.backward_passes, counts.forward_passes - counts.backward_passes
    parts: list[tuple[Pass, int]] = []  # with how many passes each stands for
    if backward and method.layered:
        parts.append((bare.to_layer(problem.layer or ""), 1))
        backward -= 1
    if backward:
        parts.append((bare.best(backward, backward=True), backward))
    if forward > 0:
        parts.append((bare.best(forward, backward=False), forward))

    def run_bare() -> float:
        return sum(_bare_seconds(way, count) for way, count in parts)

    times: dict[str, list[float]] = {"ours": [], "bare": [], "captum": []}
    begin = time.perf_counter()
    for turn in range(1 + MOST_TURNS):
        if turn > FEWEST_TURNS and time.perf_counter() - begin > seconds:
            break
        times["bare"].append(run_bare())
        times["ours"].append(_seconds(lambda: attribute(method.name, problem)))
        if captum is not None:
            times["captum"].append(_seconds(captum))
    found = {name: statistics.median(each[1:]) for name, each in times.items() if each}
    told: dict[str, Any] = {f"{name}_ms": round(1000 * each, 3) for name, each in found.items()}
    told |= {
        "passes": [counts.forward_passes, counts.backward_passes],
        "batch": [way.batch for way, _ in parts],
        "turns": len(times["ours"]) - 1,
        "over_bare": round(found["ours"] / found["bare"], 3),
    }
    if "captum" in found:
        told["over_captum"] = round(found["ours"] / found["captum"], 3)
    return told


def _prepare(case: Case, method: Method) -> tuple[Problem, Callable[[], object] | None]:
    """Our problem, and captum's call where it has the method and does not fail."""
    subject, image = case.subject, case.image
    settings = {name: each.settings(case.settings.get(name, {})) for name, each in METHODS.items()}
    with torch.inference_mode():
        target = int(subject.net(image).argmax())
    layer = choose_layer(separate(subject.net, image).net, image, None)
    problem = make_problem(subject, image, torch.tensor([target]), layer=layer)
    problem = replace(problem, settings=settings[method.name])
    own = settings[method.name]
    regions = segment(
        image, subject.info, str(own.get("regions", "grid")), int(own.get("segments", 0))
    )
    shape = subject.info.shape
    given = int(settings["occlusion"]["window"]), int(settings["occlusion"]["stride"])
    captum = captum_ways(
        subject.net,
        image,
        target,
        layer=layer,
        regions=regions,
        window=occlusion_window(shape, given[0]),
        stride=occlusion_stride(shape, *given),
        settings=settings,
    ).get(method.name)
    if captum is not None:
        try:
            captum()
        except Exception:  # it does not take this network; what it says is of no use here
            captum = None
    return problem, captum


def _bare_seconds(way: Pass, count: int) -> float:
    """Of `count` passes; the last, smaller batch counts by its share."""
    full, rest = divmod(count, way.batch)
    seconds = sum(_seconds(way.run) for _ in range(max(full, 1)))
    return seconds * count / (max(full, 1) * way.batch) if rest or not full else seconds


def _seconds(run: Callable[[], object]) -> float:
    begin = time.process_time()
    run()
    return time.process_time() - begin


def main() -> None:
    """Measure, print a line for each, then one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.5, help="a method and network")
    parser.add_argument("--only", default="", help="names of methods, with commas")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    chosen = [name for name in arguments.only.split(",") if name] or list(METHODS)
    parts: dict[str, dict[str, Any]] = {}
    shares: dict[str, float] = {}
    for case in cases():
        bare = Bare(case.subject.net, case.image)
        for name in chosen:
            method = METHODS[name]
            try:
                found = measure(case, method, bare, arguments.seconds)
            except LensError as error:
                found = {"refused": str(error)}
            parts.setdefault(case.title, {})[name] = found
            print(f"{case.title:40} {name:21} {found}", flush=True)
            aim = PERTURBATION_AIM if method.family == "perturbation" else GRADIENT_AIM
            aim = PERTURBATION_AIM if name == "score_cam" else aim
            if "over_bare" in found:
                shares[f"{name} of {case.title}, over its passes"] = found["over_bare"] / aim
            if "over_captum" in found:
                shares[f"{name} of {case.title}, over captum"] = found["over_captum"] / CAPTUM_AIM
    worst = max(shares, key=shares.__getitem__)
    result = {
        "name": "attribution",
        "value": round(shares[worst], 3),
        "unit": f"ratio measured divided by the ratio aimed for, worst case: {worst}",
        "aims": {
            "gradient_methods_over_their_passes": GRADIENT_AIM,
            "perturbation_methods_over_their_passes": PERTURBATION_AIM,
            "over_captum_called_plainly": CAPTUM_AIM,
        },
        "over_their_aim": {name: round(share, 2) for name, share in shares.items() if share > 1},
        "parts": parts,
        "machine": describe(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
