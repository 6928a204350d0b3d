"""What the page says about a map beside its image."""

from ui.map_words import padded_map_words


def test_a_map_larger_than_the_image_is_explained() -> None:
    assert "conv1's map is 28×28 and the image 16×16: padding" in padded_map_words(
        "conv1", (6, 28, 28), (16, 16, 1)
    )
    assert "28×16" in padded_map_words("conv1", (28, 16), (16, 16, 1))


def test_others_need_no_words() -> None:
    assert padded_map_words("conv1", (16, 16), (16, 16, 3)) == ""
    assert padded_map_words("conv2", (6, 10, 10), (16, 16, 1)) == ""
