"""How a picture is optimised: the table of settings with limits, defaults by size, and presets.

The default for each size is what makes pictures that hold still under small changes: a Fourier
basis, colours as independent as those of the data, and every step taken on a slightly moved copy.
The presets leave parts of that out, because seeing what each part does is the lesson.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final, Literal

from viz.visualization.knobs import Knob, SettingError, check_all

Basis = Literal["fourier", "pixels"]
Valid = Literal["sigmoid", "clip"]
Remedy = Literal["auto", "before", "redirect", "none"]


@dataclass(frozen=True)
class Settings:
    """Everything about an optimisation but its goal."""

    basis: Basis = "fourier"
    decay: float = 1.0  # of the Fourier basis: amplitudes are weighed with 1 / frequency^decay
    decorrelate: bool = True
    valid: Valid = "sigmoid"  # what keeps pixels between 0 and 1
    jitter: int = 2  # pixels to each side
    scale: float = 0.05  # enlarged or shrunk by up to this share
    rotate: float = 5.0  # degrees to each side
    tv: float = 0.0
    l2: float = 0.0
    blur: float = 0.0  # pixels, sigma
    diversity: float = 0.0
    negative: bool = False
    remedy: Remedy = "auto"  # for units without a gradient
    steps: int = 128
    rate: float = 0.05
    seed: int = 0
    size: int = 0  # pixels a side; 0: as the network takes them


def _knob(
    name: str,
    title: str,
    help: str,
    low: float = 0,
    high: float = 0,
    step: float = 0,
    *,
    choices: Mapping[str, str] | None = None,
) -> tuple[str, Knob]:
    """A setting by name, its default being that of `Settings`."""
    return name, Knob(title, help, getattr(Settings, name), low, high, step, choices)


KNOBS: Final = dict(
    (
        _knob(
            "basis", "Pixels are",
            "A Fourier basis weighed by 1/f spreads every step over the whole picture; separate pixels "
            "invite the noise of adversarial examples. Olah et al. 2017",
            choices={"fourier": "Fourier waves", "pixels": "Separate"},
        ),
        _knob(
            "decay", "Spectrum 1/f to the power",
            "0: every frequency moves alike; 1: as in natural pictures", 0, 2, 0.25,
        ),
        _knob(
            "decorrelate", "Decorrelated colours",
            "Steps along colours that vary independently in the network's own pictures, measured there",
        ),
        _knob(
            "valid", "Kept valid by", "What keeps every pixel between black and white",
            choices={"sigmoid": "Sigmoid", "clip": "Clipping"},
        ),
        _knob("jitter", "Jitter, px", "Every step sees the picture moved by up to so many pixels", 0, 32, 1),
        _knob("scale", "Scaling, ±", "Every step sees it enlarged or shrunk by up to this share", 0, 0.5, 0.05),
        _knob("rotate", "Rotation, ±°", "Every step sees it turned by up to so many degrees", 0, 45, 1),
        _knob(
            "tv", "Total variation",
            "Costs for differences between neighbours, in standard deviations of the goal. "
            "Rudin, Osher and Fatemi 1992",
            0, 50, 0.5,
        ),
        _knob(
            "l2", "L2",
            "Costs for pixels far from the mean picture, in standard deviations of the goal. Simonyan et al. 2014",
            0, 50, 0.5,
        ),
        _knob(
            "blur", "Blur, px",
            "Every fourth step the picture is blurred with this sigma. Yosinski et al. 2015", 0, 3, 0.1,
        ),
        _knob(
            "diversity", "Diversity",
            "Costs for pictures whose Gram matrices in the layer are alike, where there are several. Olah et al. 2017",
            0, 20, 0.5,
        ),
        _knob("negative", "Minimise", "What the unit is silenced by"),
        _knob(
            "remedy", "Without a gradient",
            "A unit behind a ReLU that is silent for the first picture passes no gradient back",
            choices={
                "auto": "Help by itself", "before": "Always before the ReLU",
                "redirect": "Lead the gradient on", "none": "Leave it",
            },
        ),
        _knob("steps", "Steps", "Updates of Adam (Kingma and Ba 2015)", 1, 2048, 1),
        _knob("rate", "Learning rate", "Of Adam", 0.001, 1, 0.001),
        _knob(
            "seed", "Seed", "Where it begins and how it is moved; the same seed makes the same picture",
            0, 99_999, 1,
        ),
        _knob("size", "Size, px", "0: as the network takes them", 0, 512, 1),
    )
)  # fmt: skip

_NO_HELP: Final[dict[str, Any]] = {
    "basis": "pixels", "decorrelate": False, "jitter": 0, "scale": 0.0, "rotate": 0.0,
    "tv": 0.0, "l2": 0.0, "blur": 0.0,
}  # fmt: skip


@dataclass(frozen=True)
class Preset:
    """One way to optimise, for a row that shows what each part does."""

    name: str
    title: str
    says: str  # one sentence


def defaults(shape: tuple[int, int, int]) -> Settings:
    """Settings that suit pictures (C, H, W): small ones are moved less, large ones made smaller."""
    side = min(shape[1:])
    if side <= 20:
        return Settings(jitter=1, scale=0.05, rotate=5.0)
    if side <= 48:
        return Settings(jitter=2, scale=0.05, rotate=5.0)
    if side <= 96:
        return Settings(jitter=4, scale=0.1, rotate=8.0)
    return Settings(jitter=6, scale=0.1, rotate=10.0, size=min(side, 128))


def read_settings(given: Mapping[str, Any] | None, shape: tuple[int, int, int]) -> Settings:
    """The defaults for `shape` with what a request gives instead.

    Raises:
        SettingError: one sentence: no such setting, or a value that it does not take.
    """
    return replace(defaults(shape), **check_all(KNOBS, given))


def changed(settings: Settings, shape: tuple[int, int, int]) -> dict[str, Any]:
    """What differs from the defaults for `shape`, as a request gives it."""
    standard = asdict(defaults(shape))
    return {name: value for name, value in asdict(settings).items() if value != standard[name]}


# Each row of the ablation begins with nothing and adds to it; the last is the default for the size.
PRESETS: Final = (
    Preset("none", "Nothing", "Gradient ascent on separate pixels finds noise."),
    Preset("jitter", "+ jitter", "What survives a shift by some pixels cannot be noise of single pixels."),
    Preset("fourier", "+ Fourier basis", "Waves weighed by 1/f put the low frequencies first."),
    Preset("colors", "+ decorrelated colours", "Steps follow the colours of the data, not the axes of RGB."),
    Preset("all", "+ scaling and rotation", "All of it: the default."),
)  # fmt: skip
PENALTIES: Final = (
    Preset("none", "Nothing", "Gradient ascent on separate pixels finds noise."),
    Preset("tv", "Total variation", "Neighbours may not differ much."),
    Preset("l2", "L2", "Pixels may not go far from the mean picture."),
    Preset("blur", "Blur", "High frequencies are wiped away again and again."),
    Preset("all", "No penalty, the default", "Robustness and a better basis instead of penalties."),
)
ROWS: Final = {"parts": PRESETS, "penalties": PENALTIES}


def row_presets(row: str, shape: tuple[int, int, int]) -> tuple[Preset, ...]:
    """The presets of a row for pictures (C, H, W): grey ones have no colours to decorrelate."""
    return tuple(each for each in ROWS[row] if shape[0] > 1 or each.name != "colors")


ROW_TITLES: Final = {"parts": "Parts of the default", "penalties": "Penalties instead"}


def preset_settings(name: str, settings: Settings, shape: tuple[int, int, int]) -> Settings:
    """The settings of one preset; steps, rate, seed, size and sign stay those of `settings`."""
    full = defaults(shape)
    bare = replace(settings, **_NO_HELP)
    match name:
        case "none":
            return bare
        case "jitter":
            return replace(bare, jitter=full.jitter)
        case "fourier":
            return replace(bare, jitter=full.jitter, basis="fourier", decay=full.decay)
        case "colors":
            return replace(
                bare, jitter=full.jitter, basis="fourier", decay=full.decay, decorrelate=True
            )
        case "tv":
            return replace(bare, tv=5.0)
        case "l2":
            return replace(bare, l2=5.0)
        case "blur":
            return replace(bare, blur=0.5)
        case "all":
            kept = {each.name: getattr(full, each.name) for each in fields(Settings)}
            mine = ("steps", "rate", "seed", "size", "negative", "remedy", "diversity")
            return Settings(**kept | {each: getattr(settings, each) for each in mine})
    raise SettingError(f"There is no preset {name[:40]!r}.")
