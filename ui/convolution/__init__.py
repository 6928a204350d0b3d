"""The page on the arithmetic of convolution: sizes, numbers, other forms, cost, real pictures."""
