"""The one table of pages: what each is called, where it lies, what it is for.

Navigation, the home page and the links from a network to its lenses are drawn from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class PageInfo:
    """One page."""

    path: str  # of its script
    title: str
    icon: str
    section: str  # of the navigation
    what: str  # what one does there, for the home page
    url: str
    lens: bool = False  # it looks at a network named by `?model=`


PAGES: Final = (
    PageInfo("pages/train/live.py", "Live", ":material/monitoring:", "Train",
             "choose images, a network and an optimiser; train; watch", "live"),
    PageInfo("pages/train/runs.py", "Runs", ":material/stacked_line_chart:", "Train",
             "reopen, compare, race settings, average over seeds", "runs"),
    PageInfo("pages/look/filters.py", "Filters", ":material/grid_view:", "Look inside",
             "weights and what they answer to; edit one, knock one out", "filters", lens=True),
    PageInfo("pages/look/maps.py", "Feature maps", ":material/layers:", "Look inside",
             "every layer's answer to an image, down to one unit's sum", "maps", lens=True),
    PageInfo("pages/look/fields.py", "Receptive fields", ":material/center_focus_strong:", "Look inside",
             "what a unit can see, and what it does see", "fields", lens=True),
    PageInfo("pages/look/time.py", "Time machine", ":material/history:", "Look inside",
             "scrub back through a network's training", "time", lens=True),
    PageInfo("pages/look/visualize.py", "Feature visualisation", ":material/auto_awesome:", "Look inside",
             "images made to excite a unit or a class; dreams; style",
             "visualize", lens=True),
    PageInfo("pages/explain/saliency.py", "Saliency", ":material/local_fire_department:", "Explain",
             "what in the image spoke for the answer, by 22 methods", "saliency", lens=True),
    PageInfo("pages/explain/trust.py", "Trust", ":material/verified:", "Explain",
             "how far each of those methods can be believed on this network", "trust", lens=True),
    PageInfo("pages/explain/autopsy.py", "Autopsy", ":material/troubleshoot:", "Explain",
             "take a mistake apart, and find doubtful labels", "autopsy", lens=True),
    PageInfo("pages/explain/adversarial.py", "Adversarial", ":material/bug_report:", "Explain",
             "the smallest change that makes the network say something else", "adversarial", lens=True),
    PageInfo("pages/learn/convolution.py", "Convolution", ":material/calculate:", "Learn",
             "the arithmetic, number by number", "convolution"),
)  # fmt: skip


def sections() -> dict[str, list[PageInfo]]:
    """The pages by section, in order."""
    found: dict[str, list[PageInfo]] = {}
    for page in PAGES:
        found.setdefault(page.section, []).append(page)
    return found
