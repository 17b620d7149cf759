"""Drafts before they are recorded: which there are of a passage, and the words that they have.

A drafter makes words. `completed` returns all drafts of a passage: those words, the drafts of a
model whose acceptance was undone, and cards in the words that their sentences have now; the
source's own are numbered, and have the gap numbers and pictures of their cards. The checks judge
these, and nothing is drafted after them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import TypeVar

from msgspec.structs import replace

from ankiforge.errors import RefusedError
from ankiforge.ledger import facts
from ankiforge.ledger.events import (
    Passage,
    content,
    is_news,
    is_stale,
    slot_of,
    stands_in,
)
from ankiforge.ledger.gap_numbers import keep_numbers
from ankiforge.ledger.here import HighlightHere
from ankiforge.model import (
    AGENT,
    DRAFT_PREFIX,
    PROPOSE,
    Card,
    CardKind,
    Draft,
    Highlight,
    Origin,
    Texts,
    Verdict,
    Words,
    h16,
)
from ankiforge.text import counted, occlusion
from ankiforge.text.cloze import cloze_answers, image_paths, literal, make, plain
from ankiforge.text.fold import locate_words

D = TypeVar("D", bound=Draft)

Proposals = Callable[[Highlight], Iterable[Draft]]
"""Makes proposals of a passage."""


def completed(
    here: HighlightHere,
    made: Sequence[Draft],
    *,
    again: bool = False,
    proposals: Proposals | None = None,
) -> list[Draft]:
    """Return all drafts of a passage, with the numbers and paths that their cards have.

    Args:
        here: the passage.
        made: the drafts of a drafter.
        again: with the drafts of a model whose acceptance was undone.
        proposals: with its cards in the words that their sentences have now; where a sentence no
            longer has the answer, with these proposals. None = without them.
    """
    drafts = [*made]
    if again:
        drafts += taken_back(here)
    if proposals is not None:
        drafts += corrected(here, drafts, proposals)

    # the source's own drafts are numbered; a card is found by the number
    numbers = count()
    numbered = [
        replace(each, number=next(numbers) if each.own else None) for each in drafts
    ]
    return [as_on_card(here.passage, draft) for draft in numbered]


def draft_id(draft: Draft) -> str:
    """Return the id of a draft, the same on every machine; with other gaps, it is another."""
    words = (draft.family.value, slot_of(draft), content(draft), *draft.gaps[1:])
    return f"{DRAFT_PREFIX}{h16(draft.key, *words)}"


# --- drafts that no drafter makes -------------------------------------------------------


def draft_again_of(words: Words, highlight: Highlight) -> Draft:
    """Return the words of a card as a draft of a passage that has their quote."""
    return Draft(
        highlight.key,
        words.kind,
        words.fields,
        words.origin,
        words.quote,
        words.tags,
        answer=words.field("Back") or cloze_answers(words.field("Text")),
        start=max(highlight.exact.find(words.quote), 0),
    )


def taken_back(here: HighlightHere) -> Iterator[Draft]:
    """Yield the drafts of a model whose acceptance was undone, where they no longer wait.

    The journal has their words when the database that had the drafts is lost.
    """
    waiting = {draft.id for draft in here.waiting}
    for card in here.passage.cards.values():
        if card.verdict is not Verdict.TAKEN_BACK or card.in_slot:
            continue
        if card.origin.drafter not in ("llm", AGENT):
            continue
        if not stands_in(card.quote, here.highlight):
            continue
        draft = draft_again_of(card, here.highlight)
        if draft_id(draft) not in waiting:
            yield draft


def corrected(
    here: HighlightHere, made: Iterable[Draft], proposals: Proposals
) -> Iterator[Draft]:
    """Yield the cards of a passage in the words that their sentences have now.

    The offer asks whether they are the cards' new text. Left out is what other drafts are
    about.

    Args:
        here: the passage.
        made: the other drafts of it.
        proposals: returns those of the passage, for a sentence that no longer has the answer.
    """
    if not (here.passage.live or here.elsewhere.live):
        return
    families_drafted = {(facts.fact_of(draft, here.text), draft.family) for draft in made}
    for fact in here.facts_now():
        if not fact.card:
            continue
        card = here.card(fact.card)
        if (fact.sentence, card.family) in families_drafted:
            continue
        fields = fields_in(fact.sentence, card)
        if not fields:
            for draft in proposals(here.highlight):
                is_of_fact = facts.fact_of(draft, here.text) == fact.sentence
                if is_of_fact and draft.family is card.family:
                    yield draft
            continue
        reworded = replace(
            card,
            fields=tuple(fields.items()),
            quote=fact.sentence,
            origin=Origin(PROPOSE),
            tags=(),
        )
        yield draft_again_of(reworded, here.highlight)


def fields_in(sentence: str, card: Words) -> Texts:
    """Return the fields of a card in the words of a sentence; {} if that lacks its answer."""
    fields = dict(card.fields)
    if card.kind is not CardKind.CLOZE:
        return fields if locate_words(plain(card.field("Back")), sentence) else {}
    answer = cloze_answers(card.field("Text"))
    before, found, after = sentence.partition(answer) if answer else ("", "", "")
    text = f"{literal(before)}{make(1, literal(answer))}{literal(after)}"
    return {**fields, "Text": text} if found and (before or after) else {}


# --- drafts and the cards of their passage ----------------------------------------------


def as_on_card(passage: Passage, draft: Draft) -> Draft:
    """Return a draft of the source's own with the numbers and paths that its card has.

    A number names a card in Anki, so it stays with its words, and one that was ever
    shipped for other words is not free.
    """
    card = passage.card_in_slot(draft)
    if card is None:
        return draft
    fields = dict(draft.fields)
    if draft.kind is CardKind.OCCLUSION:
        old = occlusion.masks_in(card.fields)
        new = occlusion.masks_in(draft.fields)
        followed = occlusion.follow(old, new, card.note.numbers)
        fields[occlusion.FIELD] = occlusion.write(followed.masks)
        return replace(draft, fields=tuple(fields.items()))

    # a picture that is not found is named as the note does, without its folder
    known_words = (*card.edits.given.values(), *texts_of(card))
    known_paths = image_paths("\n".join(known_words))
    for name, words in draft.fields:
        for path in image_paths(words):
            longer = [known for known in known_paths if known.endswith(f"/{path}")]
            if len(longer) == 1:
                fields[name] = fields[name].replace(f"]({path})", f"]({longer[0]})")
    if draft.kind is CardKind.CLOZE:
        clozes = [make(int(number), words) for number, words in card.note.numbers.items()]
        fields["Text"] = keep_numbers(
            old=card.field("Text"),
            new=fields["Text"],
            used=tuple(map(int, card.note.numbers)),
            earlier=[" ".join(clozes)],
        )
    return replace(draft, fields=tuple(fields.items()))


def texts_of(words: Words) -> list[str]:
    """Return the texts of all fields of a draft or card."""
    return [text for _, text in words.fields if text]


def stands(passage: Passage, draft: Draft) -> bool:
    """Return whether a draft is a card already, with the same words.

    That is so with the source's own cards after their database was lost. Whatever a check
    finds, nothing comes of such a draft.
    """
    card = passage.card_in_slot(draft)
    if card is None or not card.live or passage.refuses(draft):
        return False
    return content(card) == content(draft) and not is_news(card, draft)


def is_new(passage: Passage, draft: Draft, machine: str) -> bool:
    """Return whether the person's own form is to be offered: not rejected, and no card yet."""
    if passage.skipped or passage.was_passed_over(draft) or passage.refuses(draft):
        return False
    card = passage.card_in_slot(draft)
    if card is None:
        proposed = proposed_card(passage)
        return proposed is None or content(proposed) != content(draft)
    # beside the card in their slot
    if card.verdict is Verdict.TAKEN_BACK:
        return True
    return has_news(card, draft, machine)


