"""The web process's singletons: the engine client, the run store, one follower a run.

They live in this imported module and not in a Streamlit cache, because any visitor can clear those
caches for everybody. Everything here is safe to call from many script threads at once.
"""

from __future__ import annotations

import contextlib
import gc
import threading
from collections import OrderedDict

from data.catalogue import DataError, DatasetInfo, get_info
from engine.client import connect
from engine.protocol import Engine, EngineError
from training.follow import RunFollower
from training.run_store import RunStore
from training.spec import TrainSpec

_MAX_FOLLOWERS = 64  # a follower holds a few hundred decimated points: some 100 kB

_lock = threading.Lock()
_followers: OrderedDict[str, RunFollower] = OrderedDict()
_settled = False
_started = False


def start_engine() -> None:
    """Begin warming the engine in the background, so that the first run starts at once.

    Once a process: the app's script calls this at every rerun of every visitor.
    """
    global _started
    with _lock:
        if _started:
            return
        _started = True
    threading.Thread(target=_start_quietly, name="engine-start", daemon=True).start()


def _start_quietly() -> None:
    with contextlib.suppress(EngineError):  # whoever needs the engine is told then
        connect()


def engine() -> Engine:
    """The engine this server works with; started if none is running.

    Raises:
        EngineError: a sentence, when it cannot be reached or started.
    """
    return connect()


def store() -> RunStore:
    """Where the runs of this server lie."""
    return RunStore()


def follower(run_id: str) -> RunFollower:
    """The shared reader of one run: however many viewers, its events are read once.

    Raises:
        RunError: the run does not exist or its id is not one.
    """
    with _lock:
        if run_id not in _followers:
            _followers[run_id] = RunFollower(store(), run_id)
            while len(_followers) > _MAX_FOLLOWERS:
                _followers.popitem(last=False)
        _followers.move_to_end(run_id)
        return _followers[run_id]


def dataset_info(spec: TrainSpec) -> DatasetInfo:
    """The data set of a run, in the size the run uses.

    Raises:
        DataError: it is not there any more.
    """
    return get_info(spec.dataset.name, spec.dataset.image_size)


def classes(run_id: str) -> tuple[str, ...]:
    """Names of the classes a run tells apart; their numbers where the data set is gone."""
    try:
        return dataset_info(follower(run_id).spec).classes
    except DataError:
        run = follower(run_id)
        scores = run.test or run.validation or run.sample
        return tuple(str(index) for index in range(len(scores.confusion) if scores else 0))


def settle() -> None:
    """After the first complete page: keep Streamlit's per-rerun collection from walking the imports.

    Streamlit collects garbage after every script run; with everything imported that costs up to
    hundreds of milliseconds a rerun, and nothing once those objects are frozen.
    """
    global _settled
    if not _settled:
        _settled = True
        gc.collect()
        gc.freeze()
