"""The program with one passage on one computer, through its own pipeline and ledger."""

from __future__ import annotations

import json
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import asdict, replace

from ankiforge.check import compute_search_terms
from ankiforge.config.deckfiles import load_decks
from ankiforge.errors import RefusedError
from ankiforge.ledger import Ledger, draft_recording
from ankiforge.ledger import decide as decisions
from ankiforge.ledger.cards import iter_cards, load_highlight
from ankiforge.ledger.decide import undo_decision
from ankiforge.ledger.draft_changes import COPY_REASON_PREFIX
from ankiforge.ledger.draft_completion import complete_drafts, select_gap
from ankiforge.ledger.draft_groups import Offer, iter_draft_groups
from ankiforge.ledger.sentence_decisions import SentenceState as LedgerFact
from ankiforge.ledger.tables.snapshots import load_highlight_snapshots, load_snapshot
from ankiforge.model import (
    CardKind,
    Draft,
    DraftingResult,
    DraftingStatus,
    Highlight,
    HighlightKey,
    Origin,
    PendingDraft,
    Proposal,
    SourceChange,
    hash16,
)
from ankiforge.pipeline import decide
from ankiforge.pipeline.run_result import RunParameters
from ankiforge.pipeline.sources import ingest_sources
from ankiforge.text import cloze
from tests.facts.edits import texts_in
from tests.reading import opened

Worth = Callable[[str], float]
"""How much a sentence deserves a card; 0 = not at all."""
KEYS = {"obsidian": "vault:desk/b.m1", "hypothesis": "hypothesis:desk/m1"}
"""By kind of source: the key of the passage, which has an id of its own."""


@lru_cache(maxsize=1 << 16)
def exact(text: str) -> str:
    """Return a text as it is compared."""
    return " ".join(unicodedata.normalize("NFC", text).split())


class Fact(NamedTuple):
    """A fact as a person sees it."""

    sentence: str
    decided: bool = False
    near: str = ""
    """The decided sentence of nearly the same words of which the offer reminds."""
    card: str = ""
    """The live card whose new words these may be: the offer asks so."""
    waits: bool = False
    """Whether a draft of it waits."""
    by_model: bool = False
    """Whether a model's draft does, which only a decision takes away."""


class Made(NamedTuple):
    """What came of a decision."""

    action: str
    card: str = ""
    answer: str = ""


class Reading(NamedTuple):
    """A passage as a person sees it."""

    facts: tuple[Fact, ...]
    closed: bool
    changed: frozenset[str]
    """The live cards whose source says something else."""


def proposals(highlight: Highlight, worth: Worth) -> Iterator[Draft]:
    """Yield a proposal of each sentence that is worth a card, the best first."""
    texts = dict.fromkeys(texts_in(highlight.exact))
    for text in sorted(texts, key=lambda text: -worth(exact(text))):
        if worth(exact(text)) > 0:
            gaps = gaps_in(highlight, text)
            shown = tuple(gap.get_field("Text") for gap in gaps)
            yield replace(gaps[0], gaps=shown)


def gaps_in(highlight: Highlight, sentence: str, origin: str = "propose") -> list[Draft]:
    """Return two drafts of a sentence, each of which hides one of its longest words."""
    words = dict.fromkeys(re.findall(r"[^\W_]+", sentence))
    longest = sorted(words, key=len, reverse=True)[:2]
    return [hiding(highlight, sentence, word, origin) for word in longest]


def hiding(highlight: Highlight, quote: str, answer: str, origin: str) -> Draft:
    """Return a draft that hides a word of a quote."""
    before, _, after = quote.partition(answer)
    gap = cloze.format_cloze(1, cloze.escape_markdown(answer))
    text = f"{cloze.escape_markdown(before)}{gap}{cloze.escape_markdown(after)}"
    start = highlight.exact.index(quote)
    fields = (("Text", text),)
    kind = CardKind.CLOZE
    return Draft(
        highlight.key, kind, fields, Origin(origin), quote, answer=answer, start=start
    )


