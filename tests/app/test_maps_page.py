"""The page of feature maps: every view of every kind of network, restored from a link, and wrong links."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from ui.maps import compare_view
from ui.subject.bar import Chosen, second_model

Open = Callable[..., AppTest]
PAGE = "pages/look/maps.py"
SHIPPED = "shipped:digits_lenet5"


def errors(app: AppTest) -> list[str]:
    """What the page shows as an exception, which must be nothing."""
    return [element.message for element in app.exception]


def html(app: AppTest) -> str:
    """All raw HTML on the page."""
    return "".join(element.proto.body for element in app.get("html"))


def said(app: AppTest) -> str:
    """What is said in captions and messages."""
    return " ".join(
        element.value for element in (*app.caption, *app.info, *app.warning, *app.error)
    )


def pictures(app: AppTest) -> list[str]:
    """The alternative texts of the pictures that can be clicked."""
    return [str(element.proto) for element in app.get("bidi_component")]


@pytest.mark.parametrize("view", ["maps", "patches", "compare", "move"])
@pytest.mark.parametrize("model", [f"{SHIPPED}@0", "random:small_vgg", "shipped:shapes_resnet8"])
def test_every_view_of_every_kind_of_network(open_page: Open, view: str, model: str) -> None:
    base, _, step = model.partition("@")
    app = open_page(PAGE, view=view, model=base, **({"step": step} if step else {}))
    assert errors(app) == []
    assert not app.error
    assert "figcaption" in html(app)


def test_the_maps_of_a_layer_and_one_unit_of_it(open_page: Open) -> None:
    app = open_page(PAGE, model=SHIPPED, layer="conv1", unit="2,0,15")
    assert errors(app) == []
    text = html(app)
    assert "6 maps of 16×16" in text
    assert "A unit sees 5×5 pixels" in text
    # A 5×5 field with padding 2, in the upper right corner.
    assert "Unit 2, 0, 15 = " in text
    assert (
        "sees rows −2 to 2 and columns 13 to 17; hatched: beyond the image, in the padding" in text
    )
    assert "Channel 2 on other images" in text
    assert "Class selectivity" in text
    assert len(pictures(app)) >= 2


@pytest.mark.parametrize(
    ("sort", "scale"), [("mean", "unit"), ("max", "global"), ("selectivity", "unit")]
)
def test_sorting_and_scaling_from_a_link(open_page: Open, sort: str, scale: str) -> None:
    app = open_page(PAGE, model=SHIPPED, layer="relu1", sort=sort, scale=scale)
    assert errors(app) == []
    assert app.session_state["sort"] == sort
    assert "highest of each" in html(app) if scale == "unit" else "highest of each" not in html(app)


def test_a_layer_that_stretching_would_misplace_says_so(open_page: Open) -> None:
    app = open_page(PAGE, model=SHIPPED, layer="relu2")
    assert "merely stretched over the image would misplace units by up to 3 pixels" in html(app)


def test_best_patches_say_how_many_were_searched_and_lead_to_their_images(open_page: Open) -> None:
    app = open_page(PAGE, view="patches", model=SHIPPED, layer="relu1", unit="3,0,0", split="val")
    text = html(app)
    assert "What excites channel 3 of relu1 most" in text
    assert "Searched all 180 of the validation images" in text
    link = text.split('class="cs-maps-patch" href="?')[1].split('"')[0].replace("&amp;", "&")
    query = parse_qs(link)
    assert query["view"] == ["maps"]
    assert query["image"][0].startswith("digits/val/")
    assert query["unit"][0].startswith("3,")
    there = open_page(PAGE, **{name: values[0] for name, values in query.items()})
    assert errors(there) == []
    value = text.split("<b>")[1].split("</b>")[0]
    assert f"= {value} and sees" in html(there)  # the unit's value is the patch's


def test_another_channel_stands_in_the_link(open_page: Open) -> None:
    app = open_page(PAGE, view="patches", model=SHIPPED, layer="relu1")
    app.number_input(key="maps.channel").set_value(4).run()
    assert errors(app) == []
    assert "".join(app.query_params["unit"]).startswith("4,")
    assert "What excites channel 4" in html(app)


def test_the_same_moment_twice_has_no_difference(open_page: Open) -> None:
    app = open_page(PAGE, view="compare", model=SHIPPED, model2=SHIPPED, layer="relu1")
    assert errors(app) == []
    assert "Cosine similarity</span><b>1</b>" in html(app)
    assert "‖second − first‖ / ‖first‖</span><b>0</b>" in html(app)


def test_before_and_after_training_differ(open_page: Open) -> None:
    text = html(open_page(PAGE, view="compare", model=SHIPPED, layer="relu1"))
    assert "update 0" in text
    assert "‖second − first‖ / ‖first‖</span><b>0</b>" not in text


def test_two_images(open_page: Open) -> None:
    app = open_page(PAGE, **{"view": "compare", "with": "image"}, model=SHIPPED, layer="relu1")
    assert errors(app) == []
    assert "The other image" in html(app)


def test_networks_of_other_shapes_get_a_sentence_and_no_difference(open_page: Open) -> None:
    app = open_page(PAGE, view="compare", model=SHIPPED, model2="shipped:shapes_cnn", layer="conv1")
    assert errors(app) == []
    assert "so there is no difference to show" in said(app)
    other = open_page(
        PAGE, view="compare", model="shipped:shapes_resnet8", model2=SHIPPED, layer="block2.relu2"
    )
    assert errors(other) == []
    assert "has no layer block2\\.relu2" in said(other)


def test_a_convolution_moves_along_exactly(open_page: Open) -> None:
    app = open_page(PAGE, view="move", model=SHIPPED, layer="conv1", dx="3", dy="-2")
    assert errors(app) == []
    assert "✓ Away from the border it moves along exactly" in html(app)
    assert app.get("plotly_chart")
    pooled = html(open_page(PAGE, view="move", model=SHIPPED, layer="pool1", dx="3"))
    assert "so the shift is 1.5 units right and 0 down" in pooled
    assert "interpolated linearly" in pooled


def test_what_cannot_see_the_square_stays(open_page: Open) -> None:
    app = open_page(
        PAGE,
        view="move",
        motion="occlude",
        model=SHIPPED,
        layer="conv1",
        left="0",
        top="0",
        size="2",
    )
    assert errors(app) == []
    # A 5×5 field with padding 2 meets the first two rows and columns from 4×4 places.
    assert f"✓ {256 - 16} positions of conv1 cannot see the square" in html(app)


def test_rotation_from_a_link(open_page: Open) -> None:
    app = open_page(PAGE, view="move", motion="rotate", model=SHIPPED, layer="conv1", angle="-90")
    assert errors(app) == []
    assert app.slider(key="maps.angle").value == -90


def test_a_slider_writes_the_link(open_page: Open) -> None:
    app = open_page(PAGE, view="move", model=SHIPPED)
    app.slider(key="maps.dx").set_value(5).run()
    assert errors(app) == []
    assert "".join(app.query_params["dx"]) == "5"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"layer": "nosuch"}, "no layer"),
        ({"layer": "<script>"}, "no layer"),
        ({"unit": "1,2"}, "names no unit"),
        ({"unit": "99,0,0"}, "is not in this layer"),
        ({"view": "move", "dx": "900"}, "dx='900' is left out"),
        ({"view": "move", "dx": "x;y"}, "is left out"),
        ({"view": "move", "motion": "occlude", "size": "-"}, "is left out"),
        ({"view": "nosuch", "sort": "?", "scale": "9", "show": "x"}, ""),
        ({"view": "patches", "split": "no", "cut": "no", "unit": "x,1,1"}, ""),
        ({"view": "patches", "unit": "9" * 400}, "names no unit"),
        ({"view": "patches", "unit": "00000009999"}, "names no unit"),
        ({"view": "patches", "unit": "0" * 5000}, "names no unit"),
        ({"view": "patches", "unit": "9999,0,0"}, "is not in this layer"),
        ({"view": "move", "dx": "-0000000009"}, "is left out"),
        ({"view": "compare", "with": "x", "order": "y", "unit": "9,9,9,9"}, "names no unit"),
    ],
)
def test_wrong_links_are_left_out_with_a_sentence(
    open_page: Open, query: dict[str, str], words: str
) -> None:
    app = open_page(PAGE, model=SHIPPED, **query)
    assert errors(app) == []
    assert words.replace("=", "\\=") in said(app) or words in said(app)
    assert "figcaption" in html(app)


def test_a_finished_run(open_page: Open, finished_run: str) -> None:
    for view in ("maps", "patches", "compare", "move"):
        app = open_page(PAGE, model=f"run:{finished_run}", view=view)
        assert errors(app) == []
        assert not app.error


def test_a_network_without_maps_says_so(open_page: Open) -> None:
    for view in ("maps", "patches", "compare", "move"):
        app = open_page(PAGE, model="random:small_fc", view=view)
        assert errors(app) == []
        assert "has no layer to choose here" in said(app)


def test_a_name_in_a_sentence_is_no_markdown(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def titled(*args: object, **options: object) -> Chosen | None:
        found = second_model()
        return None if found is None else replace(found, title="**bold** [x](http://y)")

    monkeypatch.setattr(compare_view, "second_model", titled)
    app = open_page(
        PAGE, view="compare", model="shipped:shapes_resnet8", model2=SHIPPED, layer="block2.relu2"
    )
    assert errors(app) == []
    (sentence,) = [info.value for info in app.info]
    assert sentence.startswith(
        r"\*\*bold\*\* \[x\]\(http\://y\) has no layer block2\.relu2: choose"
    )


def test_a_link_that_changes_changes_the_view(open_page: Open) -> None:
    """As a step back in the browser does, in the same session."""
    app = open_page(PAGE, view="move", model=SHIPPED, layer="conv1")
    assert app.session_state["view"] == "move"
    app.query_params["view"] = "patches"
    app.run()
    assert errors(app) == []
    assert app.session_state["view"] == "patches"
    assert "What excites channel" in html(app)
    assert "".join(app.query_params["view"]) == "patches"
    del app.query_params["view"]
    app.run()
    assert app.session_state["view"] == "maps"
