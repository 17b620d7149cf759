"""What waits and which cards there are after drafting, decisions and changes of the source, step by step.

A step `n:A Bc` is a scan of the note n with two passages: the sentence A, and the sentences B and c.
`rules A:heart` drafts each passage that is due by the rules, with a gap where A says "heart"; `own` is
the same of the reader's own mark, `propose` of proposals, `model` of a model, `more` further ones of it, of which there are `none`;
`!` is blocked, `?` has a warning. `accept heart`, `reject heart`, `skip A`, `undo` and `undo heart` are
decisions, `policy` is the policy's, and `redo` has the rules draft all again.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import asdict, replace

from ankiforge.errors import RefusedError
from ankiforge.ledger import (
    HighlightOutcome,
    HistoryEntry,
    Ledger,
    QueryTerm,
    anki_views,
    cards,
    decide,
    draft_groups,
    draft_recording,
    item_lists,
    pending_items,
)
from ankiforge.ledger.draft_completion import complete_drafts
from ankiforge.ledger.ingest import ingest_scan_results
from ankiforge.ledger.pending_items import DependentItems, PassageLocation
from ankiforge.ledger.sentence_decisions import hash_sentence
from ankiforge.ledger.source_state import SourceState
from ankiforge.ledger.tables import highlights as highlight_table
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
    DraftingStatus,
    ExtractedDocument,
    Finding,
    Highlight,
    HighlightKind,
    ListRow,
    Origin,
    PendingDraft,
    RemarkKind,
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


def say_dependents(items: DependentItems) -> str:
    titles = ", ".join(items.titles)
    return f"{items.cards} cards, {items.drafts} drafts of {titles}" if titles else ""


class Desk:
    """A ledger with a vault, whose highlights are drafted as a step says."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.refused = ""

    def play(self, step: str) -> None:
        verb, _, rest = step.partition(" ")
        if ":" in verb:
            self.scan(step)
        elif verb in ("rules", "own", "propose", "model", "more", "none", "decline"):
            self.draft(verb, rest.split())
        elif verb == "redo":  # the rules have changed
            highlight_table.schedule_redrafting_by_rules(
                self.ledger,
                [
                    row["key"]
                    for row in self.ledger.fetch_rows("SELECT key FROM highlight")
                ],
            )
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
        by_model = drafter in ("model", "more", "none", "decline")
        more = drafter in ("more", "none")
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
            if drafter == "more" and not drafts:
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
            status = DraftingStatus.DRAFTED if completed else DraftingStatus.NO_CARD
            reason = None if completed else f"{drafter} has none"
            usefulness = 0.9 if drafter == "propose" else 0.5
            worth = tuple((draft.quote, usefulness) for draft in completed)
            result = DraftingResult(
                highlight, tuple(completed), status, reason, usefulness, worth
            )
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
        query += " UNION ALL SELECT id FROM made WHERE instr(body, ?1)"
        return str(self.ledger.fetch_value(query, gap) or "dr1")

    # --- what there is

    def state(self) -> str:
        """Say which drafts wait, with their sentence and quote; the cards."""
        ledger = self.ledger
        ids = pending_drafts.load_draft_ids(ledger)
        told = [
            self.say_draft(each) for each in draft_groups.iter_pending_drafts(ledger, ids)
        ]
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
        """Return the answer of a cloze, or the question of another card."""
        text = content.get_field("Text") or content.get_field("Front")
        return re.sub(r"\{\{c1::(\w+)\}\}.*", r"\1", text).split()[-1]

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

    # --- what lists and counts say

    def overview(self) -> dict[str, str]:
        """Say what each list and count has about the passages, drafts and cards."""
        ledger = self.ledger
        ids = item_lists.load_card_and_draft_ids(ledger)
        names = self.name_items()
        keys = [
            row["key"]
            for row in ledger.fetch_rows("SELECT key FROM highlight ORDER BY key")
        ]
        documents = [
            row["id"] for row in ledger.fetch_rows("SELECT id FROM document ORDER BY id")
        ]
        waits = pending_items.load_pending_items(ledger)
        counts = {
            "highlights": asdict(pending_items.count_highlights(ledger)),
            "waiting": asdict(pending_items.count_waiting(waits)),
            "reasons": draft_groups.count_pending_reasons(ledger, waits.new_drafts),
            "cards": asdict(pending_items.count_cards(ledger)),
            "reviews": asdict(pending_items.count_reviews(ledger)),
        }
        del counts["highlights"]["total"], counts["waiting"]["total"]
        told = {
            "new": " ".join(
                f"{names[each.id]}x{each.draft_count}" for each in waits.drafts
            ),
            "revisions": " ".join(names[id] for id in waits.revisions),
            "without": " ".join(map(self.say_location, waits.without_card)),
            "locations": " ".join(
                map(
                    self.say_location,
                    pending_items.load_draft_locations(ledger, [*ids, "x"]),
                )
            ),
            "outcomes": self.say_outcomes(pending_items.iter_highlight_outcomes(ledger)),
            "by rank": self.say_outcomes(
                pending_items.iter_highlight_outcomes(
                    ledger, document_ranks={id: -id for id in documents[1:]}
                )
            ),
            "of one": self.say_outcomes(
                pending_items.iter_highlight_outcomes(ledger, keys[0])
            ),
            "states": " ".join(
                f"{highlight.document.title}={state}"
                for key in keys
                for highlight, state in pending_items.load_passage_states(ledger, key)
            ),
            "counts": " ".join(
                f"{group}.{KINDS.get(name, name)}={count}"
                for group in counts
                for name, count in sorted(counts[group].items())
                if count
            ),
            "depend": say_dependents(pending_items.count_dependent_items(ledger, keys)),
            "depend, absent": say_dependents(
                pending_items.count_dependent_items(
                    ledger, keys, excluded_states=(SourceState.PRESENT,)
                )
            ),
            "depend, gone": say_dependents(pending_items.count_dependent_items(ledger)),
            "groups": " ".join(
                "+".join(names[draft.id] for draft in group)
                for group in draft_groups.iter_draft_groups(ledger, [*ids, *keys])
            ),
            "several": draft_groups.filter_passages_with_several_draft_groups(
                ledger, keys
            ),
            "facets": {
                name: sorted(values)
                for name, values in item_lists.load_facets(ledger).items()
                if values
            },
            "items": " ".join(
                map(self.say_line, item_lists.load_items(ledger, [*ids, *keys]))
            ),
            "drafts": " ".join(
                names[line.id] for line in item_lists.load_pending_drafts(ledger, ids)
            ),
            "learned": " ".join(
                names[guid]
                for guid in anki_views.sort_for_learning(
                    ledger, [card.guid for card in cards.iter_cards(ledger)]
                )
            ),
            "to plan": " ".join(
                names[card.guid]
                for card, _ in anki_views.iter_export_candidates(ledger, "s")
            ),
            "recent": " ".join(map(self.say_entry, cards.load_recent_decisions(ledger))),
            "history": " ".join(
                map(self.say_entry, cards.load_passage_history(ledger, keys[0]))
            ),
            "changes": " ".join(
                map(self.say_entry, cards.load_source_changes(ledger, ""))
            ),
            "due": highlight_table.count_highlights_to_draft(ledger),
            "documents": [
                tuple(row)
                for row in highlight_table.count_documents_with_highlights(ledger)
            ],
            "unmarked": [
                tuple(row)
                for row in highlight_table.list_documents_without_highlights(ledger)
            ],
            "useful": sorted(
                row["worth"] or 0 for row in highlight_table.load_usefulness(ledger)
            ),
        }
        for query in QUERIES:
            terms = [QueryTerm(*each.split("=")) for each in query.split()]
            told[query] = " ".join(
                names[id] for id in item_lists.find_items(ledger, terms)
            )
        everything = item_lists.find_items(ledger, [], everything=True)
        told["everything"] = " ".join(names[id] for id in everything)
        return {name: str(value) for name, value in told.items() if value}

    def name_items(self) -> dict[str, str]:
        names = {
            card.guid: f"card-{self.text(card)}" for card in cards.iter_cards(self.ledger)
        }
        for row in self.ledger.fetch_rows("SELECT id, body FROM draft"):
            names[row["id"]] = self.text(pending_drafts.decode_draft(row["body"]))
        return names

    def say_location(self, location: PassageLocation) -> str:
        sentence = NAMES.get(location.sentence, location.sentence)
        numbers = (location.usefulness, location.factuality, location.rank)
        return f"{location.title}@{location.position}:{sentence}" + ",".join(
            f"{number:.3g}" for number in numbers
        )

    def say_outcomes(self, outcomes: Iterable[HighlightOutcome]) -> str:
        return " ".join(
            f"{each.highlight.document.title}={each.status}({each.reason}){each.usefulness:g}"
            f"{'+' * each.has_open_sentence}"
            for each in outcomes
        )

    def say_line(self, line: ListRow) -> str:
        if isinstance(line, PendingDraft):
            return f"{self.text(line)}<{name_of(line.old_quote)}"
        revision = f"<{self.text(line.revision)}" if line.revision else ""
        return f"card-{self.text(line)}{revision}:{line.anki_state}"

    def say_entry(self, entry: HistoryEntry) -> str:
        change = f":{len(entry.change.before)}" if entry.change else ""
        return f"{entry.event.kind}({entry.text[:9]}){change}"


