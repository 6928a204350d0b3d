"""Making the networks that come with the program: the same bytes each time, and what is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from data.load import load_dataset
from models.build import build_network
from models.weights import load_weights
from training import shipped
from training.events import Evaluated, Failed, Finished, Progress, Snapshot, Started
from training.network import spec_layers
from training.run_store import read_events
from training.ship import PLANS, PROGRESS_POINTS, Plan, is_kept, main, ship, write_digests
from training.snapshots import is_snapshot_step
from training.spec import parse_spec

TINY = Plan(
    "tiny",
    parse_spec(
        {
            "title": "Tiny",
            "network": {"kind": "named", "name": "small_conv"},
            "dataset": {"name": "digits", "train_limit": 200},
            "augment": {"shift": 1},
            "dropout": 0.2,
            "batch_size": 32,
            "max_steps": 40,
            "device": "cpu",
        }
    ),
    per_decade=4,
    purpose="For a test.",
    limits="Everything.",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shipped")
    ship(TINY, root)
    write_digests(root)
    return root


def test_the_same_command_gives_the_same_weights_to_the_byte(made: Path, tmp_path: Path) -> None:
    """Whatever the threads and the random state of the process before."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.manual_seed(99)
    state = torch.random.get_rng_state()
    try:
        ship(TINY, tmp_path)
        assert torch.get_num_threads() == 2
        assert torch.equal(torch.random.get_rng_state(), state)
    finally:
        torch.set_num_threads(threads)
    files = sorted(path.relative_to(made) for path in made.rglob("*.safetensors"))
    assert len(files) == 9
    for file in files:
        assert (made / file).read_bytes() == (tmp_path / file).read_bytes()


def test_it_is_a_finished_run_with_the_weights_of_its_moments(made: Path) -> None:
    events = read_events(made / "tiny" / "events.jsonl")
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    assert events[-1].step == 40
    kept = [event.step for event in events if isinstance(event, Snapshot)]
    assert kept == [0, 1, 2, 3, 6, 10, 18, 32, 40]
    files = sorted(int(path.stem) for path in (made / "tiny" / "snapshots").iterdir())
    assert files == kept[:-1]  # the last is latest.safetensors
    first, metadata = load_weights(made / "tiny" / "snapshots" / "0.safetensors")
    spec = parse_spec((made / "tiny" / "spec.json").read_text())
    assert spec == TINY.spec
    info = load_dataset("digits").info
    fresh = build_network(spec_layers(spec, info), info.shape, 10, seed=spec.seed).state_dict()
    assert all(torch.equal(first[name], fresh[name]) for name in fresh)
    assert metadata == {"step": "0"}
    assert load_weights(made / "tiny" / "latest.safetensors")[1] == {"step": "40"}
    splits = {event.split for event in events if isinstance(event, Evaluated)}
    assert splits == {"val", "test"}
    assert not (made / ".tiny.making").exists()


def test_progress_is_thinned_but_its_end_stays(made: Path) -> None:
    events = read_events(made / "tiny" / "events.jsonl")
    steps = [event.step for event in events if isinstance(event, Progress)]
    assert steps[-1] == 40
    assert len(steps) <= PROGRESS_POINTS + 2
    for name in ("digits_lenet5", "shapes_cnn", "shapes_resnet8"):
        events = read_events(shipped.ROOT / name / "events.jsonl")
        assert 30 < sum(isinstance(event, Progress) for event in events) <= PROGRESS_POINTS + 2


@pytest.mark.parametrize("per_decade", [1, 2, 3, 4, 6, 12])
def test_what_is_kept_is_among_what_the_loop_asks_for(per_decade: int) -> None:
    kept = [step for step in range(20_000) if is_kept(step, per_decade)]
    assert all(is_snapshot_step(step) for step in kept)
    assert {0, 1, 10, 100, 1000, 10_000} <= set(kept)
    assert sum(100 <= step < 1000 for step in kept) == per_decade
    if per_decade == 12:
        assert kept == [step for step in range(20_000) if is_snapshot_step(step)]


def test_the_card_tells_what_was_measured(made: Path) -> None:
    card = (made / "tiny" / "MODEL_CARD.md").read_text()
    events = read_events(made / "tiny" / "events.jsonl")
    (test,) = [event for event in events if isinstance(event, Evaluated) and event.split == "test"]
    assert f"| test | {100 * test.accuracy:.2f} % | {test.loss:.4f} |" in card
    assert "python -m training.ship --only tiny" in card
    assert "CC BY 4.0" in card
    assert "200 images to train on" in card
    worst = max(
        (count, true, guess)
        for true, row in enumerate(test.confusion)
        for guess, count in enumerate(row)
        if true != guess
    )
    assert f"taken for {worst[2]} ({worst[0]}×)" in card
    assert '"shift": 1' in card
    assert "| train |" in card


def test_digests_name_every_file_and_nothing_else(made: Path) -> None:
    digests = json.loads((made / shipped.DIGESTS).read_text())
    files = {path.relative_to(made).as_posix() for path in made.glob("tiny/**/*") if path.is_file()}
    assert set(digests) == files
    assert all(shipped.compute_digest(made / file) == digest for file, digest in digests.items())


def test_a_training_that_fails_leaves_what_was_there(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship(TINY, tmp_path)
    before = (tmp_path / "tiny" / "latest.safetensors").read_bytes()
    failure = Failed(step=3, reason="nan", message="It broke down.")
    monkeypatch.setattr("training.ship.train", lambda *_: iter([failure]))
    with pytest.raises(RuntimeError, match="It broke down"):
        ship(TINY, tmp_path)
    assert (tmp_path / "tiny" / "latest.safetensors").read_bytes() == before


def test_the_command_makes_what_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr("training.ship.ship", lambda plan, root: asked.append(plan.name))
    monkeypatch.setattr(shipped, "ROOT", tmp_path)
    main(["--only", "shapes_cnn"])
    assert asked == ["shapes_cnn"]
    main([])
    assert asked == ["shapes_cnn", *(plan.name for plan in PLANS)]
    with pytest.raises(SystemExit):
        main(["--only", "nosuch"])
