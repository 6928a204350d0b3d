"""The one table of measures of trust: what each number is, which way is better, what it proves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Measure:
    """A number that an attribution method earns on an image.

    Attributes:
        name: as results and links call it.
        title: as people do.
        what: one sentence: the number, and which way is better.
        higher_is_better: whether more is better.
        evidence: whether it says that a map shows what the network used. A map that never changes is
            perfectly stable, and shows nothing: such a measure is told but not counted.
        percent: whether people read it in per cent.
        caveat: one sentence: how it can mislead.
        citation: authors, title, venue and year of the source.
        url: where the source is.
    """

    name: str
    title: str
    what: str
    higher_is_better: bool
    evidence: bool
    percent: bool
    caveat: str
    citation: str
    url: str


_PETSIUK = "Petsiuk, Das and Saenko, RISE, BMVC 2018", "https://arxiv.org/abs/1806.07421"
_YEH = (
    "Yeh, Hsieh, Suggala, Inouye and Ravikumar, On the (in)fidelity and sensitivity of explanations, "
    "NeurIPS 2019",
    "https://arxiv.org/abs/1901.09392",
)
_POINTING = (
    "Zhang, Lin, Brandt, Shen and Sclaroff, Top-down neural attention by excitation backprop, "
    "ECCV 2016",
    "https://arxiv.org/abs/1608.00507",
)
_INSIDE = (
    "Arras, Osman and Samek, CLEVR-XAI: a benchmark data set for the ground truth evaluation of "
    "neural network explanations, Information Fusion 2022",
    "https://arxiv.org/abs/2003.07258",
)
_ROAD = (
    "Rong, Leemann, Borisov, Kasneci and Kasneci, A consistent and efficient evaluation strategy for "
    "attribution methods, ICML 2022",
    "https://arxiv.org/abs/2202.00449",
)
_FOOLED = "How pixels are removed makes images the network has never seen, which may fool it."

MEASURES: Final[dict[str, Measure]] = {
    measure.name: measure
    for measure in (
        Measure(
            "deletion",
            "Deletion",
            "Area under the probability of the answer while the most important pixels are removed "
            "first; lower is better.",
            higher_is_better=False,
            evidence=True,
            percent=False,
            caveat=f"{_FOOLED} Scattered single pixels hurt a network most, so fine maps look good.",
            citation=_PETSIUK[0],
            url=_PETSIUK[1],
        ),
        Measure(
            "insertion",
            "Insertion",
            "Area under the probability of the answer while the most important pixels are put first "
            "into a picture without them (blurred, unless something else is chosen); higher is better.",
            higher_is_better=True,
            evidence=True,
            percent=False,
            caveat=f"{_FOOLED} It likes maps in one piece.",
            citation=_PETSIUK[0],
            url=_PETSIUK[1],
        ),
        Measure(
            "road",
            "ROAD",
            "Probability left when the least important pixels go first, less that left when the most "
            "important do, halved; higher is better.",
            higher_is_better=True,
            evidence=True,
            percent=False,
            caveat="Removed pixels become noisy means of their neighbours, which hides a coarse hole "
            "less well than single pixels.",
            citation=_ROAD[0],
            url=_ROAD[1],
        ),
        Measure(
            "infidelity",
            "Infidelity",
            "How much of what painting out a square does to the answer the map fails to foretell, "
            "after the map is scaled as well as it can be: 0 nothing, 1 all; lower is better.",
            higher_is_better=False,
            evidence=True,
            percent=False,
            caveat="It asks for one square at a time, and knows nothing of what two do together. "
            "Slopes (gradients, guided or not) are multiplied by how far each pixel is from the paint, "
            "absolute ones too, though they have lost their sign; all other maps, class activation "
            "maps and VarGrad among them, are summed over the square as if they were worths.",
            citation=_YEH[0],
            url=_YEH[1],
        ),
        Measure(
            "sensitivity",
            "Sensitivity",
            "Largest change of the map, relative to its size, when the image changes invisibly; lower "
            "is more stable.",
            higher_is_better=False,
            evidence=False,
            percent=False,
            caveat="A map that ignores the image is perfectly stable: told, but not counted.",
            citation=_YEH[0],
            url=_YEH[1],
        ),
        Measure(
            "mask_share",
            "Inside the object",
            "Share of what speaks for the answer that lies on the object; higher is better.",
            higher_is_better=True,
            evidence=True,
            percent=True,
            caveat="It supposes that the network looks at the object; where it does not, an honest map "
            "does badly.",
            citation=_INSIDE[0],
            url=_INSIDE[1],
        ),
        Measure(
            "pointing",
            "Pointing game",
            "Share of images whose most important pixel lies on the object; higher is better.",
            higher_is_better=True,
            evidence=True,
            percent=True,
            caveat="One pixel an image: a map that is wrong everywhere else can win.",
            citation=_POINTING[0],
            url=_POINTING[1],
        ),
        Measure(
            "patch_share",
            "On the patch",
            "Share of what speaks for the answer that lies on the planted patch; higher is better "
            "where the network relies on it.",
            higher_is_better=True,
            evidence=True,
            percent=True,
            caveat="Only a network that uses the patch owes it anything.",
            citation=_INSIDE[0],
            url=_INSIDE[1],
        ),
        Measure(
            "patch_pointing",
            "Points at the patch",
            "Share of images whose most important pixel lies on the planted patch; higher is better "
            "where the network relies on it.",
            higher_is_better=True,
            evidence=True,
            percent=True,
            caveat="Only a network that uses the patch owes it anything.",
            citation=_POINTING[0],
            url=_POINTING[1],
        ),
        Measure(
            "object_share",
            "On the object",
            "Share of what speaks for the answer that lies on the object, in images with the patch.",
            higher_is_better=True,
            evidence=False,
            percent=True,
            caveat="What the object should get depends on how far the network relies on the patch.",
            citation=_INSIDE[0],
            url=_INSIDE[1],
        ),
        Measure(
            "object_pointing",
            "Points at the object",
            "Share of images whose most important pixel lies on the object, in images with the patch.",
            higher_is_better=True,
            evidence=False,
            percent=True,
            caveat="What the object should get depends on how far the network relies on the patch.",
            citation=_POINTING[0],
            url=_POINTING[1],
        ),
    )
}
