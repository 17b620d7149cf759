"""What waits and which cards there are after drafting, decisions and changes of the source, step by step.

A step `n:A Bc` is a scan of the note n with two passages: the sentence A, and the sentences B and c.
`rules A:heart` drafts each passage that is due by the rules, with a gap where A says "heart"; `own` is
the same of the reader's own mark, `propose` of proposals, `model` of a model, `more` further ones of it;
`!` is blocked, `?` has a warning. `accept heart`, `reject heart`, `skip A`, `undo` and `undo heart` are
decisions, `policy` is the policy's.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from ankiforge.errors import RefusedError
from ankiforge.ledger import Ledger, cards, decide, draft_groups, draft_recording
from ankiforge.ledger.draft_completion import complete_drafts
from ankiforge.ledger.ingest import ingest_scan_results
from ankiforge.ledger.sentence_decisions import hash_sentence
from ankiforge.ledger.tables import pending_drafts
from ankiforge.ledger.tables.snapshots import load_highlight_snapshots
from ankiforge.model import (
    PROPOSAL_DRAFTER,
    CardContent,
    CardKind,
    Document,
    DocumentKey,
    Draft,
    DraftingResult,
    ExtractedDocument,
    Finding,
    Highlight,
    HighlightKind,
    Origin,
    PendingDraft,
    ScanEnd,
    SearchTerms,
    Severity,
)

SENTENCES = {
    "A": "The heart pumps five litres of blood every minute.",
    "a": "The heart pumps six litres of blood every minute.",
    "x": "The muscle pumps six litres of blood every minute.",
    "B": "The liver stores the sugar of a whole day.",
    "C": "The kidneys filter the blood forty times a day.",
}
NAMES = {hash_sentence(text): name for name, text in SENTENCES.items()} | {"": "-"}
DRAFTERS = {
    "rules": "rules:definition",
    "own": "rules:phrase",
    "propose": PROPOSAL_DRAFTER,
}
SEVERITIES = {"!": Severity.BLOCK, "?": Severity.WARN}


def name_of(text: str) -> str:
    """Return the name of a sentence, or * for another text."""
    return NAMES.get(hash_sentence(text), "*")


class Desk:
    """A ledger with a vault, whose highlights are drafted as a step says."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.refused = ""

    def play(self, step: str) -> None:
        verb, _, rest = step.partition(" ")
        if ":" in verb:
            self.scan(step)
        elif verb in ("rules", "own", "propose", "model", "more", "decline"):
            self.draft(verb, rest.split())
        elif verb == "policy":
            list(decide.accept_clean_drafts(self.ledger, lambda draft: True))
        else:
            try:
                self.decide(verb, rest)
            except RefusedError as error:
                self.refused = (
                    f"refused: {re.sub('(af|dr)[a-z0-9]+', 'ID', error.message)}"
                )

    def scan(self, step: str) -> None:
        sightings: list[ExtractedDocument | ScanEnd] = []
        documents: dict[str, list[str]] = {}
        for part in step.split():
            path, _, passage = part.rpartition(":")
            path = path or next(reversed(documents))
            documents.setdefault(path, []).extend([passage] if passage else [])
        for path, passages in documents.items():
            document = Document(DocumentKey(path), "v", path, path=path)
            highlights = tuple(
                Highlight(
                    document,
                    "vault:v",
                    HighlightKind.HIGHLIGHT,
                    " ".join(SENTENCES[name] for name in passage),
                    source_id=f"{path}{number}",
                )
                for number, passage in enumerate(passages)
            )
            sightings.append(ExtractedDocument(document, highlights, "vault:v"))
        sightings.append(ScanEnd("v", "vault:v", complete=True))
        ingest_scan_results(self.ledger, sightings)

    def draft(self, drafter: str, wanted: list[str]) -> None:
        by_model = drafter in ("model", "more", "decline")
        more = drafter == "more"
        found = list(
            draft_recording.iter_highlights_to_draft(self.ledger, by_model=by_model)
        )
        if more:
            keys = [
                row["key"] for row in self.ledger.fetch_rows("SELECT key FROM highlight")
            ]
            found = list(cards.load_highlights(self.ledger, keys).values())
        results = []
        for highlight in found:
            drafts = [
                self.make(drafter, highlight, each)
                for each in wanted
                if SENTENCES[each[0]] in highlight.exact
            ]
            if more and not drafts:
                continue
            snapshot = load_highlight_snapshots(self.ledger, [highlight.key])[
                highlight.key
            ]
            proposals = [draft for draft in drafts if drafter == "propose"]
            completed = complete_drafts(
                snapshot,
                [] if proposals else drafts,
                with_earlier_drafts=not by_model,
                make_proposals=None if by_model else lambda _, found=proposals: found,
            )
            if proposals:
                completed += proposals
            reason = "" if completed else f"{drafter} has none"
            worth = tuple((draft.quote, 0.5) for draft in completed)
            result = DraftingResult(highlight, tuple(completed), reason, 0.5, worth)
            results.append(replace(result, is_declined=drafter == "decline"))
        draft_recording.record_drafts(
            self.ledger,
            results,
            lambda draft: SearchTerms((), (), b""),
            by_model=by_model,
            keeps_pending=more,
            drafting_id=draft_recording.make_drafting_id(self.ledger) if by_model else "",
        )

    def make(self, drafter: str, highlight: Highlight, wanted: str) -> Draft:
        name, answer, severity = re.fullmatch(r"(\w):(\w+)([!?]?)", wanted).groups()
        quote = SENTENCES[name]
        findings = [Finding("cut", SEVERITIES[severity], "so")] if severity else []
        return Draft(
            highlight.key,
            CardKind.CLOZE,
            (("Text", quote.replace(answer, f"{{{{c1::{answer}}}}}", 1)),),
            Origin(DRAFTERS.get(drafter, "llm")),
            quote,
            answer=answer,
            start=highlight.exact.find(quote),
            findings=tuple(findings),
            user_text_number=0 if drafter == "own" else None,
        )

    def decide(self, verb: str, target: str) -> None:
        ledger = self.ledger
        if verb == "undo":
            decide.undo_decision(
                ledger, self.find(target, is_card=True) if target else ""
            )
        elif verb == "skip":
            row = ledger.fetch_first_row(
                "SELECT key FROM sentence WHERE name = ?",
                hash_sentence(SENTENCES[target]),
            )
            decide.skip_highlight(ledger, row["key"])
        elif verb == "reject":
            decide.reject_item(ledger, self.find(target), "too easy")
        elif verb == "drop":
            decide.reject_item(ledger, self.find(target, is_card=True))
        elif verb == "edit":
            answer, _, text = target.partition("=")
            decide.edit_item(ledger, self.find(answer, is_card=True), {"Text": text})
        else:
            decide.accept_draft(
                ledger,
                self.find(target),
                forced=verb == "force",
                another=verb == "another",
            )

    def find(self, answer: str, *, is_card: bool = False) -> str:
        """Return the id of the card or draft with this gap; a draft may be decided."""
        gap = f"::{answer}}}}}"
        for card in cards.iter_cards(self.ledger) if is_card else ():
            if gap in card.get_field("Text"):
                return card.guid
        query = "SELECT id FROM draft WHERE instr(body, ?1)"
        query += " UNION ALL SELECT id FROM decided WHERE instr(body, ?1)"
        return str(self.ledger.fetch_value(query, gap) or "dr1")

    # --- what there is

    def state(self) -> str:
        """Say which drafts wait, with their sentence and quote; (which were decided); the cards."""
        ledger = self.ledger
        ids = pending_drafts.load_draft_ids(ledger)
        told = [
            self.say_draft(each) for each in draft_groups.iter_pending_drafts(ledger, ids)
        ]
        for row in ledger.fetch_rows("SELECT body FROM decided ORDER BY rowid"):
            told.append(f"({self.text(pending_drafts.decode_draft(row['body']))})")
        for card in sorted(cards.iter_cards(ledger), key=lambda card: card.guid):
            why = f": {card.verdict_reason}" if card.verdict_reason else ""
            changes = "".join(f" {change.name.lower()}" for change in card.source_changes)
            verdict = f"{card.verdict.value} by {card.decided_by}{why}{changes}"
            told.append(f"card {self.text(card)} {name_of(card.quote)} {verdict}")
        return "; ".join(told)

    def say_draft(self, draft: PendingDraft) -> str:
        about = "".join(NAMES.get(name, name) for name in draft.sentence_hashes)
        told = (
            f"{'=' * draft.keeps_text}{self.text(draft)} {about}/{name_of(draft.quote)}"
        )
        if draft.drafted_quote:
            told += f"<{name_of(draft.drafted_quote)}"
        if draft.similar_removed_sentence:
            told += f"~{name_of(draft.similar_removed_sentence)}"
        if draft.revised_guid:
            told += f">{self.text(cards.load_card(self.ledger, draft.revised_guid))}"
        return told + "".join(f" {remark.kind.name.lower()}" for remark in draft.remarks)

    def text(self, content: CardContent) -> str:
        return re.sub(r"\{\{c1::(\w+)\}\}.*", r"\1", content.get_field("Text")).split()[
            -1
        ]

    def rows(self) -> str:
        """Say of each passage what became of it, and who is to draft it."""
        due = [
            {
                each.key
                for each in draft_recording.iter_highlights_to_draft(
                    self.ledger, by_model=by_model
                )
            }
            for by_model in (False, True)
        ]
        told = []
        for row in self.ledger.fetch_rows(
            "SELECT h.*, d.place FROM highlight h JOIN document d ON d.id = h.document"
            " ORDER BY d.place, h.position"
        ):
            names = "".join(
                NAMES[each["name"]]
                for each in self.ledger.fetch_rows(
                    "SELECT name FROM sentence WHERE key = ? AND worth IS NOT NULL ORDER BY name",
                    row["key"],
                )
            )
            to_do = "".join(
                letter
                for letter, keys in zip("rm", due, strict=True)
                if row["key"] in keys
            )
            declined = "d" if row["declined"] else ""
            words = (
                row["fate"],
                row["reason"],
                f"{row['worth']:g}",
                "".join(sorted(names)),
                declined,
                to_do,
            )
            told.append(f"{row['place']}: {'|'.join(words)}")
        return "; ".join(told)


