"""What the engine is doing, in one line: device, free places, and that it is still warming up."""

from __future__ import annotations

import streamlit as st

from engine.protocol import Capacity, EngineError
from ui import runtime


@st.fragment(run_every=2.0)
def _warming() -> None:
    capacity = _capacity()
    if capacity is not None and capacity.ready:
        st.rerun()
    st.caption(
        ":material/hourglass_top: The engine is warming up, about ten seconds after a start. "
        "A run can be started now; it begins as soon as the engine is ready."
    )


def engine_line() -> None:
    """Device and load, or why there is no engine."""
    capacity = _capacity()
    if capacity is None:
        return
    if not capacity.ready:
        _warming()
        return
    waiting = f", {capacity.queued} waiting" if capacity.queued else ""
    st.caption(
        f":material/memory: Trains on **{capacity.device}** · {capacity.running} of {capacity.slots} "
        f"place{'s' if capacity.slots != 1 else ''} busy{waiting}"
    )


def _capacity() -> Capacity | None:
    try:
        return runtime.engine().capacity()
    except EngineError as error:
        st.error(str(error), icon=":material/power_off:")
        return None
