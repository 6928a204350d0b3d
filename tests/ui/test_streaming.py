"""Growing pictures: drawn as they come, stopped by a button, complete ones at once."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.protocol import EngineError
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


def test_after_an_error_there_is_nothing_left_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(Engine):
        def watch(self, *_: Any, **__: Any) -> Generator[Any]:
            yield Result(0.3)
            raise EngineError("No more: choose another.")

    app = _open(monkeypatch, Failing())
    assert [one.message for one in app.exception] == ["No more: choose another."]
    assert [one.label for one in app.button] == []
    assert app.session_state["drawn"] == [0.3]  # and what was there stays


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


def test_a_page_that_is_loaded_anew_does_not_start_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = Engine(0.4, 1.0)
    app = _open(monkeypatch, engine, pause_at=0.4)
    app.session_state["pause_at"] = None
    app.button("place.stop").click().run()
    linked = dict(app.query_params)
    anew = AppTest.from_function(_page)
    anew.query_params.update(linked)
    anew.run()
    assert engine.asked == 1
    assert "nothing is kept" in _said(anew)
    anew.button("place.all").click().run()
    assert engine.asked == 2
    assert _said(anew) == "drawn 1.0 latest 1.0"
    assert "stopped" not in anew.query_params


def _several() -> None:
    import streamlit as st

    from ui.streaming import Asked, Together, watch_all

    def draw(so_far: Together) -> None:
        st.markdown(f"drawn {sorted(so_far.found)}")
        if so_far.share == st.session_state.get("pause_at"):
            st.stop()  # so that the page is found as it is in the middle

    asked = [Asked(name, name.title(), {}) for name in st.session_state["lenses"]]
    done = watch_all(asked, "net", key="place", draw=draw)
    st.caption(f"{done.share} {sorted(done.problems)}")


class Several(Engine):
    """Answers each lens in two halves, but for one."""

    def __init__(self) -> None:
        super().__init__()
        self.lenses: list[str] = []

    def watch(self, lens: str, *_: Any, **__: Any) -> Generator[Any]:
        self.lenses.append(lens)
        if lens == "broken":
            raise EngineError("It cannot.")
        yield from (None, Result(0.5), Result(1.0))


def test_one_stop_ends_all_questions_and_the_rest_can_be_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = Several()
    monkeypatch.setattr(runtime, "engine", lambda: engine)
    app = AppTest.from_function(_several)
    app.session_state["lenses"] = ["one", "two", "three", "four"]
    app.session_state["pause_at"] = 0.375  # half of the second of four
    app.run()
    assert [one.label for one in app.button] == ["Stop"]
    app.session_state["pause_at"] = None
    app.button("place.stop").click().run()
    assert engine.lenses == ["one", "two"]
    assert _said(app) == "drawn ['one', 'two'] Stopped at 38 %. 0.375 []"
    assert [one.label for one in app.button] == ["Compute the rest"]
    app.button("place.all").click().run()
    assert engine.lenses[2:] == ["one", "two", "three", "four"]
    assert _said(app) == "drawn ['four', 'one', 'three', 'two'] 1.0 []"


def test_a_question_without_an_answer_does_not_keep_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runtime, "engine", Several)
    app = AppTest.from_function(_several)
    app.session_state["lenses"] = ["one", "broken", "two"]
    assert _said(app.run()) == "drawn ['one', 'two'] 1.0 ['broken']"
    assert [one.label for one in app.button] == []
