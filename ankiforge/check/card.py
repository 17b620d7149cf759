"""Checks that need only the card: what would break in Anki, and wording.

Patterns of questions are in `data/questions.txt`, word lists in `data/small_words.txt`, limits in
`data/rules.txt`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from functools import cache
from itertools import accumulate
from math import ceil

from ankiforge.check.reading import (
    CLOZE_SIGN,
    GAP,
    Context,
    asked_by_reader,
    authored,
    counted,
    is_choice,
    language,
    make_finding,
    marked,
    naming,
    read,
    source_text,
    without,
    without_markup,
)
from ankiforge.check.words import (
    NEGATIONS,
    STOP_WORDS,
    alternatives,
    content,
    data,
    has_word,
    holds,
    listed,
    stems,
    tokens,
    word_count,
)
from ankiforge.model import (
    OTHER_NOTE,
    OTHER_SCHEDULE,
    Draft,
    Family,
    Finding,
    Form,
    Severity,
)
from ankiforge.text import cloze, regex
from ankiforge.text.cloze import image_paths
from ankiforge.text.damage import damage_in
from ankiforge.text.fold import clean, is_visible
from ankiforge.text.shields import outside, shields
from ankiforge.text.tools import schedule_of

# --- structure: what would break on the way to Anki, or leaves nothing to ask --------------------

MAX_LENGTH = 8000
MAX_CLOZES = 64
"""No other check reads larger cards, which limits the effort."""


def too_long(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find oversized cards."""
    length = sum(len(text) for _, text in draft.fields)
    clozes = draft.field("Text").count("{{")
    yield from counted(length, "too_long")
    if length <= MAX_LENGTH and clozes > MAX_CLOZES:
        yield make_finding("too_long", f"{clozes} clozes of at most {MAX_CLOZES}")


