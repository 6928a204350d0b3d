"""Ready-made runs, each with what it teaches. Two are known to fail, and say why.

Nothing here imports torch.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from models.layers import Activation, Conv, Flatten, LayerList, Linear, Norm, Pool
from training.spec import (
    AugmentSpec,
    CustomNetwork,
    DatasetSpec,
    NamedNetwork,
    OptimizerSpec,
    ScheduleSpec,
    SpecError,
    TrainSpec,
)

_INCIDENTAL = {"title", "seed", "device"}


@dataclass(frozen=True)
class Preset:
    """A spec with a reason to run it."""

    name: str
    title: str
    spec: TrainSpec
    teaches: str  # one or two sentences
    known_to_fail: str | None = None  # why, and what to change; None: it works


def list_presets() -> list[Preset]:
    """All presets, the quickest success first, the failures last."""
    return list(_PRESETS.values())


def get_preset(name: str) -> Preset:
    """The preset called `name`.

    Raises:
        SpecError: there is none; the sentence names the closest ones.
    """
    if name in _PRESETS:
        return _PRESETS[name]
    close = difflib.get_close_matches(name[:100], _PRESETS, n=2, cutoff=0.5) or list(_PRESETS)
    raise SpecError(f"There is no preset called {name[:60]!r}; try {' or '.join(close)}.")


def preset_of(spec: TrainSpec) -> Preset | None:
    """The preset that `spec` is, whatever its title, seed and device."""
    own = spec.model_dump(exclude=_INCIDENTAL)
    for preset in _PRESETS.values():
        if preset.spec.model_dump(exclude=_INCIDENTAL) == own:
            return preset
    return None


def _deep_sigmoid_layers(*, norm: bool) -> LayerList:
    """Eight convolutions with sigmoids, so that a gradient shrinks at least fourfold at each."""
    layers: LayerList = ()
    for index in range(8):
        layers = (*layers, Conv(out_channels=16, kernel_size=3, padding=1))
        layers = (*layers, *((Norm(),) if norm else ()), Activation(function="sigmoid"))
        layers = (*layers, *((Pool(),) if index in (2, 5) else ()))
    return (*layers, Flatten(), Linear())


def _deep_sigmoid_spec(*, norm: bool) -> TrainSpec:
    title = "Eight sigmoid layers" + (" with batch norm" if norm else "")
    return TrainSpec(
        title=title,
        network=CustomNetwork(title=title, layers=_deep_sigmoid_layers(norm=norm)),
        optimizer=OptimizerSpec(lr=0.05),
        batch_size=32,
        epochs=10,
        validate_every=20,
    )


_PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            name="digits_quick",
            title="Handwritten digits, in seconds",
            spec=TrainSpec(
                title="Digits, quick",
                network=NamedNetwork(name="lenet5"),
                optimizer=OptimizerSpec(name="adam", lr=0.003),
                schedule=ScheduleSpec(name="one_cycle"),
                batch_size=32,
                epochs=20,
                validate_every=20,
            ),
            teaches=(
                "LeNet-5 learns 1797 small digits that come with the program. Watch the loss fall "
                "and its answers to images it has never seen turn right."
            ),
        ),
        Preset(
            name="mnist_99",
            title="MNIST to 99 % on a CPU",
            spec=TrainSpec(
                title="MNIST to 99 %",
                dataset=DatasetSpec(name="mnist"),
                network=NamedNetwork(name="fast_mnist"),
                optimizer=OptimizerSpec(lr=0.25, nesterov=True, weight_decay=5e-4),
                schedule=ScheduleSpec(name="one_cycle"),
                label_smoothing=0.1,
                epochs=1,
                validate_every=0,
            ),
            teaches=(
                "How little it takes: 18 thousand weights, batch norm, one cycle of the learning rate "
                "and a single pass over the images."
            ),
        ),
        Preset(
            name="shapes_resnet8",
            title="Shapes with a small ResNet",
            spec=TrainSpec(
                title="Shapes, ResNet-8",
                dataset=DatasetSpec(name="shapes"),
                network=NamedNetwork(name="resnet8"),
                optimizer=OptimizerSpec(lr=0.1, nesterov=True, weight_decay=5e-4),
                schedule=ScheduleSpec(name="one_cycle"),
                epochs=6,
            ),
            teaches=(
                "Colour, size and place are random, so only form and texture are left to learn. Every "
                "image knows where its object is, which is what saliency is checked against."
            ),
        ),
        Preset(
            name="shapes_shortcut",
            title="A shortcut, planted",
            spec=TrainSpec(
                title="Shapes with a shortcut",
                dataset=DatasetSpec(name="shapes", shortcut=0.95),
                network=NamedNetwork(name="resnet8"),
                optimizer=OptimizerSpec(lr=0.05, nesterov=True, weight_decay=5e-4),
                schedule=ScheduleSpec(name="one_cycle"),
                epochs=2,
            ),
            teaches=(
                "A coloured corner tells the label in 95 % of the training and validation images, and "
                "nothing in the test images. Validation looks splendid; compare the test."
            ),
        ),
        Preset(
            name="cifar_fast",
            title="CIFAR-10, fast on a GPU",
            spec=TrainSpec(
                title="CIFAR-10, fast",
                dataset=DatasetSpec(name="cifar10"),
                network=NamedNetwork(name="fast_resnet"),
                optimizer=OptimizerSpec(lr=0.8, nesterov=True, weight_decay=5e-4),
                schedule=ScheduleSpec(name="one_cycle", warmup=0.25),
                augment=AugmentSpec(flip=True, shift=4, cutout=8),
                label_smoothing=0.1,
                batch_size=512,
                epochs=14,
                validate_every=0,
            ),
            teaches=(
                "A wide, shallow residual net, large batches and one cycle of a high learning rate: "
                "what the speed records on CIFAR-10 have in common. Meant for a GPU."
            ),
        ),
        Preset(
            name="lr_too_high",
            title="Fails: learning rate too high",
            spec=TrainSpec(
                title="Learning rate too high",
                network=NamedNetwork(name="lenet5"),
                optimizer=OptimizerSpec(lr=1.0),
                batch_size=32,
                epochs=15,
                validate_every=20,
            ),
            teaches=(
                "What the first updates of a much too high rate do, and that lowering it afterwards "
                "does not bring the network back."
            ),
            known_to_fail=(
                "The rate is 20 times too high: the first updates throw the weights so far that every "
                "ReLU is silent or the loss is no number any more, and accuracy stays at chance. "
                "Rewind and set it to 0.05."
            ),
        ),
        Preset(
            name="saturating",
            title="Fails: eight sigmoids, no normalisation",
            spec=_deep_sigmoid_spec(norm=False),
            teaches=(
                "The vanishing gradient: each sigmoid passes on at most a quarter of it. Look at the "
                "gradient norms in the layer health, from the last layer to the first."
            ),
            known_to_fail=(
                "Eight sigmoids in a row leave the first layers a millionth of the gradient, so nothing "
                "is learned and accuracy stays at chance. Its twin with batch norm learns."
            ),
        ),
        Preset(
            name="saturating_repaired",
            title="The same eight sigmoids with batch norm",
            spec=_deep_sigmoid_spec(norm=True),
            teaches=(
                "One batch norm before each sigmoid keeps its input where the slope is steep: the "
                "network that learned nothing reaches 98 %."
            ),
        ),
    )
}
