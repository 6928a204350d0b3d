"""The training setup: every choice of a `TrainSpec` as a widget, filled from presets, runs and links.

Widget keys are those of `ui/spec_form.py`; what differs from the first preset stands in the
address, so that the address of a half-filled form is already a link to it. Only fields with a
widget on the page enter the spec: an option that does not apply (Nesterov of Adam) cannot linger.
"""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from data.archives import store_upload
from data.catalogue import DataError, get_info, list_datasets
from models.registry import get_architecture, list_architectures
from training.presets import get_preset, list_presets
from training.run_store import RunError
from training.spec import DatasetSpec, NamedNetwork, OptimizerName, ScheduleName, TrainSpec
from ui import runtime
from ui.range_test import without_sweep
from ui.spec_form import CUSTOM, CUSTOM_NETWORK, form_values, limits
from ui.text import markdown_safe, sentence_safe
from ui.url_state import linked_values, write

OPTIMIZERS: Final[dict[OptimizerName, str]] = {
    "sgd": "SGD",
    "adam": "Adam",
    "adamw": "AdamW",
    "adadelta": "Adadelta",
    "rmsprop": "RMSprop",
}
SCHEDULES: Final[dict[ScheduleName, str]] = {
    "constant": "Constant",
    "step": "Steps down",
    "cosine": "Cosine",
    "one_cycle": "One cycle",
}
USUAL_LR: Final[dict[OptimizerName, float]] = {
    "sgd": 0.05,
    "adam": 1e-3,
    "adamw": 1e-3,
    "adadelta": 1.0,
    "rmsprop": 1e-3,
}
"""Rates at which each optimiser usually works; Adadelta's of Zeiler 2012 needs no tuning."""
START_PRESET = "digits_quick"
CHOOSE_CUSTOM = "live.choose_custom"
"""Session key set when an edit in the layer table has made the network the visitor's own."""
OWN_SETS = "live.own_sets"
"""Session key of the names of uploaded sets, by upload (by name, where a link or a run brought it):
each upload is checked and kept once, and all of them stay in the list."""
LAST_SPEC = "live.last_spec"
"""Session key of the settings a visitor trained with last."""
FILLED_FROM = "live.filled_from"
"""Session key of the run that filled the form, None for no run."""
LINK_BASE = "live.link_base"
"""Session key of the form values a link to this form starts from; it holds what differs."""
SHOWN = "live.shown"
"""Session key of the value each widget had last: Streamlit forgets those of a hidden one."""


def fill(source: str | None) -> bool:
    """Fill the form where it is empty or the link names another run; whether it was filled.

    What the link says wins, then the run `source`, then the visitor's last settings, then the first
    preset. Streamlit forgets the widgets of a page that is left, so an empty form is a new visit.
    """
    alive = "opt" in st.session_state
    if alive and source == st.session_state.get(FILLED_FROM):
        return False
    start = get_preset(START_PRESET).spec
    spec = None if source is None else _settings_of(source)
    st.session_state[FILLED_FROM] = source
    st.session_state[LINK_BASE] = form_values(_untitled(spec or start))
    if alive and spec is None:
        return False  # the link lost its run: what the visitor has before them stays
    linked, problems = linked_values(st.query_params)
    fill_with(spec or st.session_state.get(LAST_SPEC) or start)
    for key, value in linked.items():
        st.session_state[key] = value
    for problem in problems:
        st.warning(markdown_safe(problem))
    return True


def _settings_of(run_id: str) -> TrainSpec | None:
    """What a run was told, a range test's own changes undone; None, and why, if it cannot be read."""
    try:
        return without_sweep(runtime.store().spec(run_id))
    except RunError as error:
        st.error(sentence_safe(error))
        return None


def fill_with(spec: TrainSpec) -> None:
    """Make the whole form show `spec`; before its widgets are drawn, or in a callback.

    All but its title: a name given to one run would be wrong for what becomes of it here.
    """
    values = form_values(_untitled(spec))
    st.session_state[SHOWN] = values
    for key, value in values.items():
        st.session_state[key] = value


def _untitled(spec: TrainSpec) -> TrainSpec:
    return spec.model_copy(update={"title": ""})


def render_form() -> dict[str, Any]:
    """Draw the form; returns the values of the widgets shown, by key."""
    for key, value in st.session_state[SHOWN].items():
        st.session_state.setdefault(key, value)
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
            "Weight decay", *limits("wd"), key="wd", format="%g", step=0.0001,
            help="Pulls every weight towards zero a little at each update.",
        )  # fmt: skip
        values["dropout"] = st.slider(
            "Dropout", *limits("dropout"), key="dropout", step=0.05,
            help="Share of units silenced at random before the last layer, while training only.",
        )  # fmt: skip
        values["smoothing"] = st.slider(
            "Label smoothing", *limits("smoothing"), key="smoothing", step=0.01,
            help="Share of the target spread evenly over all classes.",
        )  # fmt: skip
        values["noise"] = st.slider(
            "Label noise", *limits("noise"), key="noise", step=0.05,
            help="Share of training labels replaced by a wrong one. Held-out labels stay right.",
        )  # fmt: skip
    with st.expander("Length, stopping, seed, device", icon=":material/timer:"):
        _length(values)
    st.session_state[SHOWN] = st.session_state[SHOWN] | values
    write(
        {key: value for key, value in values.items() if key != CUSTOM_NETWORK},
        st.session_state[LINK_BASE],
    )
    return values


