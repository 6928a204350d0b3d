"""The page that measures attribution maps."""
