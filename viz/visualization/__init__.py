"""What feature visualisation can be asked for: its settings, their limits and presets, free of torch, so
that the page offers exactly what the lens takes."""
