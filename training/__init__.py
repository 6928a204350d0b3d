"""The training run: its spec, events, loop, store on disk, and everything computed from those."""
