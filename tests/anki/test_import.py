"""What Anki does with our packages (the rows of tests/keys/keys.md that it rests on)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ankiforge.anki.notetypes import hash_html
from ankiforge.anki.package import write_package
from ankiforge.anki.render import load_media
from ankiforge.model import CardKind, LocalCard, Media, Note, NoteType
from tests.makers.anki_notes import note_for

pytestmark = pytest.mark.core

Maker = Callable[..., LocalCard]
MOD = 1_400_000_000


def _package(folder: Path, *notes: Note) -> Path:
    write_package(folder / "deck.apkg", notes)
    return folder / "deck.apkg"


@pytest.fixture
def card(make_card: Maker) -> LocalCard:
    return make_card()


def test_a_two_way_card_is_asked_both_ways(collection, tmp_path, make_card):
    card = make_card(CardKind.TWO_WAY, Front="le chat", Back="the cat")
    collection.load(_package(tmp_path, note_for(card, card.deck, MOD)))
    forth, back = collection.cards(card.guid)
    assert "le chat" in forth.question()
    assert "the cat" not in forth.question()
    assert "the cat" in back.question()
    assert "le chat" not in back.question()
    assert "le chat" in back.answer()


def test_the_hashes_of_what_anki_stored_are_those_of_what_we_sent(
    collection, tmp_path, make_card
):
    words = "Zu\u0308rich\u00a0`a::b` $x<y$\r\n\n- **{{c1::one & two}}**\n- \\{{x\\}}\n\n"
    card = make_card(CardKind.CLOZE, Text=words, Extra="a\tb")
    note = note_for(card, card.deck, MOD)
    collection.load(_package(tmp_path, note))
    note = collection.note(card.guid)
    content = note.fields[: len(NoteType.CLOZE.content_fields)]
    assert note["AnkiforgeId"].split()[4] == ".".join(map(hash_html, content))


def test_pictures_arrive_under_the_names_the_fields_use(collection, tmp_path, make_card):
    picture = tmp_path / "Figure 1.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n picture")
    media = load_media(picture)
    assert isinstance(media, Media)
    card = make_card(Front="![Figure](figure.png)", Back="b")
    note = note_for(card, card.deck, MOD, {"figure.png": media, "unused.png": media})
    assert collection.load(_package(tmp_path, note)) == {"new": 1}
    assert collection.note(card.guid)["Front"] == f'<img src="{media.name}" alt="Figure">'
    stored = Path(collection.col.media.dir()) / media.name
    assert stored.read_bytes() == picture.read_bytes()


def test_templates_of_ours_please_ankis_own_checks(collection, tmp_path, card):
    collection.load(_package(tmp_path, note_for(card, card.deck, MOD)))
    problems, _ok = collection.col.fix_integrity()
    assert "template" not in problems.lower()
    model = collection.note(card.guid).note_type()
    collection.col.models.update_dict(model)  # raises if a template is malformed
