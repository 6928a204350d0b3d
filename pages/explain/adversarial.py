"""Adversarial: the smallest change that makes the network say something else."""

from ui.adversarial import page

page.render()
