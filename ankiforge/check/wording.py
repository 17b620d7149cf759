"""Check the wording of clozes and questions, and find text that is unclear without its context.

The word lists are in `language/data/signs.txt`, and the patterns of badly worded questions in
`data/questions.txt`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path
from string import ascii_lowercase, digits

from msgspec.structs import replace

from ankiforge.check.rules_and_text import (
    DEFINITION_START,
    GAP_PLACEHOLDER,
    CheckContext,
    are_gaps_highlighted,
    blank_out_gaps,
    check_limit,
    get_answer_source_text,
    get_titles,
    is_user_written,
    make_finding,
    offers_options,
    parse_draft,
    strip_markup,
)
from ankiforge.language.detection import (
    UNKNOWN,
    detect_language,
    detect_language_name,
    detect_script,
)
from ankiforge.language.lexicon import build_section_pattern, read_word_set
from ankiforge.language.words import (
    NEGATIONS,
    STOP_WORDS,
    contains_phrase,
    count_words,
    find_content_words,
    find_stems,
    find_word_prefixes,
    get_word_prefix,
    split_words,
)
from ankiforge.model import (
    LETTERED_QUESTION,
    CardContent,
    CardKind,
    Finding,
    Highlight,
    NoteType,
    Severity,
    Strings,
    Value,
)
from ankiforge.text import cloze, occlusion, regex, to_one_line
from ankiforge.text.cloze import Cloze
from ankiforge.text.lists import split_answer_into_items
from ankiforge.text.normalize import normalize_for_comparison

DEPENDS_ON_CONTEXT = "leans_back"
"""The id of the rule about text that is unclear without its context."""
# Matches the first words of a sentence that depends on the previous one. Case matters.
_DEPENDENT_START = regex(
    rf"(?:{build_section_pattern('signs', 'leans_back')})(?![\w’'-])"
)
_LEADING_PUNCTUATION = "“\"'‘(*_&%→•^~>+- "
# Single letters may be names, and a negation is worth asking for.
_EMPTY_WORDS = frozenset(word for word in STOP_WORDS - NEGATIONS if len(word) > 1)
_PUNCTUATION_ONLY = regex(r"[\s.,;:!?'\"“”()-]+")
# Matches section numbers, list letters and tags: `(b)`, `iv)`, `A.`, `#tag`.
_ENUMERATOR = regex(
    r"\(?(?:[^\W\d_]|[ivxIVX]{1,4}|\d{1,2})[)）]|[A-Z]\.|#[^\W\d_][\w/-]+"
)
# Matches a placeholder that a template has in place of an answer: `FIRST_NAME`, `first_name`.
_IDENTIFIER = regex(
    r"c\d*|[a-z]+(?:_[a-z0-9]+)+|[A-Z]+(?:_[A-Z0-9]+)+|[a-z]+(?:[A-Z][a-z]+)+"
)
# The maximum number of words in a gap that begins the text. The text after a longer gap seldom
# shows what is asked.
_MAX_OPENING_WORDS = 4
# Matches a number or acronym, which may leak although it is short.
_SHORT_FACT = regex(r"\d{2,}|[A-Z]{2,}")
# The minimum length of an answer that may leak, unless it is a number or acronym.
_MIN_ANSWER_CHARS = 4
# A text with more lines than this is treated as a list or table.
_MAX_PROSE_LINES = 3


def check_opening(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report a cloze text that begins with a word such as `This`, `They` or `However`."""
    text_start = parse_draft(draft).full_text.lstrip(_LEADING_PUNCTUATION)
    dependent_start = _DEPENDENT_START.match(text_start)
    if dependent_start:
        yield make_finding(DEPENDS_ON_CONTEXT, f"“{dependent_start[0].strip()}”")


