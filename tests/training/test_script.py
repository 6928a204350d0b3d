"""The downloaded script, run in a process of its own, ends with the run's weights to the bit."""

from __future__ import annotations

import ast
import dataclasses
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from data.catalogue import get_info, is_available
from data.load import load_dataset
from tests.training.helpers import CPU, Script, of, run, tiny_spec
from training.admission import admit
from training.control import Command
from training.events import Control, Evaluated, Finished
from training.presets import list_presets
from training.script import run_script
from training.spec import TrainSpec, parse_spec
from training.state import TrainState

EVERYTHING: dict[str, Any] = {
    "dataset": {"name": "digits", "train_limit": 200, "label_noise": 0.1},
    "optimizer": {"name": "adamw", "lr": 0.003, "weight_decay": 0.05},
    "schedule": {"name": "one_cycle"},
    "augment": {
        "flip": True,
        "shift": 2,
        "rotation": 10,
        "color": 0.1,
        "cutout": 3,
        "mixup": 0.3,
    },
    "dropout": 0.2,
    "label_smoothing": 0.1,
    "batch_size": 32,
    "epochs": 3,
    "seed": 3,
}


def run_text(text: str, folder: Path, *options: str) -> tuple[str, dict[str, torch.Tensor]]:
    """Run a script away from the project: (what it printed, the weights it saved)."""
    (folder / "script.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "script.py", "--threads", "1", "--save", "weights.pt", *options]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, torch.load(folder / "weights.pt", weights_only=True)


def expected(spec: TrainSpec) -> tuple[list[Any], TrainState]:
    options = spec.dataset
    data = load_dataset(
        options.name,
        image_size=options.image_size,
        shortcut=options.shortcut,
        label_noise=options.label_noise,
        train_limit=options.train_limit,
        seed=spec.seed,
    )
    return run(spec, data, state=TrainState.fresh(spec, data.info, CPU))


def assert_same(state: TrainState, weights: dict[str, torch.Tensor]) -> None:
    mine = state.model.state_dict()
    assert list(mine) == list(weights)
    for name, value in mine.items():
        assert torch.equal(value, weights[name]), name


def test_digits_with_everything(tmp_path: Path) -> None:
    spec = parse_spec(EVERYTHING)
    events, state = expected(spec)
    printed, weights = run_text(run_script(spec, admit(spec).info), tmp_path)
    assert_same(state, weights)
    test = next(e for e in events if isinstance(e, Evaluated) and e.split == "test")
    assert f"test: loss {test.loss:.4f}, accuracy {test.accuracy:.2%}" in printed


def test_what_was_set_by_hand_is_set_again(tmp_path: Path) -> None:
    """Also what a rewind keeps, and a momentum that was 0 for no update at all."""
    spec = tiny_spec(
        optimizer={"lr": 0.05, "momentum": 0.9, "weight_decay": 0.0},
        schedule={"name": "cosine"},
        batch_size=64,
        epochs=2,
    )
    script = Script(
        {
            3: [Command("set", "weight_decay", 0.01)],
            6: [Command("rewind")],
            10: [Command("set", "lr", 0.013), Command("watch", value=0.0)],
            15: [Command("set", "momentum", 0.0), Command("set", "momentum", 0.7)],
            20: [Command("set", "lr", 0.2), Command("set", "weight_decay", 0.1)],
        }
    )
    data = load_dataset("digits")
    events, state = run(spec, data, script, TrainState.fresh(spec, data.info, CPU))
    text = run_script(spec, data.info, of(Control, events))
    _, weights = run_text(text, tmp_path)
    assert_same(state, weights)


@pytest.mark.parametrize("stop", [{"patience": 1}, {"patience": 9, "target_accuracy": 0.5}])
def test_stops_where_the_run_did(tmp_path: Path, stop: dict[str, Any]) -> None:
    spec = tiny_spec(
        optimizer={"lr": 0.02},
        batch_size=64,
        epochs=9,
        validate_every=7,
        stop=stop,
        label_smoothing=0.3,
    )
    spec = spec.model_copy(update={"schedule": parse_spec({"schedule": {"name": "step"}}).schedule})
    events, state = expected(spec)
    assert isinstance(events[-1], Finished)
    _, weights = run_text(run_script(spec, get_info("digits")), tmp_path)
    assert_same(state, weights)


def test_range_test_stops_where_the_run_did(tmp_path: Path) -> None:
    spec = tiny_spec(
        optimizer={"lr": 100.0},
        schedule={"name": "range_test", "min_lr": 1e-3},
        batch_size=64,
        epochs=6,
    )
    events, _ = expected(spec)
    printed, _ = run_text(run_script(spec, get_info("digits")), tmp_path)
    steps = re.findall(r"step (\d+): learning rate", printed)
    assert int(steps[-1]) == events[-1].step < 120


def test_own_images_by_way_of_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSCOPE_DATA", str(tmp_path))
    random = np.random.default_rng(0)
    for name, low in (("dark", 0), ("light", 120)):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for number in range(20):
            pixels = random.integers(low, low + 100, (40, 30, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "mine" / name / f"{number}.png")
    spec = tiny_spec(dataset={"name": "folder:mine", "image_size": 28}, epochs=1)
    _, state = expected(spec)
    text = run_script(spec, admit(spec).info)
    recipe = re.search(
        r"\n\n((?:    .*\n)+)",
        (ast.get_docstring(ast.parse(text), clean=False) or "").split("ConvScope:")[1],
    )
    assert recipe is not None
    monkeypatch.chdir(tmp_path)
    exec(ast.unparse(ast.parse("if True:\n" + recipe[1])), {})  # noqa: S102  (our own text)
    _, weights = run_text(text, tmp_path, "--data", "images.npz")
    assert_same(state, weights)


@pytest.mark.data
@pytest.mark.skipif(not is_available("mnist"), reason="MNIST is not under CONVSCOPE_DATA")
def test_mnist(tmp_path: Path) -> None:
    preset = next(preset for preset in list_presets() if preset.name == "mnist_99")
    spec = preset.spec.model_copy(update={"max_steps": 5, "device": "cpu"})
    _, state = expected(spec)
    text = run_script(spec, get_info("mnist"))
    _, weights = run_text(text, tmp_path, "--data", os.environ["CONVSCOPE_DATA"])
    assert_same(state, weights)


@pytest.mark.parametrize("preset", list_presets(), ids=lambda preset: preset.name)
def test_every_script_is_whole(preset: Any) -> None:
    """It compiles, names nothing of this program, and no two of its parts share a name."""
    text = run_script(preset.spec, admit(preset.spec).info)
    tree = ast.parse(text)
    names = Counter(
        name
        for node in tree.body
        for name in (
            [node.name]
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
            else [t.id for t in node.targets if isinstance(t, ast.Name)]
            if isinstance(node, ast.Assign)
            else []
        )
    )
    assert [name for name, count in names.items() if count > 1] == []
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not [
        name for name in modules if name and name.split(".")[0] in ("data", "models", "training")
    ]


@pytest.mark.parametrize(
    "title", ['"""', "\\", "a\nb", "Grüße 🙂", "'''", "{x}", "\\N{DEGREE SIGN}"]
)
def test_titles_cannot_break_out(title: str) -> None:
    spec = TrainSpec(title=title)
    compile(run_script(spec, get_info("digits")), "script", "exec")


@pytest.mark.parametrize("name", ['"""', 'a"', "\\", "\\'\"", "a\nb", "Grüße", "{x}", "'; 1/0; '"])
def test_folder_names_cannot_break_out(name: str) -> None:
    info = dataclasses.replace(
        get_info("digits"), name=f"folder:{name}", title=name, classes=("a", name)
    )
    spec = parse_spec({"dataset": {"name": f"folder:{name}", "image_size": 28}})
    tree = ast.parse(run_script(spec, info))
    recipe = (ast.get_docstring(tree) or "").split("data = ")[1].splitlines()[0]
    call = ast.parse(recipe).body[0]
    assert isinstance(call, ast.Expr)
    assert isinstance(call.value, ast.Call)
    assert ast.literal_eval(call.value.args[0]) == f"folder:{name}"
    literal = next(
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "loads"
    )
    settings = json.loads(ast.literal_eval(literal.args[0]))
    assert settings["dataset"]["name"] == f"folder:{name}"


def test_shapes_are_drawn_alike(tmp_path: Path) -> None:
    """Only the images: drawing them in the script gives what the run was given."""
    spec = tiny_spec(dataset={"name": "shapes", "shortcut": 0.5}, batch_size=500, max_steps=1)
    _, state = expected(spec)
    _, weights = run_text(run_script(spec, get_info("shapes")), tmp_path)
    assert_same(state, weights)
