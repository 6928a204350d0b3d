"""What a run was told, and what can be taken away from it."""

from __future__ import annotations

import json

import streamlit as st

from data.catalogue import DatasetInfo
from models.layers import LayerList
from training.follow import RunFollower
from training.metrics_csv import metrics_csv
from training.network import spec_layers
from training.run_store import RunStatus
from training.script import run_script
from training.spec import TrainSpec
from ui import html, runtime
from ui.looking import look
from ui.run_names import run_title
from ui.text import markdown_safe, sentence_safe
from viz.results import Export


def view_about(follower: RunFollower, status: RunStatus) -> None:
    """Downloads beside the full spec and the layer table."""
    run_id = follower.run_id
    store = runtime.store()
    spec = store.spec(run_id)
    info, layers, missing = _network(spec)
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.subheader("Take it with you")
        name = f"convscope-{run_id}"
        if info is not None:
            st.download_button(
                "PyTorch script that reproduces this run",
                lambda: run_script(spec, info, follower.controls),
                file_name=f"{name}.py", mime="text/x-python", icon=":material/code:", width="stretch",
            )  # fmt: skip
        if follower.snapshots:
            _weights(run_id, "safetensors", "Weights, safetensors", name)
            if info is not None:
                _weights(run_id, "onnx", "Network, ONNX", name)
        st.download_button(
            "Settings, JSON", spec.model_dump_json(indent=2), file_name=f"{name}.json",
            mime="application/json", icon=":material/settings:", width="stretch",
        )  # fmt: skip
        st.download_button(
            "All measurements, CSV", lambda: metrics_csv(store, run_id), file_name=f"{name}.csv",
            mime="text/csv", icon=":material/table:", width="stretch",
        )  # fmt: skip
        if missing:
            st.caption(f"No script and no ONNX file: {sentence_safe(missing)}")
        else:
            st.caption(
                "The script makes the changes that were made while the run went on, too. The ONNX file takes "
                "images with values 0 to 1 and normalises them itself."
            )
        st.caption("The same link opens this run in any browser that reaches this server.")
    with right:
        st.subheader("Network")
        if info is not None:
            st.html(html.layer_table(layers, info.shape, len(info.classes)))
        else:
            st.caption(sentence_safe(missing))
        with st.expander(f"All settings of {markdown_safe(run_title(spec))}"):
            st.json(json.loads(spec.model_dump_json()))


def _network(spec: TrainSpec) -> tuple[DatasetInfo | None, LayerList, str]:
    """The images and layers of a run; where either is not here any more, None and the sentence why."""
    try:
        info = runtime.dataset_info(spec)
        return info, spec_layers(spec, info), ""
    except ValueError as error:  # DataError, LayerError, an architecture that is not known
        return None, (), str(error)


def _weights(run_id: str, form: str, label: str, name: str) -> None:
    def fetch() -> bytes:
        found: Export = look("export", f"run:{run_id}", format=form, timeout=120)
        return found.data

    st.download_button(
        label, fetch, file_name=f"{name}.{form}", mime="application/octet-stream",
        icon=":material/download:", width="stretch", key=f"live.export.{form}",
    )  # fmt: skip
