"""Checks of the wording: of clozes, of questions, and of text that does not stand alone.

Word lists are in `language/data/signs.txt`, patterns of questions in `data/questions.txt`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import cache, lru_cache
from math import ceil
from pathlib import Path

from msgspec.structs import replace

from ankiforge.check.reading import (
    CLOZE_SIGN,
    DEFINES,
    GAP,
    Context,
    Needs,
    PlainDraft,
    asked_by_reader,
    authored,
    counted,
    is_choice,
    make_finding,
    marked,
    naming,
    needs,
    read,
    source_text,
    without,
)
from ankiforge.language.detection import language_of, script, sure_language
from ankiforge.language.lexicon import alternatives, listed
from ankiforge.language.words import (
    NEGATIONS,
    STOP_WORDS,
    beginning,
    beginnings,
    content,
    holds,
    stems,
    tokens,
    word_count,
)
from ankiforge.model import (
    IN_LETTERS,
    CardKind,
    Family,
    Finding,
    Highlight,
    Severity,
    Strings,
    Value,
    Words,
)
from ankiforge.text import cloze, occlusion, on_one_line, regex
from ankiforge.text.cloze import Gap
from ankiforge.text.fold import for_comparing, shields
from ankiforge.text.lists import things
from ankiforge.text.sentences import sentences

# The first words of a sentence that depends on the one before it; case matters.
_LEANS = regex(rf"(?:{alternatives('signs', 'leans_back')})(?![\w’'-])")
_SIGNS_BEFORE_WORDS = "“\"'‘(*_&%→•^~>+- "
_SMALL_WORDS = STOP_WORDS - NEGATIONS
_SIGNS_ONLY = regex(r"[\s.,;:!?'\"“”()-]+")
# What numbers or files a part of a text: `(b)`, `iv)`, `A.`, `#tag`.
_ENUMERATOR = regex(
    r"\(?(?:[^\W\d_]|[ivxIVX]{1,4}|\d{1,2})[)）]|[A-Z]\.|#[^\W\d_][\w/-]+"
)
# What a gap of a template holds, not of a card: `{{FIRST_NAME}}`, `{{first_name}}`.
_IDENTIFIER = regex(
    r"c\d*|[a-z]+(?:_[a-z0-9]+)+|[A-Z]+(?:_[A-Z0-9]+)+|[a-z]+(?:[A-Z][a-z]+)+"
)
_EDGE_SIGN = regex(r"^[\s.,;:!?)]|[\s,;:(]$|^(?:<-|[-=]>|[←→⇒])")
# What begins or ends in a sign and is none: an entity, a picture.
_NO_EDGE = regex(r"&#?\w{1,32};$|!\[[^\[\]\n]*\]\([^()\n]*\)")
# Words of a gap that begins the text, at most: what follows a longer one seldom says
# what is asked.
_OPENING_WORDS = 4
# A number or acronym, which is searched for although it is short.
_SHORT_FACT = regex(r"\d{2,}|[A-Z]{2,}")
SHORTEST = 4
"""The minimum length of other answers that are searched for, in characters."""
# A text with more lines is a list or a table.
_LINES = 3
_WORDS_TO_MEASURE = 8


@needs(Needs.CARD)
def clozes(draft: Words, context: Context) -> Iterator[Finding]:
    """Judge the wording of a cloze."""
    if draft.kind.family is not Family.CLOZE:
        return
    reading = read(draft)
    text = draft.field("Text")

    # a text that begins with `This`, `They`, `However`
    beginning = reading.whole.lstrip(_SIGNS_BEFORE_WORDS)
    leans = _LEANS.match(beginning)
    if leans:
        yield make_finding("leans_back", f"“{leans[0].strip()}”")

    for gap, answer in zip(reading.gaps, reading.answers, strict=True):
        yield from _of_gap(text, gap, answer)
    for number, hidden in reading.hidden:
        yield from _leaks(reading, text, number, hidden)
        yield from _leaves_little(reading, text, number, hidden)
    yield from counted(len(cloze.numbers(text)), "gaps_gt3")
    if len(reading.hidden) == 1 and not marked(draft, context.highlight):
        hidden_words = {answer.casefold() for answer in reading.answers}
        yield from counted(len(hidden_words), "set")
    yield from counted(word_count(reading.whole), "cloze_gt40w")


def _of_gap(text: str, gap: Gap, answer: str) -> Iterator[Finding]:
    """Judge the words that one gap of a cloze hides, and its edges."""
    if _says_nothing(answer) or _ENUMERATOR.fullmatch(answer):
        yield make_finding("gap_stopword", f"“{answer}”")
    elif _IDENTIFIER.fullmatch(answer) and without_code(gap.answer) != "x":
        yield make_finding("placeholder", f"“{answer}”")

    # a blank or sign at its edge, or the rest of a name behind it
    edges = _NO_EDGE.sub("word", gap.answer.strip("*_"))
    if _EDGE_SIGN.search(edges) and gap.answer.strip():
        yield make_finding("gap_edge_punct", f"“{gap.answer}”")
    cut_name = _name_cut(gap.answer, text[: gap.start], text[gap.end :])
    if cut_name:
        yield make_finding("gap_in_name", f"“{cut_name}”")

    # too long; at the beginning of the text, unless its definition follows, a few words are
    length = word_count(answer)
    if (
        length > _OPENING_WORDS
        and not tokens(text[: gap.start])
        and not DEFINES.match(text, gap.end)
    ):
        yield make_finding("gap_gt8w", "it begins the text")
    else:
        yield from counted(length, "gap_gt8w")


def _says_nothing(answer: str) -> bool:
    """Return whether words have no content word, letter, number, formula or negation.

    A single letter may be a name.
    """
    words = tokens(answer)
    if words and not answer.isupper():
        return all(len(word) > 1 and word in _SMALL_WORDS for word in words)
    return _SIGNS_ONLY.fullmatch(answer) is not None


def _leaks(
    reading: PlainDraft, text: str, number: int, hidden: Sequence[Gap]
) -> Iterator[Finding]:
    """Find answers of a card that are in the rest of its sentence, or of the line in a list."""
    searched = without(text, hidden)
    lines = searched.splitlines()
    if len(lines) > _LINES:
        searched = "\n".join([line for line in lines if GAP in line])
    for gap, answer in zip(reading.gaps, reading.answers, strict=True):
        plain = answer.strip(" .,;:")
        is_fact = _SHORT_FACT.fullmatch(plain) is not None
        if number in gap.numbers and (is_fact or len(plain) >= SHORTEST):
            if holds(searched, plain, exact=is_fact):
                yield make_finding("gap_leak", f"“{answer}”")


def _leaves_little(
    reading: PlainDraft, text: str, number: int, hidden: Sequence[Gap]
) -> Iterator[Finding]:
    """Find cards of which too little is beside the gaps."""
    shown = without(text, hidden).replace(GAP, "")
    if word_count(reading.whole) >= _WORDS_TO_MEASURE:
        share_hidden = 1 - len(shown) / len(reading.whole)
        which = f"gap {number}" if len(reading.hidden) > 1 else ""
        yield from counted(ceil(100 * share_hidden), "gap_gt50pct", which)
    elif not content(shown) and "![" not in text and "$" not in text:
        yield make_finding("short_cloze", f"“{shown.strip()}”")


# Letters around a gap that tell whether it cuts a name, at most.
_BESIDE = 40
_CAPITAL = r"[A-ZÀ-ÞА-ЯЁ][^\W\d_]*[a-zß-ÿа-яё][\w’'-]*"
_NAME_BEGINS = regex(rf"(?:\A|\s)({_CAPITAL}(?: (?:of|the|de|del|du|di|von))*)\Z")
_NAME_GOES_ON = regex(rf"\A (?:(?:of|de|del|du|di) )?{_CAPITAL}")
# `the Food and {Drug Administration}`: one article before both.
_JOINED_NAME = regex(rf"(?:the|The|U\.S\.|US) ({_CAPITAL} (?:and|&)) \Z")
_NAME = regex(rf"\A{_CAPITAL} {_CAPITAL}\Z")


def _name_cut(answer: str, before: str, behind: str) -> str:
    """Return the name of which a gap hides only a part; "" if there is none.

    A family name alone may be hidden. In German all nouns have a capital.
    """
    beginning = _NAME_BEGINS.search(answer[-_BESIDE:])
    rest = _NAME_GOES_ON.match(behind[:_BESIDE])
    if beginning and rest and sure_language(f"{before}{answer}{behind}") != "German":
        return f"{beginning[1]}{rest[0]}"
    joined = _JOINED_NAME.search(before[-_BESIDE:])
    if joined and _NAME.match(answer):
        return f"{joined[1]} {answer}"
    return ""


# --- questions ------------------------------------------------------------------------

# An answer that is yes or no.
_YES_NO = regex(
    r"(?i)^(?:yes|no|true|false|ja|nein)(?:$|[.,;:!]|\s+[-–—]|\s+(?:because|since|but"
    r"|as|it|they|if"
    r"|unless|only)\b)"
)
_REMARKS = "remarks"
# Rules whose message is clear without the words that were found.
_CLEAR_RULES = ("yes_no", "two_questions")
_REMARK = listed("signs", "remark") | STOP_WORDS
LEANS_BACK = "leans_back"
"""The check that finds what does not stand alone."""
_BULLET = regex(r"(?m)^[ \t]*(?:[-*+•]|\d{1,3}[.)\\]{1,2})[ \t]")
# The words of an answer that the front may give away, at most.
_LEAK_WORDS = 6
_BETWEEN_ITEMS = regex(r"[,;、，]\s+|[、，]")
_FEWEST_ITEMS = 3
# Words of a front that orders something, at least.
_ORDER_WORDS = 4


@needs(Needs.CARD)
def questions(draft: Words, context: Context) -> Iterator[Finding]:
    """Judge the wording of a question and its answer."""
    if draft.kind.family is not Family.BASIC:
        return
    reading = read(draft)
    answer = reading.answers[0]
    front = " ".join(reading.asked.split())
    says_yes_or_no = _YES_NO.match(answer.strip()) is not None
    if says_yes_or_no:
        yield make_finding("yes_no", f"– the answer is “{on_one_line(answer)[:20]}”")
    excused = {"yes_no"} if says_yes_or_no else set[str]()
    if "![" in draft.field("Front"):
        excused |= {"leans_back", _REMARKS}  # `this` refers to the picture
    if front[:4].casefold() == "was ":
        # the German `was`, and not the English one
        passage = context.highlight.exact
        if "German" in (sure_language(reading.whole), sure_language(passage)):
            excused.add("yes_no")
    for finding in _badly_worded(front, excused):
        if finding.check == "vague" and asked_by_reader(draft):
            # the passage is the answer that the reader means
            finding = replace(finding, severity=Severity.INFO)
        yield finding
    if _REMARKS not in excused and _is_remark(front):
        yield make_finding("vague", f"“{front}”")
    if _names_nothing(draft, context.highlight, front):
        yield make_finding(LEANS_BACK, f"“{front}”")
    if not says_yes_or_no:
        yield from _gives_away(front, answer.strip(" ."))

    # an answer that can be recalled as a whole, and a short front
    yield from counted(_items_of(draft.field("Back"), answer), "list_gt5")
    if len(front.split()) > 1:
        listed_things = things(draft.field("Front"), draft.field("Back"))
        yield from counted(len(listed_things), "set")
    yield from counted(word_count(answer), "answer_gt20w")
    yield from counted(word_count(reading.asked), "front_gt30w")
    # in `benchmarks/blind` and `wording`, two raters found six of nine such questions unnatural,
    # and 22 of 274 others
    if not authored(draft) and not asked_by_reader(draft):
        lengths = [word_count(front[start:end]) for start, end in sentences(front)]
        yield from counted(max(lengths, default=0), "sentence_gt23w")


def _badly_worded(front: str, excused: Collection[str]) -> Iterator[Finding]:
    """Find patterns of badly worded questions, but those of some rules."""
    for pattern in _question_patterns():
        if pattern.rule in excused:
            continue
        match = pattern.bad.search(front)
        if not match or (pattern.excuse and pattern.excuse.search(front)):
            continue
        detail = "" if pattern.rule in _CLEAR_RULES else f"“{match[0]}”"
        yield make_finding(pattern.rule, detail)


def _is_remark(front: str) -> bool:
    """Return whether a front asks for nothing in particular: `what does this mean?`.

    Single letters and digits are too short to say what is meant, single ideographs are words.
    """
    words = {word for word in tokens(front) if len(word) > 1 or not word.isascii()}
    return front.endswith("?") and bool(words) and words <= _REMARK


def _names_nothing(draft: Words, highlight: Highlight, front: str) -> bool:
    """Return whether a reader's remark, not declared by `?`, names nothing of its passage."""
    if authored(draft):
        return goes_on(draft, highlight)
    if not (asked_by_reader(draft) and highlight.exact):
        return False
    if highlight.comment.lstrip().casefold().startswith(("?", "q:")):
        return False
    # questions in another language share no words with their passages
    for written_in in (script, language_of):
        if len({written_in(front), written_in(highlight.exact)} - {""}) > 1:
            return False
    source = f"{naming(highlight)}\n{source_text(highlight)}"
    return stems(front).isdisjoint(stems(source))


