"""The training setup: every choice of a `TrainSpec` as a widget, filled from presets, runs and links.

Widget keys are those of `ui/spec_form.py`; what differs from the first preset stands in the
address, so that the address of a half-filled form is already a link to it. Only fields with a
widget on the page enter the spec: an option that does not apply (Nesterov of Adam) cannot linger.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from data.archives import store_upload
from data.catalogue import DataError, get_info, list_datasets
from models.registry import get_architecture, list_architectures
from training.presets import get_preset, list_presets
from training.spec import NamedNetwork, ScheduleSpec, TrainSpec
from ui.spec_form import CUSTOM, CUSTOM_NETWORK, form_values
from ui.url_state import linked_values, write

OPTIMIZERS = {
    "sgd": "SGD",
    "adam": "Adam",
    "adamw": "AdamW",
    "adadelta": "Adadelta",
    "rmsprop": "RMSprop",
}
SCHEDULES = {
    "constant": "Constant",
    "step": "Steps down",
    "cosine": "Cosine",
    "one_cycle": "One cycle",
}
USUAL_LR = {"sgd": 0.05, "adam": 1e-3, "adamw": 1e-3, "adadelta": 1.0, "rmsprop": 1e-3}
"""Rates at which each optimiser usually works; Adadelta's of Zeiler 2012 needs no tuning."""
START_PRESET = "digits_quick"
CHOOSE_CUSTOM = "live.choose_custom"
"""Session key set when an edit in the layer table has made the network the visitor's own."""
KEPT_ZIP = "live.kept_zip"
"""Session key of (upload id, data set name): each upload is checked and kept once."""
LAST_SPEC = "live.last_spec"
"""Session key of the settings a visitor trained with last."""


def fill() -> None:
    """Fill the form where it is empty: with the visitor's last settings, else with the first preset.

    Streamlit forgets the widgets of a page that is left. Values named in the link win.
    """
    if "opt" in st.session_state:
        return
    linked, problems = linked_values(st.query_params)
    fill_with(st.session_state.get(LAST_SPEC) or get_preset(START_PRESET).spec)
    for key, value in linked.items():
        st.session_state[key] = value
    for problem in problems:
        st.warning(problem)


def fill_with(spec: TrainSpec) -> None:
    """Make the whole form show `spec`; before its widgets are drawn, or in a callback.

    All but its title: a name given to one run would be wrong for what becomes of it here.
    """
    for key, value in form_values(spec.model_copy(update={"title": ""})).items():
        st.session_state[key] = value


def render_form() -> dict[str, Any]:
    """Draw the form; returns the values of the widgets shown, by key."""
    values: dict[str, Any] = {}
    chosen = st.selectbox(
        "Start from a preset",
        [preset.name for preset in list_presets()],
        index=None,
        key="live.preset",
        format_func=lambda name: get_preset(name).title,
        placeholder="Choose a preset…",
        on_change=_apply_preset,
    )
    if chosen is not None:
        preset = get_preset(chosen)
        st.caption(preset.teaches)
        if preset.known_to_fail:
            st.warning(preset.known_to_fail, icon=":material/report:")
    _data(values)
    _network(values)
    _optimizer(values)
    with st.expander("Augmentation", icon=":material/flip:"):
        _augmentation(values)
    with st.expander("Regularisation", icon=":material/tune:"):
        values["wd"] = st.number_input(
            "Weight decay", 0.0, 1.0, key="wd", format="%g", step=0.0001,
            help="Pulls every weight towards zero a little at each update.",
        )  # fmt: skip
        values["dropout"] = st.slider(
            "Dropout", 0.0, 0.9, key="dropout", step=0.05,
            help="Share of units silenced at random before the last layer, while training only.",
        )  # fmt: skip
        values["smoothing"] = st.slider(
            "Label smoothing", 0.0, 0.5, key="smoothing", step=0.01,
            help="Share of the target spread evenly over all classes.",
        )  # fmt: skip
        values["noise"] = st.slider(
            "Label noise", 0.0, 1.0, key="noise", step=0.05,
            help="Share of training labels replaced by a wrong one. Held-out labels stay right.",
        )  # fmt: skip
    with st.expander("Length, stopping, seed, device", icon=":material/timer:"):
        _length(values)
    write(
        {key: value for key, value in values.items() if key != CUSTOM_NETWORK},
        form_values(get_preset(START_PRESET).spec) | {"title": ""},
    )
    return values


