"""What the speed claims rest on; each `python -m benchmarks.<name>` prints one JSON line last."""