def check_gap_content(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report gaps that hide no content."""
    for answer in parse_draft(draft).answers:
        if _hides_nothing(answer):
            yield make_finding("gap_stopword", f"“{answer}”")


def _hides_nothing(answer: str) -> bool:
    """Return whether an answer has only punctuation or stop words, or is a section number."""
    if _PUNCTUATION_ONLY.fullmatch(answer) or _ENUMERATOR.fullmatch(answer):
        return True
    if answer.isupper():  # an acronym, such as `IT`
        return False
    words = split_words(answer)
    return bool(words) and _EMPTY_WORDS.issuperset(words)


def check_gap_identifiers(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report gaps with the placeholder of a template, such as `first_name`, except in code."""
    reading = parse_draft(draft)
    for gap, answer in zip(reading.gaps, reading.answers, strict=True):
        if gap.answer.startswith(("`", "$")):
            continue
        if _IDENTIFIER.fullmatch(answer):
            yield make_finding("placeholder", f"“{answer}”")


def check_gap_length(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report gaps with too many words. Fewer are allowed in a gap that begins the text."""
    reading = parse_draft(draft)
    text = draft.get_field("Text")
    for gap, answer in zip(reading.gaps, reading.answers, strict=True):
        length = count_words(answer)
        if length > _MAX_OPENING_WORDS and _opens_without_definition(gap, text):
            yield make_finding("gap_gt8w", "it begins the text")
        else:
            yield from check_limit(length, "gap_gt8w")


def _opens_without_definition(gap: Cloze, text: str) -> bool:
    """Return whether a gap begins a text and no definition of its answer follows."""
    if split_words(text[: gap.start]):
        return False
    return DEFINITION_START.match(text, gap.end) is None


def check_visible_words(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report a cloze that shows only stop words besides the gaps, such as `Some … there.`."""
    text = draft.get_field("Text")
    if "![" in text or "$" in text:  # a picture or a formula shows what is asked
        return
    for _, hidden_gaps in parse_draft(draft).gaps_by_number:
        visible_text = blank_out_gaps(text, hidden_gaps).replace(GAP_PLACEHOLDER, "")
        if not find_content_words(visible_text):
            yield make_finding("short_cloze", f"“{visible_text.strip()}”")


def check_gap_leaks(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report answers that are also in the text that is visible while they are blanked out."""
    for _, hidden_gaps in parse_draft(draft).gaps_by_number:
        visible_text = _get_text_around(hidden_gaps, draft.get_field("Text"))
        for gap in hidden_gaps:
            answer = strip_markup(gap.answer)
            if _is_leaked(answer.strip(" .,;:"), visible_text):
                yield make_finding("gap_leak", f"“{answer}”")


def _get_text_around(hidden_gaps: tuple[Cloze, ...], text: str) -> str:
    """Return the visible text of a cloze. Of a list, only the lines with a gap are returned."""
    visible_text = blank_out_gaps(text, hidden_gaps)
    lines = visible_text.splitlines()
    if len(lines) <= _MAX_PROSE_LINES:
        return visible_text
    return "\n".join(line for line in lines if GAP_PLACEHOLDER in line)


def _is_leaked(answer: str, visible_text: str) -> bool:
    """Return whether a text contains an answer, unless the answer is too short to be telling."""
    if _SHORT_FACT.fullmatch(answer):
        return contains_phrase(visible_text, answer, exact=True)
    if len(answer) < _MIN_ANSWER_CHARS:
        return False
    return contains_phrase(visible_text, answer)


def check_cloze_length(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report a cloze text with too many words."""
    yield from check_limit(count_words(parse_draft(draft).full_text), "cloze_gt40w")


def check_gap_count(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report a note from which too many cards are made."""
    yield from check_limit(len(parse_draft(draft).gaps_by_number), "gaps_gt3")


def check_gap_set(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report a cloze card with too many answers, unless the reader highlighted them."""
    reading = parse_draft(draft)
    if len(reading.gaps_by_number) != 1:
        return
    if are_gaps_highlighted(draft, context.highlight):
        return
    distinct_answers = set(map(str.casefold, reading.answers))
    yield from check_limit(len(distinct_answers), "set")


# --- questions ------------------------------------------------------------------------

# Matches a yes-or-no answer.
_YES_NO = regex(
    r"(?i)^(?:yes|no|true|false|ja|nein)(?:$|[.,;:!]|\s+[-–—]|\s+(?:because|since|but"
    r"|as|it|they|if"
    r"|unless|only)\b)"
)
# Rules whose message is clear without the matched words.
_RULES_WITHOUT_DETAIL = ("yes_no", "two_questions")
_UNSPECIFIC_WORDS = read_word_set("signs", "remark") | STOP_WORDS
_SINGLE_CHARACTERS = frozenset(ascii_lowercase + digits)
# The maximum number of words in an answer that is searched for in the front.
_MAX_LEAK_WORDS = 6
# A front with fewer words isn't taken for a request that continues a conversation.
_MIN_IMPERATIVE_WORDS = 4


def check_yes_or_no(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report a question whose answer begins with yes or no."""
    answer = parse_draft(draft).answers[0]
    if _is_yes_or_no(answer):
        yield make_finding("yes_no", f"– the answer is “{to_one_line(answer)[:20]}”")


def _get_front(draft: CardContent) -> str:
    """Return the front as plain text on one line."""
    return " ".join(parse_draft(draft).question.split())


def _has_picture_on_front(draft: CardContent) -> bool:
    return "![" in draft.get_field("Front")


def _is_yes_or_no(answer: str) -> bool:
    return _YES_NO.match(answer.strip()) is not None


def check_question_patterns(
    draft: CardContent, context: CheckContext
) -> Iterator[Finding]:
    """Report a front that is badly worded, because a pattern in `questions.txt` matches it.

    Each pattern names the rule that the front breaks.
    """
    front = _get_front(draft)
    inapplicable_rules = _list_inapplicable_rules(draft, context)
    for pattern in _read_question_patterns():
        matched_text = pattern.find_in(front)
        if matched_text is None:
            continue
        if pattern.rule in inapplicable_rules:
            continue
        if pattern.rule in _RULES_WITHOUT_DETAIL:
            yield make_finding(pattern.rule)
            continue
        severity = None
        if pattern.rule == "vague" and draft.origin.is_from_comment:
            severity = Severity.INFO  # the reader knows what it asks about the passage
        yield make_finding(pattern.rule, f"“{matched_text}”", severity=severity)


def _list_inapplicable_rules(draft: CardContent, context: CheckContext) -> list[str]:
    """Return the rules whose patterns mean nothing for this front."""
    reading = parse_draft(draft)
    rules = []
    if _is_yes_or_no(reading.answers[0]):  # already reported
        rules.append("yes_no")
    if _get_front(draft)[:4].casefold() == "was ":
        # this may be the German `was`, not the English
        texts = (reading.full_text, context.highlight.exact)
        if "German" in map(detect_language_name, texts):
            rules.append("yes_no")
    if _has_picture_on_front(draft):  # `this` refers to the picture
        rules.append(DEPENDS_ON_CONTEXT)
    return rules


def check_question_subject(
    draft: CardContent, context: CheckContext
) -> Iterator[Finding]:
    """Report a question that doesn't say what it is about, such as “What does this mean?”."""
    if _has_picture_on_front(draft):
        return
    front = _get_front(draft)
    if _is_unspecific(front):
        yield make_finding("vague", f"“{front}”")


def _is_unspecific(front: str) -> bool:
    """Return whether a question has no word that says what it is about.

    Single Latin letters and digits don't count as words, but single ideographs do.
    """
    if not front.endswith("?"):
        return False
    words = set(split_words(front)) - _SINGLE_CHARACTERS
    return bool(words) and words <= _UNSPECIFIC_WORDS


def check_question_context(
    draft: CardContent, context: CheckContext
) -> Iterator[Finding]:
    """Report a question that only makes sense beside its passage or in its conversation."""
    if is_user_written(draft):
        is_unclear = continues_conversation(draft, context.highlight)
    else:
        is_unclear = _lacks_subject(draft, context.highlight)
    if is_unclear:
        yield make_finding(DEPENDS_ON_CONTEXT, f"“{_get_front(draft)}”")


def check_answer_in_question(
    draft: CardContent, context: CheckContext
) -> Iterator[Finding]:
    """Report a front that gives the answer away.

    If the front isn't a question, the case of letters must match, because `string type` doesn't
    give away `String`.
    """
    full_answer = parse_draft(draft).answers[0]
    answer = full_answer.strip(" .")
    if len(answer) < _MIN_ANSWER_CHARS or count_words(answer) > _MAX_LEAK_WORDS:
        return
    front = _get_front(draft)
    if _is_yes_or_no(full_answer) or offers_options(front):
        return
    if not find_content_words(answer):
        return
    if contains_phrase(front, answer, exact="?" not in front):
        yield make_finding("leak_exact", f"“{answer}”")


def check_answer_set(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report an answer that lists too many things, except below a front of one word."""
    if len(parse_draft(draft).question.split()) < 2:
        return
    items = split_answer_into_items(draft.get_field("Front"), draft.get_field("Back"))
    yield from check_limit(len(items), "set")


def check_answer_length(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report an answer with too many words."""
    yield from check_limit(count_words(parse_draft(draft).answers[0]), "answer_gt20w")


def check_question_length(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report a front with too many words."""
    yield from check_limit(count_words(parse_draft(draft).question), "front_gt30w")


def _lacks_subject(draft: CardContent, highlight: Highlight) -> bool:
    """Return whether a question in a comment shares no words with its passage.

    This doesn't concern questions that begin with `?` or `q:`, because they were written as cards.
    """
    if not draft.origin.is_from_comment:
        return False
    if not highlight.exact:
        return False
    if highlight.comment.lstrip().casefold().startswith(("?", "q:")):
        return False
    front = _get_front(draft)
    if _are_in_different_languages(front, highlight.exact):
        return False
    source = f"{get_titles(highlight)}\n{get_answer_source_text(highlight)}"
    return find_stems(front).isdisjoint(find_stems(source))


def _are_in_different_languages(text: str, other: str) -> bool:
    """Return whether two texts are known to be in different scripts or languages."""
    for detect in (detect_script, detect_language):
        language, other_language = detect(text), detect(other)
        if UNKNOWN in (language, other_language):
            continue
        if language != other_language:
            return True
    return False


def continues_conversation(draft: CardContent, highlight: Highlight) -> bool:
    """Return whether a front of the user continues a conversation, so that it makes no sense alone.

    This is assumed for a request below a list item, such as “Elaborate on this”, that has no
    question mark and shares no words with its titles and answer.
    """
    if highlight.line_syntax != LETTERED_QUESTION:
        return False
    if not highlight.parent_items:
        return False
    front = _get_front(draft)
    if front.endswith("?") or len(front.split()) < _MIN_IMPERATIVE_WORDS:
        return False
    context_and_answer = f"{get_titles(highlight)}\n{draft.get_field('Back')}"
    return find_stems(front).isdisjoint(find_stems(context_and_answer))


# --- patterns of badly worded questions -----------------------------------------------


class _QuestionPattern(Value):
    rule: str
    """The id of the rule that a matching front breaks."""
    bad: re.Pattern[str]
    """Matches words that a front should not contain."""
    excuse: re.Pattern[str] | None = None
    """Matches words that make such a front acceptable after all, or None for no exceptions."""

    def find_in(self, front: str) -> str | None:
        """Return the bad words in a front, or None if there are none or they are excused."""
        bad_words = self.bad.search(front)
        if bad_words is None:
            return None
        if self.excuse is None:
            return bad_words[0]
        if self.excuse.search(front):
            return None
        return bad_words[0]


@cache
def _read_question_patterns() -> tuple[_QuestionPattern, ...]:
    """Read `data/questions.txt`.

    Its first two sections are parts of patterns, which others contain as `<name>`. In the others,
    each of which is a rule, the pattern after a line `unless` excuses a front.
    """
    path = Path(__file__).parent / "data" / "questions.txt"
    text = re.sub("(?m)^#.*\n", "", path.read_text("utf-8"))
    # the name of each section in brackets, and its lines
    sections = re.findall(r"\[(\w+)\]\n((?:(?!\[\w+\]\n).+\n)+)", text)
    parts, rules = sections[:2], sections[2:]
    patterns = []
    for rule, lines in rules:
        for name, part in parts:
            lines = lines.replace(f"<{name}>", part.strip())
        bad, unless, excuse = lines.partition("unless\n")
        pattern = _QuestionPattern(rule, _join_pattern(bad))
        if unless:
            pattern = replace(pattern, excuse=_join_pattern(excuse))
        patterns.append(pattern)
    return tuple(patterns)


def _join_pattern(lines: str) -> re.Pattern[str]:
    """Compile a pattern that continues over several lines."""
    return re.compile(lines.replace("\n", ""), re.IGNORECASE)


# --- references to text that the card lacks, and placeholders --------------------------

_WORK_NOUNS = (
    "paper|article|study|work|section|chapter|book|text|passage|excerpt|highlight"
)
_THIS_THING = regex(
    rf"(?i)\b(?:this|these|those|such an?) ({_WORK_NOUNS}|figure|table|equation|method"
    rf"|model|approach"
    r"|technique|example|system|process|concept|idea|result|theorem)s?\b"
)
_REFERENCE_TO_TEXT = regex(
    rf"(?i)\bthe authors?\b(?! (?:of|who|in whose)\b)"
    rf"|\baccording to the (?:{_WORK_NOUNS}|authors?|source)\b(?! (?:of|that|by|on)\b)"
    rf"|\b(?:in|from) the (?:paper|article|passage|excerpt|highlight|text|study)"
    r"(?! (?:of|that|by|on|which|called|titled)\b| [“\"‘'])"
    rf"|\bthe (?:{_WORK_NOUNS}|source|critique) (?:says?|argues?|claims?|states?|describes?"
    rf"|mentions?"
    r"|proposes?|suggests?|introduces?|presents?|calls?|shows?|discuss(?:es)?"
    r"|explains?)\b"
    r"|\b(?:mentioned|described|discussed|shown|defined) (?:above|below|earlier|here)\b"
    r"|\b(?:mentioned|described|stated|given) in the sentence\b"
)
_REFERENCE_TO_OPTIONS = regex(
    r"(?i)\b(?:which|what|who|choose|select|one)\b[^?]{0,40}\bof"
    r" (?:the following|these options|the options)(?: below)?\b"
    r"|\b(?:all|none|both|any) of the (?:above|below)\b|\bwelche[rs]? der folgenden\b"
    r"|\b(?:lequel|laquelle|lesquels) des? suivants?\b|\bcuál(?:es)? de (?:los"
    r"|las) siguientes\b"
)
_LISTED_OPTIONS = regex(
    r"(?s)(?:^|\n)\s*(?:[-*+•]|\(?[a-eA-E1-5][).:])\s|\b[aA][).]\s.+\b[bB][).]\s"
)
_FIGURE = regex(
    r"(?i)\b(?:fig(?:ure)?s?\.?|table|eqs?\.|equation|section|sect?\.|appendix)\s?\(?\d+"
)


_PLACEHOLDER = regex(
    r"(?is)\W*(?:n/?a|t\.?b\.?d|todo|fixme|x{3,}|lorem ipsum.*|placeholder"
    r"|your (?:question|answer)"
    r"(?: here)?|insert (?:text|answer|question)(?: here)?"
    r"|(?:question|answer|front|back|text) here)\W*"
)
_MAX_PLACEHOLDER_CHARS = 60
_DOTS_ONLY = regex(r"(?:\.{2,}|…|[-–—_]{3,}|\?{1,5}|[\[(<{]+\W*[\])>}]+)")
# Words of the reply schema, which may be real answers if the source contains them.
_SCHEMA_WORDS = frozenset(
    ["string", "str", "null", "undefined", "answer", "question", "front", "back", "nan"]
)


def check_external_references(
    draft: CardContent, context: CheckContext
) -> Iterator[Finding]:
    """Report a reference to something that isn't on the card.

    Examples are `this paper`, `Figure 3` and `which of the following`.
    """
    reading = parse_draft(draft)
    shown_text = reading.question
    if draft.kind.note_type is NoteType.CLOZE:
        shown_text = reading.full_text
    reference = _find_reference_to_text(shown_text)
    if reference is None:
        reference = _find_reference_to_options(draft, shown_text)
    if reference is not None:
        yield make_finding("points_at_page", f"“{reference}”")
        return
    figure = _FIGURE.search(shown_text)
    if figure:
        yield make_finding("points_at_page", f"“{figure[0]}”", severity=Severity.WARN)


@lru_cache(maxsize=16)  # the gaps of a sentence are checked one after the other
def _find_reference_to_text(text: str) -> str | None:
    for match in _THIS_THING.finditer(text):
        before = text[: match.start()].casefold()
        if match[1].casefold() not in before:  # otherwise the card names the thing itself
            return match[0]
    return _find_first(_REFERENCE_TO_TEXT, (text,))


def _find_first(pattern: re.Pattern[str], texts: Iterable[str]) -> str | None:
    for text in texts:
        match = pattern.search(text)
        if match:
            return match[0]
    return None


def _find_reference_to_options(draft: CardContent, shown_text: str) -> str | None:
    """Return words such as `which of the following`, or None if the card lists the options."""
    if _lists_options(draft, shown_text):
        return None
    answers = " ".join(parse_draft(draft).answers)
    return _find_first(_REFERENCE_TO_OPTIONS, (shown_text, answers))


def _lists_options(draft: CardContent, shown_text: str) -> bool:
    # plain text lacks the bullets of a list; that of the first line may be the question's own
    markdown = draft.get_field("Front")
    if draft.kind.note_type is NoteType.CLOZE:
        markdown = draft.get_field("Text")
    _, _, lines_below = markdown.partition("\n")
    return _LISTED_OPTIONS.search(f"{shown_text}\n{lines_below}") is not None


def check_placeholders(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report the first side that consists only of a placeholder.

    Examples are `...`, `TODO`, `N/A` and names from the reply schema.
    """
    reading = parse_draft(draft)
    sides = reading.answers
    if draft.kind.note_type is NoteType.BASIC:
        sides = (reading.question, *reading.answers)
    for side in sides:
        text = " ".join(side.split())
        is_placeholder = _is_placeholder(text)
        if not is_placeholder and not is_user_written(draft):
            is_placeholder = _is_copied_from_schema(text, context.highlight)
        if is_placeholder:
            yield make_finding("placeholder", f"“{text}”")
            return


def _is_placeholder(text: str) -> bool:
    if _DOTS_ONLY.fullmatch(text):
        return True
    if len(text) >= _MAX_PLACEHOLDER_CHARS:
        return False
    return _PLACEHOLDER.fullmatch(text) is not None


def _is_copied_from_schema(text: str, highlight: Highlight) -> bool:
    """Return whether a text is a word of the reply schema, such as `null`, unlike the source."""
    if not highlight.exact:  # the source is unknown
        return False
    word = text.strip("<>[](){}\"'. ").casefold()
    if word not in _SCHEMA_WORDS:
        return False
    return word not in split_words(get_answer_source_text(highlight))


# --- truncated cards ------------------------------------------------------------------

# The characters that may follow the final punctuation of a sentence. This isn't a regex, because
# matching one takes milliseconds.
_CLOSING_CHARS = '*_=~>"”’»)} \t\n\u00a0\u202f\u3000'
_COMMAS = (",", "،", "、", "，")
_COLONS = (":", "：")
_CONJUNCTIONS = read_word_set("signs", "joining")
# In a shorter text, a conjunction at the end may be what is asked, as in “`and` means `und`”.
_MIN_WORDS_BEFORE_CONJUNCTION = 4


def check_truncation(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report sides that break off, e.g. after a comma or a conjunction."""
    for name in ("Text", "Front", "Back"):
        text = draft.get_field(name)
        # the answer may continue a front that ends in a colon or a conjunction
        may_continue = name == "Front"
        if _breaks_off(text, may_continue=may_continue):
            last_words = " ".join(text.split()[-3:])
            yield make_finding("breaks_off", f"“…{last_words}”")


def _breaks_off(text: str, *, may_continue: bool) -> bool:
    """Return whether a text ends in a comma or, unless it may continue, expects more words."""
    if _ends_in(text, _COMMAS):
        return True
    if may_continue or len(text.split()) < _MIN_WORDS_BEFORE_CONJUNCTION:
        return False
    if _ends_in(text, _COLONS):
        return True
    return text.split()[-1].strip("*_") in _CONJUNCTIONS


def _ends_in(text: str, punctuation: Strings) -> bool:
    """Return whether a text with letters or digits ends in one of some punctuation marks."""
    if not text.rstrip().rstrip(_CLOSING_CHARS).endswith(punctuation):
        return False
    return any(map(str.isalnum, text))


# --- context shown above a card -------------------------------------------------------

_IN_PARENTHESES = regex(r"\([^()]*\)")
# Common words that don't give an answer away if they are in both texts.
_UNREVEALING_WORDS = read_word_set("cues", "articles") | read_word_set(
    "cues", "join"
).union("in for that it to is be and by".split())
# An answer is given away if at least this fraction of its words is in the context.
_REVEALING_FRACTION = 2 / 3
# At least this many words are needed to give an answer away, if the answer has as many.
_MIN_REVEALING_WORDS = 2


def remove_revealing_context(card: CardContent, parts: Strings) -> Strings:
    """Remove the parts of a card's context that give its answer away, and return the others.

    The context is shown above the question and says where the card comes from (document ›
    headings › list items). A heading may reveal the answer even in a different form, such as
    `Catalysis` above “What speeds it up? A catalyst”.
    """
    answers = _list_asked_texts(card)
    harmless_parts = []
    for part in parts:
        if not any(_reveals_answer(part, answer) for answer in answers):
            harmless_parts.append(part)
    return tuple(harmless_parts)


def _list_asked_texts(card: CardContent) -> list[str]:
    """Return everything that a card asks for, as plain text."""
    if card.kind is CardKind.CLOZE:
        gaps = cloze.find_clozes(card.get_field("Text"))
        return [cloze.to_plain_text(gap.answer) for gap in gaps]
    if card.kind is CardKind.OCCLUSION:
        return list(occlusion.list_labels(occlusion.get_masks(dict(card.fields))))
    texts = [cloze.to_plain_text(card.get_field("Back"))]
    if card.kind is CardKind.TWO_WAY:  # it is also asked in reverse
        texts.append(cloze.to_plain_text(card.get_field("Front")))
    return texts


def _reveals_answer(text: str, answer: str) -> bool:
    """Return whether a text gives an answer away by containing most of its words.

    Words match in any inflection, so `catalysis` gives away `catalyst`. Two thirds of the words
    must match, and at least two of them unless the answer has just one. Text in parentheses is
    ignored. In languages without spaces, such as Chinese, the text must contain the whole
    answer.
    """
    bare_answer = normalize_for_comparison(_IN_PARENTHESES.sub(" ", answer))
    context_text = normalize_for_comparison(text)
    unspaced_answer = "".join(bare_answer.split())
    if not unspaced_answer.isascii():
        if unspaced_answer in "".join(context_text.split()):
            return True
    answer_words = frozenset(split_words(bare_answer)) - _UNREVEALING_WORDS
    answer_prefixes = frozenset(map(get_word_prefix, answer_words))
    if not answer_prefixes:
        return False
    matches = answer_prefixes & find_word_prefixes(context_text)
    if len(matches) < min(len(answer_prefixes), _MIN_REVEALING_WORDS):
        return False
    return len(matches) >= len(answer_prefixes) * _REVEALING_FRACTION