KINDS = {kind.value: kind.name.lower() for kind in RemarkKind}
QUERIES = (
    "document=n",
    "document=m",
    "source=v",
    "source=w",
    "kind=cloze",
    "kind=basic",
    "verdict=waiting",
    "verdict=rejected",
    "anki=none",
    "drafter=llm",
    "drafter=rules",
    "finding=warn",
    "finding=source_changed",
    "key=v/n0",
    "=heart",
    "=litres",
    "=litres document=m",
)
# what waits, (what was decided) and the cards; then for each document: what became of it, the reason,
# its usefulness, the rated sentences, whether it was declined, and who is to draft it: rules or model
HISTORIES: dict[str, tuple[str, str]] = {
    "n:A": ("", "n: ||0|||rm"),
    "n:A, rules A:heart": (
        "heart A/A",
        "n: ||0.5|A||m"),
    "n:A, rules": ("", "n: no_card|rules has none|0.5|||m"),
    "n:A, rules A:heart, policy": (
        "card heart A live by policy",
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
        "card heart A live by person",
        "n: ||0.5|A||"),
    "n:AB, rules A:heart B:liver, accept heart": (
        "liver B/B; card heart A live by person",
        "n: ||0.5|AB||"),
    "n:AB, rules A:heart B:liver, accept heart, undo": (
        "heart A/A taken_back; liver B/B; card heart A undone by person: its acceptance was undone",
        "n: ||0.5|AB||"),
    "n:AB, rules A:heart B:liver, reject heart": (
        "liver B/B",
        "n: ||0.5|AB||"),
    "n:AB, rules A:heart B:liver, reject heart, undo": (
        "heart A/A; liver B/B",
        "n: ||0.5|AB||m"),
    "n:AB, rules A:heart A:blood, accept heart": (
        "blood A/A; card heart A live by person",
        "n: ||0.5|A||"),
    "n:AB, rules A:heart B:liver, skip A": (
        "",
        "n: ||0.5|AB||"),
    "n:AB, rules A:heart B:liver, skip A, undo": (
        "heart A/A; liver B/B",
        "n: ||0.5|AB||m"),
    "n:AB, rules A:heart B:liver, accept heart, skip A": (
        "card heart A live by person",
        "n: ||0.5|AB||"),
    "n:A, rules A:heart, policy, undo": (
        "refused: nothing to undo; card heart A live by policy",
        "n: ||0.5|A||"),
    "n:A, rules A:heart, policy, undo heart": (
        "refused: nothing about ID can be undone; card heart A live by policy",
        "n: ||0.5|A||"),
    "n:A, rules A:heart, policy, undo heart, policy": (
        "refused: nothing about ID can be undone; card heart A live by policy",
        "n: ||0.5|A||"),
    "n:A, rules A:heart, policy, drop heart": (
        "card heart A rejected by person",
        "n: ||0.5|A||"),
    "n:A, rules A:heart, policy, drop heart, undo": (
        "card heart A live by policy",
        "n: ||0.5|A||r"),
    "n:A, rules A:heart, policy, drop heart, drop heart": (
        "refused: ID is rejected already; card heart A rejected by person",
        "n: ||0.5|A||"),
    "n:A, rules A:heart, policy, n:a, rules a:heart": (
        "heart a/a~A>heart revision; card heart A live by policy source_changed",
        "n: ||0.5|a||"),
    "n:A, rules A:heart, policy, n:a, rules": (
        "heart a/a~A>heart revision; card heart A live by policy source_changed",
        "n: ||0.5|a||"),
    "n:A, rules A:heart, policy, n:a, rules a:heart, accept heart": (
        "card heart a live by policy",
        "n: ||0.5|a||"),
    "n:A, rules A:heart, policy, n:a, rules a:heart, accept heart, undo": (
        "heart a/a~A>heart revision; card heart A live by policy source_changed",
        "n: ||0.5|a||"),
    "n:A, rules A:heart, policy, n:a, rules a:heart, another heart": (
        "card heart a live by person; card heart A live by policy source_changed",
        "n: ||0.5|a||"),
    "n:A, rules A:heart, policy, n:a, rules a:heart, reject heart": (
        "card heart A live by policy source_changed",
        "n: ||0.5|a||"),
    "n:A, rules A:heart, policy, n:x, rules x:muscle": (
        "muscle x/x~A>heart revision; card heart A live by policy source_changed",
        "n: ||0.5|x||"),
    "n:A, rules A:heart, policy, n:x, propose x:muscle": (
        "muscle x/x~A>heart revision; card heart A live by policy source_changed",
        "n: ||0.9|x||"),
    "n:A, rules A:heart, policy, n:x, propose x:muscle, accept muscle": (
        "card muscle x live by policy",
        "n: ||0.9|x||"),
    "n:A, rules A:heart, policy, n:B, rules B:liver": (
        "liver B/B>heart revision; card heart A live by policy source_changed",
        "n: ||0.5|B||"),
    "n:A, rules A:heart, policy, n:B, rules": (
        "=heart B/B>heart passage; card heart A live by policy source_changed",
        "n: no_card|rules has none|0.5|||m"),
    "n:A, rules A:heart, policy, n:": (
        "card heart A live by policy",
        "n: ||0.5|A||"),
    "n:A, rules A:heart, n:a, rules a:heart": (
        "heart a/a",
        "n: ||0.5|a||m"),
    "n:A, rules A:heart, n:": ("", "n: ||0.5|A||"),
    "n:A, own A:heart": (
        "heart A/A",
        "n: ||0.5|A||m"),
    "n:A, own A:heart, accept heart": (
        "card heart A live by person",
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
        "",
        "n: ||0.5|A||"),
    "n:A, own A:heart, reject heart, n:a, own a:heart": ("", "n: ||0.5|a||"),
    "n:A, propose A:heart": ("", "n: ||0.9|A||m"),
    "n:A, rules, model A:heart": (
        "heart A/A",
        "n: ||0.5|||"),
    "n:A, rules, model A:heart, undo": ("", "n: no_card|rules has none|0.5|||m"),
    "n:A, rules, model A:heart, n:a, propose a:blood, undo": ("", "n: ||0.9|a||m"),
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
        "",
        "n: ||0.5|||"),
    "n:A, rules, model A:heart A:blood, accept heart": (
        "blood A/A; card heart A live by person",
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
        "card heart a live by person",
        "n: ||0.5|a||"),
    "n:A, rules, model A:heart, accept heart, n:a, rules": (
        "heart a/a~A>heart revision; card heart A live by person source_changed",
        "n: ||0.5|a||m"),
    "n:A, rules, model A:heart, accept heart, n:a, rules, model a:heart": (
        "heart a/a~A>heart revision; card heart A live by person source_changed",
        "n: ||0.5|a||"),
    "n:A, rules, model A:heart, accept heart, n:x, rules": (
        "=heart x/x>heart passage; card heart A live by person source_changed",
        "n: no_card|rules has none|0.5|||m"),
    "n:A, rules, model A:heart, accept heart, n:x, rules, accept heart": (
        "card heart x live by person",
        "n: no_card|rules has none|0.5|||"),
    "n:A, rules, model A:heart, accept heart, n:x, rules, reject heart": (
        "card heart A rejected by person: too easy source_changed",
        "n: no_card|rules has none|0.5|||"),
    "n:A, rules, model A:heart, accept heart, n:x, rules, n:A, rules": (
        "card heart A live by person",
        "n: no_card|rules has none|0.5|||"),
    "n:A, rules, model A:heart, accept heart, n:x, rules, edit heart=mine {{c1::it}}": (
        "card it x live by person",
        "n: no_card|rules has none|0.5|||"),
    "n:A, rules, model A:heart, accept heart, n:B, rules": (
        "=heart B/B>heart passage; card heart A live by person source_changed",
        "n: no_card|rules has none|0.5|||m"),
    "n:A, rules, model A:heart, accept heart, n:B, rules, model B:liver": (
        "liver B/B>heart revision; card heart A live by person source_changed",
        "n: ||0.5|||"),
    "n:A, rules, model A:heart, more A:blood": (
        "heart A/A; blood A/A",
        "n: ||0.5|||"),
    "n:A, rules, model A:heart, more A:blood, undo": (
        "heart A/A",
        "n: ||0.5|||"),
    "n:A, rules, model A:heart, accept heart, more A:blood": (
        "blood A/A; card heart A live by person",
        "n: ||0.5|||"),
    "n:A, rules, model A:heart, accept heart, more A:blood, accept blood": (
        "card blood A live by person; card heart A live by person",
        "n: ||0.5|||"),
    "n:A, rules, model A:heart, accept heart, more A:heart": (
        "card heart A live by person",
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
    "n:A, propose A:heart, decline, n:A, propose A:heart": ("", "n: no_card|decline has none|-0.1|A|d|"),
    "n:A m:A, rules A:heart": (
        "heart A/A",
        "m: no_card|same words as in n|0|||; n: ||0.5|A||m"),
    "n:A m:A, rules A:heart, policy": (
        "card heart A live by policy",
        "m: no_card|same words as in n|0|||; n: ||0.5|A||"),
    "n:A m:A, rules A:heart, policy, n: m:A, rules A:heart": (
        "card heart A live by policy",
        "m: ||0.5|A||; n: ||0.5|A||"),
    "n:AB m:AC, rules A:heart, policy": (
        "card heart A live by policy",
        "m: ||0.5|A||m; n: ||0.5|A||"),
    "n:AB m:AC, rules A:heart, accept heart": (
        "card heart A live by person",
        "m: ||0.5|A||; n: ||0.5|A||m"),
    "n:AB m:AC, rules A:heart, reject heart": (
        "",
        "m: ||0.5|A||; n: ||0.5|A||m"),
    "n:AB m:AC, rules A:heart, accept heart, undo": (
        "heart A/A equal_card; heart A/A taken_back; card heart A undone by person: its acceptance was undone",
        "m: ||0.5|A||; n: ||0.5|A||m"),
    "n:AB m:AC, rules A:heart B:liver C:kidneys, skip B": (
        "heart A/A; kidneys C/C",
        "m: ||0.5|AC||m; n: ||0.5|AB||"),
    "n:AB m:AC, rules A:heart, policy, n:B m:AC, rules A:heart": (
        "card heart A live by policy",
        "m: ||0.5|A||m; n: no_card|rules has none|0.5|||"),
    "n:AB m:AC, rules A:heart, policy, n:B m:C, rules": (
        "=heart B/B>heart passage; =heart C/C>heart passage; card heart A live by policy source_changed",
        "m: no_card|rules has none|0.5|||m; n: no_card|rules has none|0.5|||m"),
    "n:AB m:C, rules A:heart, policy, n:B m:AC, rules A:heart": (
        "card heart A live by policy",
        "m: ||0.5|A||m; n: no_card|rules has none|0.5|||"),
    "n:AB m:C, rules A:heart, policy, n:B m:aC, rules a:heart": (
        "=heart B/B>heart passage; heart a/a; card heart A live by policy source_changed",
        "m: ||0.5|a||m; n: no_card|rules has none|0.5|||m"),
    "n:A, rules A:heart, policy, n:a, rules a:heart, undo": (
        "refused: nothing to undo; heart a/a~A>heart revision; card heart A live by policy source_changed",
        "n: ||0.5|a||"),
    "n:A, rules A:heart, policy, n:a, rules, accept heart, undo": (
        "heart a/a~A>heart revision; card heart A live by policy source_changed",
        "n: ||0.5|a||"),
    "n:A, own A:heart, policy, n:a, own a:heart, undo heart": (
        "card heart A live by policy source_changed",
        "n: ||0.5|a||r"),
    "n:A, own A:heart, accept heart, n:a, own a:heart, undo, own a:heart": (
        "heart a/a taken_back; card heart a undone by person: its acceptance was undone",
        "n: ||0.5|a||"),
    "n:A, rules, model A:heart, skip A, n:a, rules": (
        "",
        "n: ||0.5|||"),
    "n:A, rules, model A:heart A:blood, reject heart, undo heart": (
        "heart A/A; blood A/A",
        "n: ||0.5|||"),
    "n:A, rules A:heart, accept heart, edit heart=mine {{c1::it}}, undo": (
        "card heart A live by person",
        "n: ||0.5|A||r"),
    "n:A, rules A:heart, edit heart=mine {{c1::it}}": (
        "card it A live by person",
        "n: ||0.5|A||"),
    "n:AB, rules, model A:heart B:liver, accept heart, n:aB, rules, model a:heart, accept heart, undo": (
        "heart a/a~A>heart revision; card heart A live by person source_changed",
        "n: ||0.5|a||"),
    "n:AB, own A:heart, model A:heart, accept heart": (
        "card heart A live by person",
        "n: ||0.5|A||"),
    "n:AB, own A:heart, model B:liver, accept liver": (
        "heart A/A; card liver B live by person",
        "n: ||0.5|A||"),
    "n:A, rules A:heart!, model A:heart?, policy": (
        "heart A/A",
        "n: ||0.5|A||"),
    "n:A m:B, rules, model A:heart B:liver, undo": ("", "m: no_card|rules has none|0.5|||m; n: no_card|rules has none|0.5|||m"),
    "n:A m:B, rules, model A:heart B:liver, accept heart, undo heart, undo": (
        "card heart A undone by person: its drafting was undone",
        "m: no_card|rules has none|0.5|||m; n: no_card|rules has none|0.5|||m"),
    "n:A, rules A:heart?, decline, redo, rules A:heart": (
        "heart A/A",
        "n: no_card|decline has none|-0.5|A|d|"),
    "n:A, rules, decline, redo, propose A:heart": ("", "n: no_card|decline has none|-0.1|A|d|"),
    "n:A, propose A:heart, decline, redo, propose A:heart": ("", "n: no_card|decline has none|-0.1|A|d|"),
    "n:A, rules A:heart, redo, rules A:blood": (
        "blood A/A",
        "n: ||0.5|A||m"),
    "n:A, rules A:heart, accept heart, redo, rules A:heart": (
        "card heart A live by person",
        "n: ||0.5|A||"),
    "n:A, rules A:heart, accept heart, redo, rules A:blood": (
        "blood A/A; card heart A live by person",
        "n: ||0.5|A||"),
    "n:A, rules A:heart, reject heart, redo, rules A:heart A:blood": (
        "blood A/A decided_before",
        "n: ||0.5|A||"),
    "n:A, rules, model A:heart, redo, rules A:blood": (
        "heart A/A; blood A/A",
        "n: ||0.5|A||"),
    "n:A, rules, model A:heart, accept heart, undo, undo, redo, rules": (
        "card heart A undone by person: its drafting was undone",
        "n: no_card|rules has none|0.5|||m"),
    "n:A, own A:heart, accept heart, redo, own A:heart": (
        "card heart A live by person",
        "n: ||0.5|A||"),
    "n:A, own A:heart, reject heart, redo, own A:heart": (
        "",
        "n: ||0.5|A||"),
    "n:A, own A:heart, accept heart, undo, redo, own A:heart": (
        "heart A/A taken_back; card heart A undone by person: its acceptance was undone",
        "n: ||0.5|A||"),
    "n:A, own A:heart, policy, n:a, own a:heart!, redo, own a:heart": (
        "card heart a live by policy",
        "n: ||0.5|a||"),
    "n:A, rules A:heart!, redo, rules A:heart, policy": (
        "card heart A live by policy",
        "n: ||0.5|A||"),
    "n:AB, rules A:heart B:liver, reject liver, accept heart, undo liver, undo": (
        "heart A/A taken_back; liver B/B; card heart A undone by person: its acceptance was undone",
        "n: ||0.5|AB||"),
    "n:A, rules A:heart, accept heart, n:a, rules a:heart, drop heart": (
        "heart a/a~A near; card heart A rejected by person source_changed",
        "n: ||0.5|a||"),
    "n:A, rules A:heart, accept heart, n:a, rules a:heart, reject heart, undo": (
        "heart a/a~A>heart revision; card heart A live by person source_changed",
        "n: ||0.5|a||"),
    "n:A, rules A:heart, accept heart, n:a, rules a:heart, n:A, rules A:heart": (
        "card heart A live by person",
        "n: ||0.5|A||"),
    "n:A, model A:heart, accept heart, n:x, rules, undo": (
        "heart x/x<A taken_back draft_passage; card heart A undone by person: its acceptance was undone source_changed",
        "n: no_card|rules has none|0.5|||r"),
    "n:A, model A:heart, accept heart, n:x, rules, accept heart, undo": (
        "=heart x/x>heart passage; card heart A live by person source_changed",
        "n: no_card|rules has none|0.5|||rm"),
    "n:A, model A:heart, accept heart, n:x, rules, reject heart, undo": (
        "=heart x/x>heart passage; card heart A live by person source_changed",
        "n: no_card|rules has none|0.5|||rm"),
    "n:A, model A:heart, accept heart, n:x, rules, more x:muscle, undo": (
        "=heart x/x>heart passage; card heart A live by person source_changed",
        "n: no_card|rules has none|0.5|||rm"),
    "n:A m:B, model A:heart B:liver, n:B m:, rules, accept heart": (
        "card heart B live by person",
        "m: ||0|||; n: ||0.5|B||"),
    "n:A, rules, model A:heart, none, undo": ("", "n: no_card|rules has none|0.5|||m"),
    "n:A, rules, none, undo": ("", "n: no_card|rules has none|0.5|||m"),
    "n:A m:B, rules, model A:heart, none, undo": ("", "m: no_card|rules has none|0.5|||m; n: no_card|rules has none|0.5|||m"),
    "n:A, rules, none": ("", "n: no_card|none has none|0.5|||"),
    "n:A, rules A:heart, accept heart, none, undo": (
        "card heart A live by person",
        "n: ||0.5|A||"),
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


OVERVIEWS: dict[str, dict[str, str]] = {
    "n:A": {
        "without": "n@0:-0,0.4,-0.6",
        "outcomes": "n=undrafted(not drafted yet)0+",
        "by rank": "n=undrafted(not drafted yet)0+",
        "of one": "n=undrafted(not drafted yet)0+",
        "states": "n=none",
        "counts": "highlights.without=1",
        "due": "1",
        "documents": "[('vault:v', 'v', 1, 1)]",
        "useful": "[0]",
    },
    "n:AB m:C, rules A:heart B:liver? C:kidneys!": {
        "new": "heartx2 kidneysx1",
        "locations": "m@0:-0,1,0 n@0:-1,1,1 n@0:-0,1,0",
        "outcomes": "n=waiting()0.5 m=blocked()0.5",
        "by rank": "m=blocked()0.5 n=waiting()0.5",
        "of one": "m=blocked()0.5",
        "states": "m=asks n=asks",
        "counts": "highlights.waiting=2 waiting.new=3 reasons.cut=1 reasons.no_warning=1",
        "groups": "kidneys heart liver",
        "several": "['vault:v/n0']",
        "facets": "{'document': ['m', 'n'], 'kind': ['cloze']}",
        "items": "kidneys<* heart<* liver<* kidneys<* heart<* liver<*",
        "drafts": "kidneys heart liver",
        "documents": "[('vault:v', 'v', 2, 2)]",
        "useful": "[0.5, 0.5]",
        "document=n": "heart liver",
        "document=m": "kidneys",
        "source=v": "heart liver kidneys",
        "kind=cloze": "heart liver kidneys",
        "verdict=waiting": "heart liver kidneys",
        "anki=none": "heart liver kidneys",
        "drafter=rules": "heart liver kidneys",
        "finding=warn": "liver",
        "key=v/n0": "heart liver",
        "=heart": "heart",
        "=litres": "heart",
        "everything": "heart liver kidneys",
    },
    "n:A m:AC o:, rules A:heart C:kidneys, accept heart": {
        "new": "kidneysx1",
        "locations": "m@0:-1,1,1",
        "outcomes": "n=carded()0.5 m=carded()0.5",
        "by rank": "m=carded()0.5 n=carded()0.5",
        "of one": "m=carded()0.5",
        "states": "m=asks n=card",
        "counts": "highlights.waiting=1 highlights.with_card=1 waiting.new=1 reasons.no_warning=1 cards.accepted=1 cards.unsent=1",
        "depend": "1 cards, 0 drafts of m",
        "groups": "kidneys",
        "facets": "{'document': ['m'], 'kind': ['cloze']}",
        "items": "kidneys<* card-heart:none kidneys<*",
        "drafts": "kidneys",
        "learned": "card-heart",
        "to plan": "card-heart",
        "recent": "accept(The {{c1:)",
        "history": "accept(The {{c1:)",
        "documents": "[('vault:v', 'v', 2, 3)]",
        "unmarked": "[('vault:v', 'o')]",
        "useful": "[0.5, 0.5]",
        "document=m": "card-heart kidneys",
        "source=v": "card-heart kidneys",
        "kind=cloze": "card-heart kidneys",
        "verdict=waiting": "kidneys",
        "anki=none": "card-heart kidneys",
        "drafter=rules": "card-heart kidneys",
        "=heart": "card-heart",
        "=litres": "card-heart",
        "=litres document=m": "card-heart",
        "everything": "card-heart kidneys",
    },
    "n:AB m:C, rules A:heart, policy, model B:liver C:kidneys, n:aB m:C, rules, accept liver": {
        "new": "kidneysx1",
        "revisions": "heart",
        "locations": "m@0:-1,1,1 n@0:-1,1,1",
        "outcomes": "n=carded()0.5 m=waiting()0.5",
        "by rank": "m=waiting()0.5 n=carded()0.5",
        "of one": "m=waiting()0.5",
        "states": "m=asks n=asks",
        "counts": "highlights.waiting=2 waiting.changed=1 waiting.new=1 reasons.no_warning=1 cards.accepted=1 cards.unsent=1",
        "depend": "1 cards, 1 drafts of m, n",
        "groups": "kidneys heart",
        "facets": "{'document': ['m', 'n'], 'kind': ['cloze']}",
        "items": "kidneys<* heart<A card-heart<heart:none kidneys<* heart<A",
        "drafts": "kidneys heart",
        "learned": "card-heart",
        "to plan": "card-heart",
        "documents": "[('vault:v', 'v', 2, 2)]",
        "useful": "[0.5, 0.5]",
        "document=n": "card-heart heart",
        "document=m": "kidneys",
        "source=v": "card-heart heart kidneys",
        "kind=cloze": "card-heart heart kidneys",
        "verdict=waiting": "heart kidneys",
        "anki=none": "card-heart heart kidneys",
        "drafter=llm": "kidneys",
        "drafter=rules": "card-heart",
        "finding=source_changed": "card-heart",
        "key=v/n0": "card-heart heart",
        "=heart": "card-heart heart",
        "=litres": "card-heart heart",
        "everything": "card-heart heart kidneys",
    },
    "n:AB m:C, own A:heart, accept heart, n:aB m:C, own a:heart, reject kidneys, skip C": {
        "outcomes": "n=carded()0.5 m=left_out(rejected by you)0.5",
        "by rank": "m=left_out(rejected by you)0.5 n=carded()0.5",
        "of one": "m=left_out(rejected by you)0.5",
        "states": "m=none n=card",
        "counts": "highlights.skipped=1 highlights.with_card=1 cards.accepted=1 cards.unsent=1",
        "depend": "1 cards, 0 drafts of n",
        "facets": "{'document': ['n'], 'kind': ['cloze']}",
        "items": "card-heart:none",
        "learned": "card-heart",
        "to plan": "card-heart",
        "recent": "skip(The kidne) revise(The {{c1:) accept(The {{c1:)",
        "history": "skip()",
        "changes": "revise(The {{c1:):1",
        "documents": "[('vault:v', 'v', 2, 2)]",
        "useful": "[0.5, 0.5]",
        "document=n": "card-heart",
        "source=v": "card-heart",
        "kind=cloze": "card-heart",
        "anki=none": "card-heart",
        "drafter=rules": "card-heart",
        "key=v/n0": "card-heart",
        "=heart": "card-heart",
        "=litres": "card-heart",
        "everything": "card-heart",
    },
    "n:A m:C, rules, model A:heart A:blood C:kidneys, accept heart, drop heart, n:A, rules": {
        "new": "bloodx1",
        "locations": "m@0:-1,1,1 n@0:-1,1,1",
        "outcomes": "n=waiting()0.5",
        "by rank": "n=waiting()0.5",
        "states": "n=asks",
        "counts": "highlights.waiting=1 waiting.new=1 reasons.decided_before=1 cards.rejected=1",
        "depend": "0 cards, 2 drafts of m, n",
        "depend, absent": "0 cards, 1 drafts of m",
        "groups": "blood",
        "facets": "{'document': ['m', 'n'], 'kind': ['cloze']}",
        "items": "blood<* card-heart:none blood<*",
        "drafts": "blood",
        "learned": "card-heart",
        "recent": "reject(The {{c1:) accept(The {{c1:)",
        "documents": "[('vault:v', 'v', 1, 1)]",
        "useful": "[0.5]",
        "document=n": "blood",
        "source=v": "blood",
        "kind=cloze": "blood",
        "verdict=waiting": "blood",
        "verdict=rejected": "card-heart",
        "anki=none": "blood",
        "drafter=llm": "blood",
        "key=v/n0": "blood",
        "=heart": "blood",
        "=litres": "blood",
        "everything": "card-heart blood",
    },
    "n:A m:C, rules A:heart, accept heart, undo, decline": {
        "new": "heartx1",
        "without": "m@0:--0.5,0.425,-0.787",
        "locations": "n@0:-1,1,1",
        "outcomes": "n=waiting()0.5 m=no_card(decline has none)-0.5+",
        "by rank": "m=no_card(decline has none)-0.5+ n=waiting()0.5",
        "of one": "m=no_card(decline has none)-0.5+",
        "states": "m=none n=asks",
        "counts": "highlights.waiting=1 highlights.without=1 waiting.new=1 reasons.taken_back=1",
        "groups": "heart",
        "facets": "{'document': ['n'], 'kind': ['cloze']}",
        "items": "heart<* card-heart:none heart<*",
        "drafts": "heart",
        "learned": "card-heart",
        "documents": "[('vault:v', 'v', 2, 2)]",
        "useful": "[-0.5, 0.5]",
        "document=n": "heart",
        "source=v": "heart",
        "kind=cloze": "heart",
        "verdict=waiting": "heart",
        "anki=none": "heart",
        "drafter=rules": "heart",
        "key=v/n0": "heart",
        "=heart": "heart",
        "=litres": "heart",
        "everything": "heart",
    },
    "n:AB m:C, propose A:heart B:liver C:kidneys": {
        "without": "n@0:B0.9,0.525,0.473 m@0:C0.9,0.525,0.473",
        "outcomes": "n=no_card(nothing to ask was recognised)0.9+ m=no_card(nothing to ask was recognised)0.9+",
        "by rank": "m=no_card(nothing to ask was recognised)0.9+ n=no_card(nothing to ask was recognised)0.9+",
        "of one": "m=no_card(nothing to ask was recognised)0.9+",
        "states": "m=suggested n=suggested",
        "counts": "highlights.waiting=2 waiting.new=2",
        "documents": "[('vault:v', 'v', 2, 2)]",
        "useful": "[0.9, 0.9]",
    },
    "n:AB m:C, model A:heart, accept heart, propose B:liver": {
        "without": "n@0:B0.9,0.525,0.473 m@0:-0.9,0.525,0.473",
        "outcomes": "n=carded()0.9+ m=no_card(propose has none)0.9+",
        "by rank": "m=no_card(propose has none)0.9+ n=carded()0.9+",
        "of one": "m=no_card(propose has none)0.9+",
        "states": "m=suggested n=suggested",
        "counts": "highlights.waiting=2 waiting.new=2 cards.accepted=1 cards.unsent=1",
        "depend": "1 cards, 0 drafts of n",
        "facets": "{'document': ['n'], 'kind': ['cloze']}",
        "items": "card-heart:none",
        "learned": "card-heart",
        "to plan": "card-heart",
        "recent": "accept(The {{c1:)",
        "documents": "[('vault:v', 'v', 2, 2)]",
        "useful": "[0.9, 0.9]",
        "document=n": "card-heart",
        "source=v": "card-heart",
        "kind=cloze": "card-heart",
        "anki=none": "card-heart",
        "drafter=llm": "card-heart",
        "key=v/n0": "card-heart",
        "=heart": "card-heart",
        "=litres": "card-heart",
        "everything": "card-heart",
    },
    "n:A m:A o:C, rules A:heart C:kidneys, policy, n:A o:C": {
        "outcomes": "n=carded()0.5 o=carded()0.5",
        "by rank": "o=carded()0.5 n=carded()0.5",
        "states": "n=card o=card",
        "counts": "highlights.with_card=2 cards.accepted=2 cards.unsent=2",
        "depend": "2 cards, 0 drafts of n, o",
        "facets": "{'document': ['n', 'o'], 'kind': ['cloze']}",
        "items": "card-heart:none card-kidneys:none",
        "learned": "card-heart card-kidneys",
        "to plan": "card-heart card-kidneys",
        "documents": "[('vault:v', 'v', 2, 2)]",
        "useful": "[0.5, 0.5]",
        "document=n": "card-heart",
        "source=v": "card-heart card-kidneys",
        "kind=cloze": "card-heart card-kidneys",
        "anki=none": "card-heart card-kidneys",
        "drafter=rules": "card-heart card-kidneys",
        "key=v/n0": "card-heart",
        "=heart": "card-heart",
        "=litres": "card-heart",
        "everything": "card-heart card-kidneys",
    },
}  # fmt: skip


@pytest.mark.parametrize("steps", OVERVIEWS)
def test_what_lists_and_counts_say(desk, steps):
    for step in steps.split(", "):
        desk.play(step)
    assert desk.overview() == OVERVIEWS[steps]
