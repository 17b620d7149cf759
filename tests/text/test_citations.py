"""The numbers of references in the text of papers."""

import pytest

from ankiforge.text.citations import is_only_citation, remove_citations


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("Insulin lowers glucose [12].", "Insulin lowers glucose."),
        ("Insulin lowers {{c1::glucose}} [3, 5–8].", "Insulin lowers {{c1::glucose}}."),
        ("Insulin lowers {{c1::glucose [12]}}.", "Insulin lowers {{c1::glucose}}."),
        ("It lowers glucose.[7]", "It lowers glucose."),
        (
            "The release is independent of polymer⁷.",
            "The release is independent of polymer.",
        ),
        ("It lowers glucose.¹²,¹³", "It lowers glucose."),
        # what the sentence needs, a power, code, a formula, an index
        ("The method of [27] lowers it.", None),
        ("About 5 × 10⁵ mL⁻¹", None),
        ("The area is 3 cm².", None),
        ("`list [1]` is the second", None),
        ("$f [1]$ is one", None),
        ("[12] or so", None),
        ("a[1], the second", None),
    ],
)
def test_citations_are_removed(markdown, expected):
    assert remove_citations(markdown) == (markdown if expected is None else expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[12]", True),
        ("(3–5)", True),
        ("¹²", True),
        (" [7, 8].", True),
        ("12", False),
        ("[x]", False),
    ],
)
def test_what_is_only_a_citation(text, expected):
    assert is_only_citation(text) is expected