def _apply_preset() -> None:
    name = st.session_state.get("live.preset")
    if name is not None:
        fill_with(get_preset(name).spec)


def _data(values: dict[str, Any]) -> None:
    infos = {info.name: info for info in list_datasets()}
    chosen = st.session_state.get("data", "digits")
    if chosen not in infos:
        try:
            infos[chosen] = get_info(chosen)
        except DataError as error:
            st.warning(str(error))
            st.session_state["data"] = "digits"
    where, own = st.columns([5, 1], vertical_alignment="bottom")
    values["data"] = where.selectbox(
        "Images",
        list(infos),
        key="data",
        format_func=lambda name: infos[name].title,
    )
    with own.popover("", icon=":material/upload:", help="Your own images"):
        _own_images()
    info = infos[values["data"]]
    if len(info.sizes) > 1:
        standard = info.shape[1]
        if st.session_state.get("size") not in info.sizes:
            st.session_state["size"] = standard
        size = st.segmented_control("Pixels a side", info.sizes, key="size", required=True)
        values["size"] = None if size == standard else size
    if info.name == "shapes":
        values["shortcut"] = st.slider(
            "Planted shortcut", 0.0, 1.0, key="shortcut", step=0.05,
            help="How often a coloured corner tells the label in the training images. In the test "
            "images it tells nothing.",
        )  # fmt: skip


def _own_images() -> None:
    st.markdown(
        "A zip with **one folder for each class**, at least two classes. It is read in memory, never unpacked. "
        "Or put such a folder on the server, into the data directory, and choose it from the list."
    )
    upload = st.file_uploader("Zip of class folders", type="zip", key="live.zip")
    if upload is None:
        return
    kept: tuple[str, str] = st.session_state.get(KEPT_ZIP, ("", ""))
    if kept[0] != upload.file_id:
        try:
            kept = (upload.file_id, store_upload(upload.getvalue()))
        except DataError as error:
            st.error(str(error))
            return
        st.session_state[KEPT_ZIP] = kept
    info = get_info(kept[1])
    st.success(f"{info.num_train:,} training images in {len(info.classes)} classes.")
    st.button("Use these images", on_click=_use, args=(kept[1],), type="primary")


def _use(dataset: str) -> None:
    st.session_state["data"] = dataset


def _network(values: dict[str, Any]) -> None:
    names = [architecture.name for architecture in list_architectures()]
    if CUSTOM_NETWORK in st.session_state:
        names.append(CUSTOM)
    if st.session_state.pop(CHOOSE_CUSTOM, False):
        st.session_state["net"] = CUSTOM
    elif st.session_state.get("net") not in names:
        st.session_state["net"] = NamedNetwork().name
    values["net"] = st.selectbox(
        "Network", names, key="net",
        format_func=_network_name,
    )  # fmt: skip
    if values["net"] == CUSTOM:
        values[CUSTOM_NETWORK] = st.session_state[CUSTOM_NETWORK]


def _network_name(name: str) -> str:
    if name != CUSTOM:
        return get_architecture(name).title
    title: str = st.session_state[CUSTOM_NETWORK].title
    return title


