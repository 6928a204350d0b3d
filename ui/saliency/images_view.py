"""One method over many images: of a class, of a confusion, or drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import numpy as np
import streamlit as st

from data.samples import SAMPLES
from engine.protocol import EngineError
from models.references import TorchvisionRef, parse_reference
from ui.looking import glance
from ui.saliency.asking import Question
from ui.saliency.link import pick, put, read_number, read_word, select
from ui.saliency.method import render_method, render_options
from ui.saliency.scene import Scene
from ui.saliency.series import Item, place_line, run_series
from ui.saliency.target import share_words
from ui.saliency.tiles import choose_shown, open_view, place_tiles, tile, tile_html, wait
from ui.subject.address import MAIN
from ui.subject.address import put as put_subject
from ui.subject.models import find_model
from ui.text import sentence_safe
from viz.results import Evaluation, Ints
from viz.results.attribution import Attribution

COUNTS: Final = {"12": "12", "24": "24", "48": "48"}
SETS: Final = {"random": "Any", "class": "A class", "mistakes": "Mistakes", "cell": "A confusion"}
EACH: Final = {"answer": "Its answer", "truth": "The truth"}
_WIDTH: Final = 232
_TIMEOUT: Final = 120.0


@dataclass(frozen=True)
class _Shown:
    """One image."""

    reference: str
    truth: int | None
    name: str


def render_images(scene: Scene) -> None:
    """The view.

    Raises:
        EngineError: the images cannot be had.
    """
    with st.container(key="cs-saliency-many"):
        controls, stage = st.columns([1, 4.4], gap="medium")
    with controls, st.container(key="cs-saliency-controls", gap="small"):
        render_method(scene.asked, scene.support)
        images, said, each = _choose(scene)
        shown = choose_shown()
        render_options(scene.asked, scene.chosen, scene.support)
    with stage:
        if scene.asked.refusal:
            st.info(sentence_safe(scene.asked.refusal), icon=":material/block:")
        elif not images:
            st.info(said, icon=":material/image_not_supported:")
        else:
            _tiles(scene, images, each, shown, said)


def _choose(scene: Scene) -> tuple[list[_Shown], str, str]:
    """The images, a sentence about them, and of what each is explained."""
    if isinstance(parse_reference(scene.chosen.base), TorchvisionRef):
        found = [_Shown(f"sample:{each.name}", None, each.title) for each in SAMPLES]
        return (
            found,
            "ImageNet itself is not on this machine: these are the sample pictures.",
            "answer",
        )
    which = read_word("images", list(SETS), "random", "set of images")
    select(
        "Images", list(SETS), which, key="images", words=SETS.__getitem__,
        take=lambda name: put(images=None if name == "random" else name),
    )  # fmt: skip
    split = "test"
    answers: Evaluation = glance(
        "evaluation", scene.chosen.model, split=split, timeout=_TIMEOUT, **scene.chosen.options
    )
    index, said = _members(answers, which)
    count = int(read_word("many", list(COUNTS), "12", "number of images"))
    each = read_word("each", list(EACH), "answer", "way to choose what is explained")
    pick("Explain", EACH, each, key="each", default="answer")
    if len(index) > 12:
        pick("How many", COUNTS, str(count), key="many", default="12")
    if len(index) > count:
        index = _some(index, count)
        said = f"{count} of {said}"
    dataset = (scene.chosen.options.get("dataset") or {}).get("name")
    info = find_model(scene.chosen.base, dataset).info
    if info is None:
        raise EngineError(
            "The data set of this network is not here, so there are no images to show."
        )
    return [
        _Shown(
            f"{info.name}/{split}/{at}", int(answers.labels[at]),
            answers.classes[int(answers.labels[at])],
        )
        for at in index.tolist()
    ], said, each  # fmt: skip


def _members(answers: Evaluation, which: str) -> tuple[Ints, str]:
    """Positions of a set in the split, and its name."""
    everything: Ints = np.arange(len(answers.labels))
    classes = answers.classes
    if which == "class":
        one = read_number("of-class", 0, len(classes) - 1, "Class")
        chosen = 0 if one is None else int(one)
        select(
            "Class", [str(at) for at in range(len(classes))], str(chosen), key="of-class",
            words=lambda at: classes[int(at)],
            take=lambda at: put(**{"of-class": None if at == "0" else at}),
        )  # fmt: skip
        found = everything[answers.labels == chosen]
        return found, f"{len(found):,} test images of {classes[chosen]}."
    if which == "mistakes":
        wrong = answers.mistakes()
        return wrong, f"{len(wrong):,} mistakes among the test images, the most confident first."
    if which == "cell":
        return _cell(answers)
    return everything, f"{len(everything):,} test images."


def _cell(answers: Evaluation) -> tuple[Ints, str]:
    """A confusion: the most frequent ones are listed first."""
    confusion = answers.confusion.copy()
    np.fill_diagonal(confusion, 0)
    order = np.argsort(-confusion.ravel(), kind="stable")
    cells = [divmod(int(at), len(answers.classes)) for at in order if confusion.ravel()[at] > 0]
    if not cells:
        return np.zeros(0, np.int64), "No test image is mistaken for another class."
    names = [f"{true},{predicted}" for true, predicted in cells]

    def words(name: str) -> str:
        true, predicted = (int(part) for part in name.split(","))
        return (
            f"{answers.classes[true]} taken for {answers.classes[predicted]} "
            f"({confusion[true, predicted]:,})"
        )

    chosen = read_word("cell", names, names[0], "confusion among the test images")
    select("Confusion", names, chosen, key="cell", words=words, take=lambda name: put(cell=name))
    true, predicted = (int(part) for part in chosen.split(","))
    return answers.cell(true, predicted), f"{words(chosen)}."


def _some(index: Ints, count: int) -> Ints:
    """The first of a ranked set; of all images some at random, others at each click."""
    if not np.array_equal(index, np.sort(index)):
        return index[:count]
    seed = read_number("seed", 0, 10**6, "Seed")
    now = 0 if seed is None else int(seed)
    st.button(
        "Other images", icon=":material/shuffle:", key="saliency.others", type="tertiary",
        on_click=lambda: put(seed=str(now + 1)),
    )  # fmt: skip
    return np.sort(np.random.default_rng(now).choice(index, count, replace=False))


def _tiles(scene: Scene, images: Sequence[_Shown], each: str, shown: str, said: str) -> None:
    line = place_line()
    with place_tiles():
        places = [
            tile(
                f"image-{at}", one.name, width=_WIDTH, explain="Open this one",
                open_it=_open, args=(one.reference,),
            )
            for at, one in enumerate(images)
        ]  # fmt: skip
    for place in places:
        wait(place, "Waiting")

    def make(found: Attribution) -> str:
        return tile_html(
            found, scene.display, shown, line=_line(found), beside=True,
            settings=scene.asked.settings,
        )  # fmt: skip

    items = [
        Item(_question(scene, one, each), place, make)
        for one, place in zip(images, places, strict=True)
    ]
    if scene.target.is_unit:
        what = scene.target.words
    else:
        what = "the network's own answer" if each == "answer" else "the true class"
    run_series(
        items, scene.chosen, key="images", line=line,
        words=f"{said} Each map explains {what} and has a scale of its own.",
    )  # fmt: skip


def _question(scene: Scene, one: _Shown, each: str) -> Question:
    target: dict[str, Any] = dict(scene.target.request) if scene.target.is_unit else {}
    if each == "truth" and one.truth is not None and not target:
        target = {"class": one.truth}
    return Question(
        scene.chosen.model, one.reference, scene.asked.method.name, target, scene.asked.layer,
        scene.asked.settings,
    )  # fmt: skip


def _line(found: Attribution) -> str:
    best = int(np.nan_to_num(found.probs, nan=-1).argmax())
    share = escape(share_words(float(found.probs[best])))
    said = f"says <b>{escape(found.classes[best])}</b> with {share}"
    if found.label is None:
        return said
    if found.label == best:
        return f"✓ {said}"
    return f"{said}, is {escape(found.classes[found.label])}"


def _open(reference: str) -> None:
    put_subject(MAIN, image=reference)
    put(**{"class": None, "against": None})
    open_view("one")
