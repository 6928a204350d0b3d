"""What the tests of the saliency page share: which methods they take, and what they read off it."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from tests.app.test_pages import html
from viz.attribution.table import METHODS

SALIENCY = "pages/explain/saliency.py"
Open = Callable[..., AppTest]
FIRST = next(iter(METHODS))
LAYERED = next(name for name, method in METHODS.items() if method.layered)
COMPLETE = next(name for name, method in METHODS.items() if method.complete)
SIGNED = next(
    name for name, each in METHODS.items() if each.signed and not each.layered and not each.complete
)


def linked(app: AppTest, key: str) -> str | None:
    value = app.query_params.get(key)
    return None if value is None else "".join(value)


def pictures(app: AppTest) -> int:
    return html(app).count('<div class="cs-saliency-picture')


def said(app: AppTest) -> str:
    return " ".join(one.value for one in [*app.caption, *app.info, *app.error])
