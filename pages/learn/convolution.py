"""Convolution: its arithmetic, number by number."""

from ui.convolution import page

page.render()
