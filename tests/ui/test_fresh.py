"""A place that another value finds empty: what is left is told so before anything new is drawn."""

from __future__ import annotations

from typing import Any

from streamlit.testing.v1 import AppTest


def page() -> None:
    import streamlit as st

    from ui.fresh import fresh_place

    value = st.query_params["value"]
    with fresh_place("test", value):
        st.button("Stop", key=f"stop.{value}")
        st.caption(f"shown: {value}")
    st.caption("below")


def opened(app: AppTest, value: str) -> list[Any]:
    """The two places after a run with this value."""
    app.query_params["value"] = value
    app.run()
    assert not app.exception
    assert [one.value for one in app.caption] == [f"shown: {value}", "below"]
    places = app.main.children
    return [places[0], places[1]]


def is_empty(place: Any) -> bool:
    return bool(place.type == "empty")


def test_another_value_takes_the_other_place_and_leaves_the_first_empty() -> None:
    app = AppTest.from_function(page)
    turns = [[is_empty(place) for place in opened(app, value)] for value in "aabbca"]
    first, second = [False, True], [True, False]
    assert turns == [first, first, second, second, first, second]


def test_a_run_that_ends_early_is_remembered() -> None:
    def stops() -> None:
        import streamlit as st

        from ui.fresh import fresh_place

        with fresh_place("test", st.query_params["value"]):
            st.caption(st.query_params["value"])
            st.stop()

    app = AppTest.from_function(stops)
    seen = []
    for value in "abb":
        app.query_params["value"] = value
        app.run()
        assert [one.value for one in app.caption] == [value]
        seen.append(is_empty(app.main.children[0]))
    assert seen == [False, True, True]
