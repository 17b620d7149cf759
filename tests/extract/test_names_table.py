"""The title that the name of a file says, and the names that stand for no author."""

import pytest

from ankiforge.extract.files import (
    title_from_file_name,
)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("Sleep (1)", "Sleep"),
        ("Sleep (Unknown)", "Sleep"),
        ("Sleep (test)", "Sleep"),
        ("Sleep (highlights)", "Sleep"),
        ("Sleep (annotated) (2)", "Sleep"),
        ("Amplitud Range David Epstein 114200", "Amplitud Range David Epstein"),
        ("Deep Learning -MIT Press (2020)", "Deep Learning"),
        ("Deep Learning-MIT Press (2020)", "Deep Learning"),
        ("Sein und Zeit-Niemeyer Verlag (1967).pdf", "Sein und Zeit"),
        ("Este libro le hará más inte_", "Este libro le hará más inte…"),
        ("Flow_ The Psychology", "Flow: The Psychology"),
        ("a_b_c", "a b c"),
        ("Make Time (Spanish Edition)", "Make Time"),
        ("Moneyball-W. W. Norton & Company (2003)", "Moneyball"),
        ("Optimizing Java-O'Reilly Media (2018)", "Optimizing Java"),
        (r"D:\wwwroot\converter\1479203\How Soccer Works", "How Soccer Works"),
        ("Microsoft Word - A batalha.doc", "A batalha"),
        ("白鲸（美国文学史上的一座高峰，多位作家联袂推荐）", "白鲸"),
        (
            "夜航【《纽约时报》畅销书，一部关于飞行与勇气的书】 (飞行文集)",
            "夜航 (飞行文集)",
        ),
        # what only looks alike
        ("局外人（精装版）", "局外人（精装版）"),
        (
            "Memory (a very long remark in Latin letters)",
            "Memory (a very long remark in Latin letters)",
        ),
        ("Good Company (2003)", "Good Company (2003)"),
        ("AC: DC", "AC: DC"),
        ("Spider-Man (2002)", "Spider-Man (2002)"),
        ("X-Men Origins (2009)", "X-Men Origins (2009)"),
        ("Blade Runner - The Final Cut (2007)", "Blade Runner - The Final Cut (2007)"),
        ("Area 51", "Area 51"),
        ("Nineteen 1984", "Nineteen 1984"),
        ("528020", "528020"),
        ("The Test", "The Test"),
    ],
)
def test_a_title_has_no_debris_of_a_file(name, title):
    assert title_from_file_name(name) == title
