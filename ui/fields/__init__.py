"""The page of receptive fields: theoretical, effective, and as training goes on."""
