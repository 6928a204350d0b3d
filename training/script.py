"""Writes a run as one Python file that repeats it without this program.

The file is made of the very modules that trained the network (batches, augmentation, schedule,
optimiser, evaluation, the layer classes), copied as text, and a short main part. So on a CPU with as
many threads it ends with the same weights to the bit, and there is no second version to keep true.
What was set by hand while the run went on (learning rate, momentum, weight decay) is set again at
the same updates; that a person stopped it is not repeated. Nothing here imports torch.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from data.catalogue import REMOTE, DatasetInfo
from models.source import pytorch_source
from training import script_text
from training.events import Control
from training.network import spec_layers
from training.spec import TrainSpec

_ROOT: Final = Path(__file__).resolve().parents[1]
_OURS: Final = ("data", "models", "training")


def run_script(spec: TrainSpec, info: DatasetInfo, changes: Sequence[Control] = ()) -> str:
    """The run of `spec` as the text of a Python file.

    Args:
        spec: of a run that can be admitted.
        info: of its data set, from the catalogue.
        changes: what was done to the run by hand, in order; what set nothing is left out.

    Raises:
        LayerError: when the network does not fit the images.
    """
    layers = spec_layers(spec, info)
    own = info.name not in ("digits", "shapes", *REMOTE)
    words = "The images are loaded, or drawn, by the script itself."
    if info.name in REMOTE:
        words = "The images are downloaded into the folder --data, unless they are there."
    elif own:
        name = _quoted(ascii(spec.dataset.name))
        words = script_text.MAKE_ARRAYS.format(name=name, image_size=spec.dataset.image_size)
    head = script_text.HEAD.format(
        title=_plain(spec.title or info.title),
        packages=" scikit-learn" if info.name == "digits" else "",
        data_option=" --data images.npz" if own else "",
        data_words=words.rstrip() + "\n",
    )
    altered = spec.dataset.train_limit is not None or spec.dataset.label_noise > 0
    augmented = any(dict(spec.augment).values())
    settings = _by_step(changes)
    lines = "\n".join(f"    {step}: {pairs!r}," for step, pairs in settings.items())
    parts = [
        head + _imports(info, own=own),
        script_text.SETTINGS.format(
            spec=spec.model_dump_json(indent=2, exclude={"network", "title"}),
            classes=ascii(info.classes),
            mean=info.mean,
            std=info.std,
        ),
        script_text.CHANGES.format(lines=lines) if settings else "",
        _title("Images"),
        script_text.SPLIT,
        module_text("data/pixels.py"),
        *_data_parts(spec, info, own=own),
        script_text.ALTER if altered else "",
        _title("Network"),
        pytorch_source(layers, info.shape, len(info.classes), seed=spec.seed),
        _title("Augmentation") + module_text("data/augment.py") if augmented else "",
        _title("Batches") + module_text("training/batches.py"),
        _title("Learning rate and optimiser") + module_text("training/schedules.py"),
        module_text("training/optimizers.py"),
        _title("Evaluation") + module_text("training/evaluate.py"),
        _title("Training")
        + _main_part(spec, info, own=own, altered=altered, changed=bool(settings)),
    ]
    return "\n\n".join(part.strip("\n") + "\n" for part in parts if part)


def module_text(path: str) -> str:
    """A module of ours as text, without its docstring and its imports from our packages."""
    text = (_ROOT / path).read_text(encoding="utf-8")
    lines = text.splitlines()
    for node in ast.parse(text).body:
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_ours = isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in (
            "__future__",
            *_OURS,
        )
        if is_docstring or is_ours:
            for number in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[number] = ""
    return "\n".join(lines).strip("\n") + "\n"


def _by_step(changes: Sequence[Control]) -> dict[int, list[tuple[str, float]]]:
    """(field, value) in order, by the updates made before. A rewind keeps what was set so far."""
    settings: dict[int, list[tuple[str, float]]] = {}
    for change in changes:
        if change.action == "rewind" and settings:
            settings = {0: [pair for pairs in settings.values() for pair in pairs]}
        elif change.action == "set" and change.field is not None and change.value is not None:
            settings.setdefault(change.step, []).append((change.field, change.value))
    return settings


def _imports(info: DatasetInfo, *, own: bool) -> str:
    lines = ["", "import numpy as np"] if own else [""]
    lines += ["import torch"]
    lines += ["import torchvision"] if info.name in REMOTE else []
    return "\n".join(lines)


def _data_parts(spec: TrainSpec, info: DatasetInfo, *, own: bool) -> list[str]:
    """What defines `load_splits` for this data set."""
    counts = {"num_train": info.num_train, "num_val": info.num_val, "num_test": info.num_test}
    parts = [module_text("data/splits.py")]
    if own:
        return [*parts, script_text.LOAD_ARRAYS]
    if info.name == "shapes":
        shortcut = spec.dataset.shortcut or None
        drawing = [module_text("data/outlines.py"), module_text("data/procedural.py")]
        loading = script_text.LOAD_SHAPES.format(
            **counts,
            size=info.shape[1],
            shortcut=shortcut,
            test_shortcut=0.0 if shortcut else None,
        )
        return [*parts, *drawing, loading]
    if info.name == "digits":
        error = 'class DataError(ValueError):\n    """The images cannot be had."""\n'
        loading = script_text.LOAD_DIGITS.format(**counts)
        return [*parts, error, module_text("data/digits.py"), script_text.HOLD_OUT, loading]
    return [
        *parts,
        script_text.HOLD_OUT,
        script_text.LOAD_REMOTE.format(loader=REMOTE[info.name].loader, **counts),
    ]


def _main_part(
    spec: TrainSpec, info: DatasetInfo, *, own: bool, altered: bool, changed: bool
) -> str:
    sweeps = spec.schedule.name == "range_test"
    target = spec.stop.target_accuracy is not None and not sweeps
    patience = spec.stop.patience is not None and not sweeps
    before = "    best = float('inf')\n" if sweeps or patience else ""
    before += "    stale = 0\n" if patience else ""
    before += script_text.TARGET_BEFORE if target else ""
    after = script_text.VALIDATE.replace("$LOOK", script_text.LOOK if target else "")
    after += (script_text.PATIENCE if patience else "") + (script_text.TARGET if target else "")
    return script_text.MAIN.format(
        data_option=_data_option(info, own=own),
        source="options.data" if own or info.name in REMOTE else "",
        train="limit_and_spoil(train)" if altered else "train",
        before=before,
        change=script_text.CHANGE if changed else "",
        after=(script_text.SWEEP if sweeps else after).rstrip("\n"),
        end="" if sweeps else script_text.TEST.rstrip("\n"),
    )


def _data_option(info: DatasetInfo, *, own: bool) -> str:
    if own:
        return '    parser.add_argument("--data", required=True, help="the .npz file with the images")\n'
    if info.name in REMOTE:
        return '    parser.add_argument("--data", default="data", help="folder of downloads")\n'
    return ""


def _title(text: str) -> str:
    return f"# {text} {'-' * (97 - len(text))}\n\n"


def _plain(text: str) -> str:
    """Text that cannot end or break the docstring it goes into."""
    return ascii(text)[1:-1].replace('"', "'").replace("\\", "/")


def _quoted(code: str) -> str:
    """Code such that a docstring it goes into, once read, shows it as it is."""
    return code.replace("\\", "\\\\").replace('"', '\\"')
