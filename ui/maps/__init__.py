"""The page of feature maps, a module a view."""
