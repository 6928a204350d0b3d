"""A small memory of what the engine answered, for answers that cannot change.

Asking again is cheap for the engine, but the bar stands on every page and is drawn at every moment
of a playing run; from here it costs nothing.
"""

from __future__ import annotations

import json
import pickle
import threading
from collections import OrderedDict
from typing import Any, Final

from ui.looking import glance

MOST_BYTES: Final = 16 << 20
_lock = threading.Lock()
_answers: OrderedDict[str, tuple[Any, int]] = OrderedDict()  # with their size in bytes


def ask_once(lens: str, model: str | None, image: str | None = None, /, **options: Any) -> Any:
    """`glance`, once a question: for what neither training nor time changes.

    Raises:
        NotYetError: the engine warms up.
        EngineError: what `Engine.look` raises; asked again, it is tried again.
    """
    key = json.dumps([lens, model, image, options], sort_keys=True)
    with _lock:
        if key in _answers:
            _answers.move_to_end(key)
            return _answers[key][0]
    answer = glance(lens, model, image, **options)
    with _lock:
        _answers[key] = answer, len(pickle.dumps(answer, protocol=5))
        while sum(size for _, size in _answers.values()) > MOST_BYTES:
            _answers.popitem(last=False)
    return answer


def forget() -> None:
    """Every answer, for tests."""
    with _lock:
        _answers.clear()
