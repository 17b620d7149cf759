"""Relations: the words are the source's, but do they say there what they say here?

A card is laid beside the whole sentences that its quote touches. What would be a lie in these
very words blocks; what another wording may well explain warns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from ankiforge.check.context import Context
from ankiforge.check.lexical.reading import asked_by_reader, authored, marked, pictured, read
from ankiforge.check.lexical.tongue import (
    ABSOLUTES,
    BACKWARDS,
    CONTRASTS,
    HEDGES,
    MILD,
    NEGATORS,
    QUANTITY,
    SOFT,
    TURNED,
)
from ankiforge.check.lexical.words import listed, stem
from ankiforge.check.rule import Rule
from ankiforge.check.source.claims import STOPS, Row, is_choice, row, statement
from ankiforge.check.source.evidence import Evidence, evidence
from ankiforge.model import CardKind, Draft, Family, Finding, Severity


def firm(id: str, severity: Severity, says: str) -> Rule:
    """A rule that keeps a promise."""
    return Rule(id, severity, says, firm=True)


NEGATION_CHANGED = firm(
    "negation_changed", Severity.BLOCK, "denies what the source says, or says what it denies:"
)
NEGATION_DOUBTFUL = firm(
    "negation_doubtful", Severity.WARN, "may deny what the source says, or say what it denies:"
)
HEDGE_DROPPED = firm("hedge_dropped", Severity.WARN, "says for certain what the source does not:")
MADE_ABSOLUTE = firm("made_absolute", Severity.BLOCK, "the source does not say it of all cases:")
QUANTITY_CHANGED = firm(
    "quantity_changed", Severity.BLOCK, "another “all”, “some” or “only” than in the source:"
)
RULES = (
    NEGATION_CHANGED,
    NEGATION_DOUBTFUL,
    HEDGE_DROPPED,
    MADE_ABSOLUTE,
    QUANTITY_CHANGED,
)

# --- negation ----------------------------------------------------------------------------------

_SCOPE = 3
"""So many words with meaning behind a negation are what it denies."""


def _scopes(line: Row) -> Iterator[tuple[str, ...]]:
    """The stems that each negation of a text denies."""
    for at, word in enumerate(line.words):
        if word not in NEGATORS:
            continue
        most = 1 if word in _PREPOSITIONS else _SCOPE
        denied = _taken(line, range(at + 1, len(line.words)), most)
        if word in BACKWARDS:
            denied += _taken(line, range(at - 1, -1, -1), 2)
        if denied:
            yield denied


_PREPOSITIONS = frozenset(("without", "ohne", "sans", "sin", "senza"))
_JOINED = frozenset(("aber", "however", "jedoch"))
_BREAK = STOPS | CONTRASTS | {"and", "or", "und", "oder", "et", "ou", "y", "o"}


def _taken(line: Row, way: range, most: int) -> tuple[str, ...]:
    found: list[str] = []
    if way and line.words[way[0]] in _JOINED:  # nicht aber, not however
        way = way[1:]
    for at in way:
        if line.words[at] in _BREAK or len(found) == most:
            break
        if line.stems[at] and line.words[at] not in NEGATORS:
            found.append(line.stems[at])
    return tuple(found)


def negation(draft: Draft, context: Context) -> Iterator[Finding]:
    """What the source denies is not said; what it says is not denied."""
    proof = evidence(draft, context.highlight)
    here = statement(draft)
    repeats = draft.kind is CardKind.CLOZE and same_words(here, proof.row)
    chosen = draft.kind.family is Family.BASIC and is_choice(read(draft).asked)
    there = _answering(draft, proof)
    dropped = None if chosen or there is None else _dropped(here, there, repeats)
    for finding in (dropped, _added(here, proof, repeats)):
        if finding:
            yield finding
            return
    if piece := _ideographs(read(draft).whole, proof.text):
        yield NEGATION_CHANGED.found(f"“{piece}”")


def _answering(draft: Draft, proof: Evidence) -> Row | None:
    """The parts of the sentence that hold the answer of a question: the others may deny another."""
    if draft.kind is CardKind.CLOZE or not proof.clauses:
        return proof.row
    wanted = row(read(draft).answers[0]).all_stems
    parts = [clause for clause in proof.clauses if wanted & row(clause).all_stems]
    return row(" ; ".join(parts)) if parts else None


def denies(line: Row, there: Row | None = None) -> bool:
    """Whether it holds a denial, or a word that may serve as one and is its own."""
    copied = there.words if there else ()
    stems = there.stems if there else ()
    return any(
        word in NEGATORS
        or (word in MILD and word not in copied)
        or _prefixed(word, stems)
        or (word.endswith("less") and len(word) > 5)
        for word in line.words
    )


def _prefixed(word: str, stems: tuple[str, ...]) -> bool:
    """Whether a prefix denies what the source names: unchanged."""
    rest = next(
        (word[len(p) :] for p in ("un", "non-", "non", "in", "im") if word.startswith(p)), ""
    )
    return len(rest) > 3 and stem(rest) in stems


def _other_contrast(here: Row, there: Row) -> bool:
    """Whether the card says “unlike B, A” where the source says “unlike A, B”."""
    ours, theirs = _unlike(here), _unlike(there)
    return bool(ours and theirs) and not ours & theirs


def _unlike(line: Row) -> frozenset[str]:
    places = [at for at, word in enumerate(line.words) if word == "unlike"]
    return frozenset(s for at in places for s in _taken(line, range(at + 1, len(line.words)), 3))


def _dropped(here: Row, there: Row, repeats: bool) -> Finding | None:
    """The source denies it; the card says it, without any word of denial."""
    if denies(here, there) or _other_contrast(here, there):
        return None
    if not repeats and _said_turned(here, there):
        return None
    free = _outside_scopes(there)
    contrast = bool(CONTRASTS.intersection(there.words))
    for denied in _scopes(there):
        only = [word for word in denied if word not in free]
        kept = [word for word in only if word in here.stems]
        if not kept or (len(kept) < len(only) and len(kept) < 2):
            continue
        if contrast and len(kept) < len(only) and not same_words(here, there):
            continue
        doubtful = _contrasted(here, there) or not same_words(here, there)
        rule = NEGATION_DOUBTFUL if doubtful else NEGATION_CHANGED
        return rule.found(f"it denies “{' '.join(denied)}”")
    return None


def _said_turned(here: Row, there: Row) -> bool:
    """Whether a card without a denial may say the same: not A without B, none is higher."""
    if sum(word in NEGATORS for word in there.words) > 1:
        return True
    return "than" in there.words and not _SUPERLATIVES.isdisjoint(here.words)


_SUPERLATIVES = frozenset(
    listed(
        """highest lowest greatest largest smallest most least best worst maximum minimum upper lower
    limit fastest slowest longest shortest atmost atleast only"""
    )
)


def _contrasted(here: Row, there: Row) -> bool:
    """Whether the card may be about what the source sets against the denied: unlike B, A has none."""
    for at, word in enumerate(there.words):
        if word in {"unlike", "contrary"}:
            other = _taken(there, range(at + 1, len(there.words)), 3)
            if any(stem_ in here.stems for stem_ in other) and "unlike" not in here.words:
                return True
    return False


def _added(here: Row, proof: Evidence, repeats: bool) -> Finding | None:
    """The card denies it; the source says it."""
    there, said = proof.row, proof.row.all_stems
    in_denial = {word for denied in _scopes(there) for word in denied}
    bare = _bare_denials(there)
    if bare & _PREPOSITIONS & set(here.words):
        return None
    for denied in _scopes(_without_exclusion(here)):
        kept = [word for word in denied if word in said and word not in in_denial]
        if not kept or (len(kept) < len(denied) and len(kept) < 2):
            continue
        if in_denial & here.all_stems:
            continue
        turned = {word for w in here.words for word in TURNED.get(w, ())}
        mild = not (MILD | CONTRASTS | turned).isdisjoint(there.words)
        if repeats:
            mild = _limited(proof, kept)
        mild = mild or bool(bare - _PREPOSITIONS)
        rule = NEGATION_DOUBTFUL if mild or _denies_often(here) else NEGATION_CHANGED
        return rule.found(f"it says “{' '.join(kept)}”")
    return None


def _without_exclusion(line: Row) -> Row:
    """Without `if not the ash`, which asks for another, and denies nothing."""
    for at, pair in enumerate(pairwise(line.words)):
        if pair in _EXCLUDING:
            return Row(line.words[:at], line.stems[:at])
    return line


_EXCLUDING = {("if", "not"), ("wenn", "nicht"), ("sinon", "pas"), ("si", "no")}


def _bare_denials(line: Row) -> frozenset[str]:
    """The negations with no word of meaning behind them: without it; the other does not."""
    return frozenset(
        word
        for at, word in enumerate(line.words)
        if word in NEGATORS - BACKWARDS - {"none"}
        and not _taken(line, range(at + 1, len(line.words)), 1)
    )


def _limited(proof: Evidence, kept: list[str]) -> bool:
    """Whether the part that says it says it of some only: then others may be denied it."""
    parts = (row(clause) for clause in proof.clauses)
    return any(
        {"only", "nur", "seulement", "solo", "sólo"} & set(part.words)
        for part in parts
        if set(kept) & part.all_stems
    )


def _denies_often(here: Row) -> bool:
    return sum(word in NEGATORS for word in here.words) > 2


def _outside_scopes(line: Row) -> frozenset[str]:
    """Stems that stand somewhere undenied."""
    counts: dict[str, int] = {}
    for each in line.stems:
        counts[each] = counts.get(each, 0) + 1
    for denied in _scopes(line):
        for each in denied:
            counts[each] = counts.get(each, 0) - 1
    return frozenset(each for each, count in counts.items() if each and count > 0)


def same_words(here: Row, there: Row, but: str = "") -> bool:
    """Whether nearly all words of the card (`but` one) are the source's: it repeats it."""
    ours = here.all_stems - {but}
    return bool(ours) and len(ours & there.all_stems) >= 0.8 * len(ours)


