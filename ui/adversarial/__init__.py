"""The page of adversarial images."""
