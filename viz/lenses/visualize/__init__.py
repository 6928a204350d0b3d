"""Pictures made by climbing: feature visualisation, DeepDream, inversion, style.

Shared by all: `canvas.Canvas` (pictures in [0, 1] and the numbers an optimiser moves),
`colors.measure_colors` (colour statistics of the network's own pictures), `transforms.Moves` (jitter,
scaling, rotation), `penalties` (total variation, L2, Gram matrices) and `probe.layer_outputs` (what
layers put out, with gradients, the rest of the network not run).
"""