def goes_on(draft: Words, highlight: Highlight) -> bool:
    """Return whether a front in letters, in the list below a passage, goes on a conversation.

    It asks for something, without `?`, and names nothing of what is above it and of its answer.
    """
    front = " ".join(read(draft).asked.split())
    if highlight.written != IN_LETTERS or not highlight.above or front.endswith("?"):
        return False
    if len(front.split()) < _ORDER_WORDS:
        return False
    said = f"{naming(highlight)}\n{draft.field('Back')}"
    return stems(front).isdisjoint(stems(said))


def _gives_away(front: str, answer: str) -> Iterator[Finding]:
    """Find a short answer that is in the front, which does not offer a choice: A or B?"""
    if len(answer) < SHORTEST or word_count(answer) > _LEAK_WORDS:
        return
    if not content(answer) or is_choice(front):
        return
    # the case counts without a question: `string type` is not `String`
    if holds(front, answer, exact="?" not in front):
        yield make_finding("leak_exact", f"“{answer}”")


def _items_of(back: str, answer: str) -> int:
    """Return the number of items of an answer: of its list, or at least three between commas."""
    items = len(_BULLET.findall(back))
    if items:
        return items
    parts = list(filter(str.strip, _BETWEEN_ITEMS.split(answer.strip(" ."))))
    return len(parts) if len(parts) >= _FEWEST_ITEMS else 1


