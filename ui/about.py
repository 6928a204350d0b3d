"""What a run was told, and what can be taken away from it."""

from __future__ import annotations

import json

import streamlit as st
from training.script import run_script

from training.follow import RunFollower
from training.metrics_csv import metrics_csv
from training.network import spec_layers
from training.run_store import RunStatus
from ui import html, runtime
from ui.run_names import run_title
from viz.results import Export


def view_about(follower: RunFollower, status: RunStatus) -> None:
    """Downloads beside the full spec and the layer table."""
    run_id = follower.run_id
    store = runtime.store()
    spec = store.spec(run_id)
    info = runtime.dataset_info(spec)
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.subheader("Take it with you")
        name = f"convscope-{run_id}"
        st.download_button(
            "PyTorch script that reproduces this run", lambda: run_script(spec, info),
            file_name=f"{name}.py", mime="text/x-python", icon=":material/code:", width="stretch",
        )  # fmt: skip
        if follower.snapshots:
            _weights(run_id, "safetensors", "Weights, safetensors", name)
            _weights(run_id, "onnx", "Network, ONNX", name)
        st.download_button(
            "Settings, JSON", spec.model_dump_json(indent=2), file_name=f"{name}.json",
            mime="application/json", icon=":material/settings:", width="stretch",
        )  # fmt: skip
        st.download_button(
            "All measurements, CSV", lambda: metrics_csv(store, run_id), file_name=f"{name}.csv",
            mime="text/csv", icon=":material/table:", width="stretch",
        )  # fmt: skip
        st.caption(
            "The ONNX file takes images with values 0 to 1 and normalises them itself. The same link opens this "
            "run in any browser that reaches this server."
        )
    with right:
        st.subheader("Network")
        summary = html.layer_table(spec_layers(spec, info), info.shape, len(info.classes))
        st.html(summary)
        with st.expander(f"All settings of {run_title(spec)}"):
            st.json(json.loads(spec.model_dump_json()))


def _weights(run_id: str, form: str, label: str, name: str) -> None:
    def fetch() -> bytes:
        found: Export = runtime.engine().look("export", f"run:{run_id}", format=form, timeout=120)
        return found.data

    st.download_button(
        label, fetch, file_name=f"{name}.{form}", mime="application/octet-stream",
        icon=":material/download:", width="stretch", key=f"live.export.{form}",
    )  # fmt: skip
