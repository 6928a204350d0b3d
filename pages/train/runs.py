"""Runs: every run of this server; compare curves and settings; average over seeds; delete."""

from ui import run_table

run_table.render()
