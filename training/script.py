"""Writes a run as one Python file that repeats it without this program.

The file is made of the very modules that trained the network (batches, augmentation, schedule,
optimiser, evaluation, the layer classes), copied as text, and a short main part. So on a CPU with as
many threads it ends with the same weights to the bit, and there is no second version to keep true.
Changes made by hand while the run went on are not repeated. Nothing here imports torch.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

from data.catalogue import REMOTE, DatasetInfo
from models.source import pytorch_source
from training.network import spec_layers
from training.spec import TrainSpec

_ROOT: Final = Path(__file__).resolve().parents[1]
_OURS: Final = ("data", "models", "training")

_HEAD: Final = '''\
"""{title}: a training run of ConvScope as one self-contained script.

    pip install torch torchvision numpy{packages}
    python this_file.py{data_option} --save weights.pt

{data_words}
Everything random follows from the seed, so on a CPU with the same number of threads (--threads) and
the same version of PyTorch, the weights come out the same to the bit.
"""

from __future__ import annotations

import argparse
import json
from types import SimpleNamespace
'''

_SETTINGS: Final = '''
class Settings(SimpleNamespace):
    """The settings of the run, as attributes; iterates over (name, value)."""

    def __iter__(self):
        return iter(vars(self).items())


SPEC = json.loads(
    r"""
{spec}
""",
    object_hook=lambda values: Settings(**values),
)
INFO = Settings(classes={classes}, mean={mean}, std={std})
'''

_SPLIT: Final = '''
class Split(SimpleNamespace):
    """images uint8 (N, C, H, W) and labels int64 (N,)."""

    def __len__(self):
        return len(self.labels)

    def at(self, indices):
        return Split(images=self.images[indices], labels=self.labels[indices])
'''

_HOLD_OUT: Final = '''
def hold_out(split, count):
    """(what is left, `count` images set aside), every class with its share in both."""
    taken = spread(split.labels, count)
    return split.at(without(len(split), taken)), split.at(taken)
'''

_LOAD_DIGITS: Final = """
def load_splits():
    everything = Split(**dict(zip(("images", "labels"), load_digits())))
    rest, test = hold_out(everything, {num_test})
    train, val = hold_out(rest, {num_val})
    return train, val, test
"""

_LOAD_SHAPES: Final = """
def load_splits():
    parts = [
        draw_shapes({num_train}, {size}, seed=0, shortcut={shortcut}),
        draw_shapes({num_val}, {size}, seed=1, shortcut={shortcut}),
        draw_shapes({num_test}, {size}, seed=2, shortcut={test_shortcut}),
    ]
    return [Split(images=part.images, labels=part.labels) for part in parts]
"""

_LOAD_REMOTE: Final = """
def load_splits(source):
    def read(train):
        found = torchvision.datasets.{loader}(source, train=train, download=True)
        images = torch.as_tensor(found.data, dtype=torch.uint8)
        images = images.unsqueeze(1) if images.dim() == 3 else images.permute(0, 3, 1, 2)
        labels = torch.as_tensor(found.targets, dtype=torch.int64)
        return Split(images=images.contiguous(), labels=labels)

    train, val = hold_out(read(train=True), {num_val})
    return train, val, read(train=False)
"""

_LOAD_ARRAYS: Final = """
def load_splits(source):
    arrays = np.load(source)
    return [
        Split(
            images=torch.from_numpy(arrays[part + "_images"]),
            labels=torch.from_numpy(arrays[part + "_labels"]),
        )
        for part in ("train", "val", "test")
    ]
"""

_ALTER: Final = '''
def limit_and_spoil(train):
    """The training images after `train_limit` and `label_noise`."""
    generator = torch.Generator().manual_seed(SPEC.seed)
    limit, noise = SPEC.dataset.train_limit, SPEC.dataset.label_noise
    if limit is not None and limit < len(train):
        train = train.at(spread(train.labels, limit, generator))
    if noise:
        labels = corrupt_labels(train.labels, noise, len(INFO.classes), generator)
        train = Split(images=train.images, labels=labels)
    return train
'''

_MAIN: Final = """
def main():
    parser = argparse.ArgumentParser(description="Repeat a training run of ConvScope.")
{data_option}    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--save", help="write the trained weights to this file")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    if device.type == "cuda":
        device = torch.device("cuda", torch.cuda.current_device())

    train, val, test = load_splits({source})
    data = Settings(info=INFO, train={train}, val=val, test=test)
    layout = torch.channels_last if device.type != "mps" else torch.contiguous_format
    net.to(device=device, memory_format=layout).train()
    batches = Batches(SPEC, data, device, layout)
    val, test = OnDevice(data.val, device), OnDevice(data.test, device)
    optimizer = build_optimizer(SPEC.optimizer, net)
    total_steps = SPEC.epochs * batches.steps_per_epoch
    if SPEC.max_steps is not None:
        total_steps = min(total_steps, SPEC.max_steps)
{before}
    for step in range(total_steps):
        images, targets = batches.get(step)
        with autocast(device):
            loss = F.cross_entropy(net(images), targets, label_smoothing=SPEC.label_smoothing)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        factor = lr_factor(SPEC.schedule, step, total_steps, SPEC.optimizer.lr)
        set_lr(optimizer, SPEC.optimizer.lr * factor)
        optimizer.step()
        done = step + 1
{after}
{end}
    if options.save:
        torch.save(net.state_dict(), options.save)


if __name__ == "__main__":
    main()
"""

_VALIDATE: Final = """\
        epoch_over = done % batches.steps_per_epoch == 0
        if epoch_over or done == total_steps$LOOK:
            scores = evaluate(net, val, batches.normalizer, len(INFO.classes))
            print(f"step {done}: loss {scores.loss:.4f}, accuracy {scores.accuracy:.2%} (validation)")
