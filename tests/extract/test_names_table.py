"""The title that the name of a file says, and the names that stand for no author."""

import pytest

from ankiforge.anki.notes import format_context
from ankiforge.draft.privacy import PrivacyFilter
from ankiforge.extract.files import (
    find_vault,
    remove_unknown_authors,
    title_from_file_name,
)
from ankiforge.model import (
    Document,
    DocumentKey,
    DraftingTask,
    Highlight,
    HighlightKey,
    HighlightKind,
    LocalCard,
)
from tests.cards import made


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


@pytest.mark.parametrize(
    ("title", "subject"),
    [("528020", ""), ("1984", "1984"), ("2666", "2666"), ("20000 Leagues", "20000 Leagues")],
)  # fmt: skip
def test_the_number_of_a_file_is_no_subject(title, subject):
    assert Document(DocumentKey("k"), "kindle", title).meaningful_title == subject


def test_nobody_is_no_author():
    names = ("Unknown", "Ada", "", "unknown author", "Unbekannt", "Noname")
    assert remove_unknown_authors(names) == ("Ada", "Noname")


@pytest.mark.parametrize(("title", "shown"), [("528020", ""), ("1984", "1984")])
def test_neither_a_card_nor_a_model_is_told_the_number_of_a_file(title, shown):
    document = Document(DocumentKey("k"), "kindle", title, creators=("Ada",))
    kind = HighlightKind.HIGHLIGHT
    passage = Highlight(document, "kindle:k", kind, "A fact.", HighlightKey("kindle:k/1"))
    card = made(LocalCard, fields=(("Text", "What?"),), passages=(passage,))
    assert format_context(card, lambda _, parts: parts) == shown
    sent = PrivacyFilter(()).make_sendable_task(DraftingTask(document, (passage,)))
    assert sent.title == f"{shown} (Ada)".strip()


@pytest.mark.parametrize(
    ("made", "looked_from", "vault"),
    [
        pytest.param("v/.obsidian/app.json", "v", "v", id="the vault itself"),
        pytest.param("v/.obsidian/app.json", "v/a/b", "v", id="a folder in it"),
        pytest.param("v/a/.obsidian/app.json", "v/a/b", "v/a", id="a vault in a folder"),
        pytest.param("v/.obsidian", "v/a", None, id="a file of that name"),
        pytest.param("v/a/.obsidian/app.json", "v", None, id="a vault below"),
    ],
)
def test_the_vault_of_a_folder_is_the_nearest_that_has_the_settings(
    tmp_path, made, looked_from, vault
):
    (tmp_path / made).parent.mkdir(parents=True)
    (tmp_path / made).write_text("{}")
    (tmp_path / looked_from).mkdir(parents=True, exist_ok=True)
    assert find_vault(tmp_path / looked_from) == (vault and tmp_path / vault)