def has_news(card: Card, draft: Draft, machine: str) -> bool:
    """Return whether a card is live, and the text of its source is one that it never had."""
    return card.live and is_news(card, draft) and not is_stale(card, machine, draft)


def is_known(passage: Passage, draft: Draft) -> bool:
    """Return whether a drafter's words were rejected, or are, or were, those of a card."""
    words = content(draft)
    if words in passage.rejected:
        return True
    for card in passage.cards.values():
        if card.verdict is Verdict.TAKEN_BACK:
            continue
        if words in (content(card), card.drafted):
            return True
    return False


def proposed_card(passage: Passage) -> Card | None:
    """Return a live card that was accepted from a proposal."""
    for card in passage.live:
        if card.proposed:
            return card
    return None


# --- the gaps of proposals --------------------------------------------------------------


def with_gap(draft: D, number: int) -> D:
    """Return a draft with one of its gaps, by its number from 1.

    Raises:
        RefusedError: it has fewer.
    """
    if number == 1 and not draft.gaps:
        return draft
    if not 1 <= number <= len(draft.gaps):
        if draft.gaps:
            message = f"this proposal has only {counted(len(draft.gaps), 'gap')}"
        else:
            message = f"gap {number}: only proposals have several gaps to choose from"
        raise RefusedError(message, hint="ankiforge show ID")
    text = draft.gaps[number - 1]
    fields = tuple(
        (name, text if name == "Text" else words) for name, words in draft.fields
    )
    return replace(draft, fields=fields, answer=cloze_answers(text), gaps=())


def with_first_gap(draft: D, number: int) -> D:
    """Return a proposal that begins with another one of its gaps."""
    first = draft.gaps[number - 1]
    others = [gap for gap in draft.gaps if gap != first]
    return replace(with_gap(draft, number), gaps=(first, *others))


def nearest_gap(draft: Draft, text: str) -> int:
    """Return the number of the gap whose text is the most like another one."""
    from rapidfuzz import fuzz

    scores = [fuzz.ratio(gap, text) for gap in draft.gaps]
    return scores.index(max(scores)) + 1 if scores else 1
