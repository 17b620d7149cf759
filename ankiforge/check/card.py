"""Checks that need only the card: what would break in Anki, and style.

Rules of style that are patterns are in `data/questions.txt`; limits are in `data/rules.txt`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

from ankiforge.check.reading import (
    CLOZE_SIGN,
    GAP,
    Reading,
    asked_by_reader,
    authored,
    bare,
    folded,
    is_choice,
    language,
    read,
    said,
    without,
)
from ankiforge.check.rules import RULES, Context, Rule, broken, counted, exceeded, found, limit_of
from ankiforge.check.words import (
    GREEK,
    NEGATIONS,
    STOP_WORDS,
    alternatives,
    content,
    data,
    has_word,
    holds,
    listed,
    stem,
    stems,
    tokens,
    word_count,
)
from ankiforge.model import CardKind, Draft, Family, Finding, Form, Route
from ankiforge.text import cloze
from ankiforge.text.cloze import Shield, outside, shields
from ankiforge.text.fold import clean, is_visible
from ankiforge.text.markdown import image_paths

# --- structure: what would break on the way to Anki, or leaves nothing to ask --------------------

MAX_LENGTH = 8000
MAX_CLOZES = 64
"""No other check reads larger cards, which limits the effort."""


def too_long(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find oversized cards."""
    length = sum(len(text) for _, text in draft.fields)
    clozes = draft.field("Text").count("{{")
    yield from counted(length, "too_long")
    if length <= limit_of("too_long") and clozes > MAX_CLOZES:
        yield found("too_long", f"{clozes} clozes of at most {MAX_CLOZES}")


