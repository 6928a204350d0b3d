"""The controls of the convolution page: every choice of an exercise as a widget.

The exercise in the session is what the widgets show; the link says the same. A link that changes,
a preset, or another number of dimensions fills the widgets anew.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Final, cast

import streamlit as st

from ui.convolution.link import NAMES, SIZES, read_exercise, write_exercise
from ui.text import sentence_safe
from viz.arithmetic.exercise import Exercise, reshaped
from viz.arithmetic.formula import AXES
from viz.arithmetic.numbers import FILLS
from viz.arithmetic.presets import PRESETS
from viz.arithmetic.setting import (
    MAX_CHANNELS,
    MAX_KERNEL,
    MAX_SIDE,
    NORMS,
    OPERATIONS,
    PADDING_MODES,
    PADDINGS,
    Padding,
    Setting,
)

OPERATION_WORDS: Final = {
    "conv": "Convolution",
    "separable": "Depthwise separable convolution",
    "transposed": "Transposed convolution",
    "max": "Max pooling",
    "mean": "Mean pooling",
    "lp": "Lp pooling",
    "adaptive_max": "Adaptive max pooling",
    "adaptive_mean": "Adaptive mean pooling",
}
MODE_WORDS: Final = {
    "zeros": "Zeros", "reflect": "Reflected", "replicate": "Edge repeated", "circular": "Circular",
}  # fmt: skip
FILL_WORDS: Final = {
    "random": "Random 0 to 3", "count": "Counting up", "impulse": "A single 1", "ones": "All ones",
}  # fmt: skip
FIRST: Final = "padded_strided"
EXERCISE: Final = "conv.exercise"
"""Session key of what is shown."""
LINK: Final = "conv.link"
"""Session key of the link's parts as they were last read or written."""
_WIDGET: Final = "conv.w."
_PARAMETERS: Final[dict[str, tuple[str, str, int]]] = {
    "i": ("Input", "size", 1), "k": ("Kernel", "kernel_size", 1), "s": ("Stride", "stride", 1),
    "d": ("Dilation", "dilation", 1),
}  # fmt: skip


def current() -> Exercise:
    """What the link says, once it differs from what this page wrote; else what is in the session."""
    query = {name: st.query_params[name] for name in NAMES if name in st.query_params}
    kept, alive = st.session_state.get(EXERCISE), f"{_WIDGET}op" in st.session_state
    if kept is None or (query != st.session_state.get(LINK) and (query or alive)):
        exercise, problems = read_exercise(query)
        if not query and kept is None:
            exercise = PRESETS[FIRST].exercise
        fill(exercise)
        st.session_state[LINK] = write_exercise(exercise)
        for problem in problems:
            st.warning(sentence_safe(problem), icon=":material/link_off:")
    exercise = st.session_state[EXERCISE]
    return exercise if isinstance(exercise, Exercise) else Exercise()


def keep(exercise: Exercise) -> None:
    """Remember an exercise and write it into the link."""
    st.session_state[EXERCISE] = exercise
    wanted, before = write_exercise(exercise), st.session_state.get(LINK, {})
    if any(wanted.get(name) != before.get(name) for name in SIZES) and "at" in st.query_params:
        del st.query_params["at"]  # a cell of another setting
    for name in NAMES:
        if name in wanted and st.query_params.get(name) != wanted[name]:
            st.query_params[name] = wanted[name]
        elif name not in wanted and name in st.query_params:
            del st.query_params[name]
    st.session_state[LINK] = wanted


def fill(exercise: Exercise) -> None:
    """Make the widgets show an exercise; before they are drawn."""
    st.session_state[EXERCISE] = exercise
    for key in [key for key in st.session_state if str(key).startswith(_WIDGET)]:
        del st.session_state[key]


def ready(key: str, value: Any) -> str:
    """The key of a widget about to be drawn, holding `value` where it is new or was hidden.

    Streamlit forgets hidden widgets, and shows one at its lowest value whose key was filled in an
    earlier run: so a key is filled in the very run that draws its widget.
    """
    if key not in st.session_state:
        st.session_state[key] = value
    return key


def _key(name: str, value: Any) -> str:
    return ready(f"{_WIDGET}{name}", value)


