"""The page that takes a mistake apart."""
