"""The text that `training.script` puts between the modules it copies: head, data, main part.

Apart from the code that chooses and fills it in, because each is long. Nothing here is run.
"""

from __future__ import annotations

from typing import Final

HEAD: Final = '''\
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

SETTINGS: Final = '''
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

CHANGES: Final = """
# What was set by hand, before the update after so many others.
CHANGES = {{
{lines}
}}
"""

SPLIT: Final = '''
class Split(SimpleNamespace):
    """images uint8 (N, C, H, W) and labels int64 (N,)."""

    def __len__(self):
        return len(self.labels)

    def at(self, indices):
        return Split(images=self.images[indices], labels=self.labels[indices])
'''

HOLD_OUT: Final = '''
def hold_out(split, count):
    """(what is left, `count` images set aside), every class with its share in both."""
    taken = spread(split.labels, count)
    return split.at(without(len(split), taken)), split.at(taken)
'''

LOAD_DIGITS: Final = """
def load_splits():
    everything = Split(**dict(zip(("images", "labels"), load_digits())))
    rest, test = hold_out(everything, {num_test})
    train, val = hold_out(rest, {num_val})
    return train, val, test
"""

LOAD_SHAPES: Final = """
def load_splits():
    parts = [
        draw_shapes({num_train}, {size}, seed=0, shortcut={shortcut}),
        draw_shapes({num_val}, {size}, seed=1, shortcut={shortcut}),
        draw_shapes({num_test}, {size}, seed=2, shortcut={test_shortcut}),
    ]
    return [Split(images=part.images, labels=part.labels) for part in parts]
"""

LOAD_REMOTE: Final = """
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

LOAD_ARRAYS: Final = """
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

ALTER: Final = '''
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

MAIN: Final = """
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
    lr = SPEC.optimizer.lr
    total_steps = SPEC.epochs * batches.steps_per_epoch
    if SPEC.max_steps is not None:
        total_steps = min(total_steps, SPEC.max_steps)
{before}
    for step in range(total_steps):
{change}        images, targets = batches.get(step)
        with autocast(device):
            loss = F.cross_entropy(net(images), targets, label_smoothing=SPEC.label_smoothing)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        factor = lr_factor(SPEC.schedule, step, total_steps, SPEC.optimizer.lr)
        set_lr(optimizer, lr * factor)
        optimizer.step()
        done = step + 1
{after}
{end}
    if options.save:
        torch.save(net.state_dict(), options.save)


if __name__ == "__main__":
    main()
"""

CHANGE: Final = """\
        for field, value in CHANGES.get(step, []):
            if field == "lr":
                lr = value
            elif field == "momentum":
                set_momentum(optimizer, value)
            else:
                set_weight_decay(optimizer, value)
"""

VALIDATE: Final = """\
        epoch_over = done % batches.steps_per_epoch == 0
        if epoch_over or done == total_steps$LOOK:
            scores = evaluate(net, val, batches.normalizer, len(INFO.classes))
            print(f"step {done}: loss {scores.loss:.4f}, accuracy {scores.accuracy:.2%} (validation)")
"""

LOOK: Final = " or on_target(done)"

TARGET_BEFORE: Final = '''\
    sample = sample_index(SPEC.seed, len(val), SPEC.validate_every, SPEC.batch_size).to(device)

    def on_target(done):
        """Whether the quick look after `done` updates reaches the target: then all images decide."""
        if not SPEC.validate_every or done % SPEC.validate_every:
            return False
        scores = evaluate(net, val, batches.normalizer, len(INFO.classes), sample)
        return scores.accuracy >= SPEC.stop.target_accuracy
'''

TARGET: Final = """\
            if scores.accuracy >= SPEC.stop.target_accuracy:
                break
"""

PATIENCE: Final = """\
            if epoch_over:
                stale = 0 if scores.loss < best else stale + 1
                best = min(best, scores.loss)
            if stale >= SPEC.stop.patience:
                break
"""

SWEEP: Final = """\
        value = loss.item()
        smooth = value if step == 0 else 0.9 * smooth + 0.1 * value
        best = min(best, smooth)
        print(f"step {done}: learning rate {lr * factor:.3e}, loss {value:.4f}")
        if not smooth <= 4 * best:
            break
"""

TEST: Final = """\
    scores = evaluate(net, test, batches.normalizer, len(INFO.classes))
    print(f"test: loss {scores.loss:.4f}, accuracy {scores.accuracy:.2%}")
"""

MAKE_ARRAYS: Final = """\
The images are your own, so put them into one file first, in the folder of ConvScope:

    import numpy as np
    from data.load import load_dataset
    data = load_dataset({name}, image_size={image_size!r})
    np.savez_compressed("images.npz", **{{
        f"{{part}}_{{what}}": getattr(getattr(data, part), what).numpy()
        for part in ("train", "val", "test") for what in ("images", "labels")
    }})
"""
