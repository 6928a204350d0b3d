"""The sample pictures: all there, credited, read without the packages they come with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from data import samples
from data.images import decode_image
from data.paths import DataError
from data.samples import SAMPLES, find_sample, read_sample


@pytest.mark.parametrize("name", [sample.name for sample in SAMPLES])
def test_every_sample_is_a_picture_with_somebody_to_thank(name: str) -> None:
    picture = decode_image(read_sample(name))
    assert picture.shape[0] == 3
    assert min(picture.shape[1:]) >= 224  # enough for an ImageNet network
    sample = find_sample(name)
    assert sample.title
    assert sample.credit
    assert sample.licence


def test_pixels_are_those_the_packages_give() -> None:
    skimage_data = pytest.importorskip("skimage.data")
    for name in ("chelsea", "astronaut", "coffee"):
        picture = decode_image(read_sample(name)).permute(1, 2, 0).numpy()
        assert (picture == getattr(skimage_data, name)()).all()
    grey = decode_image(read_sample("camera"))
    assert (grey[0].numpy() == skimage_data.camera()).all()


def test_reading_imports_neither_package_nor_torch() -> None:
    code = (
        "import sys; from data.samples import SAMPLES, read_sample\n"
        "assert all(read_sample(sample.name) for sample in SAMPLES)\n"
        "print([n for n in ('skimage', 'sklearn', 'torch', 'numpy') if n in sys.modules])"
    )
    done = subprocess.run(  # our own interpreter, our own text
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, timeout=60,
        cwd=Path(samples.__file__).parents[1],
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("chelsie", "chelsea, china, coffee, astronaut or rocket"),
        ("unicorn", "coins, chelsea, coffee, astronaut or rocket"),
        ("../../etc/passwd", "chelsea, coffee, astronaut, rocket or motorcycle"),
    ],
)
def test_unknown_names_get_several_the_closest_first(name: str, names: str) -> None:
    with pytest.raises(DataError) as caught:
        read_sample(name)
    assert str(caught.value) == f"There is no sample picture {name!r}: choose {names}."


def test_a_package_that_is_not_whole_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"comes with scikit-image, which is not installed whole"):
        read_sample("moon")
