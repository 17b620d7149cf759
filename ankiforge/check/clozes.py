"""The wording of clozes: a gap worth filling, in a sentence that asks for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import ceil

from ankiforge.check.context import Context
from ankiforge.check.lexical.reading import GAP, hidden_gaps, read, without
from ankiforge.check.lexical.words import NEGATIONS, STOP_WORDS, tokens, word_count
from ankiforge.check.rule import Bound, Rule
from ankiforge.model import Draft, Family, Finding, Severity

PRONOUN_START = Rule(
    "pronoun_start", Severity.BLOCK, "begins with a word that points to a sentence before it:"
)
NO_SUBJECT = Rule("no_subject", Severity.WARN, "does not say by itself what it is about:")
GAP_STOPWORD = Rule("gap_stopword", Severity.BLOCK, "hides only small words:")
GAP_LEAK = Rule("gap_leak", Severity.BLOCK, "what is hidden stands in plain sight:")
GAP_GT50PCT = Rule("gap_gt50pct", Severity.BLOCK, "hides too much:", Bound(50, 5, 100, "%"))
GAP_GT35PCT = Rule("gap_gt35pct", Severity.WARN, "hides much of the text:", Bound(35, 1, 100, "%"))
GAP_GT6W = Rule("gap_gt6w", Severity.WARN, "the gap is long:", Bound(6, 1, 100, "words"))
GAP_EDGE_PUNCT = Rule("gap_edge_punct", Severity.INFO, "a gap begins or ends with a blank or sign:")
GAPS_GT3 = Rule("gaps_gt3", Severity.WARN, "asks much at once:", Bound(3, 1, 64, "gaps"))
CLOZE_LT3W = Rule("cloze_lt3w", Severity.WARN, "too short:", Bound(3, 1, 20, "words", floor=True))
CLOZE_GT40W = Rule("cloze_gt40w", Severity.WARN, "too long:", Bound(40, 5, 400, "words"))
RULES = (
    PRONOUN_START,
    NO_SUBJECT,
    GAP_STOPWORD,
    GAP_LEAK,
    GAP_GT50PCT,
    GAP_GT35PCT,
    GAP_GT6W,
    GAP_EDGE_PUNCT,
    GAPS_GT3,
    CLOZE_LT3W,
    CLOZE_GT40W,
)

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
    # therefore, moreover, indeed: what follows leans on the sentence before
    r"(?:So|Consequently|Accordingly|Also|Then|As a result|For this reason|Because of this"
    r"|Quindi|Dunque|Perciò|Pertanto|Di conseguenza|Inoltre|Infatti|Tuttavia|Invece|Però|Ovvero|Cioè"
    r"|Somit|Folglich|Deswegen|Demnach|Außerdem|Allerdings|Trotzdem|Dennoch|Dazu|Damit"
    r"|Donc|Par conséquent|C'est pourquoi|De plus|En effet|Cependant|Toutefois|Pourtant"
    r"|Por (?:lo )?tanto|Entonces|Además|Sin embargo|Por eso|Por ello|Es decir"
    r"|Portanto|Além disso|No entanto|Porém|Contudo|Por isso"
    r"|Więc|Zatem|Dlatego|Ponadto|Jednak|Natomiast|Dus|Daarom|Bovendien|Echter"
    r"|Поэтому|Следовательно|Значит|Однако|Кроме того)(?![\w’'-])"
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
"""Begins that leave open what the sentence is about, with a capital letter as sentences have it."""


def pronoun_start(draft: Draft, context: Context) -> Iterator[Finding]:
    """The sentence stands alone: no `This`, `They`, `However` at its head."""
    shown = read(draft).whole.lstrip("“\"'‘(*_ ")
    match = _POINTS_BACK.match(shown)
    if match and not _IMPERSONAL.match(shown):
        yield PRONOUN_START.found(f"“{match[0]}”")
        return
    found = _LEANS_BACK.match(shown)
    if found and not draft.field("Text").startswith("{{") and not shown.endswith("?"):
        yield NO_SUBJECT.found(f"“{found[0].strip()}”")


_SMALL_WORDS = (
    STOP_WORDS
    - NEGATIONS
    - frozenset(
        ("has", "have", "had", "more", "most", "same", "both", "only", "over", "under", "between")
    )
)


_ACRONYM = re.compile("[A-Z]{2,}")


def stopword(draft: Draft, context: Context) -> Iterator[Finding]:
    """A gap holds a word that carries meaning; letters, numbers, formulae, negations do."""
    for answer in read(draft).answers:
        words = tokens(answer)
        small = words and all(word in _SMALL_WORDS and len(word) > 1 for word in words)
        if (small and not _ACRONYM.fullmatch(answer)) or (
            words == [] and re.fullmatch(r"[\s.,;:!?'\"“”()-]+", answer)
        ):
            yield GAP_STOPWORD.found(f"“{answer}”")


_LEAKING = 4
"""Characters from which a gap is looked for in the rest; numbers from two, acronyms too."""


def leak(draft: Draft, context: Context) -> Iterator[Finding]:
    """The rest of the sentence does not say what is hidden."""
    for number, hidden in hidden_gaps(draft):
        rest = _beside(without(draft.field("Text"), hidden))
        for gap, answer in zip(read(draft).gaps, read(draft).answers, strict=True):
            if number in gap.numbers and _tells(answer.strip(" .,;:"), rest):
                yield GAP_LEAK.found(f"“{answer}”")


_LINES = 3
"""A text of more lines is a list or a table."""


def _beside(rest: str) -> str:
    """Of a list the lines with the gap: others name the same thing in their own right."""
    lines = rest.splitlines()
    return rest if len(lines) <= _LINES else "\n".join(line for line in lines if GAP in line)


def _tells(answer: str, rest: str) -> bool:
    short = re.fullmatch(r"\d{2,}|[A-Z]{2,}", answer)
    if len(answer) < _LEAKING and not short:
        return False
    if answer.casefold() not in rest.casefold():  # cheap first: a pattern is made for each answer
        return False
    flags = re.NOFLAG if short else re.IGNORECASE
    return re.search(rf"(?<!\w){re.escape(answer)}(?:e?s)?(?!\w)", rest, flags) is not None


_WORDS_TO_MEASURE = 8


def share(draft: Draft, context: Context) -> Iterator[Finding]:
    """Enough of the text remains; measured from eight words on."""
    whole = read(draft).whole
    if word_count(whole) < _WORDS_TO_MEASURE:
        return
    for number, hidden in hidden_gaps(draft):
        rest = without(draft.field("Text"), hidden).replace(GAP, "")
        part = 100 * (1 - len(rest) / len(whole))
        if rule := context.limits.over(part, GAP_GT50PCT, GAP_GT35PCT):
            yield rule.exceeded(ceil(part), context.limits.of(rule), f"c{number}")


def sizes(draft: Draft, context: Context) -> Iterator[Finding]:
    """Short gaps, few of them, in one sentence of ordinary length."""
    reading = read(draft)
    for answer in reading.answers:
        yield from context.limits.counted(word_count(answer), GAP_GT6W)
    count = len({number for gap in reading.gaps for number in gap.numbers})
    yield from context.limits.counted(count, GAPS_GT3)
    yield from context.limits.counted(word_count(reading.whole), CLOZE_LT3W, CLOZE_GT40W)


_EDGE = re.compile(r"^[\s.,;:)]|[\s,;:(]$")


def edges(draft: Draft, context: Context) -> Iterator[Finding]:
    """A gap holds its word, not the comma after it."""
    for gap in read(draft).gaps:
        if gap.answer.strip() and _EDGE.search(gap.answer):
            yield GAP_EDGE_PUNCT.found(f"“{gap.answer}”")


def _on_clozes(draft: Draft, context: Context) -> Iterator[Finding]:
    """All of them, on clozes only."""
    if draft.kind.family is Family.CLOZE:
        for check in (pronoun_start, stopword, leak, share, sizes, edges):
            yield from check(draft, context)


CHECKS = (_on_clozes,)
