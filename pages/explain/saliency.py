"""Saliency: what in an image spoke for an answer, by every method worth knowing."""

from ui.saliency import page

page.render()
