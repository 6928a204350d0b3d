"""The table that drives lenses and pages: complete, checked, and every row has its computation."""

from __future__ import annotations

import importlib
import re

import pytest

from viz.attribution.method import Method
from viz.attribution.table import METHODS, find_method
from viz.long_lenses import takes_long

for _module in ("gradients", "smooth", "paths", "backprop", "deep_lift", "lrp"):
    importlib.import_module(f"viz.lenses.saliency.{_module}")

OURS = [method for method in METHODS.values() if method.family in ("gradient", "modified")]


def test_gradient_and_modified_methods_are_those_of_the_plan() -> None:
    assert [method.name for method in OURS] == [
        "saliency",
        "input_x_gradient",
        "smoothgrad",
        "vargrad",
        "integrated_gradients",
        "gradient_shap",
        "guided_backprop",
        "deconvolution",
        "deep_lift",
        "lrp",
    ]
    assert {method.name for method in OURS if method.complete} == {
        "integrated_gradients",
        "gradient_shap",
        "deep_lift",
        "lrp",
    }
    assert {method.name for method in OURS if not method.signed} == {
        "saliency",
        "smoothgrad",
        "vargrad",
    }


@pytest.mark.parametrize("method", METHODS.values(), ids=list(METHODS))
def test_every_row_is_filled(method: Method) -> None:
    assert re.fullmatch("[a-z][a-z0-9_]+", method.name)
    for sentence in (method.what, method.caveat, method.needs or "."):
        assert sentence.endswith((".", ").")), sentence
        assert sentence == " ".join(sentence.split())
    assert re.search(r"\b(19|20)\d\d\b", method.citation)
    assert method.url.startswith("https://")
    assert method.layered == (method.family == "cam") or method.name == "guided_grad_cam"
    cost = method.cost(method.settings({}), (3, 224, 224))
    assert cost.passes >= 2
    assert "pass" in cost.words
    names = [option.name for option in method.options]
    assert len(set(names)) == len(names)
    for option in method.options:
        assert option.label
        if option.choices:
            assert option.default in option.choices
        else:
            assert option.low <= option.default <= option.high  # type: ignore[operator]


def test_costs_follow_the_settings() -> None:
    def cost(name: str, **settings: int) -> str:
        method = find_method(name)
        return method.cost(method.settings(settings), (3, 32, 32)).words

    assert cost("saliency") == "1 forward and 1 backward pass"
    assert cost("smoothgrad", samples=20) == "20 forward and as many backward passes"
    assert cost("integrated_gradients").startswith("50 forward")
    assert cost("deep_lift") == "2 forward passes and 1 backward pass"


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("saliency", {"samples": 3}, "Saliency has no option 'samples'; it has none."),
        ("smoothgrad", {"noise": 2}, "a number from 0 to 1 as noise, not '2'"),
        ("smoothgrad", {"samples": 2.5}, "a whole number from 2 to 512 as samples, not '2.5'"),
        ("integrated_gradients", {"baseline": "pink"}, "black, white, mean, blur, random as"),
        ("lrp", {"rule": 3}, "epsilon plus, epsilon, z plus, gamma as rule, not '3'"),
    ],
)
def test_wrong_settings(name: str, settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        find_method(name).settings(settings)


@pytest.mark.parametrize("given", [5, "fast", [("samples", 3)]])
def test_settings_that_are_none(given: object) -> None:
    with pytest.raises(
        ValueError, match=r"SmoothGrad takes its settings as names .* leave them out"
    ):
        find_method("smoothgrad").settings(given)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="has no option '3'"):
        find_method("smoothgrad").settings({3: 3})  # type: ignore[dict-item]


@pytest.mark.parametrize("given", [5, "fast", {"samples": "many"}])
def test_a_request_with_wrong_settings_is_not_long(given: object) -> None:
    assert not takes_long("attribution", None, {"method": "rise", "settings": given})
    assert takes_long("attribution", None, {"method": "rise"})


def test_what_is_said_about_papers() -> None:
    """Methods whose papers explain probabilities say that logits are explained here."""
    for name in ("rise", "lime", "kernel_shap"):
        assert "Here the logit is" in find_method(name).caveat
    assert "trained again" in find_method("smoothgrad").caveat


def test_unknown_methods() -> None:
    with pytest.raises(ValueError, match="no attribution method 'magic'; there are saliency, "):
        find_method("magic")


def test_slopes_are_the_methods_that_multiply_by_nothing() -> None:
    """What the gradient is, absolute or guided; not what it is multiplied by, nor a variance."""
    assert {method.name for method in METHODS.values() if method.slope} == {
        *("saliency", "smoothgrad", "guided_backprop", "deconvolution", "guided_grad_cam")
    }
