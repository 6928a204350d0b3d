"""A network as the Python text a visitor can read, keep and run without this program.

Classes torch lacks are copied out of `models/modules.py`, so what is printed is what was trained.
Nothing here imports torch.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

from models.initial import Draw, initial_draws
from models.layers import LayerList, Shape, check
from models.recipes import Argument, Recipe, recipe
from models.shapes import show

_IMPORTS = """\
from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
"""
_LONG = 60  # characters from which a list of arguments is written one a line


def pytorch_source(
    layers: LayerList, input_shape: Shape, num_classes: int, *, seed: int | None = None
) -> str:
    """Runnable text that defines `net`, an `nn.Sequential` with the module names of the table.

    State dicts of `models.build.build_network` load into it. With a `seed`, the text also draws the
    initial weights, the same ones as `build_network` with that seed.

    Raises:
        LayerError: the first layer that cannot work.
    """
    rows = check(layers, input_shape, num_classes).rows
    recipes = [recipe(layer, row) for layer, row in zip(layers, rows, strict=True)]
    classes = _our_classes()
    used = _with_inner({each.class_name for each in recipes} & classes.keys(), classes)
    blocks = [_IMPORTS, *(text + "\n" for name, text in classes.items() if name in used)]
    lines = ["net = nn.Sequential(OrderedDict(["]
    for row, each in zip(rows, recipes, strict=True):
        home = "" if each.class_name in classes else "nn."
        comment = show(row.out_shape) + (f", {row.formula} parameters" if row.num_params else "")
        lines.append(f'    ("{row.name}", {home}{_call(each)}),  # {comment}')
    blocks.append("\n".join([*lines, "]))", ""]))
    text = "\n\n".join(blocks)
    return text if seed is None else text + _draws_text(initial_draws(layers, rows), seed)


def _our_classes() -> dict[str, str]:
    """The text of each class of modules.py, in the order of the file."""
    text = Path(__file__).with_name("modules.py").read_text(encoding="utf-8")
    nodes = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    return {node.name: ast.get_source_segment(text, node) or "" for node in nodes}


def _with_inner(names: set[str], classes: dict[str, str]) -> set[str]:
    """`names` and the classes of ours they make use of."""
    nodes = [node for name in names for node in ast.walk(ast.parse(classes[name]))]
    return names | ({node.id for node in nodes if isinstance(node, ast.Name)} & classes.keys())


def _call(each: Recipe) -> str:
    arguments = [_value(value) for value in each.positional]
    arguments += [f"{name}={_value(value)}" for name, value in each.keyword.items()]
    return f"{each.class_name}({', '.join(arguments)})"


def _value(value: Argument) -> str:
    if isinstance(value, tuple) and len(repr(value)) > _LONG:
        return "(\n" + "".join(f"        {_value(part)},\n" for part in value) + "    )"
    return f'"{value}"' if isinstance(value, str) else repr(value)  # plain words all


def _draws_text(draws: Sequence[Draw], seed: int) -> str:
    lines = ["", f"generator = torch.Generator().manual_seed({seed})", "with torch.no_grad():"]
    for draw in draws:
        rows = "" if draw.rows is None else f"[{draw.rows[0]}:{draw.rows[1]}]"
        arguments = [repr(argument) for argument in draw.arguments]
        arguments += ["generator=generator"] if draw.is_random else []
        lines.append(f"    net.{draw.parameter}{rows}.{draw.method}({', '.join(arguments)})")
    return "\n".join([*lines, ""])
