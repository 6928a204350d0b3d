"""How the image is attacked: the controls, and what of it stands in the link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from ui.looking import glance
from ui.saliency.link import pick, put, read_number, read_word, select, slide
from ui.subject.bar import Chosen
from viz.results import Classification
from viz.results.adversarial import VisibleStrength

METHODS: Final = {"fgsm": "FGSM, one step", "pgd": "PGD, many steps"}
LARGEST: Final = 32.0
EPSILON: Final = 8.0
STEPS: Final = 20
MOST_STEPS: Final = 100
_ANY: Final = "any"


@dataclass(frozen=True)
class Plan:
    """What the visitor chose."""

    method: str
    epsilon: float  # in 1/255
    standard: float  # where it begins: the least round strength at which FGSM succeeds
    target: int | None
    steps: int
    step_size: float | None  # in 1/255; None: 2.5 ε / steps
    random_start: bool

    @property
    def options(self) -> dict[str, Any]:
        """For the lenses, without the strength; only what differs from their defaults."""
        given: dict[str, Any] = {"method": self.method}
        if self.target is not None:
            given["target"] = self.target
        if self.method == "pgd":
            given |= {"steps": self.steps, "random_start": self.random_start}
            if self.step_size is not None:
                given["step_size"] = self.step_size
        return given


def read_plan(chosen: Chosen, said: Classification) -> Plan:
    """What the link says; what of it makes no sense is left out with a sentence.

    Raises:
        EngineError: the network cannot be asked.
    """
    most = len(said.classes) - 1
    epsilon = read_number("eps", 0, LARGEST, "ε, in 1/255,", whole=False)
    target = read_number("target", 0, most, f"The target, of {most + 1} classes,")
    steps = read_number("steps", 1, MOST_STEPS, "The number of steps")
    size = read_number("stepsize", 0.01, LARGEST, "The size of a step, in 1/255,", whole=False)
    aim = None if target is None else int(target)
    given: dict[str, Any] = {} if aim is None else {"target": aim}
    least: VisibleStrength = glance(
        "visible_strength", chosen.model, chosen.image, **given, **chosen.options
    )
    standard = EPSILON if least.epsilon is None else least.epsilon
    return Plan(
        method=read_word("attack", list(METHODS), "fgsm", "attack"),
        epsilon=standard if epsilon is None else epsilon,
        standard=standard,
        target=aim,
        steps=STEPS if steps is None else int(steps),
        step_size=size,
        random_start=st.query_params.get("start") != "image",
    )


def render_plan(plan: Plan, said: Classification) -> None:
    """The controls in one row."""
    names = {str(index): name for index, name in enumerate(said.classes)}
    with st.container(horizontal=True, vertical_alignment="bottom", key="cs-adversarial-controls"):
        pick("Attack", METHODS, plan.method, key="attack", default="fgsm")
        slide(
            "Strength ε, in 1/255", plan.epsilon, key="eps", low=0.0, high=LARGEST,
            default=plan.standard, step=0.5, form="%g",
            explain="The most by which any value of a pixel may change: 1/255 is one grey level of a "
            "picture file. The change is made in pixels, before normalisation, and stays a picture. "
            "It begins at the least of some round strengths at which FGSM succeeds, or at 8.",
        )  # fmt: skip
        select(
            "Wanted answer", [_ANY, *names], _ANY if plan.target is None else str(plan.target),
            key="target", take=lambda value: put(target=None if value == _ANY else value),
            words=lambda value: names.get(value, "Any other (untargeted)"),
            explain="Untargeted: away from what the network answers now. Targeted: towards a class.",
        )  # fmt: skip
        if plan.method == "pgd":
            with st.popover("Steps", icon=":material/tune:", width="content"):
                _steps(plan)


def _steps(plan: Plan) -> None:
    slide(
        "Steps", plan.steps, key="steps", low=1, high=MOST_STEPS, default=STEPS,
        explain="Each costs one forward and one backward pass",
    )  # fmt: skip
    standard = 2.5 * plan.epsilon / plan.steps
    own = st.toggle(
        "Choose the size of a step", value=plan.step_size is not None, key="adversarial.own",
        help=f"Otherwise 2.5 ε / steps, here {standard:.3g}/255, as Madry et al. had it",
        on_change=_toggle_size, args=(standard,),
    )  # fmt: skip
    if own:
        slide(
            "Size of a step, in 1/255", plan.step_size or standard, key="stepsize", low=0.01,
            high=LARGEST, default=-1.0, step=0.01, form="%g",
        )  # fmt: skip
    key = "adversarial.start"
    st.session_state[key] = plan.random_start
    st.toggle(
        "Start at a random point of the ball", key=key,
        on_change=lambda: put(start=None if st.session_state[key] else "image"),
        help="Always the same point, so that a link shows the same attack",
    )  # fmt: skip


def _toggle_size(standard: float) -> None:
    chosen = st.session_state["adversarial.own"]
    put(stepsize=f"{max(0.01, standard):.3g}" if chosen else None)