# what waits, (what was decided) and the cards; then for each document: what became of it, the reason,
# its usefulness, the rated sentences, whether it was declined, and who is to draft it: rules or model
HISTORIES: dict[str, tuple[str, str]] = {
    "n:A": ("", "n: ||0|||rm"),
    "n:A, rules A:heart": (
        "heart A/A",
        "n: ||0.5|A||m"),
    "n:A, rules": ("", "n: no_card|rules has none|0.5|||m"),
    "n:A, rules A:heart, policy": (
        "(heart); card heart A live by policy",
        "n: ||0.5|A||"),
    "n:A, rules A:heart?, policy": (
        "heart A/A",
        "n: ||0.5|A||m"),
    "n:A, rules A:heart!, policy": (
        "heart A/A",
        "n: ||0.5|A||m"),
    "n:A, rules A:heart!, accept heart": (
        "refused: ID: so; heart A/A",
        "n: ||0.5|A||m"),
    "n:A, rules A:heart!, force heart": (
        "(heart); card heart A live by person",
        "n: ||0.5|A||"),
    "n:AB, rules A:heart B:liver, accept heart": (
        "liver B/B; (heart); card heart A live by person",
        "n: ||0.5|AB||"),
    "n:AB, rules A:heart B:liver, accept heart, undo": (
        "heart A/A taken_back; liver B/B; card heart A undone by person: its acceptance was undone",
        "n: ||0.5|AB||"),
    "n:AB, rules A:heart B:liver, reject heart": (
        "liver B/B; (heart)",
        "n: ||0.5|AB||"),
    "n:AB, rules A:heart B:liver, reject heart, undo": (
        "heart A/A; liver B/B",
        "n: ||0.5|AB||m"),
    "n:AB, rules A:heart A:blood, accept heart": (
        "blood A/A; (heart); card heart A live by person",
        "n: ||0.5|A||"),
    "n:AB, rules A:heart B:liver, skip A": (
        "(heart); (liver)",
        "n: ||0.5|AB||"),
    "n:AB, rules A:heart B:liver, skip A, undo": (
        "heart A/A; liver B/B",
        "n: ||0.5|AB||m"),
    "n:AB, rules A:heart B:liver, accept heart, skip A": (
        "(heart); (liver); card heart A live by person",
        "n: ||0.5|AB||"),
    "n:A, rules A:heart, policy, undo": (
        "refused: nothing to undo; (heart); card heart A live by policy",
        "n: ||0.5|A||"),
    "n:A, rules A:heart, policy, undo heart": (
        "refused: nothing about ID can be undone; (heart); card heart A live by policy",
        "n: ||0.5|A||"),
    "n:A, rules A:heart, policy, undo heart, policy": (
        "refused: nothing about ID can be undone; (heart); card heart A live by policy",
        "n: ||0.5|A||"),
    "n:A, rules A:heart, policy, drop heart": (
        "(heart); card heart A rejected by person",
        "n: ||0.5|A||"),
    "n:A, rules A:heart, policy, drop heart, undo": (
        "(heart); card heart A live by policy",
        "n: ||0.5|A||r"),
    "n:A, rules A:heart, policy, drop heart, drop heart": (
        "refused: ID is rejected already; (heart); card heart A rejected by person",
        "n: ||0.5|A||"),
    "n:A, rules A:heart, policy, n:a, rules a:heart": (
        "heart a/a~A>heart revision; (heart); card heart A live by policy source_changed",
        "n: ||0.5|a||"),
    "n:A, rules A:heart, policy, n:a, rules": (
        "heart a/a~A>heart revision; (heart); card heart A live by policy source_changed",
        "n: ||0.5|a||"),
    "n:A, rules A:heart, policy, n:a, rules a:heart, accept heart": (
        "(heart); (heart); card heart a live by policy",
        "n: ||0.5|a||"),
    "n:A, rules A:heart, policy, n:a, rules a:heart, accept heart, undo": (
        "heart a/a~A>heart revision; (heart); card heart A live by policy source_changed",
        "n: ||0.5|a||"),
    "n:A, rules A:heart, policy, n:a, rules a:heart, another heart": (
        "(heart); (heart); card heart a live by person; card heart A live by policy source_changed",
        "n: ||0.5|a||"),
    "n:A, rules A:heart, policy, n:a, rules a:heart, reject heart": (
        "(heart); (heart); card heart A live by policy source_changed",
        "n: ||0.5|a||"),
    "n:A, rules A:heart, policy, n:x, rules x:muscle": (
        "muscle x/x~A>heart revision; (heart); card heart A live by policy source_changed",
        "n: ||0.5|x||"),
    "n:A, rules A:heart, policy, n:x, propose x:muscle": (
        "muscle x/x~A>heart revision; (heart); card heart A live by policy source_changed",
        "n: ||0.5|x||"),
    "n:A, rules A:heart, policy, n:x, propose x:muscle, accept muscle": (
        "(heart); (muscle); card muscle x live by policy",
        "n: ||0.5|x||"),
    "n:A, rules A:heart, policy, n:B, rules B:liver": (
        "liver B/B>heart revision; (heart); card heart A live by policy source_changed",
        "n: ||0.5|B||"),
    "n:A, rules A:heart, policy, n:B, rules": (
        "=heart B/B>heart passage; (heart); card heart A live by policy source_changed",
        "n: no_card|rules has none|0.5|||m"),
    "n:A, rules A:heart, policy, n:": (
        "(heart); card heart A live by policy",
        "n: ||0.5|A||"),
    "n:A, rules A:heart, n:a, rules a:heart": (
        "heart a/a",
        "n: ||0.5|a||m"),
    "n:A, rules A:heart, n:": ("", "n: ||0.5|A||"),
    "n:A, own A:heart": (
        "heart A/A",
        "n: ||0.5|A||m"),
    "n:A, own A:heart, accept heart": (
        "(heart); card heart A live by person",
        "n: ||0.5|A||"),
    "n:A, own A:heart, policy, n:a, own a:heart": (
        "card heart a live by policy",
        "n: ||0.5|a||"),
    "n:A, own A:heart!, accept heart, n:a, own a:heart!": (
        "refused: ID: so; heart a/a",
        "n: ||0.5|a||m"),
    "n:A, own A:heart, policy, n:a, own a:heart!": (
        "heart a/a>heart revision; card heart A live by policy source_changed",
        "n: ||0.5|a||"),
    "n:A, own A:heart, policy, n:a, own a:heart!, accept heart": (
        "refused: ID: so; heart a/a>heart revision; card heart A live by policy source_changed",
        "n: ||0.5|a||"),
    "n:A, own A:heart, policy, edit heart=mine {{c1::it}}, n:a, own a:heart": (
        "card it a live by policy",
        "n: ||0.5|a||"),
    "n:A, own A:heart, reject heart, own A:heart": (
        "(heart)",
        "n: ||0.5|A||"),
    "n:A, own A:heart, reject heart, n:a, own a:heart": ("", "n: ||0.5|a||"),
    "n:A, propose A:heart": ("", "n: ||0.5|A||m"),
    "n:A, rules, model A:heart": (
        "heart A/A",
        "n: ||0.5|||"),
    "n:A, rules, model A:heart, undo": ("", "n: no_card|rules has none|0.5|||m"),
    "n:A, rules, model A:heart, undo, model A:blood": (
        "blood A/A",
        "n: ||0.5|||"),
    "n:A, rules, model A:heart, accept heart, undo": (
        "heart A/A taken_back; card heart A undone by person: its acceptance was undone",
        "n: ||0.5|||"),
    "n:A, rules, model A:heart, accept heart, undo, rules": (
        "heart A/A taken_back; card heart A undone by person: its acceptance was undone",
        "n: ||0.5|||"),
    "n:A, rules, model A:heart, accept heart, undo, undo": (
        "card heart A undone by person: its drafting was undone",
        "n: no_card|rules has none|0.5|||m"),
    "n:A, rules, model A:heart, accept heart, undo, undo, n:AB, rules": (
        "card heart A undone by person: its drafting was undone",
        "n: no_card|rules has none|0.5|||m"),
    "n:A, rules, model A:heart, reject heart, rules": (
        "(heart)",
        "n: ||0.5|||"),
    "n:A, rules, model A:heart A:blood, accept heart": (
        "blood A/A; (heart); card heart A live by person",
        "n: ||0.5|||"),
    "n:A, rules, model A:heart, n:a, rules": (
        "heart a/a<A draft_passage",
        "n: ||0.5|a||m"),
    "n:A, rules, model A:heart, n:a, rules, n:A, rules": (
        "heart A/A",
        "n: ||0.5|A||"),
    "n:A, rules, model A:heart, n:B, rules": (
        "heart B/B<A draft_passage",
        "n: ||0.5|B||m"),
    "n:A, rules, model A:heart, n:a, rules, accept heart": (
        "(heart); card heart a live by person",
        "n: ||0.5|a||"),
    "n:A, rules, model A:heart, accept heart, n:a, rules": (
        "heart a/a~A>heart revision; (heart); card heart A live by person source_changed",
        "n: ||0.5|a||m"),
    "n:A, rules, model A:heart, accept heart, n:a, rules, model a:heart": (
        "heart a/a~A>heart revision; (heart); card heart A live by person source_changed",
        "n: ||0.5|a||"),
    "n:A, rules, model A:heart, accept heart, n:x, rules": (
        "=heart x/x>heart passage; (heart); card heart A live by person source_changed",
        "n: no_card|rules has none|0.5|||m"),
    "n:A, rules, model A:heart, accept heart, n:x, rules, accept heart": (
        "(heart); (heart); card heart x live by person",
        "n: no_card|rules has none|0.5|||"),
    "n:A, rules, model A:heart, accept heart, n:x, rules, reject heart": (
        "(heart); (heart); card heart A rejected by person: too easy source_changed",
        "n: no_card|rules has none|0.5|||"),
    "n:A, rules, model A:heart, accept heart, n:x, rules, n:A, rules": (
        "(heart); card heart A live by person",
        "n: no_card|rules has none|0.5|||"),
    "n:A, rules, model A:heart, accept heart, n:x, rules, edit heart=mine {{c1::it}}": (
        "(heart); (heart); card it x live by person",
        "n: no_card|rules has none|0.5|||"),
    "n:A, rules, model A:heart, accept heart, n:B, rules": (
        "=heart B/B>heart passage; (heart); card heart A live by person source_changed",
        "n: no_card|rules has none|0.5|||m"),
    "n:A, rules, model A:heart, accept heart, n:B, rules, model B:liver": (
        "liver B/B>heart revision; (heart); (heart); card heart A live by person source_changed",
        "n: ||0.5|||"),
    "n:A, rules, model A:heart, more A:blood": (
        "heart A/A; blood A/A",
        "n: ||0.5|||"),
    "n:A, rules, model A:heart, more A:blood, undo": (
        "heart A/A",
        "n: ||0.5|||"),
    "n:A, rules, model A:heart, accept heart, more A:blood": (
        "blood A/A; (heart); card heart A live by person",
        "n: ||0.5|||"),
    "n:A, rules, model A:heart, accept heart, more A:blood, accept blood": (
        "(heart); (blood); card blood A live by person; card heart A live by person",
        "n: ||0.5|||"),
    "n:A, rules, model A:heart, accept heart, more A:heart": (
        "(heart); card heart A live by person",
        "n: ||0.5|||"),
    "n:A, rules A:heart, more A:blood": (
        "heart A/A; blood A/A",
        "n: ||0.5|A||"),
    "n:A, rules A:heart, model A:blood": (
        "heart A/A; blood A/A",
        "n: ||0.5|A||"),
    "n:A, rules A:heart, decline": (
        "heart A/A",
        "n: no_card|decline has none|-0.5|A|d|"),
    "n:A, rules, decline": ("", "n: no_card|decline has none|-0.5||d|"),
    "n:A, rules, decline, undo": ("", "n: no_card|rules has none|0.5|||m"),
    "n:A, rules, decline, n:a, rules": ("", "n: no_card|rules has none|0.5||d|m"),
    "n:A, propose A:heart, decline, n:A, propose A:heart": ("", "n: no_card|decline has none|-0.5|A|d|"),
    "n:A m:A, rules A:heart": (
        "heart A/A",
        "m: no_card|same words as in n|0|||; n: ||0.5|A||m"),
    "n:A m:A, rules A:heart, policy": (
        "(heart); card heart A live by policy",
        "m: no_card|same words as in n|0|||; n: ||0.5|A||"),
    "n:A m:A, rules A:heart, policy, n: m:A, rules A:heart": (
        "(heart); card heart A live by policy",
        "m: ||0.5|A||; n: ||0.5|A||"),
    "n:AB m:AC, rules A:heart, policy": (
        "(heart); (heart); card heart A live by policy",
        "m: ||0.5|A||m; n: ||0.5|A||"),
    "n:AB m:AC, rules A:heart, accept heart": (
        "(heart); (heart); card heart A live by person",
        "m: ||0.5|A||; n: ||0.5|A||m"),
    "n:AB m:AC, rules A:heart, reject heart": (
        "(heart); (heart)",
        "m: ||0.5|A||; n: ||0.5|A||m"),
    "n:AB m:AC, rules A:heart, accept heart, undo": (
        "heart A/A equal_card; heart A/A taken_back; card heart A undone by person: its acceptance was undone",
        "m: ||0.5|A||; n: ||0.5|A||m"),
    "n:AB m:AC, rules A:heart B:liver C:kidneys, skip B": (
        "heart A/A; kidneys C/C; (heart); (liver)",
        "m: ||0.5|AC||m; n: ||0.5|AB||"),
    "n:AB m:AC, rules A:heart, policy, n:B m:AC, rules A:heart": (
        "(heart); (heart); card heart A live by policy",
        "m: ||0.5|A||m; n: no_card|rules has none|0.5|||"),
    "n:AB m:AC, rules A:heart, policy, n:B m:C, rules": (
        "=heart B/B>heart passage; =heart C/C>heart passage; (heart); (heart); card heart A live by policy source_changed",
        "m: no_card|rules has none|0.5|||m; n: no_card|rules has none|0.5|||m"),
    "n:AB m:C, rules A:heart, policy, n:B m:AC, rules A:heart": (
        "(heart); card heart A live by policy",
        "m: ||0.5|A||m; n: no_card|rules has none|0.5|||"),
    "n:AB m:C, rules A:heart, policy, n:B m:aC, rules a:heart": (
        "=heart B/B>heart passage; heart a/a; (heart); card heart A live by policy source_changed",
        "m: ||0.5|a||m; n: no_card|rules has none|0.5|||m"),
    "n:A, rules A:heart, policy, n:a, rules a:heart, undo": (
        "refused: nothing to undo; heart a/a~A>heart revision; (heart); card heart A live by policy source_changed",
        "n: ||0.5|a||"),
    "n:A, rules A:heart, policy, n:a, rules, accept heart, undo": (
        "heart a/a~A>heart revision; (heart); card heart A live by policy source_changed",
        "n: ||0.5|a||"),
    "n:A, own A:heart, policy, n:a, own a:heart, undo heart": (
        "card heart A live by policy source_changed",
        "n: ||0.5|a||r"),
    "n:A, own A:heart, accept heart, n:a, own a:heart, undo, own a:heart": (
        "heart a/a taken_back; card heart a undone by person: its acceptance was undone",
        "n: ||0.5|a||"),
    "n:A, rules, model A:heart, skip A, n:a, rules": (
        "(heart)",
        "n: ||0.5|||"),
    "n:A, rules, model A:heart A:blood, reject heart, undo heart": (
        "heart A/A; blood A/A",
        "n: ||0.5|||"),
    "n:A, rules A:heart, accept heart, edit heart=mine {{c1::it}}, undo": (
        "(heart); card heart A live by person",
        "n: ||0.5|A||r"),
    "n:A, rules A:heart, edit heart=mine {{c1::it}}": (
        "(heart); card it A live by person",
        "n: ||0.5|A||"),
    "n:AB, rules, model A:heart B:liver, accept heart, n:aB, rules, model a:heart, accept heart, undo": (
        "heart a/a~A>heart revision; (heart); (liver); card heart A live by person source_changed",
        "n: ||0.5|a||"),
    "n:AB, own A:heart, model A:heart, accept heart": (
        "(heart); (heart); card heart A live by person",
        "n: ||0.5|A||"),
    "n:AB, own A:heart, model B:liver, accept liver": (
        "heart A/A; (liver); card liver B live by person",
        "n: ||0.5|A||"),
    "n:A, rules A:heart!, model A:heart?, policy": (
        "heart A/A",
        "n: ||0.5|A||"),
    "n:A m:B, rules, model A:heart B:liver, undo": ("", "m: no_card|rules has none|0.5|||m; n: no_card|rules has none|0.5|||m"),
    "n:A m:B, rules, model A:heart B:liver, accept heart, undo heart, undo": (
        "card heart A undone by person: its drafting was undone",
        "m: no_card|rules has none|0.5|||m; n: no_card|rules has none|0.5|||m"),
}  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Ledger(tmp_path / "ledger.db", tmp_path, "device") as ledger:
        yield Desk(ledger)


@pytest.mark.parametrize("steps", HISTORIES)
def test_what_waits_and_which_cards_there_are(desk, steps):
    state, rows = HISTORIES[steps]
    for step in steps.split(", "):
        desk.play(step)
    assert "; ".join(filter(None, (desk.refused, desk.state()))) == state
    assert desk.rows() == rows