"""

_LOOK: Final = " or on_target(done)"

_TARGET_BEFORE: Final = '''\
    sample = sample_index(SPEC.seed, len(val), SPEC.validate_every, SPEC.batch_size).to(device)

    def on_target(done):
        """Whether the quick look after `done` updates reaches the target: then all images decide."""
        if not SPEC.validate_every or done % SPEC.validate_every:
            return False
        scores = evaluate(net, val, batches.normalizer, len(INFO.classes), sample)
        return scores.accuracy >= SPEC.stop.target_accuracy
'''

_TARGET: Final = """\
            if scores.accuracy >= SPEC.stop.target_accuracy:
                break
"""

_PATIENCE: Final = """\
            if epoch_over:
                stale = 0 if scores.loss < best else stale + 1
                best = min(best, scores.loss)
            if stale >= SPEC.stop.patience:
                break
"""

_SWEEP: Final = """\
        value = loss.item()
        smooth = value if step == 0 else 0.9 * smooth + 0.1 * value
        best = min(best, smooth)
        print(f"step {done}: learning rate {SPEC.optimizer.lr * factor:.3e}, loss {value:.4f}")
        if not smooth <= 4 * best:
            break
"""

_TEST: Final = """\
    scores = evaluate(net, test, batches.normalizer, len(INFO.classes))
    print(f"test: loss {scores.loss:.4f}, accuracy {scores.accuracy:.2%}")
"""

_LOADERS: Final = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST", "cifar10": "CIFAR10"}

_MAKE_ARRAYS: Final = """\
The images are your own, so put them into one file first, in the folder of ConvScope:

    import numpy as np
    from data.load import load_dataset
    data = load_dataset({name!r}, image_size={image_size!r})
    np.savez_compressed("images.npz", **{{
        f"{{part}}_{{what}}": getattr(getattr(data, part), what).numpy()
        for part in ("train", "val", "test") for what in ("images", "labels")
    }})
"""


def run_script(spec: TrainSpec, info: DatasetInfo) -> str:
    """The run of `spec` as the text of a Python file.

    Args:
        spec: of a run that can be admitted.
        info: of its data set, from the catalogue.

    Raises:
        LayerError: when the network does not fit the images.
    """
    layers = spec_layers(spec, info)
    own = info.name not in ("digits", "shapes", *REMOTE)
    words = "The images are loaded, or drawn, by the script itself."
    if info.name in REMOTE:
        words = "The images are downloaded into the folder --data, unless they are there."
    elif own:
        words = _MAKE_ARRAYS.format(name=spec.dataset.name, image_size=spec.dataset.image_size)
    head = _HEAD.format(
        title=_plain(spec.title or info.title),
        packages=" scikit-learn" if info.name == "digits" else "",
        data_option=" --data images.npz" if own else "",
        data_words=words.rstrip() + "\n",
    )
    altered = spec.dataset.train_limit is not None or spec.dataset.label_noise > 0
    augmented = any(dict(spec.augment).values())
    parts = [
        head + _imports(info, own=own),
        _SETTINGS.format(
            spec=spec.model_dump_json(indent=2, exclude={"network", "title"}),
            classes=ascii(info.classes),
            mean=info.mean,
            std=info.std,
        ),
        _title("Images"),
        _SPLIT,
        *_data_parts(spec, info, own=own),
        _ALTER if altered else "",
        _title("Network"),
        pytorch_source(layers, info.shape, len(info.classes), seed=spec.seed),
        _title("Augmentation") + module_text("data/augment.py") if augmented else "",
        _title("Batches") + module_text("training/batches.py"),
        _title("Learning rate and optimiser") + module_text("training/schedules.py"),
        module_text("training/optimizers.py"),
        _title("Evaluation") + module_text("training/evaluate.py"),
        _title("Training") + _main_part(spec, info, own=own, altered=altered),
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
        return [*parts, _LOAD_ARRAYS]
    if info.name == "shapes":
        shortcut = spec.dataset.shortcut or None
        drawing = [module_text("data/outlines.py"), module_text("data/procedural.py")]
        loading = _LOAD_SHAPES.format(
            **counts,
            size=info.shape[1],
            shortcut=shortcut,
            test_shortcut=0.0 if shortcut else None,
        )
        return [*parts, *drawing, loading]
    if info.name == "digits":
        error = 'class DataError(ValueError):\n    """The images cannot be had."""\n'
        loading = _LOAD_DIGITS.format(**counts)
        return [*parts, error, module_text("data/digits.py"), _HOLD_OUT, loading]
    return [*parts, _HOLD_OUT, _LOAD_REMOTE.format(loader=_LOADERS[info.name], **counts)]


def _main_part(spec: TrainSpec, info: DatasetInfo, *, own: bool, altered: bool) -> str:
    sweeps = spec.schedule.name == "range_test"
    target = spec.stop.target_accuracy is not None and not sweeps
    patience = spec.stop.patience is not None and not sweeps
    before = "    best = float('inf')\n" if sweeps or patience else ""
    before += "    stale = 0\n" if patience else ""
    before += _TARGET_BEFORE if target else ""
    after = _VALIDATE.replace("$LOOK", _LOOK if target else "")
    after += (_PATIENCE if patience else "") + (_TARGET if target else "")
    return _MAIN.format(
        data_option=_data_option(info, own=own),
        source="options.data" if own or info.name in REMOTE else "",
        train="limit_and_spoil(train)" if altered else "train",
        before=before,
        after=(_SWEEP if sweeps else after).rstrip("\n"),
        end="" if sweeps else _TEST.rstrip("\n"),
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
