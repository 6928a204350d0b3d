"""What the tests of the bar read off its page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from streamlit.testing.v1 import AppTest

SHIPPED = "shipped:digits_lenet5"
Open = Callable[..., AppTest]


def held(app: AppTest) -> dict[str, Any]:
    """What the page was given."""
    assert [one.message for one in app.exception] == []
    found: dict[str, Any] = {}
    for element in app.get("html"):
        if match := re.fullmatch(r"<pre.*?>(.*)</pre>", element.proto.body):
            found |= json.loads(match[1])
    return found


def said(app: AppTest) -> str:
    return " ".join(one.value for one in [*app.caption, *app.error])


def query(app: AppTest) -> dict[str, str]:
    return {name: "".join(value) for name, value in app.query_params.items()}


def opened(app: AppTest, menu: str) -> AppTest:
    """The page with the picker of the network or the image open."""
    app.session_state[f"subject.{menu}"] = True
    return app.run()
