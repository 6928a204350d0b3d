"""What is looked at: the network, its moment and the image, the same bar over every page."""
