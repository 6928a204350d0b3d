"""Feature maps: what each layer makes of an image, down to one unit's arithmetic."""

from ui.maps import page

page.render()