class Program:
    """One workspace on one computer, whose source has one passage."""

    def __init__(self, folder: Path, machine: str, source: str, worth: Worth) -> None:
        self.folder, self.machine, self.source = folder / machine, machine, source
        self.key = HighlightKey(KEYS[source])
        self.worth = worth
        """By the tables of now: with others, draft anew."""
        self.tables = 1
        self.desk = self.folder / "desk"
        self.journal = self.folder / "journal"
        self.desk.mkdir(parents=True)
        self.journal.mkdir()
        self.ledger = self.opened()

    def opened(self) -> Ledger:
        database = self.folder / "ledger.db"
        return Ledger(database, self.journal, self.machine)

    def close(self) -> None:
        self.ledger.close()

    # --- the source

    def write(self, texts: Sequence[str]) -> None:
        """Let the passage have these sentences, and read it."""
        passage = " ".join(texts)
        if self.source == "obsidian":
            note = f"# Note\n\n=={passage}== ^m1\n"
            (self.desk / "Note.md").write_text(note, "utf-8")
        else:
            selector = {"type": "TextQuoteSelector", "exact": passage}
            row = {"id": "m1", "uri": "https://example.org/"}
            row["target"] = [{"selector": [selector]}]
            (self.desk / "export.json").write_text(json.dumps({"rows": [row]}), "utf-8")
        self.run()

    def run(self) -> None:
        """Read source and journal, and draft."""
        self.ledger.read_journal()
        source = opened(self.source, self.desk, name="desk")
        pictures = self.folder / "pictures"
        decks = load_decks(self.folder)
        job = RunParameters(lambda waiting: False, decks, pictures, sources=(source,))
        ingest_sources(job, self.ledger)
        self.draft()

    def draft(self) -> None:
        draft_recording.schedule_redrafting(self.ledger, str(self.tables))
        for highlight in list(draft_recording.iter_highlights_to_draft(self.ledger)):
            drafted = self.completed(DraftingResult(highlight), again=True)
            if not drafted.drafts:
                drafted = DraftingResult(
                    highlight, status=DraftingStatus.NO_CARD, reason="a proposal"
                )
            with self.ledger.action():
                draft_recording.record_drafts(
                    self.ledger, [drafted], compute_search_terms
                )

    def completed(
        self, drafted: DraftingResult, *, again: bool = False
    ) -> DraftingResult:
        """Return all drafts of a passage; `again`: with those that the rules did not make."""
        key = drafted.highlight.key
        here = load_highlight_snapshots(self.ledger, [key])[key]
        proposed = partial(proposals, worth=self.worth) if again else None
        drafts = complete_drafts(
            here, drafted.drafts, with_earlier_drafts=again, make_proposals=proposed
        )
        return replace(drafted, drafts=tuple(drafts))

    def take_tables(self, worth: Worth) -> None:
        """Judge sentences by other tables from now on."""
        self.worth = worth
        self.tables += 1
        self.run()

    # --- what a person sees

    @property
    def highlight(self) -> Highlight:
        return load_highlight(self.ledger, self.key)

    def offers(self, key: str = "") -> dict[str, Offer]:
        """Return by sentence what waits of a passage, or is proposed as it is shown now."""
        highlight = load_highlight(self.ledger, key or self.key)
        texts = {hash16(exact(text)): exact(text) for text in texts_in(highlight.exact)}
        found = {}
        for offer in iter_draft_groups(self.ledger, [highlight.key]):
            for name in set(offer[0].offer_id.split()).intersection(texts):
                found[texts[name]] = offer
        of = load_snapshot(self.ledger, self.ledger.get_passage(highlight.key))
        is_own = any(draft.is_hand_written for draft in of.pending_drafts)
        if of.passage.is_closed or is_own or not self.is_proposed(highlight):
            return found
        decided = of.get_decided_sentence_hashes()
        for proposal in proposals(highlight, self.worth):
            sentence = exact(proposal.quote)
            if sentence not in found and hash16(sentence) not in decided:
                found[sentence] = (Proposal(**asdict(proposal), passages=(highlight,)),)
        return found

    def is_proposed(self, highlight: Highlight) -> bool:
        """Return whether anything may be proposed of a passage: it is no copy of another one."""
        row = self.ledger.fetch_first_row(
            "SELECT * FROM highlight WHERE key = ?", highlight.key
        )
        return row is not None and not row["reason"].startswith(COPY_REASON_PREFIX)

    def facts_of(self, key: str = "") -> tuple[tuple[Fact, ...], bool]:
        """Return the facts of a passage, and whether it is closed."""
        passage = self.ledger.get_passage(key or self.key)
        of = load_snapshot(self.ledger, passage)
        by_sentence = {fact.sentence: fact for fact in of.compute_sentence_states()}
        rejected = of.get_decided_sentence_hashes()
        waiting = self.offers(key)
        shown = []
        for sentence in of.sentences:
            fact = by_sentence.get(sentence)
            drafts = waiting.get(sentence, ())
            is_rejected = hash16(sentence) in rejected
            was_decided = is_rejected or any(
                sentence in decision.sentences for decision in passage.decisions
            )
            if was_decided or (fact and fact.is_decided):
                # a draft that keeps the text of a card is about the card, not about the sentence
                offers = [draft for draft in drafts if not draft.keeps_text]
                if drafts and not offers:
                    fact = LedgerFact(sentence, is_decided=True)
                drafts = offers
            if fact is None and (drafts or is_rejected):
                fact = LedgerFact(sentence, is_decided=not drafts)
            if fact is None:
                continue
            by_model = not all(each.is_proposed or each.keeps_text for each in drafts)
            told = (
                fact.sentence,
                fact.is_decided,
                fact.similar_removed,
                fact.revised_guid,
            )
            shown.append(Fact(*told, bool(drafts), by_model))
        return tuple(shown), passage.is_closed

    def reading(self) -> Reading:
        shown, closed = self.facts_of()
        changed = []
        for card in iter_cards(self.ledger):
            if card.is_live and SourceChange.SOURCE_CHANGED in card.source_changes:
                changed.append(str(card.guid))
        return Reading(shown, closed, frozenset(changed))

    def live(self) -> dict[str, str]:
        """Return the live cards, each with its quote."""
        cards = [card for card in iter_cards(self.ledger) if card.is_live]
        return {str(card.guid): exact(card.quote) for card in cards}

    # --- what a person decides

    @contextmanager
    def decided(self) -> Iterator[str]:
        """Run a decision, and draft what may be offered after it."""
        with self.ledger.action() as action:
            yield action
        self.draft()

    def accept(self, sentence: str, gap: int = 1, *, another: bool = False) -> Made:
        """Give the words of an offer to the card that it asks about, or make a card of them."""
        draft = self.offers()[sentence][0]
        with self.decided() as action:
            if isinstance(draft, PendingDraft):
                card = self.ledger.accept(draft.id, gap=gap, another=another)
            else:
                card = decisions.make_card_without_draft(
                    self.ledger, select_gap(draft, gap)
                )
        return Made(action, str(card), draft.answer)

    def edit(self, sentence: str) -> Made:
        """Accept an offer in other words."""
        draft = self.offers()[sentence][0]
        words = {"Extra": "In my own words."}
        with self.decided() as action:
            if isinstance(draft, PendingDraft):
                card, _ = decide.edit_card_or_draft(
                    self.ledger, draft.id, words, forced=True
                )
            else:
                fields = (*draft.fields, *words.items())
                passage = self.highlight
                decks = load_decks(self.folder)
                card, _ = decide.make_card(
                    self.ledger, passage, fields, decks, forced=True
                )
        return Made(action, str(card), draft.answer)

    def reject(self, id_or_sentence: str) -> Made:
        """Reject an offer, or a card."""
        id = id_or_sentence
        draft = self.offers()[id][0] if " " in id else None
        with self.decided() as action:
            if isinstance(draft, Proposal):
                decisions.reject_proposal(self.ledger, draft)
            else:
                self.ledger.reject(draft.id if draft else id)
        return Made(action)

    def skip(self) -> Made:
        with self.decided() as action:
            self.ledger.reject(self.key)
        return Made(action)

    def write_card(self, sentence: str) -> Made:
        """Make a card by hand."""
        [draft, *_] = gaps_in(self.highlight, sentence, "person")
        with self.decided() as action:
            card = decisions.make_card_without_draft(self.ledger, draft)
        return Made(action, str(card), draft.answer)

    def take_from_model(self, sentences: Sequence[str]) -> Made:
        """Accept a model's card that quotes some sentences."""
        highlight = self.highlight
        [draft, *_] = gaps_in(highlight, sentences[0], "llm")
        quote = " ".join(sentences)
        text = draft.get_field("Text") + quote.removeprefix(sentences[0])
        draft = replace(draft, quote=quote, fields=(("Text", text),))
        with self.ledger.action():
            drafted = DraftingResult(highlight, (draft,))
            draft_recording.record_drafts(
                self.ledger, [drafted], compute_search_terms, by_model=True
            )
        waiting = self.offers()[exact(sentences[0])]
        [id] = [each.id for each in waiting if not each.is_proposed]
        with self.decided() as action:
            card = self.ledger.accept(id)
        return Made(action, str(card), draft.answer)

    def undo(self, action: str) -> bool:
        """Take back a decision; return whether it was not refused."""
        try:
            undo_decision(self.ledger, action)
        except RefusedError:
            return False
        self.run()
        return True

    # --- losses, and another computer

    def lose_database(self) -> None:
        self.close()
        for path in self.folder.glob("ledger.db*"):
            path.unlink()
        self.ledger = self.opened()
        self.run()

    def forget_facts(self) -> None:
        """Let the journal be as before each decision named its facts."""
        for path in self.journal.glob("*.jsonl"):
            lines = path.read_text("utf-8").splitlines(keepends=True)
            kept = [line for line in lines if json.loads(line)["what"] != "fact"]
            path.write_text("".join(kept), "utf-8")
        self.lose_database()


def share(programs: Sequence[Program]) -> None:
    """Bring each machine the newest files of the others, as a synced folder does."""
    for program in programs:
        for other in programs:
            file = other.journal / f"{other.machine}.jsonl"
            if other is not program and file.exists():
                shutil.copy(file, program.journal)
    for program in programs:
        program.run()
