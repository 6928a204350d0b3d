"""Random settings that torch accepts, over everything a setting can say."""

from __future__ import annotations

import random
from collections.abc import Iterator

from viz.arithmetic.axes import build_axes
from viz.arithmetic.numbers import Numbers, draw_numbers
from viz.arithmetic.setting import (
    NORMS,
    OPERATIONS,
    PADDING_MODES,
    PADDINGS,
    Setting,
    SettingError,
    check,
)

SIDES = {1: 14, 2: 8, 3: 5}


def random_settings(count: int, seed: int) -> Iterator[tuple[Setting, Numbers]]:
    """`count` valid settings with numbers."""
    generator = random.Random(seed)
    while count:
        setting = _draw(generator)
        try:
            build_axes(check(setting))
        except SettingError:
            continue
        count -= 1
        yield setting, draw_numbers(setting, seed=generator.randrange(1000))


def _draw(generator: random.Random) -> Setting:
    dims = generator.choice((1, 2, 2, 3))

    def axes(low: int, most: int) -> tuple[int, ...]:
        return tuple(generator.randint(low, most) for _ in range(dims))

    groups = generator.choice((1, 1, 2, 3))
    even = generator.random() < 0.6
    amounts = [(before, before if even else generator.randint(0, 3)) for before in axes(0, 3)]
    return Setting(
        operation=generator.choice((*OPERATIONS, "conv", "conv", "transposed")),
        size=axes(1, SIDES[dims]),
        kernel_size=axes(1, 4),
        stride=axes(1, 3),
        dilation=axes(1, generator.choice((1, 3))),
        padding=generator.choice(PADDINGS),
        amounts=tuple(amounts),
        padding_mode=generator.choice(PADDING_MODES),
        in_channels=groups * generator.randint(1, 2),
        out_channels=groups * generator.randint(1, 2),
        groups=groups,
        output_padding=axes(0, 2),
        output_size=axes(1, 4),
        norm=generator.choice(NORMS),
        flip=generator.random() < 0.3,
        bias=generator.random() < 0.5,
    )
