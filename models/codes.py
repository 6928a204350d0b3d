"""The fixed target codes of LeNet-5's output layer: a 7×12 bitmap for each class.

LeCun et al. (1998, section II.B and figure 3) drew a stylised ASCII character for each class, so
that confusable characters get similar codes. The first ten here are digits of our own drawing.
Classes beyond ten have no agreed picture and get a fixed pseudo-random pattern instead.
"""

from __future__ import annotations

import hashlib

CODE_WIDTH, CODE_HEIGHT = 7, 12
CODE_LENGTH = CODE_WIDTH * CODE_HEIGHT

_DIGITS = """
.#####. ...##.. .#####. .#####. ....##. ####### ..####. ####### .#####. .#####.
##...## ..###.. ##...## ##...## ...###. ##..... .##.... .....## ##...## ##...##
##...## .####.. .....## .....## ..####. ##..... ##..... .....## ##...## ##...##
##...## ...##.. .....## .....## .##.##. ##..... ##..... ....##. ##...## ##...##
##...## ...##.. .....## .....## ##..##. ######. ##..... ....##. ##...## ##...##
##...## ...##.. ....##. ..####. ##..##. .....## ######. ...##.. .#####. ##...##
##...## ...##.. ...##.. ..####. ####### .....## ##...## ...##.. .#####. .######
##...## ...##.. ..##... .....## ####### .....## ##...## ...##.. ##...## .....##
##...## ...##.. .##.... .....## ....##. .....## ##...## ..##... ##...## .....##
##...## ...##.. ##..... .....## ....##. .....## ##...## ..##... ##...## .....##
##...## ...##.. ##..... ##...## ....##. ##...## ##...## ..##... ##...## ....##.
.#####. .###### ####### .#####. ....##. .#####. .#####. ..##... .#####. .####..
"""


def class_codes(num_classes: int) -> tuple[str, ...]:
    """One code per class: 84 characters, row by row, "#" for +1 and "." for −1."""
    rows = [line.split() for line in _DIGITS.split("\n") if line]
    drawn = ["".join(digit) for digit in zip(*rows, strict=True)]
    return tuple(
        drawn[index] if index < len(drawn) else _pattern(index) for index in range(num_classes)
    )


def _pattern(index: int) -> str:
    bits = int.from_bytes(hashlib.sha256(str(index).encode()).digest()[:11], "big")
    return "".join("#" if bits >> place & 1 else "." for place in range(CODE_LENGTH))