_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_DENIED = re.compile(rf"(?:不|没有|沒有|没|沒|并非|非|未)([{_CJK}]{{2,4}})")
_LACKS = re.compile(rf"([{_CJK}]{{1,6}}[がはも])(?:ない|ありません|いない)")


def _ideographs(card: str, source: str) -> str:
    """A run of Chinese or Japanese signs that only one of the two denies."""
    if not re.search(f"[{_CJK}]", card):
        return ""
    for denying, saying in ((source, card), (card, source)):
        for pattern in (_DENIED, _LACKS):
            for match in pattern.finditer(denying):
                piece = match[1][-4:]
                if piece in saying and not re.search("不|没|沒|非|未|無|无|ない|ません", saying):
                    return piece
    return ""


# --- hedges and absolutes ------------------------------------------------------------------------


def certainty(draft: Draft, context: Context) -> Iterator[Finding]:
    """“May” stays “may”, and “often” does not become “always”."""
    proof, here = evidence(draft, context.highlight).row, statement(draft)
    there = set(proof.words)
    kept = SOFT.intersection(here.words) - ABSOLUTES
    absolute = [w for w in here.words if w in ABSOLUTES and w not in there]
    front = set(row(read(draft).asked).words) if draft.kind.family is Family.BASIC else set()
    claimed = [w for w in absolute if not _quantity_there(w, there) and w not in {"any", "none"}]
    merely_asked = set(claimed) <= front and not set(claimed) & _STRONG
    if claimed and (SOFT & there) and not kept - {"only"} and not merely_asked:
        yield MADE_ABSOLUTE.found(f"“{claimed[0]}”")
        return
    if not HEDGES.intersection(here.words) and not kept and not denies(here, proof):
        for word, scope in _hedged(proof):
            held = [each for each in scope if each in here.stems]
            if len(held) >= 2 or (held and len(held) == len(scope)):
                yield HEDGE_DROPPED.found(f"“{word}”")
                return


