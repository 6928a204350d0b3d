"""A network's code written anew, with a module of its own for each use of an activation.

Each block's forward pass is read by symbolic tracing; blocks keep their names and can be hooked.
What cannot be read is kept as it is. `models.separate` finds out whether the outcome is right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from models.modules import ScaledTanh

# Elementwise and not linear: each needs a backward rule of its own.
ACTIVATIONS: tuple[type[nn.Module], ...] = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU),
    *(nn.SiLU, nn.Mish, nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh, nn.Sigmoid, nn.LogSigmoid),
    *(nn.Tanh, nn.Softplus, nn.Softsign, nn.Threshold, ScaledTanh),
)
MAX_POOLINGS: tuple[type[nn.Module], ...] = (nn.MaxPool2d, nn.AdaptiveMaxPool2d)
SEPARATED = ACTIVATIONS + MAX_POOLINGS

# The module that does the same as a function or method of that name, and the order of the
# function's arguments after the first.
_POOLING = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
FUNCTIONS: dict[str, tuple[type[nn.Module], tuple[str, ...]]] = {
    "relu": (nn.ReLU, ("inplace",)),
    "relu6": (nn.ReLU6, ("inplace",)),
    "leaky_relu": (nn.LeakyReLU, ("negative_slope", "inplace")),
    "elu": (nn.ELU, ("alpha", "inplace")),
    "celu": (nn.CELU, ("alpha", "inplace")),
    "selu": (nn.SELU, ("inplace",)),
    "gelu": (nn.GELU, ("approximate",)),
    "silu": (nn.SiLU, ("inplace",)),
    "mish": (nn.Mish, ("inplace",)),
    "hardswish": (nn.Hardswish, ("inplace",)),
    "hardsigmoid": (nn.Hardsigmoid, ("inplace",)),
    "hardtanh": (nn.Hardtanh, ("min_val", "max_val", "inplace")),
    "sigmoid": (nn.Sigmoid, ()),
    "log_sigmoid": (nn.LogSigmoid, ()),
    "tanh": (nn.Tanh, ()),
    "softplus": (nn.Softplus, ("beta", "threshold")),
    "softsign": (nn.Softsign, ()),
    "threshold": (nn.Threshold, ("threshold", "value", "inplace")),
    "max_pool2d": (nn.MaxPool2d, _POOLING),
    "adaptive_max_pool2d": (nn.AdaptiveMaxPool2d, ("output_size", "return_indices")),
}


def rewrite(module: nn.Module, trace: bool, inplace: bool = False) -> nn.Module:
    """A copy with the same parameters and buffers, out of place unless that is to be kept; with its
    code written anew where that works."""
    shell = _shell(module)
    if getattr(shell, "inplace", None) is True:
        shell.__dict__["inplace"] = inplace
    for name, child in module._modules.items():
        shell._modules[name] = None if child is None else rewrite(child, trace, inplace)
    if not trace or not _has_code(module):
        return shell
    try:
        graph = _Block().trace(shell)
    except Exception:  # whatever a forward pass makes of values that are not there
        return shell
    if not shell._modules and not any(map(_replacement, graph.nodes)):
        return shell  # nothing to gain, and it keeps its class
    return _block(module, shell, graph)


def _shell(module: nn.Module) -> nn.Module:
    """The module alone: in evaluation mode, without hooks and children.

    `_parameters` and `_buffers` stay the same dictionaries, so that even other parameters put in
    their place are in both.
    """
    shell = module.__class__.__new__(module.__class__)
    for key, value in module.__dict__.items():
        own = "_hooks" in key or key == "_modules"
        shell.__dict__[key] = type(value)() if own and value is not None else value
    shell.__dict__["training"] = False
    return shell


def _has_code(module: nn.Module) -> bool:
    """Whether its forward pass is worth reading: torch's own modules are as they should be."""
    return not isinstance(module, ScaledTanh) and not type(module).__module__.startswith(
        "torch.nn."
    )


class _Block(fx.Tracer):
    """Reads one forward pass without looking into the modules it calls."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Every module is one."""
        return True


