"""What is told of journals, notes, pictures and models that cannot be used, as tables."""

from typing import Any

import pytest

from ankiforge.anki.notetypes import get_our_note_type
from ankiforge.draft.server import ServerReplyError
from ankiforge.errors import ServiceError
from ankiforge.ledger import anki_views
from ankiforge.model import (
    AnkiNote,
    Document,
    DocumentKey,
    Guid,
    Highlight,
    HighlightKind,
    NoteId,
    NoteType,
    Problem,
)
from ankiforge.pipeline import collection, media, models


@pytest.mark.parametrize("unknown", [0, 3])
def test_what_is_told_of_notes_without_a_passage(monkeypatch, unknown):
    our_type = get_our_note_type(NoteType.BASIC)
    note = AnkiNote(
        Guid("a"), NoteId(1), 1, ("q", "a"), (), "D", None, type_id=our_type.id
    )
    given = []

    def recover(ledger: Any, candidates: Any, unreadable: Any) -> list[AnkiNote]:
        given.append((candidates, unreadable))
        return [note] * unknown

    monkeypatch.setattr(anki_views, "recover_lost_cards", recover)
    monkeypatch.setattr(collection, "load_note_types", lambda ledger: {})
    nothing: Any = None
    told = collection.recreate_cards_of_unknown_notes(nothing, [note])
    assert given == [([], [note])]  # its note type is not in this collection
    expected = Problem(
        "Anki",
        "3 notes of ankiforge in Anki whose passage was not found; they stay as they are",
        "ankiforge list --view unknown",
        is_notice=True,
    )
    assert told == ([expected] if unknown else [])


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("https://a.example/b.png", "it is on the web, and nothing is downloaded"),
        ("a\0.png", "is not a path: "),
        ("../../secret.png", "is outside its source"),
    ],
)
def test_why_a_picture_is_not_shown(monkeypatch, tmp_path, path, message):
    monkeypatch.setattr(
        media, "load_source_directories", lambda ledger: {"obsidian:v": str(tmp_path)}
    )
    document = Document(DocumentKey("vault:v/a"), "v", "A")
    highlight = Highlight(document, "vault:v", HighlightKind.HIGHLIGHT, "words")
    nothing: Any = None
    told = media.load_highlight_media(nothing, highlight, path, tmp_path)
    assert isinstance(told, Problem)
    assert told.location == path
    assert told.message.startswith(message)


@pytest.mark.parametrize(
    ("model", "status", "is_listed"),
    [("m", 404, True), ("m", 405, True), ("m", 501, True), (None, 404, False), ("m", 500, False)],
)  # fmt: skip
def test_a_server_that_cannot_list_its_models(monkeypatch, model, status, is_listed):
    def refuse(base_url: str, key: str) -> None:
        raise ServerReplyError("no", status)

    monkeypatch.setattr(models, "list_models", refuse)
    if is_listed:
        assert models.list_server_models("http://127.0.0.1:9/v1", model, None) == ((), ())
        return
    with pytest.raises(ServiceError):
        models.list_server_models("http://127.0.0.1:9/v1", model, None)


@pytest.mark.parametrize("model", [None, "another"])
def test_only_a_model_of_the_table_has_its_price(monkeypatch, model):
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    chosen = models.resolve_model("openai", model)
    assert bool(chosen.price_source) is bool(chosen.llm.price_usd) is (model is None)
