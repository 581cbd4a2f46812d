"""A crowd that this machine cannot hold is refused before anything is filled."""

from onsale.rush.scale.capacity import too_big


def test_a_line_that_does_not_fit_is_told_with_what_it_takes_and_what_is_free() -> None:
    said = too_big(10**12)
    assert said is not None
    assert said.startswith("a line of 1,000,000,000,000 takes about 65")
    assert said.endswith("GiB are free")


def test_what_fits_is_not_refused() -> None:
    assert too_big(100) is None
