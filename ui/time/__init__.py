"""The time machine: all moments of a network, fetched once and played in the browser."""
