"""What speaks against a label, in a sentence with its numbers, and no more certain than they are."""

from __future__ import annotations

from html import escape

from ui import html
from viz.results.autopsy import Evidence


def named(classes: tuple[str, ...], index: int) -> str:
    """A class in a sentence; names that are numbers in quotes, or they read as counts."""
    name = classes[index]
    return f"“{name}”" if name.isdecimal() else name


def verdict_html(evidence: Evidence, row: int, classes: tuple[str, ...]) -> str:
    """The sentence about one image, marked where the label is worth a look."""
    tone = " cs-autopsy-doubt" if bool(evidence.suspicious[row]) else ""
    return f'<p class="cs-autopsy-sentence{tone}">{escape(verdict(evidence, row, classes))}</p>'


def verdict(evidence: Evidence, row: int, classes: tuple[str, ...]) -> str:
    """The sentence about one image."""
    label = named(classes, int(evidence.labels[row]))
    other = named(classes, int(evidence.suggested[row]))
    confident, surrounded = bool(evidence.confident[row]), bool(evidence.surrounded[row])
    if confident and surrounded:
        head = f"Is the label right? Worth a look: it says {label}, both witnesses say {other}."
    elif confident or surrounded:
        who = "the network" if confident else "the neighbours"
        head = f"Is the label right? Mixed: {who} would say {other}, not {label}."
    else:
        head = f"Nothing much speaks against the label {label}."
    return f"{head} {facts(evidence, row, classes)}"


def facts(evidence: Evidence, row: int, classes: tuple[str, ...]) -> str:
    """The numbers behind it."""
    label, other = int(evidence.labels[row]), int(evidence.suggested[row])
    votes, total = evidence.votes[row], int(evidence.votes[row].sum())
    probs, usual = evidence.probs[row], evidence.thresholds
    this, that = named(classes, label), named(classes, other)
    given = int(votes[other])
    neighbours = (
        f"Of {total} nearest training images {given} {'is' if given == 1 else 'are'} labelled {that}, "
        f"{int(votes[label])} {this}."
        if total
        else "The neighbours have not been asked yet."
    )
    return (
        f"{neighbours} The network gives {that} {html.percent(float(probs[other]))}, where images "
        f"labelled {that} get {html.percent(float(usual[other]))} on average, and {this} "
        f"{html.percent(float(probs[label]))}, where those labelled {this} get "
        f"{html.percent(float(usual[label]))}."
    )