# --- patterns of badly worded questions -----------------------------------------------


class _Pattern(Value):
    """A section of `data/questions.txt`."""

    rule: str
    """The id of the rule that is broken."""
    bad: re.Pattern[str]
    """The words that a front must not contain."""
    excuse: re.Pattern[str] | None
    """The words that make a front good in spite of them."""


@cache
def _question_patterns() -> tuple[_Pattern, ...]:
    """Read `data/questions.txt`."""
    path = Path(__file__).parent / "data" / "questions.txt"
    text = re.sub("(?m)^#.*\n", "", path.read_text("utf-8"))
    sections = re.findall(r"\[(\w+)\]\n((?:(?!\[\w+\]\n).+\n)+)", text)
    placeholders = dict(sections[:2])
    patterns = []
    for rule, lines in sections[2:]:
        for name, words in placeholders.items():
            lines = lines.replace(f"<{name}>", words.strip())
        # the lines of a pattern are joined
        bad, _, excuse = lines.partition("unless\n")
        patterns.append(
            _Pattern(
                rule=rule,
                bad=re.compile(bad.replace("\n", ""), re.IGNORECASE),
                excuse=re.compile(excuse.replace("\n", ""), re.IGNORECASE)
                if excuse
                else None,
            )
        )
    return tuple(patterns)


