"""Which questions are open after which steps, and what each answer records, row by row.

Steps are those of `test_drafting_table`, and: `write n:words` is a card in the user's own words,
`anki heart` and `anki?` are reads of Anki that find the notes of these cards (all of them without
graves), `clash heart` a conflict with an edit in Anki, `repair heart` a repair, `empty` a scan without
documents, `lines a b` lines `a :: 1` in a note.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ankiforge.ledger import (
    Ledger,
    anki_changes,
    anki_views,
    cards,
    decide,
    draft_recording,
    questions,
)
from ankiforge.ledger.ingest import ingest_scan_results
from ankiforge.model import (
    AnkiNote,
    CardContent,
    CardKind,
    Conflict,
    Document,
    DocumentKey,
    Draft,
    DraftingResult,
    ExtractedDocument,
    Guid,
    Highlight,
    HighlightKey,
    HighlightKind,
    Origin,
    ScanEnd,
    SearchTerms,
    UserQuestion,
    compute_note_id,
)
from tests.ledger.test_drafting_table import Desk


class Asker(Desk):
    """A desk at which questions come up."""

    def play(self, step: str) -> None:
        verb, _, rest = step.partition(" ")
        ledger = self.ledger
        if verb == "write":
            path, _, words = rest.partition(":")
            fields = (("Front", words), ("Back", "yes"))
            content = CardContent(
                HighlightKey(f"vault:v/{path}0"), CardKind.BASIC, fields, Origin("person")
            )
            decide.make_card_without_draft(ledger, content)
        elif verb in ("anki", "anki?"):
            guids = [self.find(answer, is_card=True) for answer in rest.split()]
            if rest == "all":
                guids = [card.guid for card in cards.iter_cards(ledger)]
            notes = [
                AnkiNote(
                    Guid(guid),
                    compute_note_id(Guid(guid)),
                    1,
                    (),
                    (),
                    "D",
                    None,
                    reviews=number,
                )
                for number, guid in enumerate(guids)
            ]
            graves = None if verb == "anki?" else frozenset()
            anki_views.record_anki_state(ledger, notes, complete=True, graves=graves)
        elif verb == "gone":  # deleted in Anki
            ids = {compute_note_id(card.guid) for card in cards.iter_cards(ledger)}
            anki_views.record_anki_state(ledger, [], complete=True, graves=frozenset(ids))
        elif verb == "clash":
            guid = Guid(self.find(rest, is_card=True))
            conflict = Conflict(
                guid, "Text", "{{c1::a}} b {{c2::c}}", "{{c1::d}}", "t", "o"
            )
            anki_views.record_export_plan(ledger, [], [], "", [conflict], {}, {})
        elif verb == "repair":
            with ledger.action():
                for answer in rest.split():
                    guid = self.find(answer, is_card=True)
                    decide.record_repair(ledger, "split", 1, guid)
                    decide.edit_item(
                        ledger, guid, {"Text": f"new {answer} {{{{c1::words}}}}"}
                    )
        elif verb == "empty":
            ingest_scan_results(
                ledger, [ScanEnd("v", "vault:v", complete=True, directory="/v")]
            )
        elif verb == "lines":
            self.write_lines(rest.split())
        else:
            super().play(step)

    def write_lines(self, names: list[str]) -> None:
        document = Document(DocumentKey("0"), "v", "0", path="Books/0.md")
        highlights = tuple(
            Highlight(
                document,
                "vault:v",
                HighlightKind.CARD,
                f"{name} :: 0",
                source_id=f"{name}0",
                markdown=(name, "0"),
                line_syntax="a :: b",
            )
            for name in names
        )
        scanned = ExtractedDocument(document, highlights, "vault:v")
        end = ScanEnd("v", "vault:v", complete=True)
        ingest_scan_results(self.ledger, [scanned, end])
        results = []
        for highlight in draft_recording.iter_highlights_to_draft(self.ledger):
            front, back = highlight.markdown
            fields = (("Front", front), ("Back", back))
            origin = Origin("rules:card")
            draft = Draft(
                highlight.key, CardKind.BASIC, fields, origin, highlight.exact,
                answer=back, start=0, user_text_number=0,
            )  # fmt: skip
            results.append(DraftingResult(highlight, (draft,)))
        draft_recording.record_drafts(
            self.ledger, results, lambda _: SearchTerms((), (), b"")
        )

    def say_questions(self) -> list[str]:
        return [
            self.say_question(each) for each in questions.find_open_questions(self.ledger)
        ]

    def say_question(self, question: UserQuestion) -> str:
        told = [f"{question.kind.value}: {question.text}"]
        names = (question.new, question.old)
        about = [
            each.removeprefix("vault:v/")
            for each in names
            if each not in ("", *question.guids)
        ]
        told.append(" ".join(about))
        told += [" | ".join(question.examples)]
        told.append(f"{len(question.guids)} cards {len(question.drafts)} drafts")
        for each in question.conflicts:
            told.append(
                f"{each.field}: {each.user_text} / {each.source}"
                f"{' here' if each.is_edited_in_ankiforge else ''}"
            )
        return "; ".join(filter(None, told))

    def answer(self, *, yes: bool) -> str:
        """Answer the first question, and say which events that records."""
        [question, *_] = questions.find_open_questions(self.ledger)
        last = self.ledger.find_last_event_number()
        questions.answer_question(self.ledger, question.id[:8], yes=yes)
        told = []
        query = "SELECT id, line FROM event WHERE n > ? ORDER BY n"
        for event in self.ledger.iter_events(query, last):
            if event.kind != "fact":
                told.append(
                    f"{event.kind} {event.key.removeprefix('vault:v/')} {say_body(event.body)}".strip()
                )
        answers = self.ledger.get_metas_with_prefix("emptied ")
        told += [f"{name} {value}" for name, value in answers.items()]
        return "; ".join(filter(None, [*told, self.state(), *self.say_questions()]))


def say_body(body: dict[str, Any]) -> str:
    """Say what an event has, but ids and hashes."""
    names = ("old", "choice", "field", "was", "why", "content")
    told = [str(body[name]) for name in names if body.get(name)]
    return " ".join(
        "HASH" if len(each) == 16 and " " not in each else each for each in told
    )


# the questions, and what is recorded and there after the answers: yes, no
QUESTIONS: dict[str, tuple[list[str], str, str]] = {
    "n:A, rules A:heart, accept heart": (
        [],
        "",
        "",
    ),
    "n:A m:C, rules A:heart, accept heart, n: m:C :a, rules": (
        ["same: Is this the passage of a card whose passage is no longer found?; m1 n0; The heart pumps six litres of blood every minute. | The heart pumps five litres of blood every minute.; 1 cards 0 drafts"],
        "same m1 vault:v/n0; =heart a/a>heart passage; card heart A live by person source_changed",
        "different m1 vault:v/n0; card heart A live by person",
    ),
    "n:A m:C, rules A:heart, accept heart, n: m:C :a, rules a:blood": (
        ["same: Is this the passage of a card whose passage is no longer found?; m1 n0; The heart pumps six litres of blood every minute. | The heart pumps five litres of blood every minute.; 1 cards 1 drafts"],
        "same m1 vault:v/n0; blood a/a~A>heart revision; card heart A live by person source_changed",
        "different m1 vault:v/n0; blood a/a; card heart A live by person",
    ),
    "n:A m:C, rules A:heart, accept heart, n: m:C :A, rules": (
        [],
        "",
        "",
    ),
    "n:A m:C, write n:Is it?, write m:Is it?": (
        ["duplicate: Two cards ask and answer the same.; n0 m0; Is it? yes; 2 cards 0 drafts"],
        "retire m0 one card with aftieqjuvrn2dswnughulhvpos; card it? * retired by person: one card with aftieqjuvrn2dswnughulhvpos; card it? * live by person",
        "different n0 vault:v/m0; card it? * live by person; card it? * live by person",
    ),
    "n:A m:C, write m:Is it?, write n:Is it?": (
        ["duplicate: Two cards ask and answer the same.; n0 m0; Is it? yes; 2 cards 0 drafts"],
        "retire n0 one card with afnryouhbvqneae5qk3zguyedo; card it? * live by person; card it? * retired by person: one card with afnryouhbvqneae5qk3zguyedo",
        "different n0 vault:v/m0; card it? * live by person; card it? * live by person",
    ),
    "n:A m:C, write n:Is it?, write m:Is it?, anki? all": (
        ["duplicate: Two cards ask and answer the same.; n0 m0; Is it? yes; 2 cards 0 drafts"],
        "retire m0 one card with aftieqjuvrn2dswnughulhvpos; card it? * retired by person: one card with aftieqjuvrn2dswnughulhvpos; card it? * live by person",
        "different n0 vault:v/m0; card it? * live by person; card it? * live by person",
    ),
    "n:A m:C, write m:Is it?, write n:Is it?, anki? all": (
        ["duplicate: Two cards ask and answer the same.; n0 m0; Is it? yes; 2 cards 0 drafts"],
        "retire m0 one card with aftieqjuvrn2dswnughulhvpos; card it? * retired by person: one card with aftieqjuvrn2dswnughulhvpos; card it? * live by person",
        "different n0 vault:v/m0; card it? * live by person; card it? * live by person",
    ),
    "n:A m:C, write n:Is it?, write m:Is it, anki? all": (
        [],
        "",
        "",
    ),
    "n:A, own A:heart, accept heart, edit heart=mine {{c1::it}}, n:a, own a:heart": (
        ["conflict: You changed this card, and so did its source. The source's words would leave 1 card empty: c1.; mine it | n; 1 cards 0 drafts; Text: mine {{c1::it}} / The {{c2::heart}} pumps six litres of blood every minute."],
        "resolve n0 source Text mine {{c1::it}}; card minute. a live by person",
        "resolve n0 mine Text mine {{c1::it}}; card it a live by person",
    ),
    "n:A, own A:heart, accept heart, clash heart": (
        ["conflict: You changed this card, and so did its source. The source's words would leave 1 card empty: c2.; The heart pumps five litres of blood every minute. | n; 1 cards 0 drafts; Text: {{c1::a}} b {{c2::c}} / {{c1::d}}"],
        "resolve n0 source Text {{c1::a}} b {{c2::c}}; card heart A live by person",
        "resolve n0 mine Text {{c1::a}} b {{c2::c}}; card heart A live by person",
    ),
    "n:A, own A:heart, accept heart, edit heart=mine {{c1::heart}}, clash heart": (
        ["conflict: You changed this card here, and in Anki. The words from here would leave 1 card empty: c2.; mine heart | n; 1 cards 0 drafts; Text: {{c1::a}} b {{c2::c}} / {{c1::d}} here"],
        "resolve n0 source Text {{c1::a}} b {{c2::c}}; card heart A live by person",
        "resolve n0 mine Text {{c1::a}} b {{c2::c}}; card heart A live by person",
    ),
    "n:A, own A:heart, accept heart, edit heart=mine {{c1::heart}}, n:a, own a:heart, clash heart": (
        ["conflict: You changed this card, and so did its source.; mine heart | n; 1 cards 0 drafts; Text: mine {{c1::heart}} / The {{c1::heart}} pumps six litres of blood every minute."],
        "resolve n0 source Text mine {{c1::heart}}; card heart a live by person",
        "resolve n0 mine Text mine {{c1::heart}}; card heart a live by person",
    ),
    "n:A m:C, rules A:heart C:kidneys, accept heart, accept kidneys, anki? all, anki? heart": (
        [],
        "",
        "",
    ),
    "n:A m:C, rules A:heart C:kidneys, accept heart, accept kidneys, anki? all, anki heart": (
        ["absent: 1 note is missing in Anki. Did you delete it?; The kidneys filter the blood forty times a day.; 1 cards 0 drafts"],
        "retire m0 deleted in Anki; card kidneys C retired by person: deleted in Anki; card heart A live by person",
        "unseen m0; card kidneys C live by person; card heart A live by person",
    ),
    "n:A m:C, rules A:heart C:kidneys, accept heart, accept kidneys, anki all, anki": (
        ["absent: 2 notes are missing in Anki. Did you delete them?; The kidneys filter the blood forty times a day. | The heart pumps five litres of blood every minute.; 2 cards 0 drafts"],
        "retire m0 deleted in Anki; retire n0 deleted in Anki; card kidneys C retired by person: deleted in Anki; card heart A retired by person: deleted in Anki",
        "unseen m0; unseen n0; card kidneys C live by person; card heart A live by person",
    ),
    "n:A m:C, rules A:heart C:kidneys, accept heart, accept kidneys, anki all, gone": (
        [],
        "",
        "",
    ),
    "n:A, rules A:heart, accept heart, empty": (
        ["emptied: 1 of 1 note was not found in /v. 1 card comes from this source. Was it deleted?; vault:v; 0 cards 0 drafts"],
        "vault:v yes; card heart A live by person",
        "vault:v no; card heart A live by person",
    ),
    "n:A m:C, empty": (
        ["emptied: 2 of 2 notes were not found in /v. 0 cards come from this source. Were they deleted?; vault:v; 0 cards 0 drafts"],
        "vault:v yes",
        "vault:v no",
    ),
    "lines a b": (
        [],
        "",
        "",
    ),
    "lines a b c": (
        ["form: 3 lines like `a :: b` in v: are they cards?; v a :: b; a :: 0 | b :: 0 | c :: 0; 0 cards 3 drafts"],
        "form form:v:a :: b accept; accept a0; accept b0; accept c0; card c * live by person; card b * live by person; card a * live by person",
        "form form:v:a :: b never",
    ),
}  # fmt: skip


@pytest.fixture
def asker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asker]:
    monkeypatch.setattr(anki_changes, "MIN_ABSENCE_SECONDS", 0.0)
    with Ledger(tmp_path / "ledger.db", tmp_path, "device") as ledger:
        yield Asker(ledger)


@pytest.mark.parametrize("steps", QUESTIONS)
@pytest.mark.parametrize("answer", ["yes", "no"])
def test_what_is_asked_and_what_an_answer_does(asker, steps, answer):
    asked, *answers = QUESTIONS[steps]
    expected = dict(zip(("yes", "no"), answers, strict=True))[answer]
    for step in steps.split(", "):
        asker.play(step)
    assert asker.say_questions() == asked
    if expected:
        assert asker.answer(yes=answer == "yes") == expected


@pytest.mark.parametrize(
    ("steps", "cited"),
    [
        (["accept heart"], "m"),  # the card stays, with the new words as its quote
        (["n:A m:C :a"], "n"),  # its passage is back
        (["n: m:C :A"], "m"),  # the new passage has its words now
    ],
)
def test_a_card_cites_a_document_that_has_its_quote(asker, steps, cited):
    for step in ("n:A m:C", "rules A:heart", "accept heart", "n: m:C :a", "rules"):
        asker.play(step)
    [question] = questions.find_open_questions(asker.ledger)
    questions.answer_question(asker.ledger, question.id, yes=True)
    for step in steps:
        asker.play(step)
    [card] = cards.iter_cards(asker.ledger)
    assert card.highlight.document.path == cited
    assert card.quote in card.highlight.exact
