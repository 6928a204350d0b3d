"""How a picture is optimised: the table of settings with limits, defaults by size, and presets.

The default for each size is what makes pictures that hold still under small changes: a Fourier
basis, colours as independent as those of the data, and every step taken on a slightly moved copy.
The presets leave parts of that out, because seeing what each part does is the lesson.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final, Literal

Basis = Literal["fourier", "pixels"]
Valid = Literal["sigmoid", "clip"]
Remedy = Literal["auto", "before", "redirect", "none"]


class SettingError(ValueError):
    """A setting that cannot be used; the message is one sentence with the way out."""


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


@dataclass(frozen=True)
class Knob:
    """One setting as a page offers it."""

    name: str
    title: str
    help: str
    low: float = 0
    high: float = 0
    step: float = 0  # 0: words or yes and no
    choices: Mapping[str, str] | None = None

    @property
    def whole(self) -> bool:
        """Whether it is a whole number."""
        return isinstance(getattr(Settings, self.name), int)


KNOBS: Final = {
    knob.name: knob
    for knob in (
        Knob(
            "basis", "Pixels are",
            "A Fourier basis weighed by 1/f spreads every step over the whole picture; separate pixels "
            "invite the noise of adversarial examples. Olah et al. 2017",
            choices={"fourier": "Fourier waves", "pixels": "Separate"},
        ),
        Knob(
            "decay", "Spectrum 1/f to the power",
            "0: every frequency moves alike; 1: as in natural pictures", 0, 2, 0.25,
        ),
        Knob(
            "decorrelate", "Decorrelated colours",
            "Steps along colours that vary independently in the network's own pictures, measured there",
        ),
        Knob(
            "valid", "Kept valid by", "What keeps every pixel between black and white",
            choices={"sigmoid": "Sigmoid", "clip": "Clipping"},
        ),
        Knob("jitter", "Jitter, px", "Every step sees the picture moved by up to so many pixels", 0, 32, 1),
        Knob("scale", "Scaling, ±", "Every step sees it enlarged or shrunk by up to this share", 0, 0.5, 0.05),
        Knob("rotate", "Rotation, ±°", "Every step sees it turned by up to so many degrees", 0, 45, 1),
        Knob(
            "tv", "Total variation",
            "Costs for differences between neighbours, in standard deviations of the goal. Mahendran and Vedaldi 2015",
            0, 50, 0.5,
        ),
        Knob(
            "l2", "L2",
            "Costs for pixels far from the mean picture, in standard deviations of the goal. Simonyan et al. 2014",
            0, 50, 0.5,
        ),
        Knob(
            "blur", "Blur, px",
            "Every fourth step the picture is blurred with this sigma. Yosinski et al. 2015", 0, 3, 0.1,
        ),
        Knob(
            "diversity", "Diversity",
            "Costs for pictures whose Gram matrices in the layer are alike, where there are several. Olah et al. 2017",
            0, 20, 0.5,
        ),
        Knob("negative", "Least instead of most", "What the unit is silenced by"),
        Knob(
            "remedy", "Without a gradient",
            "A unit behind a ReLU that is silent for the first picture passes no gradient back",
            choices={
                "auto": "Help by itself", "before": "Always before the ReLU",
                "redirect": "Lead the gradient on", "none": "Leave it",
            },
        ),
        Knob("steps", "Steps", "Updates of Adam (Kingma and Ba 2015)", 1, 2048, 1),
        Knob("rate", "Learning rate", "Of Adam", 0.001, 1, 0.001),
        Knob("seed", "Seed", "Where it begins and how it is moved; the same seed makes the same picture", 0, 99_999, 1),
        Knob("size", "Size, px", "0: as the network takes them", 0, 512, 1),
    )
}  # fmt: skip

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
    values = {}
    for name, value in (given or {}).items():
        if name not in KNOBS:
            raise SettingError(
                f"Feature visualisation has no setting {str(name)[:40]!r}; it has {', '.join(KNOBS)}."
            )
        values[name] = check(name, value)
    return replace(defaults(shape), **values)


def check(name: str, value: Any) -> Any:
    """`value` as the setting takes it.

    Raises:
        SettingError: one sentence: it does not.
    """
    knob = KNOBS[name]
    if knob.choices is not None:
        if value not in knob.choices:
            raise SettingError(
                f"{knob.title} is {str(value)[:40]!r}: choose {' or '.join(knob.choices)}."
            )
        return value
    if not knob.step:
        if not isinstance(value, bool):
            raise SettingError(f"{knob.title} is {str(value)[:40]!r}: choose true or false.")
        return value
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not knob.low <= value <= knob.high or (knob.whole and value != int(value)):
        kind = "a whole number" if knob.whole else "a number"
        raise SettingError(
            f"{knob.title} is {str(value)[:40]!r}: choose {kind} from {knob.low:g} to {knob.high:g}."
        )
    return int(value) if knob.whole else float(value)


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
