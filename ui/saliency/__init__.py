"""The page of attribution maps."""
