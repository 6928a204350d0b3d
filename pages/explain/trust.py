"""Trust: how far each attribution method can be believed on this network."""

from ui.trust import page

page.render()
