"""What is taken away holds the numbers that were shown."""

from __future__ import annotations

import io

import numpy as np

from ui.downloads import pack


def test_numbers_come_back_as_they_were() -> None:
    maps = np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 7
    with np.load(io.BytesIO(pack({"maps": maps, "channels": np.array([1, 0])}))) as found:
        np.testing.assert_array_equal(found["maps"], maps)
        assert found["maps"].dtype == np.float32
        assert found["channels"].tolist() == [1, 0]
