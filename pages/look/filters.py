"""Filters: the weights of a layer, what they answer to, and what happens without them."""

from ui.filters import page

page.render()
