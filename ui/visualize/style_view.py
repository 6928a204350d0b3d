"""Style transfer: one picture's content, another's textures, as this network tells them apart."""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from engine.protocol import EngineError
from ui import html
from ui.charts import CHART_CONFIG
from ui.streaming import watch
from ui.subject.bar import Chosen, second_image
from ui.subject.layers import choose_layer
from ui.text import sentence_safe
from ui.visualize.makers import (
    WIDTHS,
    answer_words,
    choose_several,
    controls,
    leaves,
    picture,
    play,
    still_arrays,
    take_away,
    thumbnail,
)
from ui.visualize.words import number
from viz.figures.dream import picture_png, plot_losses, plot_style_layers
from viz.results.dream import Styled
from viz.visualization.makers import MOST_LAYERS, STYLE, style_layers

_TIMEOUT: Final = 600.0
_FIRST: Final = ("style", "tv", "steps", "size")
_STYLES: Final = ("sample:china", "sample:coffee")  # whose textures are plain to see
_LARGE: Final = 96  # pixels: networks for smaller pictures have seen few textures
_SOURCE: Final = (
    "Content is what one layer puts out, style which channels are active together, wherever that is: the Gram "
    "matrices G = F Fᵀ / positions of several layers. Gatys, Ecker and Bethge, Image style transfer using "
    "convolutional neural networks, CVPR 2016. Each loss is divided by the size of what it compares to, so "
    "that weights mean the same for every network; waves in place of pixels after Mordvintsev et al., "
    "Differentiable image parameterizations, Distill 2018."
)


def render(chosen: Chosen) -> None:
    """The view.

    Raises:
        EngineError: there is no picture, with a sentence.
    """
    content, several = style_layers(leaves(chosen.network, maps=True))
    if not content:
        st.caption(
            ":material/info: This network has no convolution, and without maps there is no style to "
            "read: choose another network above."
        )
        return
    with st.container(key="cs-visualize"):
        side, middle, beside = st.columns(WIDTHS, gap="medium")
    settings = controls("style", STYLE, chosen.network)
    names = [name for name, _ in leaves(chosen.network, maps=True)]
    with side:
        with st.container(gap=None):
            st.caption("Style of")
            painted = _style_image(chosen)
        values = settings.read()
        settings.render(values, _FIRST)
        with st.popover("Layers", icon=":material/layers:", width="stretch"):
            layer = choose_layer(
                names, chosen.network, key="style-content", default=content, label="Content"
            )
            styles = choose_several("Style", "style-layers", names, several, MOST_LAYERS)
        downloads = st.container()
    with middle:
        if painted == chosen.image:
            st.caption(
                ":material/info: Content and style are the same picture, so there is nothing to paint: "
                "choose another one under Style of."
            )
        place = st.empty()
    with beside:
        numbers = st.empty()

    def draw(found: Styled) -> None:
        with place.container():
            step = found.stills[-1].step if found.stills else 0
            st.html(picture(found.image, "The content in the other picture's style", step=step))
            st.html(_pair(found))
        with numbers.container():
            _numbers(found, key=f"visualize.style.{len(found.style_loss)}")

    with middle:
        try:
            done: Styled | None = watch(
                "style_transfer", chosen.model, chosen.image, key="visualize.style", draw=draw,
                timeout=_TIMEOUT, style=painted, content_layer=layer, style_layers=styles,
                settings=settings.asked(values), **chosen.options,
            )  # fmt: skip
        except EngineError as error:
            st.error(sentence_safe(error), icon=":material/error:")
            done = None
    if done is not None:
        with place.container():
            question = repr((chosen.model, chosen.image, painted, layer, styles, values))
            play(
                done.stills, key=f"visualize.style.player.{question}", label="Step of the painting"
            )
            st.html(_pair(done))
        with downloads:
            take_away(
                f"style {layer}", "style", lambda: picture_png(done.image, side=512),
                lambda: _arrays(done),
            )  # fmt: skip
    st.caption(_expect(chosen) + _SOURCE)


def _style_image(chosen: Chosen) -> str:
    """The picture whose style it is; unless one is chosen, not the content itself."""
    if "image2" not in st.query_params and (chosen.image or "").startswith("sample:"):
        first, second = _STYLES
        st.query_params["image2"] = second if chosen.image == first else first
    return second_image(chosen)


def _expect(chosen: Chosen) -> str:
    """What this network can be asked for, said before anybody is disappointed."""
    channels, height, width = chosen.network.input_shape
    if min(height, width) > _LARGE:
        return ""
    grey = channels == 1
    color = "grey" if grey else "coloured"
    style = "contrast" if grey else "colour, contrast"
    learned = len(chosen.network.classes)
    return (
        f"This network has seen {width}×{height} {color} pixels and learned {learned} classes from them: "
        f"its style is {style} and strokes of a few pixels, not brushwork. "
    )


def _pair(found: Styled) -> str:
    cells = thumbnail(found.content, "Content") + thumbnail(found.style, "Style")
    return f'<div class="cs-visualize-strip">{cells}</div>'


def _numbers(found: Styled, *, key: str) -> None:
    first = float(found.style_loss[0]) if len(found.style_loss) else float("nan")
    now = float(found.by_layer[:, 1].mean())
    items = [
        ("style, from", number(first), "Mean over the style layers of ‖G − G_style‖² / ‖G_style‖²"),
        ("to", number(now), "The same now"),
    ]
    if len(found.content_loss):
        items.append(
            (
                "content", number(float(found.content_loss[-1])),
                "‖F − F_content‖² / ‖F_content‖²: 0 the same, 1 as far as from nothing at all",
            )
        )  # fmt: skip
    st.html(html.figures(items))
    st.plotly_chart(
        plot_losses(found, height=240), key=f"{key}.losses", config=CHART_CONFIG,
        alt="Content, style and roughness over the evaluations",
    )  # fmt: skip
    st.plotly_chart(
        plot_style_layers(found), key=f"{key}.layers", config=CHART_CONFIG,
        alt="Distance from the style of each layer, at the start and now",
    )  # fmt: skip
    before, after = found.answers
    said = (
        f"The network takes the content for {answer_words(before, found.classes, found.content)}, and this picture for "
        f"{answer_words(after, found.classes, found.image)}."
    )
    st.caption(sentence_safe(said))
    looks, steps = len(found.style_loss), found.stills[-1].step if found.stills else 0
    if found.share == 1 and looks > steps:
        st.caption(
            f"{steps} steps took {looks} evaluations: before L-BFGS takes a step it may try several lengths."
        )
    if found.note:
        st.caption(f":material/info: {sentence_safe(found.note)}")


def _arrays(found: Styled) -> dict[str, Any]:
    return {
        "content": found.content,
        "style": found.style,
        "picture": found.image,
        "content_loss": found.content_loss,
        "style_loss": found.style_loss,
        "tv_loss": found.tv_loss,
        "by_layer": found.by_layer,
        **still_arrays(found.stills),
    }
