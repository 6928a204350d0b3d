"""The bar's network: its title as a button, and behind it every network there is to look at."""

from __future__ import annotations

from typing import Final

import streamlit as st

from models.references import RandomRef, RunRef, ShippedRef, TorchvisionRef, parse_reference
from models.zoo import ZOO, is_on_disk
from training.shipped import card_path
from ui.subject.address import Slot, locked, put, read
from ui.subject.images import default_image, parse_data_image
from ui.subject.models import (
    DEFAULT_DATA,
    Model,
    ModelChoice,
    data_choices,
    default_model,
    find_model,
    random_choices,
    run_choices,
    shipped_choices,
)
from ui.text import markdown_safe, sentence_safe

IN_SIGHT: Final = 5  # choices that need no search
GROUPS: Final = {
    "run": "Trained here",
    "shipped": "Comes with ConvScope",
    "torchvision": "ImageNet",
    "random": "Untrained",
}


def render_model(slot: Slot, model: Model | None) -> None:
    """The title, and what chooses another network; None: what the link names cannot be shown."""
    title = "Choose a network" if model is None else model.title
    if locked():
        st.markdown(f"**{markdown_safe(title)}**")
        return
    _model(slot, model, read(slot))


@st.fragment
def _model(slot: Slot, model: Model | None, link: dict[str, str]) -> None:
    if read(slot) != link:
        st.rerun()
    menu = st.popover(
        "Choose a network" if model is None else _button_label(model),
        icon=":material/hub:", key=slot.key("model"), on_change="rerun", width="stretch",
    )  # fmt: skip
    if menu.open:
        with menu:
            _groups(slot, model)


def _button_label(model: Model) -> str:
    tone = "blue" if model.active else "gray"
    return f"{markdown_safe(model.title)} :{tone}[:small[{markdown_safe(model.origin)}]]"


def choose(slot: Slot, base: str, data: str | None = None) -> None:
    """Look at another network. An image of the old one's data set gives way to the new default."""
    image = read(slot).get("image")
    try:
        model = find_model(base, data)
    except ValueError:  # gone since the list was drawn: the page says it
        model = None
    if image is not None and model is not None:
        found = parse_data_image(image)
        foreign = found is not None and (model.info is None or model.info.name != found.dataset)
        if foreign or image == default_image(model):
            image = None
    standard = base == default_model()
    put(slot, model=None if standard else base, data=data, step=None, image=image)
    st.session_state[slot.key("playing")] = None


def _groups(slot: Slot, model: Model | None) -> None:
    widget = slot.key("group")
    if st.session_state.get(widget) not in GROUPS:
        st.session_state[widget] = _group_of(model)
    group = st.segmented_control(
        "Networks", list(GROUPS), key=widget, required=True, format_func=GROUPS.__getitem__,
        label_visibility="collapsed",
    )  # fmt: skip
    if group == "run":
        _list(
            slot,
            model,
            list(run_choices()),
            "Nothing has been trained here yet: start a run on the Live page.",
        )
    elif group == "shipped":
        _list(slot, model, shipped_choices(), "This installation comes without trained networks.")
        _card(model)
    elif group == "torchvision":
        _list(slot, model, _zoo_choices(), "")
    else:
        _untrained(slot, model)


def _card(model: Model | None) -> None:
    """What a network that comes with the program is, how it was made, and what it is not good for."""
    reference = None if model is None else parse_reference(model.base)
    if isinstance(reference, ShippedRef):
        text = card_path(reference.name).read_text(encoding="utf-8")
        with st.expander("Model card", icon=":material/description:"):
            st.markdown(text.replace("\n## ", "\n##### ").replace("# ", "#### ", 1))


def _group_of(model: Model | None) -> str:
    if model is None:
        return "shipped"
    kinds = {
        RunRef: "run",
        ShippedRef: "shipped",
        TorchvisionRef: "torchvision",
        RandomRef: "random",
    }
    return kinds[type(parse_reference(model.base))]


def _zoo_choices() -> list[ModelChoice]:
    """Those on this machine first."""
    choices = []
    for net in sorted(ZOO, key=lambda net: not is_on_disk(net.name)):
        note = f"{net.num_params / 1e6:.1f} M parameters"
        if not is_on_disk(net.name):
            note += f", to be downloaded: {net.megabytes:.0f} MB"
        choices.append(ModelChoice(f"torchvision:{net.name}", net.title, note, net.note))
    return choices


def _list(
    slot: Slot,
    model: Model | None,
    choices: list[ModelChoice],
    empty: str,
    *,
    data: str | None = None,
) -> None:
    """One group: all of it in sight where it is small, else searchable. Choosing acts at once."""
    if not choices:
        st.caption(empty)
        return
    known = {choice.base: choice for choice in choices}
    widget = slot.key("choice")
    shown = known.get(model.base) if model is not None else None
    st.session_state[widget] = shown and shown.base

    def take() -> None:
        if st.session_state[widget] is not None:
            choose(slot, st.session_state[widget], data)

    if len(known) <= IN_SIGHT:
        st.radio(
            "Network", list(known), index=None, key=widget, on_change=take,
            format_func=lambda base: markdown_safe(known[base].title),
            captions=[markdown_safe(choice.note) for choice in choices],
        )  # fmt: skip
    else:
        st.selectbox(
            "Network", list(known), index=None, key=widget, on_change=take, required=True,
            format_func=lambda base: known[base].line, placeholder=f"Search {len(known)} networks",
        )  # fmt: skip
    if shown is not None and shown.about:
        st.caption(sentence_safe(shown.about))


def _untrained(slot: Slot, model: Model | None) -> None:
    """An architecture with the weights it starts from, for the images of a data set."""
    titles = data_choices()
    now = (model.options.get("dataset") or {}).get("name") if model is not None else None
    # While a trained network is shown, no link holds the choice: it waits here for an architecture.
    widget, waiting = slot.key("data"), slot.key("data_waiting")
    wanted = now or st.session_state.get(waiting)
    st.session_state[widget] = wanted if wanted in titles else DEFAULT_DATA

    def take() -> None:
        st.session_state[waiting] = st.session_state[widget]
        if model is not None and now is not None:
            choose(slot, model.base, st.session_state[widget])

    st.selectbox(
        "For the images of", list(titles), key=widget, on_change=take,
        format_func=titles.__getitem__,
    )  # fmt: skip
    data = st.session_state[widget]
    _list(slot, model, random_choices(data), "No architecture takes these images.", data=data)
