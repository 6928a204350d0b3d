"""Your own image, classified by the network of this run: drawn, uploaded or photographed.

A fragment of its own, so that a stroke redoes only the prediction. While the run is live the button
below asks the newest weights again.
"""

from __future__ import annotations

import streamlit as st

from data.archives import store_image
from data.catalogue import DataError, get_info
from engine.protocol import EngineError
from training.run_store import RunError
from training.spec import TrainSpec
from ui import html, runtime
from ui.components.draw_pad import draw_pad
from ui.looking import NotYetError, glance
from ui.text import sentence_safe
from viz.figures.tiles import encode_png
from viz.results import Classification

PAD_PIXELS = 28
SOURCES = {"draw": "Draw", "upload": "Upload", "camera": "Camera"}


@st.fragment
def render_try_it(run_id: str) -> None:
    """The panel beside a run."""
    try:
        _render(run_id)
    except RunError:
        st.caption("This run has been deleted.")  # the way out stands beside it


def _render(run_id: str) -> None:
    st.subheader("Try it")
    spec = runtime.store().spec(run_id)
    gray = _is_gray(spec)
    source = st.segmented_control(
        "Where the image comes from", list(SOURCES), key="try", required=True, label_visibility="collapsed",
        default="draw" if gray else "upload", format_func=SOURCES.__getitem__,
    )  # fmt: skip
    try:
        image = _image(run_id, str(source))
    except DataError as error:
        st.error(sentence_safe(error))
        return
    st.session_state[own_image(run_id)] = image
    if image is None:
        return
    if not runtime.follower(run_id).snapshots:
        st.caption("The network has no weights yet.")
        return
    try:
        answer: Classification = glance("classify", f"run:{run_id}", image)
    except NotYetError as error:
        st.caption(str(error))
        st.button("Ask again", icon=":material/refresh:", key="try.again")
        return
    except EngineError as error:
        st.error(sentence_safe(error))
        return
    if answer.note:
        st.caption(sentence_safe(answer.note))
    when = "" if answer.step is None else f" after {answer.step:,} updates"
    st.html(
        f'<div class="cs-answer"><div>{html.picture(answer.image, "The image as the network sees it")}</div>'
        f"<div>{html.probability_bars(answer.probs, answer.classes, target=None, top=5)}</div></div>"
        + html.caption(f"Left: what the network sees. Its answer{when}.")
    )
    if runtime.store().status(run_id).state == "running":
        st.button("Ask the network as it is now", icon=":material/refresh:", key="try.again")


def own_image(run_id: str) -> str:
    """Session key of the reference to the image that this visitor gave, None while there is none."""
    return f"try.image.{run_id}"


def _is_gray(spec: TrainSpec) -> bool:
    try:
        return get_info(spec.dataset.name).shape[0] == 1
    except DataError:
        return False


def _image(run_id: str, source: str) -> str | None:
    """A reference to the image the person gave, or None while there is none."""
    if source == "draw":
        drawing = draw_pad(
            key=f"try.pad.{run_id}", size=PAD_PIXELS, label="Draw with mouse, pen or finger"
        )
        return None if drawing is None else f"drawn:{store_image(encode_png(drawing))}"
    if source == "upload":
        picture = st.file_uploader(
            "A picture", key="try.file", type=["png", "jpg", "jpeg", "webp", "gif", "bmp"]
        )
    else:
        picture = st.camera_input("A picture", key="try.camera")
    return None if picture is None else f"upload:{store_image(picture.getvalue())}"
