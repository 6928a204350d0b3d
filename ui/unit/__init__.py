"""One number of a network taken apart, as HTML: patches, kernels, products and their sum."""
