"""Receptive fields: which part of the image a unit can see, and which part it does see."""

from ui.fields import page

page.render()
