"""The page of feature visualisation."""