# --- what the card does not show, and what stands for words ---------------------------

_WORKS = "paper|article|study|work|section|chapter|book|text|passage|excerpt|highlight"
_THIS = regex(
    rf"(?i)\b(?:this|these|those|such an?) ({_WORKS}|figure|table|equation|method"
    rf"|model|approach"
    r"|technique|example|system|process|concept|idea|result|theorem)s?\b"
)
_THE_TEXT = regex(
    rf"(?i)\bthe authors?\b(?! (?:of|who|in whose)\b)"
    rf"|\baccording to the (?:{_WORKS}|authors?|source)\b(?! (?:of|that|by|on)\b)"
    rf"|\b(?:in|from) the (?:paper|article|passage|excerpt|highlight|text|study)"
    r"(?! (?:of|that|by|on|which|called|titled)\b| [“\"‘'])"
    rf"|\bthe (?:{_WORKS}|source|critique) (?:says?|argues?|claims?|states?|describes?"
    rf"|mentions?"
    r"|proposes?|suggests?|introduces?|presents?|calls?|shows?|discuss(?:es)?"
    r"|explains?)\b"
    r"|\b(?:mentioned|described|discussed|shown|defined) (?:above|below|earlier|here)\b"
    r"|\b(?:mentioned|described|stated|given) in the sentence\b"
)
_OPTIONS = regex(
    r"(?i)\b(?:which|what|who|choose|select|one)\b[^?]{0,40}\bof"
    r" (?:the following|these options|the options)(?: below)?\b"
    r"|\b(?:all|none|both|any) of the (?:above|below)\b|\bwelche[rs]? der folgenden\b"
    r"|\b(?:lequel|laquelle|lesquels) des? suivants?\b|\bcuál(?:es)? de (?:los"
    r"|las) siguientes\b"
)
_LISTED = regex(
    r"(?s)(?:^|\n)\s*(?:[-*+•]|\(?[a-eA-E1-5][).:])\s|\b[aA][).]\s.+\b[bB][).]\s"
)
_FIGURE = regex(
    r"(?i)\b(?:fig(?:ure)?s?\.?|table|eqs?\.|equation|section|sect?\.|appendix)\s?\(?\d+"
)


