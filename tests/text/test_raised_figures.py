"""Superscripts and subscripts are copied from the page to a quote that has lost them."""

import pytest

from ankiforge.text.raised_figures import copy_raised_figures


@pytest.mark.parametrize(
    ("quote", "shown", "copied"),
    [
        ("5 × 105 CFU/mL6,7", "5 × 10⁵ CFU/mL⁶,⁷", "5 × 10⁵ CFU/mL⁶,⁷"),
        ("30 kg m-2 and m−1", "30 kg m⁻² and m⁻¹", "30 kg m⁻² and m⁻¹"),
        ("5  ×\n105 cells", "5 × 10⁵ cells", "5  ×\n10⁵ cells"),
        ("105 efﬁcient cells", "10⁵ ef cient cells", "10⁵ efﬁcient cells"),
        ("10⁵ cells", "10⁵ cells", "10⁵ cells"),
        ("10<5 cells", "10⁵ cells", "10<5 cells"),
        ("105 of 105 cells", "10⁵ of 105 cells", "10⁵ of 105 cells"),
        ("10 cells", "10¹² cells", "10 cells"),
        ("103", "103", "103"),
        ("", "10⁵", ""),
    ],
)
def test_figures_are_copied_and_all_else_stays(quote, shown, copied):
    assert copy_raised_figures(quote, shown) == copied