def _block(module: nn.Module, shell: nn.Module, graph: fx.Graph) -> nn.Module:
    """What `graph` describes, changed to one module for each use of an activation."""
    for node in list(graph.nodes):
        _out_of_place(module, graph, node)
    for node in list(graph.nodes):
        made = _replacement(node)
        if made is not None:
            activation, operand = made
            name = _free_name(shell, plain_name(_name(node)))
            shell.add_module(name, activation)
            with graph.inserting_after(node):
                new = graph.call_module(name, (operand,))
            node.replace_all_uses_with(new)
            graph.erase_node(node)
    calls = Counter(str(node.target) for node in graph.nodes if node.op == "call_module")
    for node in graph.nodes:
        if node.op == "call_module" and calls[node.target] > 1:
            used = shell.get_submodule(node.target)
            calls[node.target] -= 1  # the last use keeps the name
            if any(isinstance(each, SEPARATED) for each in used.modules()):
                parent, _, name = node.target.rpartition(".")
                owner = shell.get_submodule(parent)
                name = _free_name(owner, name)
                owner.add_module(name, rewrite(used, trace=False))
                node.target = f"{parent}.{name}" if parent else name
    block = fx.GraphModule(shell, graph, type(shell).__name__)
    block._modules = shell._modules  # also what is not called, and containers as they were
    block._parameters = shell._parameters
    block.training = False
    return block


def _out_of_place(module: nn.Module, graph: fx.Graph, node: fx.Node) -> None:
    """Make a step that changes its operand one that returns the changed operand."""
    changed = node.args[0] if node.args else None
    if not isinstance(changed, fx.Node):
        return
    name = _name(node)
    if node.op == "call_module":
        if getattr(module.get_submodule(str(node.target)), "inplace", None) is not True:
            return  # the copy that is called is out of place already
    elif name.endswith("_") and not name.endswith("__"):
        if node.op == "call_method":
            node.target = name[:-1]
        else:
            homes = [home for home in (F, torch) if hasattr(home, name[:-1])]
            if not homes:
                return
            node.target = getattr(homes[0], name[:-1])
    elif node.kwargs.get("inplace") is True:
        node.kwargs = {**node.kwargs, "inplace": False}
    else:
        return
    passed = False
    for later in graph.nodes:
        if passed:
            later.replace_input_with(changed, node)
        passed = passed or later is node


def _replacement(node: fx.Node) -> tuple[nn.Module, fx.Node] | None:
    """The module that does what a step does, and what it is applied to; None: not an activation."""
    if node.op not in ("call_function", "call_method"):
        return None
    name = plain_name(_name(node))
    arguments = [*node.args, *node.kwargs.values()]
    operand = node.args[0] if node.args else node.kwargs.get("input")
    if not isinstance(operand, fx.Node) or sum(isinstance(one, fx.Node) for one in arguments) > 1:
        return None
    if name in ("clamp", "clamp_min", "clip") and is_relu(node.args, node.kwargs):
        return nn.ReLU(), operand
    if name not in FUNCTIONS:
        return None
    kind, names = FUNCTIONS[name]
    options = {**dict(zip(names, node.args[1:], strict=False)), **node.kwargs}
    for unwanted in ("inplace", "input"):
        options.pop(unwanted, None)
    return kind(**options).eval(), operand


def is_relu(args: Any, kwargs: Mapping[str, Any]) -> bool:
    """Whether a clamp cuts off below zero and nowhere else."""
    low = args[1] if len(args) > 1 else kwargs.get("min")
    high = args[2] if len(args) > 2 else kwargs.get("max")
    return isinstance(low, int | float) and low == 0 and high is None


def _name(node: fx.Node) -> str:
    """Of the function or method."""
    target = node.target
    return target if isinstance(target, str) else str(getattr(target, "__name__", ""))


def plain_name(name: str) -> str:
    """`relu` for `relu_`, `threshold` for the `_threshold` behind it."""
    stripped = name if name == "_prelu_kernel" else name.strip("_")
    return "log_sigmoid" if stripped == "logsigmoid" else stripped


def _free_name(owner: nn.Module, name: str) -> str:
    """`name_1`, or whichever is not taken; a function's module gets a number like all others."""
    number = 1
    while hasattr(owner, f"{name}_{number}"):
        number += 1
    return f"{name}_{number}"