_EMPTY = regex(
    r"(?is)\W*(?:n/?a|t\.?b\.?d|todo|fixme|x{3,}|lorem ipsum.*|placeholder"
    r"|your (?:question|answer)"
    r"(?: here)?|insert (?:text|answer|question)(?: here)?"
    r"|(?:question|answer|front|back|text) here)\W*"
)
_LONGEST_EMPTY = 60
_DOTS = regex(r"(?:\.{2,}|…|[-–—_]{3,}|\?{1,5}|[\[(<{]+\W*[\])>}]+)")
# Words of the reply schema, which may be real answers if they are in the source.
_SCHEMA_WORDS = frozenset(
    ["string", "str", "null", "undefined", "answer", "question", "front", "back", "nan"]
)


@needs(Needs.CARD)
def pointing(draft: Words, context: Context) -> Iterator[Finding]:
    """Find words that point at a text that the card does not show, and placeholders.

    For example `this paper`, `Figure 3`, `which of the following`; `...` for an answer.
    """
    reading = read(draft)
    is_cloze = draft.kind.family is Family.CLOZE
    shown = reading.whole if is_cloze else reading.asked
    reference = _reference_to_text(shown)
    figure = _FIGURE.search(shown)
    if not reference and not _LISTED.search(shown):
        # options that the card does not list
        options = _OPTIONS.search(shown) or _OPTIONS.search(" ".join(reading.answers))
        reference = options[0] if options else ""
    if reference:
        yield make_finding("points_at_page", f"“{reference}”")
    elif figure:
        yield make_finding("points_at_page", f"“{figure[0]}”", severity=Severity.WARN)

    # the first side that stands for words: `...`, `TODO`, `N/A`, a word of the schema
    highlight = context.highlight
    for side in reading.answers if is_cloze else (reading.asked, *reading.answers):
        plain = " ".join(side.split())
        is_empty = len(plain) < _LONGEST_EMPTY and _EMPTY.fullmatch(plain)
        word = plain.strip("<>[](){}\"'. ").casefold()
        is_of_schema = word in _SCHEMA_WORDS and highlight.exact and not authored(draft)
        if is_of_schema and word in tokens(source_text(highlight)):
            is_of_schema = False
        if is_empty or is_of_schema or _DOTS.fullmatch(plain):
            yield make_finding("placeholder", f"“{plain}”")
            return


@lru_cache(maxsize=16)  # the gaps of a sentence are judged one after the other
def _reference_to_text(text: str) -> str:
    """Return the words that refer to a text beside the card; "" if there are none."""
    for match in _THIS.finditer(text):
        before = text[: match.start()].casefold()
        if match[1].casefold() not in before:  # else the card names the thing itself
            return match[0]
    the_text = _THE_TEXT.search(text)
    return the_text[0] if the_text else ""


# --- truncated cards, and Markdown that is not rendered -------------------------------

# What may follow the last sign of a sentence. (A pattern with these signs takes `re`
# milliseconds.)
_CLOSING = '*_=~>"”’»)} \t\n\u00a0\u202f\u3000'
_COMMAS = (",", "،", "、", "，")
_COLONS = (":", "：")
_JOINING = listed("signs", "joining")
# In shorter texts, the last word may be what is asked about: `und` means `and`.
_JOINED_WORDS = 4


_PAIRED = regex(
    r"(?<!\\)\*\*(?=[^\s*])((?:(?!\n\n)[^*]|(?<!\*)\*(?!\*))+?)(?<=[^\s\\])\*\*(?!\*)"
    r"|(?<!\\)\*\*\*(?=[^\s*])([^*\n]+)(?<=[^\s\\])\*\*\*(?!\*)"
)
_STRAY = regex(
    r"(?<![\w*])\*\*(?=[^\W\d_])(?!(?:kw|kwargs|args|opts|options|params)\b)"
    r"|(?<=[^\W_])\*\*(?![\w*(])|(?<=[.!?,;:)])\*\*(?!\w)|(?<=[^\W\d_])\*\*(?=[^\W\d_])"
    r"|(?:^|\s)\*\*\s*$|~=\{|=\}~"
    r"|(?<![\w=<>!:+*/\-.])={2,}(?=[^\W\d_])|(?<=[^\W\d_])={2,}(?![\w=<>\"'(\[])"
    r"|(?<=[.!?,;:)])={2,}(?!\w)"
)


