"""What a person typed or selected: queries, ids, fields, and spans of a passage.

A query: blank = and, `-` negates, bare words match text, title and the beginning of the id,
`field:value` the rest; quotes for blanks. `*` and `?` in the value of a field are wildcards.

    deck:Reading -finding:* "gradient descent" verdict:pending
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

from ankiforge.errors import UsageError
from ankiforge.ledger import FIELDS, Ledger, QueryTerm
from ankiforge.model import (
    CardKind,
    Family,
    Fields,
    Highlight,
    HighlightKind,
    Pair,
    Span,
    Strings,
    Texts,
    Value,
    colour_name,
)
from ankiforge.text import cloze, regex
from ankiforge.text.cloze import TAG, gaps, literal, plain
from ankiforge.text.fold import same
from ankiforge.text.sentences import sentence_around, trimmed
from ankiforge.text.shields import shields

UNBROKEN = frozenset(FIELDS) - {"deck", "document", "source", "tag", "colour", "verdict"}
"""Fields whose values never hold a blank."""
# Fields that have few values.
_WORDS = {
    "kind": tuple(CardKind),
    "verdict": ("pending", "accepted", "rejected", "retired", "taken back", "superseded"),
    "anki": ("none", "written", "seen", "missing", "deleted"),
}
_TERM = regex(
    r"""\s*(?P<minus>-?)(?:(?P<field>[^\W\d]\w*):)?(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"]*))"""
    r"(?=\s|$)"
)


def parse(text: str) -> list[QueryTerm]:
    """Return the conditions that a card or draft must fulfil; none = every one.

    Raises:
        UsageError: an unknown field, a value that no card can have, an open quote, nothing after
            a `-` or a colon.
    """
    terms, at, end = [], 0, len(text.rstrip())
    while at < end:
        found = _TERM.match(text, at)
        if found is None:
            raise UsageError(
                f"query: cannot read {text[at:].strip()!r}",
                hint='quotes open after a space or a colon and must be closed: "two words"',
            )
        terms.append(_term(found))
        at = found.end()
    return terms


def _term(found: re.Match[str]) -> QueryTerm:
    field = (found["field"] or "").casefold()
    value = found["bare"] if found["quoted"] is None else found["quoted"]
    if field and field not in FIELDS:
        raise UsageError(
            f"query: no field called {field!r}",
            hint=f"fields: {', '.join(FIELDS)}; to search for the words, quote them: "
            f'"{field}:{value}"',
        )
    if not value.strip():
        raise UsageError(
            f"query: nothing after {found[0].strip()!r}", hint="give a value; `*` matches any"
        )
    if field == "colour" and value.isalpha():
        value = colour_name(value)
    if field in _WORDS:
        pattern = value.casefold().replace("[", "[[]")
        if not any(fnmatchcase(word, pattern) for word in _WORDS[field]):
            what = f"query: {field} is never {value!r}"
            raise UsageError(what, hint=f"one of: {', '.join(_WORDS[field])}")
    return QueryTerm(field, value, bool(found["minus"]))


def joined(words: Iterable[str]) -> str:
    """Return the query as it was typed, with the quotes that the shell removed."""

    def requoted(word: str) -> str:
        sign, bare = ("-", word[1:]) if word.startswith("-") else ("", word)
        field, colon, value = bare.partition(":")
        if field not in FIELDS:
            field, colon, value = "", "", bare
        terms = (term.removeprefix("-").partition(":") for term in value.split())
        whole = field in UNBROKEN or any(sep and name in FIELDS for name, sep, _ in terms)
        if " " not in value or '"' in value or whole:  # `whole`: the word is a whole query
            return word
        return f'{sign}{field}{colon}"{value}"'

    return " ".join(map(requoted, words))


