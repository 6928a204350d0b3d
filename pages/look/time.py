"""Time machine: one slider over the past of a network replays every view of it."""

from ui.time import page

page.render()