_STRONG = frozenset(("always", "proves", "proved", "guarantees", "certainly"))


def _quantity_there(word: str, there: set[str]) -> bool:
    """Whether the source says the same in another word: `every` for `all`."""
    name = QUANTITY.get(word)
    return bool(name) and any(QUANTITY.get(other) == name for other in there)


@lru_cache(maxsize=128)
def _hedged(line: Row) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Each hedge with the stems behind it."""
    found = []
    for at, word in enumerate(line.words):
        if word in HEDGES:
            scope = _taken(line, range(at + 1, len(line.words)), _SCOPE)
            if scope:
                found.append((word, scope))
    return tuple(found)


def quantity(draft: Draft, context: Context) -> Iterator[Finding]:
    """“Some orchids” are not all orchids."""
    proof, here = evidence(draft, context.highlight).row, statement(draft)
    there = _quantified(proof)
    for noun, names in _quantified(here).items():
        known = there.get(noun)
        if known and not names & known:
            shown = f"“{min(names)}”, there “{min(known)}”"
            yield QUANTITY_CHANGED.found(
                shown.replace("atleast", "at least").replace("atmost", "at most")
            )
            return
    if _only_all(draft, proof, here):
        yield QUANTITY_CHANGED.found("“all”")


def _only_all(draft: Draft, proof: Row, here: Row) -> bool:
    """An answer that is nothing but “all of them”, of which the source does not speak."""
    if draft.kind.family is not Family.BASIC:
        return False
    answer = row(read(draft).answers[0])
    names = {QUANTITY[word] for word in answer.words if word in QUANTITY}
    said = {QUANTITY[word] for word in proof.words if word in QUANTITY}
    return not answer.all_stems and bool(names & {"all"}) and not said & {"all"}


@lru_cache(maxsize=128)
def _quantified(line: Row) -> dict[str, frozenset[str]]:
    """Each noun with the words of quantity right before it."""
    found: dict[str, set[str]] = {}
    for at, word in enumerate(line.words):
        if word in QUANTITY:
            behind = _taken(line, range(at + 1, min(at + 5, len(line.words))), 1)
            for each in behind:
                found.setdefault(each, set()).add(QUANTITY[word])
    return {noun: frozenset(names) for noun, names in found.items()}


def spared(draft: Draft, context: Context) -> bool:
    """Whether a person has worded or chosen it, or its answer is a picture."""
    chosen = authored(draft) or asked_by_reader(draft) or marked(draft, context.highlight)
    return chosen or pictured(draft, context.highlight)


def _on_machines(draft: Draft, context: Context) -> Iterator[Finding]:
    """All of them, on what a machine has worded."""
    if spared(draft, context):
        return
    for each in (negation, certainty, quantity):
        yield from each(draft, context)


CHECKS = (_on_machines,)
