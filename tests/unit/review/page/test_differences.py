"""Word by word, as a reader would mark it."""

import pytest

from ankiforge.review.page.items import runs


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("the cat sat", "the dog sat", "the [-cat][+dog] sat"),
        ("at 3.5 °C", "at 3.7 °C", "at [-3.5][+3.7] °C"),
        ("one two three", "four five three", "[-one two][+four five] three"),
        ("細胞は分裂する", "細胞は成長する", "細胞は[-分裂][+成長]する"),
        ("so $x^2$ is", "so $x^3$ is", "so [-$x^2$][+$x^3$] is"),
        ("A {{c1::cell}}", "A {{c1::cell::what}}", "A [-{{c1::cell}}][+{{c1::cell::what}}]"),
        ("run `a b` now", "run `a c` now", "run [-`a b`][+`a c`] now"),
        ("cafe\u0301", "cafe", "[-cafe\u0301][+cafe]"),
        ("don't", "don’t", "[-don't][+don’t]"),
        ("", "new", "[+new]"),
    ],
)
def test_what_differs_is_told_in_whole_words(old, new, told):
    signs = {"": "{}", "del": "[-{}]", "ins": "[+{}]"}
    assert "".join(signs[what].format(text) for what, text in runs(old, new)) == told


def test_a_book_is_compared_in_no_time():
    words = " ".join(f"w{n % 97}" for n in range(20_000))
    assert runs(words, words[::-1])
