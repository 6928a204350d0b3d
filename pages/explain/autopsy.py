"""Autopsy: why the network got an image wrong."""

from ui.autopsy import page

page.render()
