"""What a page reads from its link: numbers of any kind, and controls that follow it."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from ui import url_state


def numbers() -> None:
    import streamlit as st

    from ui.url_state import linked_int

    st.text(str(linked_int("n", -3, 12, 5, "Size")))


@pytest.mark.parametrize(("text", "value"), [("12", 12), ("-3", -3), ("007", 7), (None, 5)])
def test_a_number_of_the_link(text: str | None, value: int) -> None:
    app = AppTest.from_function(numbers)
    if text is not None:
        app.query_params["n"] = text
    app.run()
    assert app.text[0].value == str(value)
    assert not app.caption


@pytest.mark.parametrize(
    "text",
    ["13", "-4", "", "-", "--1", "1.0", "1e1", "²", "٣", " 4", "4\n", "00000000004", "0" * 5000],
)
def test_what_is_no_such_number_is_left_out_with_a_sentence(text: str) -> None:
    app = AppTest.from_function(numbers)
    app.query_params["n"] = text
    app.run()
    assert not app.exception
    assert app.text[0].value == "5"
    assert app.caption[0].value.endswith("is left out. Size: −3 to 12.")


def control() -> None:
    import streamlit as st

    from ui.url_state import choice

    def go() -> None:
        st.session_state["view"] = "c"

    st.text(choice("View", {"a": "A", "b": "B", "c": "C"}, key="view", default="a"))
    st.button("Go", on_click=go)


def shown(app: AppTest) -> tuple[str, str]:
    """What the control says, and the link."""
    assert not app.exception
    query = app.query_params
    return app.text[0].value, "".join(query["view"]) if "view" in query else ""


def test_the_link_wins_where_it_changed_and_else_the_control() -> None:
    app = AppTest.from_function(control)
    app.query_params["view"] = "b"
    assert shown(app.run()) == ("b", "b")
    app.query_params["view"] = "c"
    assert shown(app.run()) == ("c", "c")
    app.button_group(key="view").set_value("b").run()
    assert shown(app) == ("b", "b")
    app.button[0].click().run()  # the page itself may change the control
    assert shown(app) == ("c", "c")
    app.query_params["view"] = "nosuch"
    assert shown(app.run()) == ("a", "")


def test_a_rerun_with_the_link_of_before_undoes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that draws itself again may do so before the browser has taken the new link over."""
    monkeypatch.setattr(url_state, "SETTLING", 1e9)
    app = AppTest.from_function(control).run()
    app.button_group(key="view").set_value("b").run()
    assert shown(app) == ("b", "b")
    del app.query_params["view"]
    assert shown(app.run()) == ("b", "b")
    app.query_params["view"] = "c"  # never was the link before
    assert shown(app.run()) == ("c", "c")


def test_a_step_back_later_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(url_state, "SETTLING", 0.0)
    app = AppTest.from_function(control).run()
    app.button_group(key="view").set_value("b").run()
    del app.query_params["view"]
    assert shown(app.run()) == ("a", "")
