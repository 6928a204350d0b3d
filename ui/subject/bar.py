"""What every page that looks inside stands on: which network, at which moment, and which image.

    from ui.subject.bar import subject_bar

    def render() -> None:
        chosen = subject_bar()            # image=False or moment=False where a page needs neither
        if chosen is None:
            return                        # it has said why, and how to go on
        maps = glance("feature_maps", chosen.model, chosen.image, **chosen.options)

The bar is one row: the network's title opens a picker, the slider goes through the snapshots of its
training (Play, and it grows while the network trains), the thumbnail opens the image picker. All of
it stands in the link (`?model=&data=&step=&image=`) and is read from there, so a page never asks a
widget what is looked at; `lock=1` hides what chooses.

* `chosen.model` carries the moment (`run:<id>@120`): hand it to every lens. Without a moment it is
  the newest weights, and while the network trains the page runs again with every new snapshot.
* `chosen.options` goes to every lens as well: it tells untrained weights their data set.
* `chosen.network` is the structure, the same at every moment; layers are named in it.
* `chosen.steps` are the snapshots; `moments.go_to(MAIN, step)` followed by `st.rerun()` moves there.
  While moments are played the link stays as it is, and takes the moment when playing ends.
* EngineErrors of your own lenses are yours to catch: `NotYetError` cannot come from a `glance`
  that waits, because the bar has returned None while the engine warms up.

A second subject beside it, for comparisons, has `2` behind its names in the link:

    other = second_model()                # default: the same network before its training
    picture = second_image(chosen)        # an image reference for the first network

Layers and units are chosen with `ui.subject.layers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from data.catalogue import DataError
from engine.protocol import EngineError
from models.zoo import is_on_disk
from training.history import History
from ui.looking import NotYetError, is_warm
from ui.subject.address import MAIN, Slot, locked, put, read, restore
from ui.subject.fetch import render_fetch, zoo_net
from ui.subject.image_picker import render_image
from ui.subject.images import default_image, fetch_picture, parse_data_image
from ui.subject.kept import ask_once
from ui.subject.model_picker import choose, render_model
from ui.subject.models import Model, default_model, find_model
from ui.subject.moments import find_step, played_step, render_moment, step_title
from ui.text import sentence_safe
from viz.results.network import NetworkMap


@dataclass(frozen=True)
class Chosen:
    """What a page looks at."""

    model: str  # the reference, with the moment
    base: str  # without it
    step: int | None  # None: the newest weights
    image: str | None  # None: the page asked for none
    network: NetworkMap
    options: Mapping[str, Any]  # for every lens
    title: str
    history: History | None  # None: it was not trained here

    @property
    def steps(self) -> tuple[int, ...]:
        """The moments that are kept, rising."""
        return () if self.history is None else self.history.steps


def subject_bar(*, image: bool = True, moment: bool = True) -> Chosen | None:
    """Draw the bar; what is looked at, or None where there is nothing to show and it has said why.

    Args:
        image: whether the page looks at an image.
        moment: whether the page shows one moment; False: always the newest weights.
    """
    restore(MAIN)
    return _bar(MAIN, default_model(), image=image, moment=moment)


def second_model(key: str = "model2") -> Chosen | None:
    """A second network or moment to compare with, in a row of its own; None as `subject_bar`.

    Where the link names none, it is the first one before its training.
    """
    slot = Slot(key.removeprefix("model"))
    first = read(MAIN)
    if not read(slot):
        put(slot, data=first.get("data"))
    base = first.get("model", default_model()).partition("@")[0]
    return _bar(slot, base, image=False, moment=True)


def second_image(chosen: Chosen, *, key: str = "image2") -> str:
    """A second image for the network of `chosen`; where the link names none, test image 1."""
    model = find_model(chosen.base, (chosen.options.get("dataset") or {}).get("name"))
    first = parse_data_image(default_image(model))
    standard = default_image(model) if first is None else str(replace(first, index=1))
    return _image(Slot(key.removeprefix("image")), model, standard)


def _bar(slot: Slot, standard: str, *, image: bool, moment: bool) -> Chosen | None:
    link = read(slot)
    model, said = _find(link.get("model", standard), link.get("data"))
    with st.container(key=f"cs-subject{slot.suffix}", gap="xsmall"):
        places = st.columns(
            [4, *([5] if moment else []), *([4] if image else [])],
            vertical_alignment="center",
            gap="medium",
        )
        with places[0]:
            render_model(slot, model)
        if model is None:
            _way_out(slot, said)
            return None
        named = model.step if slot == MAIN or link else _before_training(model)
        step, note = find_step(link.get("step"), named, model.history)
        at = played_step(slot)
        if moment and model.history is not None and at in model.history.steps:
            step, note = at, ""
        with places[1] if moment else st.container():
            if moment:
                _moment(slot, model, step)
        for sentence in (said, note if moment else ""):
            if sentence:
                st.caption(f":material/info: {sentence_safe(sentence)}")
        net = zoo_net(model)
        if net is not None and not is_on_disk(net.name):
            render_fetch(slot, net)
            return None
        try:
            network: NetworkMap = ask_once("network", model.base, **model.options)
            with places[-1]:
                shown = _image(slot, model, default_image(model)) if image else None
        except NotYetError as error:
            _wait(str(error))
            return None
        except EngineError as error:
            _refused(slot, model, error)
            return None
    shown_step = step if moment else None
    return Chosen(
        model=model.base if shown_step is None else f"{model.base}@{shown_step}",
        base=model.base, step=shown_step, image=shown, network=network, options=model.options,
        title=model.title, history=model.history,
    )  # fmt: skip


def _find(text: str, data: str | None) -> tuple[Model | None, str]:
    """The network, and a sentence about what of the link was left out; None: why there is none."""
    try:
        return find_model(text, data), ""
    except DataError as error:
        problem = f"{error} The link's data set is left out."
    except ValueError as error:
        return None, str(error)
    try:
        return find_model(text), problem
    except ValueError as error:
        return None, str(error)


def _before_training(model: Model) -> int | None:
    return model.history.steps[0] if model.history is not None and model.history.steps else None


def _moment(slot: Slot, model: Model, step: int | None) -> None:
    """The slider, or in words why there is none."""
    if model.history is None:
        untrained = bool(model.options)
        st.caption(
            "Untrained: there are no moments to go through." if untrained
            else "Trained elsewhere: no earlier moments are kept."
        )  # fmt: skip
    elif locked():
        st.caption(f"Shown: {step_title(step, model.history, active=model.active)}")
    else:
        render_moment(slot, model, step)


def _image(slot: Slot, model: Model, standard: str) -> str:
    """The image the link names; where it cannot be shown, that is said and the standard one is."""
    image = read(slot).get("image", standard)
    try:
        picture = fetch_picture(model, image)
    except NotYetError:
        raise
    except EngineError as error:
        if image == standard:
            raise
        st.caption(f":material/info: {sentence_safe(error)}")
        image, picture = standard, fetch_picture(model, standard)
    render_image(slot, model, image, picture)
    return image


def _way_out(slot: Slot, problem: str) -> None:
    st.error(sentence_safe(problem), icon=":material/link_off:")
    st.button(
        "Show the network that comes with ConvScope", icon=":material/arrow_forward:",
        key=slot.key("way_out"), on_click=lambda: choose(slot, default_model()),
    )  # fmt: skip


def _refused(slot: Slot, model: Model, error: EngineError) -> None:
    """The engine cannot show this network; a run that has just begun will have weights soon."""
    if model.active:
        _wait(str(error))
    else:
        _way_out(slot, str(error))


def _wait(sentence: str) -> None:
    """What is being waited for; the page goes on by itself."""
    st.fragment(_waiting, run_every=1.0)(sentence, [])


def _waiting(sentence: str, ticks: list[None]) -> None:
    if ticks and is_warm():
        st.rerun()
    ticks.append(None)
    st.caption(f":material/hourglass_top: {sentence_safe(sentence)}")
