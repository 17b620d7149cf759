"""Decide whether a small model's question really asks for its answer, as the passage states it.

A small model leaves conditions out, reverses a sentence, asks for something else, or refers to
"the difference" of an earlier sentence. Its own answer to such a question fits all the same,
because it answers with the passage before it. So a question is compared with the clause of its
answer. Each rule stands for questions that raters judged to be wrong. A question that breaks a rule
makes no card, and the next words are tried. The rules are strict, because without a question the
proposed cloze stays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set

from ankiforge.language.lexicon import language
from ankiforge.language.tables import alternatives, listed
from ankiforge.language.tokens import Kind, Token, tokens
from ankiforge.language.words import NEGATORS, QUESTION_WORDS, beginning, beginnings
from ankiforge.language.words import tokens as words_of
from ankiforge.model import Span, Value
from ankiforge.text import regex
from ankiforge.text.fold import locate

LEAST_COVERED = 0.8
"""The share of the content words of a clause that a question has."""
LONGEST_ANSWER = 9
"""The words of an answer."""
_LONGEST_ENDING = 2
_CLAUSE = 5
"""The words from which a mark is a clause of its own."""
_HEAVY = 1.5
"""The weight of a name, a number or a negation."""
_CONTENT = (
    Kind.NOUN,
    Kind.VERB,
    Kind.ADJECTIVE,
    Kind.NAME,
    Kind.NUMBER,
    Kind.SHIELD,
)
_NEGATIONS = NEGATORS | listed("meaning", "amounts")
# Words that a question needs, or a sentence, without saying anything.
_LIGHT = QUESTION_WORDS | listed("signs", "light")
# What begins another clause, or a remark in brackets.
_NEXT_CLAUSE = regex(
    r"[;—–]|, (?:which|while|whereas|although|though|but|where|who|when|also|meaning|because|since"
    r"|wobei|während|obwohl|aber|sondern|denn|weil|mais|tandis que|car|alors que|pero|mientras"
    r"|aunque|porque|ya que)\b| (?:because|whereas|while|weil|während|parce que|porque)\b|\("
)
# Examples in a clause, which a question may leave out.
_EXAMPLES = regex(
    r"(?i),? (?:such as|including|for example|for instance|e\.g\.|wie etwa|zum Beispiel|z\. ?B\."
    r"|par exemple|por ejemplo)\b[^;.]*?"
    r"(?:, (?=(?:is|are|was|were|can|will|has|have|ist|sind|est|sont|es|son)\b)|$)"
)
_REPORTS = regex(r"\b(?:that|dass?|que),?$")
_RELATIVE = regex(
    r", (?:which|who|whose|where|die|der|das|qui|que|dont|où|lo que|el cual|la cual)\b[^,;]*"
)
# Other parts of a sentence may change places in a question.
_PART = frozenset(
    "when if because while whereas although since in by at on for as wenn weil durch bei quand si"
    " par cuando por , ; : — – (".split()
)
_POINTS = regex(
    r"(?i)\b(?:above|below|previous|preceding|following|aforementioned|here|today|currently"
    r"|present-day|now|last (?:half )?(?:century|year|decade)|recent(?:ly)?|example|figure|table"
    r"|chapter|section|we|our|us|you|your|i|my|they|them|oben|unten|vorherig\w*|folgend\w*|hier"
    r"|heute|jetzt|beispiel|wir|uns|unser\w*|ihr\w*|daraus|davon|dazu|dabei|anterior(?:es)?"
    r"|siguientes?|aquí|hoy|nosotros|nuestr\w+|précédent\w*|suivant\w*|ici|aujourd'hui|nous"
    r"|notre)\b"
    r"|^\W*(?:what|who|how|when|where|why|which)\b(?:\W{1,9}(?!(?:its?|their)\b)\w[\w'’-]{0,40}){0,3}\W{1,9}"
    r"(?:its?|their)\b(?! (?:mean|take))"
)
_UNGRAMMATICAL = regex(r"(?i)\b(\w+) \1\b|\b(?:as to|as)\?$|[.!?]\s.*\?$|_")
# Many things are "an option" or "less basic"; the answer is one of them.
_OPEN = regex(
    r"(?i)(?:what|which|who) (?:is|are|was|were) (?:an?|one|generally|often|usually|sometimes|more"
    r"|less|not|\w+ly|illegal|possible|important|necessary) (?!.*\bcalled\b)"
)
_DEFINITE = frozenset("the der die das dem den le la les el los las".split())
_GOES_ON = frozenset(
    "of that which who whose in for to between with from called where used given des von zwischen"
    " zur zum für im de du entre que qui del para".split()
)
_PASSIVE = regex(
    r"(?i)\b(?:is|are|was|were|be|been)(?: \w+ly)? (\w+(?:ed|en|wn|lt|nt|ght))\b"
)
_DOES = regex(r"(?i)(?:.{0,25}\b)?(?:do|does|did)\b")
_IS = regex(r"(?i)\b(?:is|are|was|were|be|been)\b")
# --- question words and the kind of their answers
_WHEN = regex(
    r"(?i)^\W*(?:since |until |by )?when\b|\b(?:what|which) year\b|^\W*wann\b|welchem jahr\b"
    r"|^\W*quand\b|quelle année\b|^\W*cuándo\b|qué año\b|\bwhat date\b"
)
_TIME = regex(
    rf"(?i)\b(?:1\d{{3}}|20\d\d|{alternatives('numbers', 'months')})\b|century|siglo|siècle|jahr"
    r"|year|week|day|month|hour|minute|second"
)
_HOW_MANY = regex(
    r"(?i)\b(?:how (?:many|much|long|old|far|often|large|big|high|fast)|what (?:percentage"
    r"|proportion|fraction|share|number|amount)|wie (?:viele?|lange?|oft|groß|hoch)|combien"
    r"|cuánt[oa]s?)\b"
)
_NUMBER = regex(
    r"(?i)\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|half|third|quarter|twice|zwei"
    r"|drei|vier|fünf|hälfte|drittel|deux|trois|quatre|cinq|moitié|tiers|dos|tres|cuatro|mitad)\b"
)
_WHO = regex(r"(?i)^\W*(?:who|whom|wer|wen|qui|quién)\b")
_WHERE = regex(r"(?i)^\W*(?:where|wo|où|dónde)\b")
_PLACE = regex(r"[A-ZÀ-Þ]|\b(?:in|at|on|im|an|auf|dans|en|à)\b")
_HOW = regex(r"(?i)^\W*how (?:do|does|did|is|are|was|were|can|could|should|would|will)\b")
_MEANS = regex(r"(?i)(?:by|with|through|via|in|as|using)\b")
_WHY = regex(r"(?i)^\W*(?:why|warum|wieso|weshalb|pourquoi|por qué)\b")
_ASKS_FOR_CLAUSE = regex(
    r"(?i)^what (?:will )?(?:happens?|occurs?)\b|^what (?:do|does|did|can|could) .*\bdo\?$"
    r"|^what (?:is|are|was|were) (?:the |an? )?(?:relationship|difference|reason|purpose|effect"
    r"|role|characteristics?|aspect)\b"
)
_SHORTEST_CLAUSE = 4


class Place(Value):
    """Where the answer of a question is."""

    sentence: str
    """The one sentence that has the answer, as plain text."""
    span: Span
    """The answer in it."""
    marked: str
    antecedent: str
    """The sentence before it, if it begins with "he" or "this"."""
    before: str
    """What precedes both in their paragraph."""
    named: str
    """The title and heading, which a card shows."""
    language: str
    """As `en`; "" if it is unknown."""

    @property
    def answer(self) -> str:
        """Return the words of the answer."""
        start, end = self.span
        return self.sentence[start:end]


def objection(question: str, place: Place) -> str:
    """Return why a question becomes no card; "" if nothing speaks against it.

    The reason says it of the question: "it reverses the sentence".

    Args:
        question: on one line.
        place: where its answer is.
    """
    if len(place.answer.split()) > LONGEST_ANSWER:
        return f"its answer has more than {LONGEST_ANSWER} words"
    if _UNGRAMMATICAL.search(question):
        return "it is ungrammatical"
    pointer = _POINTS.search(question)
    if pointer:
        return f"it says “{pointer[0].split()[-1]}” without naming what that is"
    if _OPEN.match(question):
        return "it has several right answers"
    if not _answer_suits(question, place):
        return "the answer is not what its question word asks for"
    if _is_aside(place):
        return "its answer is in a remark beside the sentence"
    added = _added_words(question, place)
    if added:
        return f"it says {_quoted(added)}, which the sentence does not"
    share, left_out = _share_covered(question, place)
    if share < LEAST_COVERED:
        return f"it leaves out {_quoted(left_out)}"
    if _turns_round(question, place):
        return "it reverses the sentence"
    earlier = _taken_up_from_earlier(question, place)
    if earlier:
        return f"it says {_quoted([earlier])} without saying which"
    return ""


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"“{word}”" for word in words)


# --- words ----------------------------------------------------------------------------


def _content(words: Iterable[Token]) -> Iterator[Token]:
    """Yield the words that say something."""
    for word in words:
        if word.folded in _NEGATIONS:
            yield word
        elif word.kind in _CONTENT and word.folded not in _LIGHT:
            is_short = len(word.folded) <= 2
            if not is_short or word.kind in (Kind.NAME, Kind.NUMBER, Kind.SHIELD):
                yield word


def _is_among(word: Token, others: Set[str]) -> bool:
    """Return whether a word is among beginnings in some form: `coin` and `coined`."""
    start = beginning(word.folded)
    if start in others or beginnings(word.word) & others:
        return True
    for other in others:
        shorter, longer = sorted((start, other), key=len)
        is_form = len(shorter) > 2 and longer.startswith(shorter)
        if is_form and len(longer) - len(shorter) <= _LONGEST_ENDING:
            return not shorter[0].isdigit()
    return False


# --- what the question says -----------------------------------------------------------


def _clause_of(place: Place) -> Span:
    """Return the clause of the answer: the mark, if it is one, else up to the next clause.

    What reports the clause ("the theory is that …") belongs to it.
    """
    begin = 0
    end = len(place.sentence)
    answer_start, answer_end = place.span
    mark = locate(place.marked, place.sentence) if place.marked else None
    is_clause = len(place.marked.split()) >= _CLAUSE
    if mark and is_clause and mark[0] <= answer_start and answer_end <= mark[1]:
        begin, end = mark
        if _REPORTS.search(place.sentence[:begin].rstrip()):
            begin = 0
    for sign in _NEXT_CLAUSE.finditer(place.sentence, begin, end):
        if sign.start() >= answer_end:
            return begin, sign.start()
        if sign.end() <= answer_start and sign[0] != "(":
            begin = sign.end()
    return begin, end


def _share_covered(question: str, place: Place) -> tuple[float, list[str]]:
    """Return how much of the answer's clause a question has.

    Returns:
        The share of the words, from 0 to 1, and those that the question leaves out.
    """
    clause_start, clause_end = _clause_of(place)
    clause = place.sentence[clause_start:clause_end]
    not_asked: list[Span] = [place.span]
    for example in _EXAMPLES.finditer(place.sentence, clause_start, clause_end):
        not_asked.append(example.span())
    asked = beginnings(question) | beginnings(place.named)
    # each word counts once, and those of the answer do not count
    counted = set(beginnings(place.answer))
    total_weight = 0.0
    covered_weight = 0.0
    left_out = []
    for word in _content(tokens(clause, language(place.language))):
        position = clause_start + word.start
        start = beginning(word.folded)
        if start in counted or _is_within_any(position, not_asked):
            continue
        counted.add(start)
        is_heavy = word.folded in _NEGATIONS or word.kind in (Kind.NAME, Kind.NUMBER)
        weight = _HEAVY if is_heavy else 1.0
        total_weight += weight
        if _is_among(word, asked):
            covered_weight += weight
        else:
            left_out.append(word.word)
    share = covered_weight / total_weight if total_weight else 1.0
    return share, left_out


def _is_within_any(position: int, spans: Sequence[Span]) -> bool:
    """Return whether a position is in one of some spans."""
    return any(start <= position < end for start, end in spans)


def _added_words(question: str, place: Place) -> list[str]:
    """Return the words of a question that neither its sentence nor the title has."""
    read = beginnings(f"{place.antecedent} {place.sentence} {place.named}")
    words = tokens(question, language(place.language))[1:]
    said = [word for word in _content(words) if word.folded not in _NEGATIONS]
    return [word.word for word in said if not _is_among(word, read)]


def _is_aside(place: Place) -> bool:
    """Return whether an answer is in a relative clause, and is not the marked words."""
    start, _ = place.span
    if place.marked.strip() == place.answer:
        return False
    for clause in _RELATIVE.finditer(place.sentence):
        if clause.start() < start < clause.end():
            return True
    return False


def _turns_round(question: str, place: Place) -> bool:
    """Return whether words change places within a part of a sentence, or is-done becomes does."""
    answer_start, answer_end = place.span
    # by the beginning of a word: the parts of the sentence and the positions where it is
    places_by_word: dict[str, list[tuple[int, int]]] = defaultdict(list)
    part = 0
    for word in tokens(place.sentence, language(place.language)):
        if word.folded in _PART:
            part += 1
        is_in_answer = answer_start <= word.start < answer_end
        if not is_in_answer:
            places_by_word[beginning(word.folded)].append((part, word.start))

    # the words of the question must come in the same order in each part
    last_position_by_part: dict[int, int] = {}
    # the word after the question word says what kind of thing is asked for
    words = tokens(question, language(place.language))[2:]
    for word in _content(words):
        places = places_by_word.get(beginning(word.folded), [])
        is_certain = len(places) == 1
        if not is_certain or word.folded in _NEGATIONS:
            continue
        [(part, position)] = places
        if position < last_position_by_part.get(part, -1):
            return True
        last_position_by_part[part] = position
    return _is_voice_changed(question, place.sentence)


def _is_voice_changed(question: str, sentence: str) -> bool:
    """Return whether "A is regulated by B" is asked as "What does A regulate?"."""
    if not _DOES.match(question) or _IS.search(question):
        return False
    asked = words_of(question)
    for passive in _PASSIVE.finditer(sentence):
        verb = passive[1].casefold()
        for word in asked:
            if beginning(word) == beginning(verb) and word != verb:
                return True
    return False


def _taken_up_from_earlier(question: str, place: Place) -> str:
    """Return words as "the difference", if a question does not say which one; "" if it has none.

    A noun with an article and nothing after it is known only to someone who has read the sentences
    before, unless the title names it.
    """
    named = beginnings(place.named)
    earlier = beginnings(place.before)
    words = tokens(question, language(place.language))
    for number, word in enumerate(words):
        if word.folded not in _DEFINITE:
            continue
        article = word
        nouns = _nouns_after(words, number)
        has_name = any(noun.kind in (Kind.NAME, Kind.SHIELD) for noun in nouns)
        if not nouns or has_name:
            continue
        following = words[number + 1 + len(nouns)].folded
        is_in_title = all(beginning(noun.folded) in named for noun in nouns)
        if following in _GOES_ON or is_in_title:
            continue
        last = nouns[-1].folded
        is_bare = len(nouns) == 1 and place.language == "en" and not last.endswith("s")
        if is_bare or beginning(last) in earlier:
            return " ".join(each.word for each in (article, *nouns))
    return ""


def _nouns_after(words: Sequence[Token], number: int) -> list[Token]:
    """Return the adjectives and nouns after an article."""
    nouns = []
    for word in words[number + 1 : -1]:
        if word.kind not in (Kind.ADJECTIVE, Kind.NOUN, Kind.NAME, Kind.SHIELD):
            break
        nouns.append(word)
    return nouns


# --- question word and answer ---------------------------------------------------------


def _answer_suits(question: str, place: Place) -> bool:
    """Return whether an answer is of the kind that the question word asks for."""
    answer = place.answer
    is_short = len(answer.split()) < _SHORTEST_CLAUSE
    if _WHEN.search(question):
        return _TIME.search(answer) is not None
    if _HOW_MANY.search(question):
        return _NUMBER.search(answer) is not None
    if _WHO.search(question):
        words = tokens(answer, language(place.language))
        return any(word.kind in (Kind.NAME, Kind.NOUN) for word in words)
    if _WHERE.search(question):
        return _PLACE.search(answer) is not None
    if _HOW.search(question):
        return _MEANS.match(answer) is not None
    if _WHY.search(question):
        return False
    return not (is_short and _ASKS_FOR_CLAUSE.search(question))
