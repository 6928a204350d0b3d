"""Architectures as data, the builder that makes networks of them, and ways to read any network."""
