"""Images to train on: the catalogue, loaders to in-memory tensors, augmentation, safe decoding."""