def _rectangular(setting: Setting) -> bool:
    tuples = (setting.size, setting.kernel_size, setting.stride, setting.dilation, setting.amounts,
              setting.output_padding, setting.output_size)  # fmt: skip
    return any(len(set(values)) > 1 for values in tuples) or any(
        before != behind for before, behind in setting.amounts
    )


def render(exercise: Exercise) -> Exercise:
    """Draw the controls and return the exercise they describe."""
    _presets(exercise)
    st.selectbox(
        "Operation",
        OPERATIONS,
        key=_key("op", exercise.setting.operation),
        format_func=OPERATION_WORDS.__getitem__,
    )
    left, right = st.columns(2, vertical_alignment="center")
    left.segmented_control(
        "Dimensions", (1, 2, 3), key=_key("dims", exercise.setting.dims), required=True,
        format_func=lambda dims: f"{dims}-D",
        on_change=_change_dims, label_visibility="collapsed", width="stretch",
    )  # fmt: skip
    setting = replace(exercise.setting, operation=st.session_state[f"{_WIDGET}op"])
    sides = setting.dims > 1 and right.toggle(
        "Per side", key=_key("sides", _rectangular(exercise.setting)),
        help="Rectangular sizes, and padding that differs before and behind.",
    )  # fmt: skip
    setting = _sizes(setting, bool(sides))
    setting = _channels(setting)
    return _numbers(replace(exercise, setting=setting)).fitting()


def _presets(exercise: Exercise) -> None:
    matching = next((name for name, preset in PRESETS.items() if preset.exercise == exercise), None)
    st.session_state["conv.preset"] = matching
    st.selectbox(
        "Start from", list(PRESETS), key="conv.preset", on_change=_choose_preset, index=None,
        format_func=lambda name: PRESETS[name].title, placeholder="Your own setting",
    )  # fmt: skip


def _choose_preset() -> None:
    name = st.session_state["conv.preset"]
    if name is not None:
        fill(PRESETS[name].exercise)


def _change_dims() -> None:
    exercise: Exercise = st.session_state[EXERCISE]
    setting = replace(exercise.setting, operation=st.session_state[f"{_WIDGET}op"])
    setting = reshaped(setting, st.session_state[f"{_WIDGET}dims"])
    if math.prod(setting.size) * setting.in_channels > 1200:
        setting = replace(setting, in_channels=1, out_channels=1, groups=1)
    fill(replace(exercise, setting=setting).fitting())


def _sizes(setting: Setting, sides: bool) -> Setting:
    dims = setting.dims
    tops = {"i": MAX_SIDE[dims], "k": MAX_KERNEL[dims], "s": 8, "d": 8}
    wanted = ["i"] if setting.adaptive else ["i", "k", "s"]
    if setting.operation not in ("mean", "lp") and not setting.adaptive:
        wanted.append("d")
    else:
        setting = replace(setting, dilation=(1,) * dims)
    columns = [st.container()] * 2 if sides else st.columns(2)
    for number, letter in enumerate(wanted):
        label, field, low = _PARAMETERS[letter]
        with columns[number % 2]:
            now = getattr(setting, field)
            values = _each_side(label, letter, now, low, tops[letter], sides)
        changes: dict[str, Any] = {field: values}
        setting = replace(setting, **changes)
    if setting.adaptive:
        with columns[1]:
            values = _each_side("Output", "out", setting.output_size, 1, MAX_SIDE[dims], sides)
        return replace(setting, output_size=values)
    return setting if setting.operation == "lp" else _padding(setting, sides)


def _each_side(
    label: str, letter: str, now: tuple[int, ...], low: int, most: int, sides: bool
) -> tuple[int, ...]:
    """One slider for all sides, or a number for each; `now` is what they hold."""
    if not sides:
        return (st.slider(label, low, most, key=_key(letter, now[-1])),) * len(now)
    values = []
    for axis, (column, name) in enumerate(
        zip(st.columns(len(now)), AXES[-len(now) :], strict=True)
    ):
        shown, key = f"{label}, {name}", _key(f"{letter}{axis}", now[axis])
        values.append(int(column.number_input(shown, low, most, key=key)))
    return tuple(values)