def _optimizer(values: dict[str, Any]) -> None:
    left, right = st.columns(2)
    values["opt"] = left.selectbox(
        "Optimiser",
        list(OPTIMIZERS),
        key="opt",
        format_func=OPTIMIZERS.__getitem__,
    )
    values["lr"] = right.number_input(
        "Learning rate", 1e-6, 100.0, key="lr", format="%g", step=0.01,
        help="Size of a step along the gradient; the peak, where a schedule moves it.",
    )  # fmt: skip
    if values["opt"] != "adadelta":
        values["momentum"] = left.number_input(
            "Beta 1" if values["opt"].startswith("adam") else "Momentum", 0.0, 0.999, key="momentum",
            format="%g", step=0.05,
        )  # fmt: skip
    values["batch"] = right.number_input(
        "Batch size", 1, 8192, key="batch", help="Images per update."
    )
    values["sched"] = left.selectbox(
        "Schedule",
        list(SCHEDULES),
        key="sched",
        format_func=SCHEDULES.__getitem__,
    )
    values["epochs"] = right.number_input(
        "Epochs",
        1,
        10_000,
        key="epochs",
        help="Passes over the training images.",
    )
    if values["opt"] == "sgd":
        values["nesterov"] = left.toggle(
            "Nesterov",
            key="nesterov",
            help="Momentum that looks one step ahead.",
        )
    if values["sched"] == "step":
        values["milestones"] = left.text_input(
            "Drops at",
            key="milestones",
            help="Shares of the run, such as 0.5, 0.75.",
        )
        values["gamma"] = right.number_input(
            "Times", 0.001, 1.0, key="gamma", format="%g", step=0.05
        )
    if values["sched"] == "one_cycle":
        values["warmup"] = right.slider("Rising share", 0.0, 0.9, key="warmup", step=0.05)


def _augmentation(values: dict[str, Any]) -> None:
    values["flip"] = st.toggle("Mirror left–right", key="flip")
    values["shift"] = st.slider("Shift, pixels", 0, 16, key="shift")
    values["rotation"] = st.slider("Rotation, ± degrees", 0.0, 180.0, key="rotation", step=5.0)
    values["color"] = st.slider("Colour, ± share", 0.0, 1.0, key="color", step=0.05)
    values["cutout"] = st.slider("Cutout, pixels a side", 0, 32, key="cutout")
    values["mixup"] = st.slider(
        "Mixup, alpha", 0.0, 2.0, key="mixup", step=0.1,
        help="Blends pairs of images and their labels.",
    )  # fmt: skip


def _length(values: dict[str, Any]) -> None:
    left, right = st.columns(2)
    values["steps"] = left.number_input(
        "At most updates", 1, 1_000_000, key="steps", placeholder="no limit"
    )
    values["every"] = right.number_input(
        "Validate every",
        0,
        100_000,
        key="every",
        help="Updates; 0 = once an epoch.",
    )
    values["target"] = left.number_input(
        "Stop at accuracy, %", 1.0, 100.0, key="target", format="%g", step=0.5,
        placeholder="never", help="Validation accuracy.",
    )  # fmt: skip
    values["patience"] = right.number_input(
        "Patience, epochs", 1, 1000, key="patience", placeholder="no limit",
        help="Stop after so many epochs without a better validation loss.",
    )  # fmt: skip
    values["limit"] = left.number_input(
        "Training images", 1, 1_000_000, key="limit", placeholder="all"
    )
    values["seed"] = right.number_input(
        "Seed", 0, 2**31 - 1, key="seed", help="Same seed, same run."
    )
    values["device"] = left.selectbox("Device", ["auto", "cpu", "cuda", "mps"], key="device")
    values["title"] = right.text_input("Name of the run", key="title", max_chars=80)


def use_rate(spec: TrainSpec, lr: float) -> None:
    """Put the rate that a range test found into the settings it was started from."""
    before = st.session_state.get(LAST_SPEC) or spec
    optimizer = before.optimizer.model_copy(update={"lr": float(f"{lr:.2g}")})
    schedule = ScheduleSpec() if before.schedule.name == "range_test" else before.schedule
    st.session_state[LAST_SPEC] = before.model_copy(
        update={"optimizer": optimizer, "schedule": schedule}
    )