_CLOZE_IN_MATHS = regex(r"\{\{c\d+::")
# A `$` before a word; not a shell variable or a price.
_OPENS = regex(r"\$(?=[^\s\d$])(?![A-Z_][A-Z0-9_]+\b|[{(])")
_TEX = regex(r"\\[A-Za-z]|[\^=+]|\w_[\w{]")
_TEX_WORD = regex(r"\S*(?:\\[A-Za-z]|\^|\w_)\S*$")
_LOOK_BACK = 40
_CONTROL = regex("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def structure(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find what would break in Anki, or leaves nothing to ask."""
    # front and back both show something; a picture counts
    text = draft.field("Text")
    problems: list[str] = []
    if draft.kind.family is Family.BASIC:
        for name in ("Front", "Back"):
            if not _shows(draft.field(name)):
                yield make_finding("empty_side", name)
    else:
        problems += dict.fromkeys(cloze.problems(text))
    # while a number is hidden, words, a formula, a picture or a hint remain visible as the question
    for number, hidden in read(draft).hidden:
        rest = without(text, hidden).replace(GAP, "")
        hinted = any(gap.hint.strip() for gap in hidden)
        if not hinted and not re.search(r"\w", rest) and "![" not in text:
            yield make_finding("gap_is_all", f"c{number}")
    for problem in problems:
        yield make_finding("malformed", problem)
    # `{{` begins a cloze; a person may write about templates
    lost = next(filter(None, (_no_cloze(text) for _, text in draft.fields)), "")
    mild = Severity.INFO if authored(draft) else None
    if lost and not problems:
        yield make_finding("malformed", f"“{lost}” begins no cloze", severity=mild)
    for _, text in draft.fields:
        if formula := _unclosed(text):
            yield make_finding("maths", f"“{formula}”")
    # no control characters; tabs only if a person typed them
    for name, raw in draft.fields:
        text = raw.replace("\r\n", "\n")
        sign = _CONTROL.search(text) or (None if authored(draft) else re.search("\t", text))
        if sign:
            severity = Severity.INFO if authored(draft) else None
            yield make_finding(
                "control_character", f"U+{ord(sign[0]):04X} in {name}", severity=severity
            )


def damaged_text(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find letters that a wrong encoding, or a font without a table of its signs, has damaged."""
    for name, text in draft.fields:
        if damage := damage_in(text):
            yield make_finding("damaged_text", f"“{damage}” in {name}")


def _shows(text: str) -> bool:
    """Return whether a text shows anything; `&nbsp;` is a blank, except in code."""
    return is_visible(without_markup(outside(clean(text), html.unescape))) or "![" in text


def _no_cloze(text: str) -> str:
    """Return the first `{{` that is not a cloze: `{{answer}}`, `{{c1:…}}`, a cloze in a formula."""
    if "{{" not in text:
        return ""
    starts, shielded = {gap.start for gap in cloze.gaps(text)}, shields(text)
    for match in re.finditer(r"\{\{", text):
        at = match.start()
        kinds = [kind for start, end, kind in shielded if start <= at < end]
        in_maths = "display" in kinds or "math" in kinds
        if (in_maths and _CLOZE_IN_MATHS.match(text, at)) or not (kinds or at in starts):
            return text[at : at + 20]
    return ""


def _unclosed(text: str) -> str:
    """Return the first formula that is not closed, or whose braces do not match."""
    shielded = shields(text)
    for start, end, kind in shielded:
        if kind in ("math", "display"):
            braces = re.findall(r"(?<!\\)(?:\\\\)*([{}])", text[start:end])
            depths = [0, *accumulate(1 if brace == "{" else -1 for brace in braces)]
            if min(depths) < 0 or depths[-1]:
                return text[start:end][:40]
    for match in re.finditer(r"\$", text):
        at = match.start()
        if not any(start <= at < end for start, end, _ in shielded):
            line = text[text.rfind("\n", 0, at) + 1 :].partition("\n")[0]
            opens = _OPENS.match(text, at) and _TEX.search(line)
            if opens or _TEX_WORD.search(text[max(0, at - _LOOK_BACK) : at]):
                return text[at : at + 30]
    return ""


# --- clozes -------------------------------------------------------------------------------------

# The first words of a sentence that depends on the one before it; case matters.
_LEANS = regex(rf"(?:{alternatives('small_words', 'leans_back')})(?![\w’'-])")
_IMPERSONAL = regex(
    r"(?i)these days\b|it (?:is|was|has been|may be|can be|seems|appears|follows|turns out|takes)\s"
    r"(?:\S+\s){0,3}(?:that|to|how|whether|for)\b|such (?:as|that)\b"
)
_ASKABLE = listed("small_words", "askable")
_SMALL_WORDS = STOP_WORDS - NEGATIONS - _ASKABLE
_SMALL_OR_NEGATIVE = (STOP_WORDS | NEGATIONS) - _ASKABLE
_SIGNS_ONLY = regex(r"[\s.,;:!?'\"“”()-]+")
# A number or acronym, which is searched for although it is short.
_SHORT_FACT = regex(r"\d{2,}|[A-Z]{2,}")
# The minimum length of other answers that are searched for, in characters.
_SHORTEST = 4
# A text with more lines is a list or a table.
_LINES = 3
_WORDS_TO_MEASURE = 8
_EDGE_SIGN = regex(r"^[\s.,;:!?)]|[\s,;:(]$|^(?:<-|[-=]>|[←→⇒])")
# A remark in brackets behind a sentence, of several words or with a number; others name a thing.
_ASIDE = regex(r"(?:[.!?。]|[^.!?。]?(?=[(（](?:(?:[^\s()]+\s+){3}|[^()]*\d)))[(（][^()（）]*[)）]")
# What numbers or files a part of a text: `(b)`, `iv)`, `A.`, `#tag`.
_ENUMERATOR = regex(r"\(?(?:[^\W\d_]|[ivxIVX]{1,4}|\d{1,2})[)）]|[A-Z]\.|#[^\W\d_][\w/-]+")
# Words of a gap that begins the text, at most: what follows a longer one seldom says what is asked.
_OPENING_WORDS = 4
_DEFINES = regex(r"[*_]*\s*(?:[:：=]|[-–—]\s)")
# What a gap of a template holds, not of a card: `{{FIRST_NAME}}`, `{{first_name}}`.
_IDENTIFIER = regex(r"c\d*|[a-z]+(?:_[a-z0-9]+)+|[A-Z]+(?:_[A-Z0-9]+)+|[a-z]+(?:[A-Z][a-z]+)+")


def clozes(draft: Draft, context: Context) -> Iterator[Finding]:
    """Judge the wording of a cloze."""
    if draft.kind.family is not Family.CLOZE:
        return
    reading, text = read(draft), draft.field("Text")
    by_reader = bool(reading.gaps) and marked(draft, context.highlight)
    # the sentence is clear by itself: it does not begin with `This`, `They`, `However`
    shown = reading.whole.lstrip("“\"'‘(*_&%→• ")
    if (leans := _LEANS.match(shown)) and not _IMPERSONAL.match(shown):
        yield make_finding("leans_back", f"“{leans[0].strip()}”")
    # gaps contain content words; letters, numbers, formulae and negations count
    for gap, answer in zip(reading.gaps, reading.answers, strict=True):
        words = tokens(answer)
        small = words and all(word in _SMALL_WORDS and len(word) > 1 for word in words)
        empty = not words and _SIGNS_ONLY.fullmatch(answer)
        if (small and not answer.isupper()) or empty or _ENUMERATOR.fullmatch(answer):
            yield make_finding("gap_stopword", f"“{answer}”")
        elif "`" not in gap.answer and _IDENTIFIER.fullmatch(answer):
            yield make_finding("placeholder", f"“{answer}”")
        aside = _ASIDE.fullmatch(text[: gap.start].rstrip()[-1:] + answer)
        if aside or (gap.answer.strip() and _EDGE_SIGN.search(gap.answer.strip("*_"))):
            yield make_finding("gap_edge_punct", f"“{gap.answer}”")
        opens = not tokens(text[: gap.start]) and word_count(answer) > _OPENING_WORDS
        if opens and not _DEFINES.match(text, gap.end):
            yield make_finding("gap_gt8w", "it begins the text")
        else:
            yield from counted(word_count(answer), "gap_gt8w")
    yield from _leaked(draft)
    # enough of the text remains beside the gaps
    length = word_count(reading.whole)
    for number, hidden in reading.hidden:
        rest = without(text, hidden).replace(GAP, "")
        if length >= _WORDS_TO_MEASURE:
            part = ceil(100 * (1 - len(rest) / len(reading.whole)))
            yield from counted(part, "gap_gt50pct", f"c{number}")
        elif len(content(rest)) < 1 and "![" not in text and "$" not in text:
            yield make_finding("short_cloze", f"“{rest.strip()}”")
    yield from counted(len(cloze.numbers(text)), "gaps_gt3")
    yield from counted(length, "cloze_gt40w")
    if by_reader:
        yield from _emphasised(draft)


_LABELS = listed("small_words", "label")
_POINTING = listed("small_words", "pointing")
_NAMING = regex(rf"(?i)(?<!\w)(?:{alternatives('small_words', 'naming')})(?!\w)")
# Characters around a mark, and before the end, that are searched.
_NEAR = 40
_FULL_STOP = regex(r"[.!…。！۔।॥։።][\W_]*\Z")
_IN_BRACKETS = regex(r"[(（][^()（）]*[)）]")
_WORDS_ONLY = regex(r"[^\W\d_]{2,}(?:[\s'’/:-]+[^\W\d_]{2,})*[\s:]*")
# The ending of a word that is hidden.
_ENDING = regex(r"[a-z]{1,2}(?![^\W\d_])")


def _emphasised(draft: Draft) -> Iterator[Finding]:
    """Find phrases that are marked for emphasis rather than to be recalled.

    Most people mark what is important. A mark passes in a whole sentence, if it is a term with its
    definition, and beside a word that names it. In 30 public vaults that no rule was made for, readers
    called 29 of the 42 cards that passed good, and 4 of the 38 that wait.
    """
    reading, text = read(draft), draft.field("Text")
    opens = not tokens(text[: reading.gaps[0].start])
    named = False
    # a word that points elsewhere stands early in the sentence, or beside the mark
    early = re.findall(r"\w+", text)[:4]
    for gap, answer in zip(reading.gaps, reading.answers, strict=True):
        before, after = text[: gap.start].rstrip("*_"), text[gap.end :].lstrip("*_")
        begins = _is_cased(before[-1:]) and _is_cased(answer[:1])
        ends = _is_cased(answer[-1:]) and _is_cased(after[:1]) and not _ENDING.match(after)
        bracketed = before[-1:] in ("(", "（") and after[:1] in (")", "）")
        if begins or ends or bracketed or _IN_BRACKETS.fullmatch(answer):
            yield make_finding("gap_edge_punct", f"“{gap.answer}”")
        words = {*tokens(answer)}
        small = words <= _SMALL_OR_NEGATIVE or (opens and words <= _LABELS)
        if small and _WORDS_ONLY.fullmatch(answer):
            yield make_finding("gap_stopword", f"“{answer}”")
        early += re.findall(r"\w+", before[-_NEAR:])[-2:]
        named = named or bool(_NAMING.search(before[-_NEAR:]) or _NAMING.match(after.lstrip(" ,")))
    shown = _without_code(text)
    source_text = content(without(shown, cloze.gaps(shown)).replace(GAP, " "))
    defines = opens and _DEFINES.match(text, reading.gaps[0].end)
    is_sentence = _FULL_STOP.search(reading.whole[-_NEAR:]) and not _begins_within(text)
    # content words of a definition, of a sentence behind the gap that opens it, beside any gap
    least = 2 if defines else 5 if opens else 1
    states = defines or named or is_sentence
    says_little = len(source_text) < least
    if "![" not in text and not states:
        yield make_finding("fragment", "no sentence with its full stop, no `Term: definition`")
    elif "![" not in text and says_little:
        where = "behind it" if opens else "beside it"
        yield make_finding("fragment", f"the sentence says little {where}")
    elif not (defines or named) and not _POINTING.isdisjoint(early):
        yield make_finding("leans_back", "it points at text before it")


def _is_cased(sign: str) -> bool:
    """Return whether a sign is a letter of a script with capitals, which puts blanks between words."""
    return sign.islower() or sign.isupper()


def _begins_within(text: str) -> bool:
    """Return whether a text begins with a small letter; not with code, a formula, `mRNA`, `p-value`."""
    first = re.search(r"[`$]|(?<!\{\{)[^\W\d_][^\W_]*-?", text)
    return first is not None and first[0].islower() and first[0][1:2] != "-"


def _leaked(draft: Draft) -> Iterator[Finding]:
    """Find answers in the rest of the sentence, or of the line in a list."""
    reading, text = read(draft), draft.field("Text")
    for number, hidden in reading.hidden:
        rest = without(text, hidden)
        lines = rest.splitlines()
        if len(lines) > _LINES:
            rest = "\n".join(line for line in lines if GAP in line)
        for gap, answer in zip(reading.gaps, reading.answers, strict=True):
            plain = answer.strip(" .,;:")
            short = bool(_SHORT_FACT.fullmatch(plain))
            long_enough = len(plain) >= _SHORTEST or short
            if number in gap.numbers and long_enough and holds(rest, plain, exact=short):
                yield make_finding("gap_leak", f"“{answer}”")


# --- questions ----------------------------------------------------------------------------------

_Pattern = tuple[str, re.Pattern[str], re.Pattern[str] | None]


@cache
def _question_patterns() -> tuple[_Pattern, ...]:
    """Read `data/questions.txt`: a rule, what a front must not contain, and what excuses it."""
    text = re.sub("(?m)^#.*\n", "", data("questions"))
    sections = re.findall(r"\[(\w+)\]\n((?:(?!\[\w+\]\n).+\n)+)", text)
    words, patterns = dict(sections[:2]), []
    for id, lines in sections[2:]:
        for name, alternative in words.items():
            lines = lines.replace(f"<{name}>", alternative.strip())
        pattern, _, unless = (part.replace("\n", "") for part in lines.partition("unless\n"))
        excuse = re.compile(unless, re.IGNORECASE) if unless else None
        patterns.append((id, re.compile(pattern, re.IGNORECASE), excuse))
    return tuple(patterns)


_YES_NO = regex(
    r"(?i)^(?:yes|no|true|false|ja|nein)(?:$|[.,;:!]|\s+[-–—]|\s+(?:because|since|but|as|it|they|if"
    r"|unless|only)\b)"
)
_BULLET = regex(r"(?m)^[ \t]*(?:[-*+•]|\d{1,3}[.)\\]{1,2})[ \t]")
_BRACKETED = regex(r"[(\[][^()\[\]]*[)\]]")
# Text between commas that is not an item of a list.
_CLAUSE = regex(
    r"(?i)(?:that|which|who|whose|where|when|while|if|but|because|as|so|such|then|thus|since|i\.e|e\.g)\b"
)
_ITEM_WORDS = 5
_LEAK_WORDS = 6
_REMARK = listed("small_words", "remark")


def questions(draft: Draft, context: Context) -> Iterator[Finding]:
    """Judge the wording of a question and its answer."""
    if draft.kind.family is not Family.BASIC:
        return
    reading = read(draft)
    back, answer = draft.field("Back"), reading.answers[0]
    front = " ".join(reading.asked.split())
    pictured = "![" in draft.field("Front")  # `this` refers to the picture
    german_was = front[:4].casefold() == "was " and (
        "German" in (language(reading.whole), language(context.highlight.exact))
    )
    says = _YES_NO.match(answer.strip())
    if says:
        yield make_finding("yes_no", f"the answer is “{answer[:20]}”")
    for id, pattern, unless in _question_patterns():
        spared = (id == "yes_no" and (german_was or says)) or (id == "leans_back" and pictured)
        if (
            not spared
            and (match := pattern.search(front))
            and not (unless and unless.search(front))
        ):
            yield make_finding(id, "" if id in ("yes_no", "two_questions") else f"“{match[0]}”")
    # a remark as `what does this mean?` asks for nothing in particular, nor does `why not 7?`
    asked = {word for word in tokens(front) if not (word.isascii() and len(word) == 1)}
    if front.endswith("?") and asked and asked <= _REMARK | STOP_WORDS and not pictured:
        yield make_finding("vague", f"“{front}”")
    # the reader's remark can be a card's question if it names anything of the passage, or begins with `?`
    passage = context.highlight
    free = not passage.comment.lstrip().casefold().startswith(("?", "q:"))
    named = stems(front) & stems(f"{naming(passage)}\n{source_text(passage)}")
    if asked_by_reader(draft) and passage.exact and free and not named:
        yield make_finding("leans_back", f"“{front}”")
    # the front does not give the answer away, unless it offers a choice: A or B?
    plain = answer.strip(" .")
    short = len(plain) >= _SHORTEST and word_count(plain) <= _LEAK_WORDS and content(plain)
    sides = (plain.casefold(), front.casefold()) if "?" in front else (plain, front)
    if short and not is_choice(front) and has_word(*sides):  # `string type` is not `String`
        yield make_finding("leak_exact", f"“{plain}”")
    # a short front, and an answer that can be recalled as a whole
    yield from counted(len(_BULLET.findall(back)) or _between_commas(answer), "list_gt5")
    yield from counted(word_count(answer), "answer_gt20w")
    yield from counted(word_count(reading.asked), "front_gt30w")


def _between_commas(answer: str) -> int:
    """Return the number of items of an enumeration of at least three short ones; else 1."""
    plain = _BRACKETED.sub("", answer) or answer
    items = [item for item in re.split(r"[,;、，]\s+|[、，]", plain.strip(" .")) if item.strip()]
    short = all(word_count(item) <= _ITEM_WORDS and not _CLAUSE.match(item) for item in items)
    return len(items) if len(items) >= 3 and short else 1


# --- what the card does not show, and what stands for words -----------------------------------------

_WORKS = "paper|article|study|work|section|chapter|book|text|passage|excerpt|highlight"
_THIS = regex(
    rf"(?i)\b(?:this|these|those|such an?) ({_WORKS}|figure|table|equation|method|model|approach"
    r"|technique|example|system|process|concept|idea|result|theorem)s?\b"
)
_THE_TEXT = regex(
    rf"(?i)\bthe authors?\b(?! (?:of|who|in whose)\b)"
    rf"|\baccording to the (?:{_WORKS}|authors?|source)\b(?! (?:of|that|by|on)\b)"
    rf"|\b(?:in|from) the (?:paper|article|passage|excerpt|highlight|text|study)"
    r"(?! (?:of|that|by|on|which|called|titled)\b| [“\"‘'])"
    rf"|\bthe (?:{_WORKS}|source|critique) (?:says?|argues?|claims?|states?|describes?|mentions?"
    r"|proposes?|suggests?|introduces?|presents?|calls?|shows?|discuss(?:es)?|explains?)\b"
    r"|\b(?:mentioned|described|discussed|shown|defined) (?:above|below|earlier|here)\b"
)
_OPTIONS = regex(
    r"(?i)\b(?:which|what|who|choose|select|one)\b[^?]{0,40}\bof (?:the following|these options|the options)"
    r"(?: below)?\b|\b(?:all|none|both|any) of the (?:above|below)\b|\bwelche[rs]? der folgenden\b"
    r"|\b(?:lequel|laquelle|lesquels) des? suivants?\b|\bcuál(?:es)? de (?:los|las) siguientes\b"
)
_LISTED = regex(r"(?s)(?:^|\n)\s*(?:[-*+•]|\(?[a-eA-E1-5][).:])\s|\b[aA][).]\s.+\b[bB][).]\s")
_FIGURE = regex(
    r"(?i)\b(?:fig(?:ure)?s?\.?|table|eqs?\.|equation|section|sect?\.|appendix)\s?\(?\d+"
)
_EMPTY = regex(
    r"(?is)\W*(?:n/?a|t\.?b\.?d|todo|fixme|x{3,}|lorem ipsum.*|placeholder|your (?:question|answer)"
    r"(?: here)?|insert \w+(?: here)?|(?:question|answer|front|back|text) here)\W*"
)
_DOTS = regex(r"(?:\.{2,}|…|[-–—_]{3,}|\?{1,5}|[\[(<{]+\W*[\])>}]+)")
# Words of the reply schema, which may be real answers if they are in the source.
_SCHEMA_WORDS = frozenset(
    ["string", "str", "null", "undefined", "answer", "question", "front", "back", "nan"]
)


def pointing(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find `this paper`, `the author`, `Figure 3`, `which of the following`, and `...` for an answer."""
    reading = read(draft)
    is_cloze = draft.kind.family is Family.CLOZE
    shown = reading.whole if is_cloze else reading.asked
    # a card is seen without its source, unless it names the thing itself
    named = (
        match
        for match in _THIS.finditer(shown)
        if match[1].casefold() not in shown[: match.start()].casefold()
    )
    option = _OPTIONS.search(shown) or _OPTIONS.search(" ".join(reading.answers))
    if option and _LISTED.search(shown):
        option = None
    if match := next(named, None) or _THE_TEXT.search(shown) or option:
        yield make_finding("points_at_page", f"“{match[0]}”")
    elif figure := _FIGURE.search(shown):
        yield make_finding("points_at_page", f"“{figure[0]}”", severity=Severity.WARN)
    # no `...`, `TODO`, `N/A`, and no words of the schema
    for side in filter(None, ("" if is_cloze else reading.asked, *reading.answers)):
        plain = " ".join(side.split())
        word = plain.strip("<>[](){}\"'. ").casefold()
        schema = word in _SCHEMA_WORDS and context.highlight.exact and not authored(draft)
        empty = _DOTS.fullmatch(plain) or (len(plain) < 60 and _EMPTY.fullmatch(plain))
        if empty or (schema and word not in tokens(source_text(context.highlight))):
            yield make_finding("placeholder", f"“{plain}”")
            return


# --- truncated cards, and Markdown that is not rendered -------------------------------------------

# What may follow the last sign of a sentence. (A pattern with these signs takes `re` milliseconds.)
_CLOSING = '*_=~>"”’»)} \t\n\u00a0\u202f\u3000'
_COMMAS, _COLONS = (",", "،", "、", "，"), (":", "：")
_JOINING = listed("small_words", "joining")
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
    r"|(?<![\w=<>!:+*/\-.])={2,}(?=[^\W\d_])|(?<=[^\W\d_])={2,}(?![\w=<>\"'(\[])|(?<=[.!?,;:)])={2,}(?!\w)"
)


def unfinished(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find truncated sides and stray Markdown signs."""
    is_cloze = draft.kind.family is Family.CLOZE
    # no side ends in a comma, no statement in a colon, and no sentence in a conjunction
    for name in ("Text",) if is_cloze else ("Front", "Back"):
        text = draft.field(name).rstrip()
        if any(map(str.isalnum, text)):
            words = text.split()
            cut = text.rstrip(_CLOSING).endswith(_COMMAS)
            if name != "Front" and len(words) >= _JOINED_WORDS:
                joins = words[-1].strip("*_") in _JOINING
                cut = cut or joins or text.rstrip(_CLOSING).endswith(_COLONS)
            if cut:
                yield make_finding("breaks_off", f"“…{' '.join(words[-3:])}”")
    # no unmatched `**` or `==` is shown
    for text in map(draft.field, ("Text", "Front", "Back")):
        if "*" in text or "=" in text:
            shown = CLOZE_SIGN.sub("", _without_code(text))
            shown = _PAIRED.sub(lambda pair: pair[1] or pair[2], shown).replace("\\", "")
            if sign := _STRAY.search(shown):
                yield make_finding("stray_markup", f"“{sign[0].strip()}”")
                return


def _without_code(text: str) -> str:
    """Return the text with code and formulae replaced by a letter."""
    parts, at = [], 0
    for start, end, kind in shields(text):
        if kind != "escape":
            parts += [text[at:start], "x"]
            at = end
    return "".join([*parts, text[at:]])


# --- doubtful marks: mere emphasis, metadata, code ------------------------------------------------

# The deck or tags of a note, as a tool reads them, and a number or letter of a list: `1)`.
_DECLARATION = regex(r"(?i)(?:TARGET[ _]DECK|FILE[ _]TAGS)\b|\W*\w{1,2}[.)）]\Z")
_CODE_LINE = regex(
    r"\w(?<!:)::~?[\w.]+(?:\(|<|;|::)"  # std::vector<int>, Foo::bar()
    # an address: fe80::1, 2001::1:2, but not the year in `1989::9 November`
    r"|(?<![\w:])(?=\w*\d)(?=\d*[A-Fa-f]|\w+::[0-9A-Fa-f]*[:/])"
    r"[0-9A-Fa-f]{3,4}::[0-9A-Fa-f:]*(?:/\d+)?(?!\w)"
    r"|::=|^\S+\s+::\s+\S+(?:\s+\S+){0,3}\s*(?:->|=>|→|⇒)"  # a grammar, a type
    # a member of a class, but not `JavaScript::a language`
    r"|(?<=\s)[A-Z]\w*[a-z][A-Z]\w*::\w|^[A-Z]\w*[a-z][A-Z]\w*::\w+\W*$"
    r"|\b(?:SELECT|UPDATE|DELETE|WHERE)\b.*\w::\w|\[\w+::"  # a query
)
# A value that is typical of a Dataview field.
_VALUE = regex(
    r"(?i)(?:https?://|www\.)\S+|\d{4}-\d\d-\d\d.*|\d\d?:\d\d|\d/\d+|\[[ xX]?\]|(?:true|false|yes|no)"
    r"|(?:#\S+[\s,]*)+|(?:\[\[[^\]]*\]\][\s,]*)+"
)


def _opens(text: str) -> int:
    """Return how many brackets of a text are not closed; less than 0 if they close others."""
    return len(re.findall(r"[(（\[]", text)) - len(re.findall(r"[)）\]]", text))


def form(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find cards made from doubtful marks, cards of other tools, and cards with unreadable pictures."""
    highlight = context.highlight
    if highlight.form is Form.TERM:
        yield make_finding("loose_term")
    elif highlight.form is Form.PHRASE and highlight.document.clipped:
        yield make_finding("clipped")
    elif highlight.form is Form.INLINE_FIELD:
        several = highlight.exact.count("::") > 1
        yield make_finding(
            "inline_field", "it contains several" if several else "it may be metadata"
        )
    elif highlight.form is Form.INLINE:
        front, back = draft.field("Front"), draft.field("Back").strip("*_= ")
        if _CODE_LINE.search(highlight.exact) or _opens(front) > 0 > _opens(back):
            yield make_finding("inline_field", "it may be code")
        elif _DECLARATION.match(front) or (
            _VALUE.fullmatch(back) and not (highlight.declared or front.endswith("?"))
        ):
            yield make_finding("inline_field", "it may be metadata")
    if highlight.open_end:
        yield make_finding("open_end")
    if highlight.other_note:
        yield make_finding(OTHER_NOTE, str(highlight.other_note))
    if schedule_of(highlight.schedule):
        yield make_finding(OTHER_SCHEDULE)
    for path in image_paths("\n".join(text for _, text in draft.fields)):
        if why := context.picture_fault(path):
            yield make_finding("unreadable_picture", why)