def _padding(setting: Setting, sides: bool) -> Setting:
    padding = st.segmented_control(
        "Padding", PADDINGS, key=_key("pad", setting.padding), format_func=str.capitalize, required=True,
        width="stretch",
        help="valid: none. same: keeps the size at stride 1. full: every overlap. any: your number.",
    )  # fmt: skip
    mode = setting.padding_mode
    setting = replace(setting, padding=cast("Padding", padding), padding_mode="zeros")
    if padding == "any":
        setting = replace(setting, amounts=_amounts(setting.amounts, sides))
    if setting.operation in ("conv", "separable") and padding != "valid":
        mode = st.selectbox(
            "What is padded",
            PADDING_MODES,
            key=_key("border", mode),
            format_func=MODE_WORDS.__getitem__,
        )
        setting = replace(setting, padding_mode=mode)
    if setting.operation == "transposed":
        values = _each_side("Output padding", "a", setting.output_padding, 0, 7, sides)
        setting = replace(setting, output_padding=values)
    return setting


def _amounts(now: tuple[tuple[int, int], ...], sides: bool) -> tuple[tuple[int, int], ...]:
    if not sides and len(now) > 1:
        value = st.slider("Cells of padding on each side", 0, 16, key=_key("p", now[-1][0]))
        return ((value, value),) * len(now)
    pairs = []
    for axis, name in enumerate(AXES[-len(now) :] if len(now) > 1 else ("",)):
        left, right = st.columns(2)
        suffix = f", {name}" if name else ""
        before, behind = (_key(f"p{place}{axis}", now[axis][place]) for place in (0, 1))
        first = left.number_input(f"Before{suffix}", 0, 16, key=before)
        pairs.append((int(first), int(right.number_input(f"Behind{suffix}", 0, 16, key=behind))))
    return tuple(pairs)


def _channels(setting: Setting) -> Setting:
    left, right = st.columns(2)
    cin = left.slider("Channels in", 1, MAX_CHANNELS, key=_key("cin", setting.in_channels))
    setting = replace(setting, in_channels=cin)
    if not setting.weighted:
        if setting.operation == "lp":
            norm = right.select_slider(
                "p",
                NORMS,
                key=_key("norm", setting.norm),
                help="1 is the sum; the larger, the nearer to the maximum.",
            )
            setting = replace(setting, norm=norm)
        return setting
    cout = right.slider("Channels out", 1, MAX_CHANNELS, key=_key("cout", setting.out_channels))
    setting = replace(setting, out_channels=cout)
    if setting.operation != "separable":
        setting = replace(setting, groups=_groups(cin, cout, setting.groups))
    left, right = st.columns(2)
    flip = left.toggle(
        "Flip kernel",
        key=_key("flip", setting.flip),
        help="True convolution: turns the kernel round, as mathematics does; torch does not.",
    )
    bias = right.toggle("Bias", key=_key("bias", setting.bias))
    return replace(setting, flip=flip, bias=bias)


def _groups(cin: int, cout: int, now: int) -> int:
    """From standard (1) to depthwise (as many as channels), over what divides both."""
    most = math.gcd(cin, cout)
    ways = [one for one in range(1, most + 1) if most % one == 0]
    if len(ways) == 1:
        return 1

    def words(groups: int) -> str:
        if groups == 1:
            return "1 (standard)"
        return f"{groups} (depthwise)" if groups == cin else str(groups)

    key = _key(f"g{most}", now if now in ways else 1)  # other divisors, another slider
    return int(st.select_slider("Groups", ways, key=key, format_func=words))


def _numbers(exercise: Exercise) -> Exercise:
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    chosen = left.selectbox(
        "Input numbers", FILLS, key=_key("fill", exercise.fill), format_func=FILL_WORDS.__getitem__
    )
    if chosen != exercise.fill:
        exercise = replace(exercise, fill=cast("Any", chosen), x=())
    if right.button(
        "Draw anew", icon=":material/casino:", width="stretch", help="Other random numbers."
    ):
        exercise = replace(exercise, seed=exercise.seed % 9999 + 1, x=(), weight=(), bias=())
    return exercise
