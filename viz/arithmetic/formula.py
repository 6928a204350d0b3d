"""Output sizes as formulas with the numbers put in (LaTeX), and what they throw away, in words."""

from __future__ import annotations

from viz.arithmetic.setting import Setting
from viz.arithmetic.sizes import conv_size, transposed_size

AXES = ("depth", "height", "width")


def axis_name(setting: Setting, axis: int) -> str:
    """depth, height or width; of one dimension: length."""
    return "length" if setting.dims == 1 else AXES[3 - setting.dims + axis]


def size_formula(setting: Setting, axis: int) -> str:
    """The size of one axis of a checked setting as LaTeX: in letters, with numbers, the result."""
    i, k = setting.size[axis], setting.kernel_size[axis]
    s, d = setting.stride[axis], setting.dilation[axis]
    if setting.adaptive:
        n = setting.output_size[axis]
        return (
            rf"\text{{window }}j = \Big[\big\lfloor \tfrac{{j\,i}}{{o}} \big\rfloor,\ "
            rf"\big\lceil \tfrac{{(j+1)\,i}}{{o}} \big\rceil\Big),\quad i = {i},\ o = {n}"
        )
    before, behind = setting.pads(axis)
    if setting.operation == "transposed":
        a = setting.output_padding[axis]
        out = transposed_size(i, k, s, before, d, a)
        return (
            rf"o = s(i-1) + d(k-1) + 1 - 2p + a = {s}\cdot({i}-1) + {d}\cdot({k}-1) + 1 - "
            rf"2\cdot {before} + {a} = \mathbf{{{out}}}"
        )
    found = conv_size(i, k, s, before + behind, d)
    letters, numbers = _padding_part(before, behind)
    rest = (
        rf"\lfloor {found.span / s:g} \rfloor + 1" if found.remainder else rf"{found.span // s} + 1"
    )
    return (
        rf"o = \left\lfloor \frac{{i {letters} - d(k-1) - 1}}{{s}} \right\rfloor + 1 = "
        rf"\left\lfloor \frac{{{i} {numbers} - {d}\cdot({k}-1) - 1}}{{{s}}} \right\rfloor + 1 = "
        rf"{rest} = \mathbf{{{found.size}}}"
    )


def remainder_words(setting: Setting) -> str:
    """What the floor cuts off and that others refuse it; empty where the division is exact."""
    if setting.adaptive or setting.operation == "transposed":
        return ""
    told: dict[str, list[str]] = {}
    for axis in range(setting.dims):
        i, k, s = setting.size[axis], setting.kernel_size[axis], setting.stride[axis]
        found = conv_size(i, k, s, sum(setting.pads(axis)), setting.dilation[axis])
        if found.remainder:
            words = (
                f"{found.span}/{s} + 1 = {found.span / s + 1:g}, so torch takes {found.size} and never "
                f"reads the last {_cells(found.remainder)}"
            )
            told.setdefault(words, []).append(axis_name(setting, axis))
    parts = [f"{' and '.join(names)}: {words}" for words, names in told.items()]
    if not parts:
        return ""
    return (
        f"The windows do not come out even. {_begin('; '.join(parts))} of the padded input. "
        "CS231n's notes and CNN Explainer call such a setting invalid instead."
    )


def same_words(setting: Setting) -> str:
    """That torch knows no 'same' with a stride, and what is shown instead; empty where it does."""
    if setting.operation not in ("conv", "separable") or setting.padding != "same":
        return ""
    if set(setting.stride) == {1}:
        return ""
    return (
        "Torch refuses `padding='same'` with a stride, since it no longer keeps the size. Shown is the "
        "padding that keeps it at stride 1, given as a number; TensorFlow pads less."
    )


def transposed_words(setting: Setting) -> str:
    """Which convolutions a transposed one undoes the shape of; empty for other operations."""
    if setting.operation != "transposed" or set(setting.stride) == {1}:
        return ""
    most = max(setting.stride)
    return (
        f"With stride {most}, {most} input sizes of a convolution give the same output size; "
        "`output_padding` says which of them is meant, by cells added at the end, not by zeros put "
        "into the result."
    )


def _padding_part(before: int, behind: int) -> tuple[str, str]:
    if before == behind:
        return "+ 2p", rf"+ 2\cdot {before}"
    return r"+ p_{\mathrm{before}} + p_{\mathrm{behind}}", f"+ {before} + {behind}"


def _cells(count: int) -> str:
    return "cell" if count == 1 else f"{count} cells"


def _begin(text: str) -> str:
    return text[:1].upper() + text[1:]