@needs(Needs.CARD)
def unfinished(draft: Words, context: Context) -> Iterator[Finding]:
    """Find truncated sides and stray Markdown signs."""
    for name in ("Text",) if draft.kind.family is Family.CLOZE else ("Front", "Back"):
        # a side that ends in a comma, or, if the answer does not go on with it, in a colon
        # or a conjunction
        text = draft.field(name).rstrip()
        words = text.split()
        end = text.rstrip(_CLOSING)
        breaks_off = end.endswith(_COMMAS)
        if name != "Front" and len(words) >= _JOINED_WORDS:
            breaks_off = (
                breaks_off or words[-1].strip("*_") in _JOINING or end.endswith(_COLONS)
            )
        if breaks_off and any(map(str.isalnum, text)):
            yield make_finding("breaks_off", f"“…{' '.join(words[-3:])}”")
    for name in ("Text", "Front", "Back"):
        # an unmatched `**` or `==`, which Anki would show
        text = draft.field(name)
        if "*" not in text and "=" not in text:
            continue
        shown = CLOZE_SIGN.sub("", without_code(text))
        shown = _PAIRED.sub(lambda pair: pair[1] or pair[2], shown).replace("\\", "")
        sign = _STRAY.search(shown)
        if sign:
            yield make_finding("stray_markup", f"“{sign[0].strip()}”")
            return


def without_code(text: str) -> str:
    """Return the text with code and formulae replaced by a letter."""
    parts = []
    place = 0
    for start, end, kind in shields(text):
        if kind != "escape":
            parts += [text[place:start], "x"]
            place = end
    parts.append(text[place:])
    return "".join(parts)


# --- what stands above a card ---------------------------------------------------------

_IN_PARENTHESES = regex(r"\([^()]*\)")
# Words that two texts may share without saying the same.
_NOT_TELLING = listed("cues", "articles") | listed("cues", "join").union(
    "in for that it to is be and by".split()
)
# The part of the answer's words that must be in a text to give the answer away.
_REVEALING_PART = 2 / 3
# The least number of the answer's words that must be there, if it has as many.
_FEWEST_WORDS = 2


def safe_context(card: Words, parts: Strings) -> Strings:
    """Return the parts of a card's context that do not give its answer away, in their order.

    Above the question, a card shows where it comes from: document › headings › list items.
    A heading may contain the answer, perhaps in another inflection: `Catalysis` above “What
    speeds it up? A catalyst”.
    """
    fields = dict(card.fields)
    if card.kind is CardKind.CLOZE:
        answers = [cloze.plain(gap.answer) for gap in cloze.gaps(fields.get("Text", ""))]
    elif card.kind is CardKind.OCCLUSION:
        answers = list(occlusion.names(occlusion.masks_in(fields)))
    else:
        answers = [cloze.plain(fields.get("Back", ""))]
    if card.kind is CardKind.TWO_WAY:  # it is asked in reverse, too
        answers.append(cloze.plain(fields.get("Front", "")))
    safe = []
    for part in parts:
        if not any(_reveals(part, answer) for answer in answers):
            safe.append(part)
    return tuple(safe)


def _reveals(text: str, answer: str) -> bool:
    """Return whether a text contains the words of an answer, in any inflection.

    So `catalysis` matches `catalyst`. Two thirds of the words suffice, and two of two
    or three. Text in parentheses in the answer is ignored.

    Scripts without blanks between words, such as Chinese, are compared as one string.
    """
    bare_answer = for_comparing(_IN_PARENTHESES.sub(" ", answer))
    shown = for_comparing(text)
    unspaced_answer = "".join(bare_answer.split())
    if not unspaced_answer.isascii() and unspaced_answer in "".join(shown.split()):
        return True
    words = frozenset(tokens(bare_answer)) - _NOT_TELLING
    wanted = frozenset(map(beginning, words))
    enough = max(len(wanted) * _REVEALING_PART, min(len(wanted), _FEWEST_WORDS))
    return bool(wanted) and len(wanted & beginnings(shown)) >= enough
