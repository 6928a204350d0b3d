"""Before a run: the form at the side; the images, the network and the schedule it describes, large.

What cannot be run is said here, in one sentence, before anything is queued.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import streamlit as st

from data.catalogue import DataError, data_dir, get_info, is_available
from engine.protocol import EngineError
from models.registry import get_architecture
from training.admission import Admission, admit
from training.schedules import lr_factor
from training.spec import (
    AugmentSpec,
    CustomNetwork,
    OptimizerName,
    OptimizerSpec,
    SpecError,
    TrainSpec,
)
from ui import html, setup
from ui.charts import CHART_CONFIG
from ui.components.layer_editor import layer_editor
from ui.looking import NotYetError, glance
from ui.range_test import SWEEP_LR, SWEEP_STEPS, sweep_of
from ui.run_names import run_title
from ui.spec_form import CUSTOM, CUSTOM_NETWORK, read_spec
from ui.status import engine_line
from ui.submitting import PartlyQueuedError, submit
from ui.text import markdown_safe, sentence_safe
from ui.url_state import choice
from viz.figures.curves import plot_schedule
from viz.results import ContactSheet, Curve

LOOKS: Final = {
    "images": ":material/photo_library: Images",
    "network": ":material/account_tree: Network",
    "schedule": ":material/show_chart: Learning rate",
}
PARTLY: Final = "live.partly"
"""Session key of the `PartlyQueuedError` of the last press, until the next one."""


def render(source: str | None) -> None:
    """The whole setup page; `source` names a run whose settings fill the form, the link changes them."""
    if setup.fill(source):
        st.session_state.pop(PARTLY, None)
    form, picture = st.columns([2, 5], gap="large")
    with form:
        start = st.container()
        values = setup.render_form()
    spec, admission = _check(values, start)
    with picture:
        look = choice("Show", LOOKS, key="show", default="images")
        if look == "network":
            _network(values)
        elif spec is None or admission is None:
            st.caption("The pictures come back when the settings are valid.")
        elif look == "images":
            _images(spec)
        else:
            _schedule(spec, admission)


def _check(values: dict[str, Any], start: Any) -> tuple[TrainSpec | None, Admission | None]:
    """Read and admit the form; draws the Train button, or the sentence that says why not."""
    spec, admission = None, None
    with start:
        try:
            spec = read_spec(values)
            admission = admit(spec)
        except (SpecError, DataError) as error:
            st.error(sentence_safe(error), icon=":material/block:")
        pressed = st.button(
            "Start training", type="primary", icon=":material/play_arrow:", width="stretch",
            disabled=admission is None, key="live.train",
        )  # fmt: skip
        if spec is not None and admission is not None:
            st.caption(_size_line(spec, admission))
            with st.popover("Several runs at once", icon=":material/stacked_line_chart:"):
                _several(spec)
            _say_partly()
            if pressed:
                _submit([spec], remember=spec)
    return spec, admission


def _size_line(spec: TrainSpec, admission: Admission) -> str:
    network = admission.summary
    return (
        f"{markdown_safe(run_title(spec))}: {network.num_params:,} parameters, "
        f"{network.macs / 1e6:,.2f} M MACs an image, "
        f"{admission.total_steps:,} updates of {spec.batch_size} images."
    )


def _several(spec: TrainSpec) -> None:
    seeds = st.number_input(
        "Seeds",
        1,
        10,
        3,
        key="live.seeds",
        help="The same settings from several initial weights: is a difference real?",
    )
    names = st.multiselect(
        "Race optimisers", list(setup.OPTIMIZERS), key="live.race", format_func=setup.OPTIMIZERS.__getitem__,
        help="The same network, images and batches; only the update rule differs. Rates are the usual "
        "ones of each optimiser.",
    )  # fmt: skip
    specs = race(spec, seeds=seeds, optimizers=names)
    if st.button(f"Train {len(specs)} runs", key="live.train_several", type="primary"):
        _submit(specs, remember=spec)


def race(spec: TrainSpec, *, seeds: int, optimizers: list[OptimizerName]) -> list[TrainSpec]:
    """Copies of `spec` over optimisers (each at its usual rate) and consecutive seeds."""
    own = spec.optimizer
    rivals = [
        own if name == own.name
        else OptimizerSpec(name=name, lr=setup.USUAL_LR[name], weight_decay=own.weight_decay)
        for name in optimizers
    ] or [own]  # fmt: skip
    return [
        spec.model_copy(update={"optimizer": rival, "seed": spec.seed + i})
        for rival in rivals
        for i in range(seeds)
    ]


def _submit(specs: list[TrainSpec], *, remember: TrainSpec) -> None:
    """Queue the runs and go to them; `remember` fills the form when the visitor comes back."""
    st.session_state[setup.LAST_SPEC] = remember
    st.session_state.pop(PARTLY, None)
    try:
        runs = submit(specs, form="live")
    except PartlyQueuedError as error:
        st.session_state[PARTLY] = error
        st.rerun()
    except EngineError as error:
        st.error(sentence_safe(error), icon=":material/block:")
        return
    if len(runs) == 1:
        st.switch_page("pages/train/live.py", query_params={"run": runs[0]})
    st.switch_page("pages/train/runs.py", query_params={"ids": ",".join(runs)})


def _say_partly() -> None:
    """After some of several runs were refused: why, and the way to those that are queued.

    The form stays, because pressing its button again queues what is missing and nothing twice.
    """
    partly: PartlyQueuedError | None = st.session_state.get(PARTLY)
    if partly is not None:
        st.error(sentence_safe(partly), icon=":material/block:")
        st.page_link(
            "pages/train/runs.py", label="Go to the runs that are queued",
            icon=":material/stacked_line_chart:", query_params={"ids": ",".join(partly.runs)},
        )  # fmt: skip


def _images(spec: TrainSpec) -> None:
    """A contact sheet of the set and, where there is augmentation, the same images changed by it."""
    info = get_info(spec.dataset.name, spec.dataset.image_size)
    if not is_available(spec.dataset.name):
        st.info(
            f"{markdown_safe(info.title)} is not on this machine yet. "
            f"Train downloads it ({info.download_bytes / 1e6:.0f} MB); "
            f"without network, put its files under `{data_dir()}` or choose the handwritten digits or Shapes.",
            icon=":material/cloud_download:",
        )
        _about_data(spec)
        return
    augmented = spec.augment != AugmentSpec()
    try:
        sheet: ContactSheet = glance(
            "contact_sheet",
            dataset=spec.dataset.model_dump(),
            augment=spec.augment.model_dump() if augmented else None,
            seed=spec.seed,
            timeout=120,
        )
    except NotYetError:
        engine_line()  # says that it warms up, and draws the page again when it is warm
        _about_data(spec)
        return
    except EngineError as error:
        st.error(sentence_safe(error))
        return
    names = [sheet.classes[int(label)] for label in sheet.labels]
    st.html(html.tiles(_tiles(sheet.images, names), width="4.2rem"))
    if sheet.augmented is not None:
        st.subheader("The same images as the network meets them")
        st.html(html.tiles(_tiles(sheet.augmented, names), width="4.2rem"))
    _about_data(spec)


def _tiles(images: np.ndarray[Any, np.dtype[np.uint8]], names: list[str]) -> list[str]:
    return [
        html.picture(image, name) + html.caption(name)
        for image, name in zip(images, names, strict=True)
    ]


def _about_data(spec: TrainSpec) -> None:
    info = get_info(spec.dataset.name, spec.dataset.image_size)
    shape = "×".join(map(str, info.shape))
    st.caption(
        f"**{markdown_safe(info.title)}**: {info.num_train:,} training, {info.num_val:,} validation and "
        f"{info.num_test:,} test images of {shape} "
        f"(channels × height × width), {len(info.classes)} classes. {info.note} "
        f"Licence: {info.licence}. Source: {info.source}."
    )


def _network(values: dict[str, Any]) -> None:
    """The layer list, editable; an edit makes it the visitor's own network."""
    try:
        info = get_info(values["data"], values.get("size"))
    except DataError as error:
        st.error(sentence_safe(error))
        return
    if values["net"] == CUSTOM:
        layers = st.session_state[CUSTOM_NETWORK].layers
    else:
        architecture = get_architecture(values["net"])
        layers = architecture.layers(info.shape, len(info.classes))
        st.caption(f"{architecture.summary} {architecture.source}")
    edited = layer_editor(
        layers, input_shape=info.shape, num_classes=len(info.classes), key="live.editor"
    )
    if edited.layers != layers:
        st.session_state[CUSTOM_NETWORK] = CustomNetwork(layers=edited.layers)
        st.session_state[setup.CHOOSE_CUSTOM] = True
        st.rerun()


def _schedule(spec: TrainSpec, admission: Admission) -> None:
    """The learning rate of every update, and the test that finds a good one."""
    steps = np.unique(np.linspace(0, admission.total_steps - 1, 400).astype(np.int64))
    rates = [
        spec.optimizer.lr
        * lr_factor(spec.schedule, int(step), admission.total_steps, spec.optimizer.lr)
        for step in steps
    ]
    st.plotly_chart(
        plot_schedule(Curve(steps, np.array(rates))), config=CHART_CONFIG, key="live.schedule",
        alt="Learning rate over updates",
    )  # fmt: skip
    st.caption(
        f"A range test raises the rate from {spec.schedule.min_lr:g} to {SWEEP_LR:g} within "
        f"{SWEEP_STEPS} updates and shows where the loss falls fastest (Smith 2017, arXiv:1506.01186)."
    )
    if st.button("Find a good learning rate", icon=":material/query_stats:"):
        _submit([sweep_of(spec)], remember=spec)