def _apply_preset() -> None:
    name = st.session_state.get("live.preset")
    if name is not None:
        fill_with(get_preset(name).spec)


def _data(values: dict[str, Any]) -> None:
    infos = {info.name: info for info in list_datasets()}
    own_sets = _own_sets()
    chosen = st.session_state["data"]
    if chosen not in infos:
        own_sets.setdefault(chosen, chosen)
    for key, name in list(own_sets.items()):
        try:
            infos[name] = get_info(name)
        except DataError as error:  # never there, or thrown away to make room
            del own_sets[key]
            if name == chosen:
                st.warning(sentence_safe(error))
                st.session_state["data"] = DatasetSpec().name
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
            "Planted shortcut", *limits("shortcut"), key="shortcut", step=0.05,
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
    own_sets = _own_sets()
    try:
        if upload.file_id not in own_sets:
            own_sets[upload.file_id] = store_upload(upload.getvalue())
        info = get_info(own_sets[upload.file_id])
    except DataError as error:
        st.error(sentence_safe(error))
        return
    st.success(f"{info.num_train:,} training images in {len(info.classes)} classes.")
    st.button("Use these images", on_click=_use, args=(info.name,), type="primary")


def _own_sets() -> dict[str, str]:
    found: dict[str, str] = st.session_state.setdefault(OWN_SETS, {})
    return found


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
        "Learning rate", *limits("lr"), key="lr", format="%g", step=0.01,
        help="Size of a step along the gradient; the peak, where a schedule moves it.",
    )  # fmt: skip
    if values["opt"] != "adadelta":
        values["momentum"] = left.number_input(
            "Beta 1" if values["opt"].startswith("adam") else "Momentum", *limits("momentum"),
            key="momentum", format="%g", step=0.05,
        )  # fmt: skip
    values["batch"] = right.number_input(
        "Batch size", *limits("batch"), key="batch", help="Images per update."
    )
    values["sched"] = left.selectbox(
        "Schedule",
        list(SCHEDULES),
        key="sched",
        format_func=SCHEDULES.__getitem__,
    )
    values["epochs"] = right.number_input(
        "Epochs",
        *limits("epochs"),
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
            "Times", *limits("gamma"), key="gamma", format="%g", step=0.05
        )
    if values["sched"] == "one_cycle":
        values["warmup"] = right.slider("Rising share", *limits("warmup"), key="warmup", step=0.05)


def _augmentation(values: dict[str, Any]) -> None:
    values["flip"] = st.toggle("Mirror left–right", key="flip")
    values["shift"] = st.slider("Shift, pixels", *limits("shift"), key="shift")
    values["rotation"] = st.slider(
        "Rotation, ± degrees", *limits("rotation"), key="rotation", step=5.0
    )
    values["color"] = st.slider("Colour, ± share", *limits("color"), key="color", step=0.05)
    values["cutout"] = st.slider("Cutout, pixels a side", *limits("cutout"), key="cutout")
    values["mixup"] = st.slider(
        "Mixup, alpha", *limits("mixup"), key="mixup", step=0.1,
        help="Blends pairs of images and their labels.",
    )  # fmt: skip


def _length(values: dict[str, Any]) -> None:
    left, right = st.columns(2)
    values["steps"] = left.number_input(
        "At most updates", *limits("steps"), key="steps", placeholder="no limit"
    )
    values["every"] = right.number_input(
        "Validate every",
        *limits("every"),
        key="every",
        help="Updates; 0 = once an epoch.",
    )
    values["target"] = left.number_input(
        "Stop at accuracy, %", *limits("target"), key="target", format="%g", step=0.5,
        placeholder="never", help="Validation accuracy.",
    )  # fmt: skip
    values["patience"] = right.number_input(
        "Patience, epochs", *limits("patience"), key="patience", placeholder="no limit",
        help="Stop after so many epochs without a better validation loss.",
    )  # fmt: skip
    values["limit"] = left.number_input(
        "Training images", *limits("limit"), key="limit", placeholder="all"
    )
    values["seed"] = right.number_input(
        "Seed", *limits("seed"), key="seed", help="Same seed, same run."
    )
    values["device"] = left.selectbox("Device", ["auto", "cpu", "cuda", "mps"], key="device")
    values["title"] = right.text_input("Name of the run", key="title", max_chars=80)


def use_rate(spec: TrainSpec, lr: float) -> None:
    """Put the rate that the range test `spec` found into the settings it was made of."""
    before = without_sweep(spec)
    optimizer = before.optimizer.model_copy(update={"lr": float(f"{lr:.2g}")})
    st.session_state[LAST_SPEC] = before.model_copy(update={"optimizer": optimizer})
