"""Growing pictures: drawn as they come, stopped by a button, complete ones at once."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from ui import runtime


@dataclass(frozen=True)
class Result:
    share: float


class Engine:
    """Yields what the test wrote down, and notes who hung up."""

    def __init__(self, *shares: float | None) -> None:
        self.shares = shares
        self.asked = 0
        self.hung_up = 0

    def capacity(self) -> Any:
        return type("Capacity", (), {"ready": True})

    def watch(self, *_: Any, **__: Any) -> Generator[Any]:
        self.asked += 1
        try:
            for share in self.shares:
                yield None if share is None else Result(share)
        except GeneratorExit:
            self.hung_up += 1
            raise


def _page() -> None:
    from typing import Any  # noqa: F401  (the page is this function's text alone)

    import streamlit as st

    from ui.streaming import watch

    def draw(result: Any) -> None:
        st.session_state["drawn"] = [*st.session_state.get("drawn", []), result.share]
        st.markdown(f"drawn {result.share}")
        if result.share == st.session_state.get("click_at"):
            st.session_state["click_at"] = None
            st.rerun()  # as a click elsewhere does in the middle
        if result.share == st.session_state.get("pause_at"):
            st.stop()  # so that the page is found as it is in the middle

    found = watch("lens", key="place", draw=draw, kind=st.session_state.get("kind", "a"))
    st.caption("nothing" if found is None else f"latest {found.share}")


def _open(monkeypatch: pytest.MonkeyPatch, engine: Engine, **state: Any) -> AppTest:
    monkeypatch.setattr(runtime, "engine", lambda: engine)
    app = AppTest.from_function(_page)
    for name, value in state.items():
        app.session_state[name] = value
    return app.run()


def _said(app: AppTest) -> str:
    assert [one.message for one in app.exception] == []
    return " ".join([one.value for one in [*app.markdown, *app.caption]])


def test_every_result_is_drawn_and_the_last_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    app = _open(monkeypatch, Engine(None, 0.3, None, 0.6, 1.0))
    assert app.session_state["drawn"] == [0.3, 0.6, 1.0]
    assert _said(app) == "drawn 1.0 latest 1.0"
    assert [one.label for one in app.button] == []  # nothing is left to stop
    assert "place.latest" not in app.session_state


def test_nothing_at_all_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _said(_open(monkeypatch, Engine(None))) == "nothing"


def test_a_click_elsewhere_hangs_up_and_asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(0.5, 1.0)
    app = _open(monkeypatch, engine, click_at=0.5)
    assert (engine.asked, engine.hung_up) == (2, 1)
    assert _said(app) == "drawn 1.0 latest 1.0"


def test_stop_keeps_what_is_there_until_all_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(0.4, 1.0)
    app = _open(monkeypatch, engine, pause_at=0.4)
    app.session_state["pause_at"] = None
    app.button("place.stop").click().run()
    assert engine.asked == 1
    assert _said(app) == "drawn 0.4 Stopped at 40 %. latest 0.4"
    app.button("place.all").click().run()
    assert engine.asked == 2
    assert _said(app) == "drawn 1.0 latest 1.0"


def test_another_question_forgets_what_was_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    app = _open(monkeypatch, Engine(0.4, 1.0), pause_at=0.4)
    app.session_state["pause_at"] = None
    app.button("place.stop").click().run()
    app.session_state["kind"] = "b"
    assert _said(app.run()) == "drawn 1.0 latest 1.0"