_ID = regex(r"(?:af[a-z2-7]{4,24}|(?:dr|qu)[0-9a-f]{4,16})")
_KEY = regex(r"([a-z]+):[^\s/]+/\S+")
_CONTROLS = regex("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_SPANS = regex(r"\d{1,7}-\d{1,7}(?:,\d{1,7}-\d{1,7}){0,63}")

NOTICE_DAYS = 7
"""How long it is shown what a source changed."""


def lately() -> str:
    """Return the time since which it is shown what a source changed, in ISO 8601."""
    return (datetime.now(UTC) - timedelta(days=NOTICE_DAYS)).isoformat(timespec="seconds")


# --- ids ------------------------------------------------------------------------------------


def is_id(word: str) -> bool:
    """Return whether a word has the form of an id of a card, draft or question, or of its beginning."""
    return _ID.fullmatch(word.strip().casefold()) is not None


def is_key(word: str) -> bool:
    """Return whether a word has the form of a highlight's key, and not of a query's `field:value`."""
    match = _KEY.fullmatch(word)
    return match is not None and match[1] not in FIELDS


def find(ledger: Ledger, word: str) -> str:
    """Return the id of the card, draft or question that an id or its beginning names.

    Raises:
        UsageError: it names none, or several.
    """
    beginning = word.strip().casefold()
    found = ledger.find([QueryTerm("id", beginning)], everything=True)
    if beginning.startswith("qu"):
        found += [one.id for one in ledger.questions() if one.id.startswith(beginning)]
    if not found:
        hint = f"ankiforge list shows the ids; to search for the word: '\"{word}\"'"
        raise UsageError(f"no id begins with {beginning!r}", hint=hint)
    if len(found) > 1:
        raise UsageError(f"{len(found)} ids begin with {beginning!r}", hint="type more of the id")
    return found[0]


# --- words of a card's fields -----------------------------------------------------------------


def changed_fields(family: Family, changes: Texts) -> Texts:
    """Return a person's changes of fields, cleaned.

    Raises:
        UsageError: the card has no such field, or the text is too long or has control characters.
    """
    names = family.content_fields
    if wrong := [name for name in changes if name not in names]:
        raise UsageError(f"no field {wrong[0]!r} on this card", hint=f"it has: {', '.join(names)}")
    return _clean(changes)


def new_fields(words: Texts) -> Fields:
    """Return the fields of a new card; a `Text` field makes it a cloze.

    Raises:
        UsageError: a field is missing or belongs to the other note type, or the text is too
            long or has control characters.
    """
    given = {name: text for name, text in _clean(words).items() if text.strip()}
    family = Family.CLOZE if "Text" in given else Family.BASIC
    names = family.content_fields
    if wrong := [name for name in given if name not in names]:
        what = f"no field {wrong[0]!r} beside {names[0]}"
        raise UsageError(what, hint="Front, Back and Extra, or Text with {{c1::…}} and Extra")
    needed = ("Text",) if family is Family.CLOZE else ("Front", "Back")
    if missing := [name for name in needed if name not in given]:
        raise UsageError(f"the card has no {missing[0]}", hint=f'--field {missing[0]} "TEXT"')
    return tuple((name, given[name]) for name in names if name in given)


def _clean(words: Texts) -> Texts:
    """Normalise line ends; refuse control characters and text longer than any card."""
    from ankiforge.check import MAX_LENGTH

    clean = {name: text.replace("\r\n", "\n").replace("\r", "\n") for name, text in words.items()}
    for name, text in clean.items():
        if found := _CONTROLS.search(text):
            what = f"{name} contains a control character ({ord(found[0]):#04x})"
            raise UsageError(what, hint="type it again")
    if sum(map(len, clean.values())) > MAX_LENGTH:
        raise UsageError(f"more than {MAX_LENGTH} characters", hint="shorten it")
    return clean


# --- words selected in a highlight ------------------------------------------------------------


def selectable_text(highlight: Highlight) -> Pair:
    """Return the text in which words may be selected, and its Markdown ("" = the same)."""
    if highlight.markdown and highlight.kind is not HighlightKind.CARD:
        return highlight.exact, highlight.markdown[0]
    return highlight.sentence or highlight.exact, ""


def fields_from_spans(highlight: Highlight, selected: str, question: str | None) -> Fields:
    """Return the fields of a card made of selected words: a cloze, or the answer of a question.

    `selected`: `3-8,12-15`, in code points of the selectable text.

    Raises:
        UsageError: no words are selected, or they are not in the text or cannot be hidden; or what
            `new_fields` raises.
    """
    if not _SPANS.fullmatch(selected):
        raise UsageError("no words are selected", hint="select words of the passage first")
    pairs = (one.split("-") for one in selected.split(","))
    spans = sorted((int(start), int(end)) for start, end in pairs)
    text, markdown = selectable_text(highlight)
    try:
        if question is None:
            return new_fields({"Text": gapped(text, spans, markdown)})
        answer = ", ".join(part(text, span, markdown) for span in spans)
    except ValueError as error:
        raise UsageError(str(error), hint="select other words") from error
    return new_fields({"Front": question, "Back": answer})


# --- gaps in the text that a person selected --------------------------------------------------

# Characters that may be markup instead of text.
_MARKUP_CHARS = frozenset("*_~=#>+-|`\\")
_LINK_OR_IMAGE = regex(r"!?\[[^\]\n]*\]\([^)\n]*\)")
_PUNCTUATION = regex(r"[!-/:-@\[-`{-~]")


class _Piece(Value):
    """A piece of Markdown that is never divided, and its position in the plain text."""

    start: int
    end: int
    markdown: str
    whole: bool = False
    """Whether it is a formula, code or a link."""

    def meets(self, span: Span) -> bool:
        return self.start < span[1] and self.end > span[0]


_Pieces = Sequence[_Piece]
_Form = Callable[[_Pieces], str]


def gapped(text: str, spans: Sequence[Span], markdown: str = "") -> str:
    """Return the sentences around a selection as a cloze text, with the selection hidden.

    Formulas, code and links are hidden whole. If a gap would cut emphasis in two, the emphasis is
    dropped: a card must have the words of the passage, but not its formatting.

    Args:
        text: a passage as plain text.
        spans: the selection, in code points of `text`. Overlapping spans are joined.
        markdown: the passage as Markdown. "" if the text is literal.

    Raises:
        ValueError: there is nothing to hide at one of the spans.
    """
    chosen = _chosen(text, spans)
    within = sentence_around(text, chosen[0][0], chosen[-1][1])
    pieces, forms, words = _pieces(text, markdown)
    widened = []
    for span in chosen:
        wholes = [(one.start, one.end) for one in pieces if one.whole and one.meets(span)]
        starts, ends = zip(span, *wholes, strict=True)
        widened.append((min(starts), max(ends)))
    pieces = [piece for piece in pieces if piece.meets(within)]
    slices = []
    for span in _chosen(text, widened):
        met = [at for at, piece in enumerate(pieces) if piece.meets(span)]
        slices.append(slice(met[0], met[-1] + 1))
    hidden = [words(pieces[each]) for each in slices]
    for form in forms:
        made, at = "", 0
        for number, each in enumerate(slices, start=1):
            made += cloze.escape_signs(form(pieces[at : each.start]))
            made += cloze.make(number, form(pieces[each]))
            at = each.stop
        made = (made + cloze.escape_signs(form(pieces[at:]))).strip()
        answers = [plain(gap.answer) for gap in gaps(made)]
        hides = len(hidden) == len(answers) and all(map(same, hidden, answers))
        if hides and not any(cloze.problems(made)) and same(plain(made), words(pieces)):
            return made
    raise ValueError("these words cannot be hidden in their sentence")


def part(text: str, span: Span, markdown: str = "") -> str:
    """Return part of a passage as Markdown. Formulas are never cut.

    Raises:
        ValueError: the span contains no text.
    """
    [chosen] = _chosen(text, [span])
    pieces, forms, words = _pieces(text, markdown)
    within = [piece for piece in pieces if piece.meets(chosen)]
    candidates = (form(within).strip() for form in forms)
    return next((one for one in candidates if same(plain(one), words(within))), forms[-1](within))


def _chosen(text: str, spans: Sequence[Span]) -> list[Span]:
    """Return the spans in order, trimmed, with overlapping ones joined."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if not 0 <= start <= end <= len(text):
            raise ValueError("these words are not in the passage")
        first, last = trimmed(text, start, end)
        if first == last:
            raise ValueError("no words are selected")
        if found and first < found[-1][1]:
            first, last = found[-1][0], max(last, found.pop()[1])
        found.append((first, last))
    if not found:
        raise ValueError("no words are selected")
    return found


def _pieces(text: str, markdown: str) -> tuple[_Pieces, tuple[_Form, _Form], _Form]:
    """Return the pieces of a passage, the forms to try in order, and a function for plain text.

    The forms of Markdown are as written, and without emphasis. The forms of literal text are
    escaped where necessary, and escaped everywhere (when pieces are joined, characters could become
    markup that were apart before).
    """

    def written(pieces: _Pieces) -> str:
        return "".join(piece.markdown for piece in pieces)

    def bare(pieces: _Pieces) -> str:
        return written([piece for piece in pieces if piece.end > piece.start or piece.whole])

    if markdown and (found := _aligned(text, markdown)) is not None:
        return found, (written, bare), lambda pieces: plain(bare(pieces))
    letters = [_Piece(at, at + 1, letter) for at, letter in enumerate(text)]
    escaped: _Form = lambda pieces: _PUNCTUATION.sub(r"\\\g<0>", written(pieces))  # noqa: E731
    return letters, (lambda pieces: literal(written(pieces)), escaped), written


def _aligned(text: str, markdown: str) -> list[_Piece] | None:
    """Align the Markdown with the plain text. None if it is not the same text."""
    pieces, at = [], 0
    for raw, texts, whole in _read(markdown):
        length = next((len(each) for each in texts if each and text.startswith(each, at)), 0)
        if not length and raw.isspace() and text[at : at + 1].isspace():
            length = 1
        if not (length or whole or raw.isspace() or raw in _MARKUP_CHARS or TAG.fullmatch(raw)):
            return None
        if whole and not length and any(texts):
            return None
        pieces.append(_Piece(at, at + length, raw, whole))
        at += length
    return pieces if not text[at:].strip() else None


def _read(markdown: str) -> Iterator[tuple[str, Strings, bool]]:
    """Yield (Markdown, texts it may stand for, whether it is indivisible)."""
    runs: list[tuple[int, int, str]] = [*shields(markdown)]
    runs += [(*found.span(), "link") for found in _LINK_OR_IMAGE.finditer(markdown)]
    runs += [(*found.span(), "tag") for found in TAG.finditer(markdown)]
    at = 0
    for start, end, kind in sorted(runs, key=lambda run: (run[0], -run[1])):
        if start < at:
            continue
        yield from ((letter, (letter,), False) for letter in markdown[at:start])
        raw = markdown[start:end]
        yield raw, ("",) if kind == "tag" else (plain(raw), raw), kind not in ("escape", "tag")
        at = end
    yield from ((letter, (letter,), False) for letter in markdown[at:])
