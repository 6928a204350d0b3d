"""Feature visualisation: images made to excite a unit, a channel, a layer or a class."""

from ui.visualize import page

page.render()
