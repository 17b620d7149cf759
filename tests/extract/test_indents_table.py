"""Where the items of a list stand: those that CommonMark takes for code are moved to where they count."""

import pytest

from ankiforge.extract.markdown.placeholders import with_fitting_indents


@pytest.mark.parametrize(
    ("written", "read"),
    [
        # behind its sign: so many blanks that its words would be code
        ("-    four", "-    four"),
        ("-     five", "- five"),
        ("-    four\n-     five", "-    four\n- five"),
        ("12.     five", "12. five"),
        ("> -     five", "> - five"),
        ("-\t\ttwo tabs", "- two tabs"),
        ("-\tone tab", "-\tone tab"),
        ("-     ", "-     "),
        # before its sign: it is an item of the one above
        ("- a\n        - b", "- a\n  - b"),
        ("- a\n\t\t- b\n\t\t- c", "- a\n  - b\n  - c"),
        ("- a\n     - b", "- a\n     - b"),
        ("    - code", "    - code"),
        ("words\n\n    - code", "words\n\n    - code"),
        ("- a\n\n        - b", "- a\n\n  - b"),
        ("```\n-     code\n```", "```\n-     code\n```"),
    ],
)  # fmt: skip
def test_an_item_stands_where_it_counts_as_one(written, read):
    assert with_fitting_indents(written) == read
