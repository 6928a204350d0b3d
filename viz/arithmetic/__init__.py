"""The arithmetic of convolution, transposed convolution and pooling in plain numpy.

Small pure functions behind the page that shows every number: sizes, the operation written out cell
by cell, the same thing as a matrix, as im2col and as FFT, and what it costs. Nothing here imports
torch, so the web process may; torch's own answer comes from the lens `convolution`.
"""