_CLOZE_IN_MATHS = re.compile(r"\{\{c\d+::")
_OPENS = re.compile(r"\$(?=[^\s\d$])(?![A-Z_][A-Z0-9_]+\b|[{(])")
"""A `$` before a word; not a shell variable or a price."""
_TEX = re.compile(r"\\[A-Za-z]|[\^=+]|\w_[\w{]")
_TEX_WORD = re.compile(r"\S*(?:\\[A-Za-z]|\^|\w_)\S*$")
_LOOK_BACK = 40
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def structure(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find what would break in Anki, or leaves nothing to ask."""
    # front and back both show something; a picture counts
    if draft.kind.family is Family.BASIC:
        for name in ("Front", "Back"):
            if not _shows(draft.field(name)):
                yield found("empty_side", name)
    else:
        for problem in dict.fromkeys(cloze.problems(draft.field("Text"))):
            yield found("malformed_cloze", problem)
    # while a number is hidden, words, a formula, a picture or a hint remain visible as the question
    text = draft.field("Text")
    for number, hidden in read(draft).hidden:
        rest = without(text, hidden).replace(GAP, "")
        hinted = any(gap.hint.strip() for gap in hidden)
        if not hinted and not re.search(r"\w", rest) and "![" not in text:
            yield found("gap_is_all", f"c{number} hides all of it")
    if lost := next(filter(None, (_no_cloze(text) for _, text in draft.fields)), ""):
        yield found("bad_template", f"“{lost}”")
    for _, text in draft.fields:
        yield from _formulae(text, shields(text))
    # no control characters; tabs only if a person typed them
    for name, raw in draft.fields:
        text = raw.replace("\r\n", "\n")
        sign = _CONTROL.search(text) or (None if authored(draft) else re.search("\t", text))
        if sign:
            yield found("control_character", f"U+{ord(sign[0]):04X} in {name}")


def _shows(text: str) -> bool:
    """Return whether a text shows anything; `&nbsp;` is a blank, except in code."""
    if text[:1].isalpha():
        return True  # true of most texts: no markup begins with a letter
    return is_visible(bare(outside(clean(text), html.unescape))) or "![" in text


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


def _formulae(text: str, shielded: list[Shield]) -> Iterator[Finding]:
    """Find formulae that are not closed, or with unbalanced braces."""
    for start, end, kind in shielded:
        if kind in ("math", "display") and not _balanced(text[start:end]):
            yield found("brace_unbalanced", text[start:end][:40])
    for match in re.finditer(r"\$", text):
        at = match.start()
        if not any(start <= at < end for start, end, _ in shielded):
            line = text[text.rfind("\n", 0, at) + 1 :].partition("\n")[0]
            opens = _OPENS.match(text, at) and _TEX.search(line)
            if opens or _TEX_WORD.search(text[max(0, at - _LOOK_BACK) : at]):
                yield found("math_unbalanced", f"“{text[at : at + 30]}”")
                return


def _balanced(formula: str) -> bool:
    depth = 0
    for sign in re.findall(r"(?<!\\)(?:\\\\)*[{}]", formula):
        depth += 1 if sign.endswith("{") else -1
        if depth < 0:
            return False
    return depth == 0


# --- clozes -------------------------------------------------------------------------------------

_POINTS_BACK = re.compile(
    r"(?:this|these|those|it|its|they|their|he|she|such|however|thus|therefore|hence|moreover"
    r"|furthermore|instead|otherwise|in this|in these|in such|but|and|dies|diese[rsnm]?|jedoch"
    r"|daher|deshalb|dadurch)\b",
    re.IGNORECASE,
)
_IMPERSONAL = re.compile(
    r"these days\b|it (?:is|was|has been|may be|can be|seems|appears|follows|turns out|takes)\s"
    r"(?:\S+\s){0,3}(?:that|to|how|whether|for)\b|such (?:as|that)\b",
    re.IGNORECASE,
)
_LEANS_BACK = re.compile(
    # therefore, moreover, indeed: the sentence depends on the one before
    rf"(?:{alternatives('small_words', 'leans_back')})(?![\w’'-])"
    # a pronoun, or a verb that has its subject in the sentence before
    r"|(?:Esso|Essa|Essi|Esse|Questo|Questa|Questi|Queste|Ciò)\s+(?:è|sono|ha|hanno|può|possono"
    r"|viene|vengono|permette|significa)\b"
    r"|(?:Er|Sie) (?:ist|sind|war|hat|haben|wird|werden|kann|können)\b|Das (?:ist|heißt|bedeutet)\b"
    r"|(?:Il|Elle|Ils|Elles) (?:est|sont|a|ont|peut|peuvent|permet|permettent)\b(?! (?:à |de |que\b"
    r"|possible|nécessaire|important|facile|difficile|y\b))|(?:Cela|Ceci|Ça|C'est|Ce sont)\b"
    r"|(?:Esto|Eso|Ello|Él|Ella|Ellos|Ellas) (?:es|son|ha|han|puede|pueden|permite|significa)\b"
    r"|(?:Isto|Isso|Ele|Ela|Eles|Elas) (?:é|são|tem|têm|pode|podem|permite|significa)\b"
    r"|(?:To|Są to|Jest to|On|Ona|Ono) (?:jest|są|ma|może)\b|(?:Het|Dit|Dat|Deze) (?:is|zijn|heeft|kan)\b"
    r"|(?:Это|Он|Она|Оно|Они)\s"
    r"|(?:Rappresenta(?:no)?|Indica(?:no)?|Permett(?:e|ono)|Consent(?:e|ono)|Consist(?:e|ono)"
    r"|Contiene|Contengono|Descrivono|Definisc(?:e|ono)|Restituisc(?:e|ono)|Serv(?:e|ono) per"
    r"|Representan?|Permiten?|Consisten?|Contienen|Sirven? para|Contém|Serve para"
    r"|(?:Può|Possono|Puede|Pueden|Pode|Podem) (?:essere|avere|ser|tener|ter)"
    r"|Represents|Allows|Consists|Contains|Refers|Provides|Enables|Indicates|Denotes)\s+(?=[^\W\d_A-Z])"
    r"|(?:È|Sono|Es|Son|É|São|Jest|Są|Is|Are|Was|Were|Has|Have|Est|Sont)\s+(?!(?:il|el)\b)"
)
"""Starts of sentences without a subject; case matters."""
_SMALL_WORDS = STOP_WORDS - NEGATIONS - listed("small_words", "askable")
_ACRONYM = re.compile("[A-Z]{2,}")
_SIGNS_ONLY = re.compile(r"[\s.,;:!?'\"“”()-]+")
_SHORT_FACT = re.compile(r"\d{2,}|[A-Z]{2,}")
"""A number or acronym, which is searched for although it is short."""
_SHORTEST = 4
"""The minimum length of other answers that are searched for, in characters."""
_LINES = 3
"""A text with more lines is a list or a table."""
_WORDS_TO_MEASURE = 8
_EDGE_SIGN = re.compile(r"^[\s.,;:)]|[\s,;:(]$")


def clozes(draft: Draft, context: Context) -> Iterator[Finding]:
    """Judge the wording of a cloze."""
    if draft.kind.family is not Family.CLOZE:
        return
    reading, text = read(draft), draft.field("Text")
    # the sentence is clear by itself: it does not begin with `This`, `They`, `However`
    shown = reading.whole.lstrip("“\"'‘(*_ ")
    pointing, leaning = _POINTS_BACK.match(shown), _LEANS_BACK.match(shown)
    if pointing and not _IMPERSONAL.match(shown):
        yield found("pronoun_start", f"“{pointing[0]}”")
    elif leaning and not text.startswith("{{") and not shown.endswith("?"):
        yield found("no_subject", f"“{leaning[0].strip()}”")
    # gaps contain content words; letters, numbers, formulae and negations count
    for answer in reading.answers:
        words = tokens(answer)
        small = words and all(word in _SMALL_WORDS and len(word) > 1 for word in words)
        if (small and not _ACRONYM.fullmatch(answer)) or (
            not words and _SIGNS_ONLY.fullmatch(answer)
        ):
            yield found("gap_stopword", f"“{answer}”")
    # the rest of the sentence, or of the line in a list, does not contain the answer
    for number, hidden in read(draft).hidden:
        rest = without(text, hidden)
        lines = rest.splitlines()
        if len(lines) > _LINES:
            rest = "\n".join(line for line in lines if GAP in line)
        for gap, answer in zip(reading.gaps, reading.answers, strict=True):
            plain = answer.strip(" .,;:")
            short = bool(_SHORT_FACT.fullmatch(plain))
            long_enough = len(plain) >= _SHORTEST or short
            if number in gap.numbers and long_enough and holds(rest, plain, exact=short):
                yield found("gap_leak", f"“{answer}”")
    # enough of the text remains, if it has eight words or more
    length = word_count(reading.whole)
    for number, hidden in read(draft).hidden if length >= _WORDS_TO_MEASURE else ():
        rest = without(text, hidden).replace(GAP, "")
        part = 100 * (1 - len(rest) / len(reading.whole))
        if rule := broken(part, "gap_gt50pct", "gap_gt35pct"):
            yield exceeded(rule, ceil(part), f"c{number}")
    # few and short gaps in a sentence of ordinary length
    for answer in reading.answers:
        yield from counted(word_count(answer), "gap_gt6w")
    yield from counted(len(cloze.numbers(text)), "gaps_gt3")
    yield from counted(length, "cloze_lt3w", "cloze_gt40w")
    for gap in reading.gaps:
        if gap.answer.strip() and _EDGE_SIGN.search(gap.answer):
            yield found("gap_edge_punct", f"“{gap.answer}”")


# --- questions ----------------------------------------------------------------------------------


def _question_patterns() -> Iterator[tuple[Rule, re.Pattern[str], re.Pattern[str] | None]]:
    """Read `data/questions.txt`: a rule, what a front must not contain, and what excuses it."""
    by_id = {rule.id: rule for rule in RULES if rule.group == "questions"}
    text = re.sub("(?m)^#.*\n", "", data("questions"))
    sections = dict(re.findall(r"\[(\w+)\]\n((?:(?!\[\w+\]\n).+\n)+)", text))
    for id, lines in sections.items():
        for name in ("auxiliary", "wh"):
            lines = lines.replace(f"<{name}>", sections[name].strip())
        pattern, _, unless = (part.replace("\n", "") for part in lines.partition("unless\n"))
        if id in by_id:
            excuse = re.compile(unless, re.IGNORECASE) if unless else None
            yield by_id[id], re.compile(pattern, re.IGNORECASE), excuse


_QUESTION_PATTERNS = tuple(_question_patterns())
_STYLE = ("trailing_condition", "bracketed_gloss", "nested_clauses", "preposition_first")
"""Rules that do not apply to questions of the reader."""
_OPERATOR = re.compile(r"[=^\\+*/<>≤≥&|~−]|\s-\s|\d-\d")
_YES_NO = re.compile(
    r"^(?:yes|no|true|false|ja|nein)(?:$|[.,;:!]|\s+[-–—]|\s+(?:because|since|but|as|it|they|if"
    r"|unless|only)\b)",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^[ \t]*(?:[-*+•]|\d{1,3}[.)\\]{1,2})[ \t]", re.MULTILINE)
_BRACKETED = re.compile(r"[(\[][^()\[\]]*[)\]]")
_CLAUSE = re.compile(
    r"(?:that|which|who|whose|where|when|while|if|but|because|as|so|such|then|thus|since|i\.e|e\.g)\b",
    re.IGNORECASE,
)
"""Text between commas that is not an item of a list."""
_ITEM_WORDS = 5
_SHORT_TERM = 3
"""The number of words below which the front of a two-way card is a term."""


def questions(draft: Draft, context: Context) -> Iterator[Finding]:
    """Judge the wording of a question and its answer."""
    if draft.kind.family is not Family.BASIC:
        return
    reading = read(draft)
    answer, back = reading.answers[0], draft.field("Back")
    # questions without a single answer
    front = " ".join(reading.asked.split())
    german_was = front[:4].casefold() == "was " and (
        "German" in (language(reading.whole), language(context.highlight.exact))
    )
    spared = ("yes_no",) * german_was + _STYLE * asked_by_reader(draft)
    if "![" in draft.field("Front"):  # `this` refers to the picture
        spared += ("pronoun_start",)
    for rule, pattern, unless in _QUESTION_PATTERNS:
        fair = unless is not None and unless.search(front)
        if rule.id not in spared and pattern.search(front) and not fair:
            yield rule.found()
    yield from _leak(reading, back, context)
    if _YES_NO.match(answer.strip()):
        yield found("yes_no_answer")
    items = len(_BULLET.findall(back)) or _between_commas(answer)
    yield from counted(items, "list_gt5", "list_gt3")
    # a short front, and an answer that can be recalled as a whole
    yield from counted(word_count(answer), "answer_gt30w", "answer_gt20w")
    words = word_count(reading.asked)
    if words and not (draft.kind is CardKind.TWO_WAY and words < _SHORT_TERM):
        yield from counted(words, "front_gt30w", "front_lt3w")


def _leak(reading: Reading, back: str, context: Context) -> Iterator[Finding]:
    """Find answers that the front gives away, except in a choice (“A or B?”)."""
    front, answer = reading.asked, reading.answers[0].strip(" .")
    words = set(content(answer))
    if is_choice(front):
        return
    whole = has_word(answer.casefold(), front.casefold())
    if whole and len(answer) >= _SHORTEST and words and word_count(answer) <= 6:
        yield found("leak_exact", f"“{answer}”")
    elif len(words) >= 2 and not _OPERATOR.search(answer) and not re.search("[`$]", back):
        asked = stems(front)
        share = 100 * sum(stem(word) in asked for word in words) / len(words)
        if share >= limit_of("leak_80"):
            yield found("leak_80", f"{share:.0f}%")


def _between_commas(answer: str) -> int:
    """Return the number of items of an enumeration of at least three short ones; else 1."""
    plain = _BRACKETED.sub("", answer) or answer
    items = [item for item in re.split(r"[,;、，]\s+|[、，]", plain.strip(" .")) if item.strip()]
    short = all(word_count(item) <= _ITEM_WORDS and not _CLAUSE.match(item) for item in items)
    return len(items) if len(items) >= 3 and short else 1


# --- cards that point at the page ------------------------------------------------------------------

_WORKS = "paper|article|study|work|section|chapter|book|text|passage|excerpt|highlight"
_THIS = re.compile(
    rf"\b(?:this|these|those|such an?) ({_WORKS}|figure|table|equation|method|model|approach"
    r"|technique|example|system|process|concept|idea|result|theorem)s?\b",
    re.IGNORECASE,
)
_THE_TEXT = re.compile(
    rf"\bthe authors?\b(?! (?:of|who|in whose)\b)"
    rf"|\baccording to the (?:{_WORKS}|authors?|source)\b(?! (?:of|that|by|on)\b)"
    rf"|\b(?:in|from) the (?:paper|article|passage|excerpt|highlight|text|study)"
    r"(?! (?:of|that|by|on|which|called|titled)\b| [“\"‘'])"
    rf"|\bthe (?:{_WORKS}|source|critique) (?:says?|argues?|claims?|states?|describes?|mentions?"
    r"|proposes?|suggests?|introduces?|presents?|calls?|shows?|discuss(?:es)?|explains?)\b"
    r"|\b(?:mentioned|described|discussed|shown|defined) (?:above|below|earlier|here)\b",
    re.IGNORECASE,
)
_FIGURE = re.compile(
    r"\b(?:fig(?:ure)?s?\.?|table|eqs?\.|equation|section|sect?\.|appendix)\s?\(?\d+", re.IGNORECASE
)


def points_at_page(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find `this paper`, `the author`: a card is seen without its source, unless it names the thing itself."""
    shown = read(draft).whole if draft.kind.family is Family.CLOZE else read(draft).asked
    pointing = (
        match
        for match in _THIS.finditer(shown)
        if match[1].casefold() not in shown[: match.start()].casefold()
    )
    if match := next(pointing, None) or _THE_TEXT.search(shown):
        yield found("no_antecedent_doc", f"“{match[0]}”")
    elif figure := _FIGURE.search(shown):
        yield found("figure_reference", f"“{figure[0]}”")


# --- filler in place of questions, answers and hints ----------------------------------------------

_EMPTY = re.compile(
    r"\W*(?:n/?a|t\.?b\.?d|todo|fixme|x{3,}|lorem ipsum.*|placeholder|your (?:question|answer)"
    r"(?: here)?|insert \w+(?: here)?|(?:question|answer|front|back|text) here)\W*",
    re.IGNORECASE | re.DOTALL,
)
_DOTS = re.compile(r"(?:\.{2,}|…|[-–—_]{3,}|\?{1,5}|[\[(<{]+\W*[\])>}]+)")
_SCHEMA_WORDS = frozenset(
    ["string", "str", "null", "undefined", "answer", "question", "front", "back", "nan"]
)
"""Words of the reply schema, which may be real answers if they are in the source."""
_OPTIONS = re.compile(
    r"\b(?:which|what|who|choose|select|one)\b[^?]{0,40}\bof (?:the following|these options|the options)"
    r"(?: below)?\b|\b(?:all|none|both|any) of the (?:above|below)\b|\bwelche[rs]? der folgenden\b"
    r"|\b(?:lequel|laquelle|lesquels) des? suivants?\b|\bcuál(?:es)? de (?:los|las) siguientes\b",
    re.IGNORECASE,
)
_LISTED = re.compile(
    r"(?:^|\n)\s*(?:[-*+•]|\(?[a-eA-E1-5][).:])\s|\b[aA][).]\s.+\b[bB][).]\s", re.DOTALL
)
_ITEM = re.compile(
    r"\s*(?:\(?(?:\d{1,2}|[a-h]|[ivx]{1,4})\)|\d{1,2}\.(?=\s+[^\W\d])|[•◦▪])\s*(?=\S)",
    re.IGNORECASE,
)
_IN_BRACKETS = re.compile(r"(?<=\s)\(([^()\n]{2,80})\)")
_MATHS = re.compile(r"\$\$?([^$\n]{1,400})\$\$?")
_NAMED_SYMBOL = re.compile(r"\\(?:text|mathrm|operatorname|textrm|mathit)\s*\{[^{}]*\}")
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_USUAL_SYMBOLS = frozenset("xyznijkeEPFmatcdfgpABXYCLOS") | {"pi", "Delta", "Sigma"}
"""Symbols that need no explanation: common variables, and symbols of well-known laws."""
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)[^\n]*\n(.*?)^ {0,3}(?:```|~~~)", re.DOTALL | re.MULTILINE)
_ROW = re.compile(r"^[ \t]*\|[^\n]*\|[ \t]*$", re.MULTILINE)


def filler(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find placeholders, missing options, left-over list items, revealing hints and unfit reverse sides."""
    reading = read(draft)
    is_cloze, back = draft.kind.family is Family.CLOZE, draft.field("Back")
    # no `...`, `TODO`, `N/A`, and no words of the schema
    for side in filter(None, ("" if is_cloze else reading.asked, *reading.answers)):
        plain = " ".join(side.split())
        word = plain.strip("<>[](){}\"'. ").casefold()
        schema = word in _SCHEMA_WORDS and context.highlight.exact and not authored(draft)
        empty = _DOTS.fullmatch(plain) or (len(plain) < 60 and _EMPTY.fullmatch(plain))
        if empty or (schema and word not in tokens(said(context.highlight))):
            yield found("placeholder", f"“{plain}”")
            break
    # no “which of the following” without options, no “all of the above”
    asked = reading.asked
    option = _OPTIONS.search(asked) or _OPTIONS.search(" ".join(reading.answers))
    if option and not _LISTED.search(asked):
        yield found("options_missing", f"“{option[0]}”")
    # no `2) …` left over from a list
    texts = [draft.field("Text" if is_cloze else "Front")]
    for text in texts if "\n" in back.strip() else [*texts, back]:
        item = _ITEM.match(text.replace("\\", ""))
        if item and not re.match(r"\s*\(?[a-h]\)\s*[=+\-^]", text):
            yield found("enumeration_fragment", f"“{text.strip()[:20]}”")
            break
    # hints do not reveal the answer; first letters are allowed
    hints = [
        (gap.hint, answer, gap.hint.strip()[:40])
        for gap, answer in zip(reading.gaps, reading.answers, strict=False)
        if gap.hint.strip()
    ]
    brackets = _IN_BRACKETS.findall(asked) if not is_cloze else ()
    hints += [(words, reading.answers[0], f"({words[:40]})") for words in brackets]
    if told := next((shown for hint, answer, shown in hints if _gives_away(hint, answer)), ""):
        yield found("hint_leak", f"“{told}”")
    # the back of a two-way card is short and does not contain the front
    if draft.kind is CardKind.TWO_WAY:
        term, description = asked.strip(" ?."), reading.answers[0]
        words = len(description.split())
        if words > limit_of("reverse_unfit"):
            yield exceeded("reverse_unfit", words)
        elif asked.rstrip().endswith(("?", "？")):
            yield found("reverse_unfit", "the front is a question, not a term")
        elif len(term) >= _SHORTEST and holds(description, term):
            yield found("reverse_unfit", f"the back names “{term[:40]}”")
    # the question explains its symbols, except well-known ones
    if not is_cloze:
        formulae = _MATHS.findall(draft.field("Front"))
        used = [_symbols(formula) for formula in formulae]
        explained = {name for names in used if len(names) == 1 for name in names}
        prose = _MATHS.sub(" ", draft.field("Front"))
        explained |= set(re.findall(r"(?<![\w'’])[A-Za-z](?![\w'’])", prose))
        strange = sorted(set().union(*used) - explained - _USUAL_SYMBOLS)
        if len(strange) > limit_of("unexplained_symbols"):
            shown = ", ".join(strange[:6])
            yield exceeded("unexplained_symbols", len(strange), shown)
    # code and tables are short
    for _, text in draft.fields:
        if "```" in text or "~~~" in text:
            lines = [fence.strip("\n").count("\n") + 1 for fence in _FENCE.findall(text)]
            yield from counted(max(lines, default=0), "code_gt10l")
        if "|" in text:
            yield from counted(max(len(_ROW.findall(text)) - 2, 0), "table_gt4r")


