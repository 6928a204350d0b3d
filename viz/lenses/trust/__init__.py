"""Measures of how far an attribution map can be believed, on this network and these images."""