_CHOICES = (
    (re.compile(r"\s*(?:/|\bor\b|\boder\b|\bou\b|\bvs\b\.?)\s*"), 2),
    (re.compile(r"\s*(?:,|;|\band\b|\bund\b|\bor\b)\s*"), 3),
)
"""Patterns that separate the options in a hint, each with the minimum number of options."""
_TELLING = 5
"""The minimum length of words that a hint and an answer must not share."""


def _gives_away(hint: str, answer: str) -> bool:
    says, wanted = folded(hint).strip(" .…"), folded(answer).strip(" .…")
    if not says or not wanted:
        return False
    for pattern, least in _CHOICES:
        choices = [choice for choice in pattern.split(says) if choice]
        if len(choices) >= least and any(choice.endswith(wanted) for choice in choices):
            return False
    if says == wanted or (
        wanted in says
        and (
            len(wanted) >= 4
            or (len(wanted) >= 2 and (re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", says)))
        )
    ):
        return True
    if says.isalpha() and wanted.startswith(says):
        return len(says) > max(2, len(wanted) / 2)
    ours, theirs = (
        {stem(word) for word in content(text) if len(word) >= _TELLING} for text in (hint, answer)
    )
    return bool(theirs) and len(theirs & ours) >= max(1, len(theirs) / 2)


def _symbols(formula: str) -> set[str]:
    plain = _NAMED_SYMBOL.sub(" ", formula)
    letters = re.findall(r"(?<![A-Za-z])[A-Za-z](?![A-Za-z])|[α-ωΑ-Ω]", _COMMAND.sub(" ", plain))
    greek = {name for name in _COMMAND.findall(plain) if name in GREEK}
    return greek | set(letters)


# --- truncated cards, and Markdown that is not rendered -------------------------------------------

_COMMA = re.compile(r"[,،、，][\s*_=~>\"”’»)]*$")
_JOINING = listed("small_words", "joining")
_JOINED_WORDS = 4
"""In shorter texts, the last word may be what is asked about: `und` means `and`."""
_PAIRED = re.compile(
    r"(?<!\\)\*\*(?=[^\s*])((?:(?!\n\n)[^*]|(?<!\*)\*(?!\*))+?)(?<=[^\s\\])\*\*(?!\*)"
    r"|(?<!\\)\*\*\*(?=[^\s*])([^*\n]+)(?<=[^\s\\])\*\*\*(?!\*)"
)
_STRAY = re.compile(
    r"(?<![\w*])\*\*(?=[^\W\d_])(?!(?:kw|kwargs|args|opts|options|params)\b)"
    r"|(?<=[^\W_])\*\*(?![\w*(])|(?<=[.!?,;:)])\*\*(?!\w)|(?<=[^\W\d_])\*\*(?=[^\W\d_])"
    r"|(?:^|\s)\*\*\s*$"
)
_STRAY_EQUALS = re.compile(
    r"(?<![\w=<>!:+*/\-.])={2,}(?=[^\W\d_])|(?<=[^\W\d_])={2,}(?![\w=<>\"'(\[])|(?<=[.!?,;:)])={2,}(?!\w)"
)
_EQUALS_AT_EDGE = re.compile(r"^\s*=+(?=[^\W_])|(?<=[^\W_])=+[.\s]*$")


def unfinished(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find truncated sides and stray Markdown signs."""
    is_cloze = draft.kind.family is Family.CLOZE
    # no side ends in a comma, and no sentence in a conjunction
    for name in ("Text",) if is_cloze else ("Front", "Back"):
        text = draft.field(name).rstrip()
        if any(map(str.isalnum, text)):
            words = text.split()
            comma = _COMMA.search(text.replace("}}", "") if is_cloze else text)
            joins = words[-1].strip("*_").casefold() in _JOINING and len(words) >= _JOINED_WORDS
            if comma or (joins and name != "Front"):
                yield found("breaks_off", f"“…{' '.join(words[-3:])}”")
    # no unmatched `**` or `==` is shown
    for text in map(draft.field, ("Text", "Front", "Back")):
        if "*" in text or "=" in text:
            shown = CLOZE_SIGN.sub("", _without_code(text))
            shown = _PAIRED.sub(lambda pair: pair[1] or pair[2], shown).replace("\\", "")
            if sign := _STRAY.search(shown) or _STRAY_EQUALS.search(shown):
                yield found("stray_markup", f"“{sign[0].strip()}”")
                return
    for gap in read(draft).gaps:
        if "=" in gap.answer and _EQUALS_AT_EDGE.search(_without_code(gap.answer)):
            yield found("stray_markup", "“=” at the edge of a gap")
            return


def _without_code(text: str) -> str:
    """Return the text with code and formulae replaced by a letter."""
    parts, at = [], 0
    for start, end, kind in shields(text):
        if kind != "escape":
            parts += [text[at:start], "x"]
            at = end
    return "".join([*parts, text[at:]])


# --- doubtful marks: mere emphasis or metadata ----------------------------------------------------


def form(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find cards made from doubtful marks, cards of other tools, and cards with unreadable pictures."""
    highlight, drafter = context.highlight, draft.origin.drafter
    if highlight.form is Form.TERM:
        yield found("loose_term")
    # marked phrases are short, and in the reader's own notes
    if drafter == "rules:phrase" and draft.kind.family is Family.CLOZE:
        longest = max(map(word_count, read(draft).answers), default=0)
        yield from counted(longest, "phrase_gt5w")
        if highlight.route is not Route.VAULT and highlight.form is not Form.PHRASE:
            yield found("phrase_outside_vault")
    if highlight.other_note:
        yield found("other_note", str(highlight.other_note))
    for path in image_paths("\n".join(text for _, text in draft.fields)):
        if why := context.picture_fault(path):
            yield found("unreadable_picture", why)


# --- siblings: the front of one card must not reveal the answer of another -------------------------

_SHARED = 2
"""The minimum number of words of the question that must be there, too: a name alone reveals nothing."""


@dataclass(frozen=True, slots=True)
class _View:
    """One question of a draft, with its answers."""

    shown: str
    answers: tuple[str, ...]
    stems: frozenset[str]


class Siblings:
    """The drafts of a batch, indexed by the words that they show.

    Two cards may ask about a sentence from both ends, like two gaps of a cloze: each shows what the
    other hides. Alternatives are also fine, because only one of them becomes a card.
    """

    def __init__(self, drafts: Iterable[tuple[str, Draft]]) -> None:
        """`drafts` are (label, draft)."""
        self._drafts = [(label, draft) for label, draft in drafts if not authored(draft)]
        self._showing: dict[str, set[int]] = {}

    def leaks(self, draft: Draft, share: float) -> Iterator[Finding]:
        """Yield the first sibling that shows an answer of a draft, and this share of its question."""
        if all(other == draft for _, other in self._drafts):
            return
        for view in _views(draft):
            for answer in filter(_counts, view.answers):
                for at in sorted(self._near(answer)):
                    label, other = self._drafts[at]
                    apart = (draft.highlight, draft.intent) != (other.highlight, other.intent)
                    if draft != other and apart and _tells(other, view, answer, share):
                        shown = " ".join(read(other).asked.split())
                        twin = label if other.highlight != draft.highlight else ""
                        detail = f"“{answer[:40]}” in “{shown[:60]}”"
                        yield found("sibling_leak", detail, twin=twin)
                        return

    def _near(self, answer: str) -> set[int]:
        """Return the drafts that show all words of an answer."""
        if not self._showing:
            for at, (_, draft) in enumerate(self._drafts):
                for word in {word for view in _views(draft) for word in view.stems}:
                    self._showing.setdefault(word, set()).add(at)
        places = [self._showing.get(word, set()) for word in stems(answer)]
        return set.intersection(*places) if places else set()


def given_away(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find another card of the batch that shows the question together with its answer."""
    if context.siblings is not None and not authored(draft):
        yield from context.siblings.leaks(draft, limit_of("sibling_leak") / 100)


@lru_cache(maxsize=256)
def _views(draft: Draft) -> tuple[_View, ...]:
    reading = read(draft)
    if draft.kind.family is Family.BASIC:
        pairs = [(reading.asked, reading.answers)]
        if draft.kind is CardKind.TWO_WAY:
            pairs.append((reading.answers[0], (reading.asked,)))
    else:
        answers = list(zip(reading.gaps, reading.answers, strict=True))
        pairs = [
            (
                without(draft.field("Text"), hidden),
                tuple(answer for gap, answer in answers if number in gap.numbers),
            )
            for number, hidden in read(draft).hidden
        ]
    return tuple(_View(shown, answers, stems(shown)) for shown, answers in pairs)


def _counts(answer: str) -> bool:
    return len(answer) >= _SHORTEST or bool(_SHORT_FACT.fullmatch(answer.strip()))


def _tells(other: Draft, view: _View, answer: str, share: float) -> bool:
    """Return whether a sibling shows the question and answer, and hides nothing that the view shows."""
    for theirs in _views(other):
        common = theirs.stems & view.stems
        enough = len(common) >= max(_SHARED, share * len(view.stems))
        if enough and _holds(theirs.shown, answer):
            return not any(_holds(view.shown, hidden) for hidden in theirs.answers)
    return False


def _holds(text: str, words: str) -> bool:
    plain = words.strip(" .")
    return bool(plain) and holds(text, plain)
