"""Check the wording of clozes and questions, and find text that is unclear without its context.

The word lists are in `language/data/signs.txt`, and the patterns of badly worded questions in
`data/questions.txt`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path

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

# Matches the first words of a sentence that depends on the previous one. Case matters.
_DEPENDENT_START = regex(
    rf"(?:{build_section_pattern('signs', 'leans_back')})(?![\w’'-])"
)
_LEADING_PUNCTUATION = "“\"'‘(*_&%→•^~>+- "
_EMPTY_WORDS = STOP_WORDS - NEGATIONS
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


def check_cloze_wording(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report a cloze card that is badly worded, e.g. because it gives an answer away."""
    if draft.kind.note_type is not NoteType.CLOZE:
        return
    reading = parse_draft(draft)
    text = draft.get_field("Text")
    word_count = count_words(reading.full_text)

    # report a text that begins with a word such as `This`, `They` or `However`
    text_start = reading.full_text.lstrip(_LEADING_PUNCTUATION)
    dependent_start = _DEPENDENT_START.match(text_start)
    if dependent_start:
        yield make_finding("leans_back", f"“{dependent_start[0].strip()}”")

    for gap, answer in zip(reading.gaps, reading.answers, strict=True):
        yield from _check_gap(text, gap, answer)
    for _, hidden_gaps in reading.gaps_by_number:
        yield from _check_gap_leaks(text, hidden_gaps)
    yield from check_limit(word_count, "cloze_gt40w")
    yield from check_limit(len(cloze.find_cloze_numbers(text)), "gaps_gt3")
    if len(reading.gaps_by_number) == 1 and not are_gaps_highlighted(
        draft, context.highlight
    ):
        hidden_answers = {answer.casefold() for answer in reading.answers}
        yield from check_limit(len(hidden_answers), "set")


def _check_gap(text: str, gap: Cloze, answer: str) -> Iterator[Finding]:
    # an answer hides nothing if it consists only of punctuation or of stop words; single letters
    # don't count as stop words, because they may be names
    words = split_words(answer)
    is_empty = _PUNCTUATION_ONLY.fullmatch(answer) is not None
    if words and not answer.isupper():
        is_empty = all(len(word) > 1 and word in _EMPTY_WORDS for word in words)
    if is_empty or _ENUMERATOR.fullmatch(answer):
        yield make_finding("gap_stopword", f"“{answer}”")
    elif _IDENTIFIER.fullmatch(answer) and not gap.answer.startswith(("`", "$")):
        yield make_finding("placeholder", f"“{answer}”")

    # report gaps that are too long, with a lower limit at the beginning of the text, unless a
    # definition of the gap's answer follows
    length = count_words(answer)
    if (
        length > _MAX_OPENING_WORDS
        and not split_words(text[: gap.start])
        and not DEFINITION_START.match(text, gap.end)
    ):
        yield make_finding("gap_gt8w", "it begins the text")
    else:
        yield from check_limit(length, "gap_gt8w")


def _check_gap_leaks(text: str, hidden_gaps: Sequence[Cloze]) -> Iterator[Finding]:
    """Report blanked-out answers that are also in the visible text.

    In a list, only the lines with a gap are searched.
    """
    searched_text = blank_out_gaps(text, hidden_gaps)
    lines = searched_text.splitlines()
    if len(lines) > _MAX_PROSE_LINES:
        lines_with_gap = [line for line in lines if GAP_PLACEHOLDER in line]
        searched_text = "\n".join(lines_with_gap)
    for answer in (strip_markup(gap.answer) for gap in hidden_gaps):
        bare_answer = answer.strip(" .,;:")
        is_short_fact = _SHORT_FACT.fullmatch(bare_answer) is not None
        if is_short_fact or len(bare_answer) >= _MIN_ANSWER_CHARS:
            if contains_phrase(searched_text, bare_answer, exact=is_short_fact):
                yield make_finding("gap_leak", f"“{answer}”")


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
DEPENDS_ON_CONTEXT = "leans_back"
"""The id of the rule about text that is unclear without its context."""
# The maximum number of words in an answer that is searched for in the front.
_MAX_LEAK_WORDS = 6
# A front with fewer words isn't taken for a request that continues a conversation.
_MIN_IMPERATIVE_WORDS = 4


def check_question_wording(
    draft: CardContent, context: CheckContext
) -> Iterator[Finding]:
    """Report a question that is badly worded, e.g. too vague."""
    if draft.kind.note_type is not NoteType.BASIC:
        return
    reading = parse_draft(draft)
    front = " ".join(reading.question.split())
    # the rules of `questions.txt` that don't apply to this question
    inapplicable_rules = set[str]()
    if _is_yes_or_no(reading.answers[0]):
        answer_start = to_one_line(reading.answers[0])[:20]
        yield make_finding("yes_no", f"– the answer is “{answer_start}”")
        inapplicable_rules.add("yes_no")
    if front[:4].casefold() == "was ":
        # this may be the German `was`, not the English
        texts = (reading.full_text, context.highlight.exact)
        if "German" in map(detect_language_name, texts):
            inapplicable_rules.add("yes_no")
    if "![" in draft.get_field("Front"):  # `this` refers to the picture
        inapplicable_rules.add(DEPENDS_ON_CONTEXT)
    for pattern in _read_question_patterns():
        match = pattern.bad.search(front)
        if not match or (pattern.excuse and pattern.excuse.search(front)):
            continue
        if pattern.rule not in inapplicable_rules:
            detail = "" if pattern.rule in _RULES_WITHOUT_DETAIL else f"“{match[0]}”"
            # the reader knows what a vague question in a comment asks about the passage
            is_excused = pattern.rule == "vague" and draft.origin.is_from_comment
            severity = Severity.INFO if is_excused else None
            yield make_finding(pattern.rule, detail, severity=severity)
    yield from _check_question_subject(draft, context.highlight, front)


def _is_yes_or_no(answer: str) -> bool:
    return _YES_NO.match(answer.strip()) is not None


def _check_question_subject(
    draft: CardContent, highlight: Highlight, front: str
) -> Iterator[Finding]:
    """Report a question that doesn't name its subject, such as “What does this mean?”."""
    # single Latin letters and digits don't count; single ideographs may be words
    words = {word for word in split_words(front) if len(word) > 1 or not word.isascii()}
    if front.endswith("?") and words and words <= _UNSPECIFIC_WORDS:
        if "![" not in draft.get_field("Front"):
            yield make_finding("vague", f"“{front}”")
    if _lacks_subject(draft, highlight, front):
        yield make_finding(DEPENDS_ON_CONTEXT, f"“{front}”")


def check_answer_in_question(
    draft: CardContent, context: CheckContext
) -> Iterator[Finding]:
    """Report a front that gives the answer away.

    If the front isn't a question, the case of letters must match, because `string type` doesn't
    give away `String`.
    """
    if draft.kind.note_type is not NoteType.BASIC:
        return
    reading = parse_draft(draft)
    front = " ".join(reading.question.split())
    answer = reading.answers[0].strip(" .")
    is_phrase = (
        len(answer) >= _MIN_ANSWER_CHARS
        and count_words(answer) <= _MAX_LEAK_WORDS
        and find_content_words(answer)
    )
    if not is_phrase or _is_yes_or_no(reading.answers[0]) or offers_options(front):
        return
    if contains_phrase(front, answer, exact="?" not in front):
        yield make_finding("leak_exact", f"“{answer}”")


def check_question_length(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report answers that can't be recalled as a whole, and long questions."""
    if draft.kind.note_type is not NoteType.BASIC:
        return
    reading = parse_draft(draft)
    front = " ".join(reading.question.split())
    if len(front.split()) > 1:
        list_items = split_answer_into_items(
            draft.get_field("Front"), draft.get_field("Back")
        )
        yield from check_limit(len(list_items), "set")
    yield from check_limit(count_words(reading.answers[0]), "answer_gt20w")
    yield from check_limit(count_words(reading.question), "front_gt30w")


def _lacks_subject(draft: CardContent, highlight: Highlight, front: str) -> bool:
    """Return whether a question is unclear because it shares no words with its passage.

    This only concerns questions in comments that don't begin with `?` or `q:`. For cards that
    the user wrote, see `continues_conversation`.
    """
    if is_user_written(draft):
        return continues_conversation(draft, highlight)
    if not (draft.origin.is_from_comment and highlight.exact):
        return False
    if highlight.comment.lstrip().casefold().startswith(("?", "q:")):
        return False
    # a question in another language than the passage shares no words with it
    for detect in (detect_script, detect_language):
        if len({detect(front), detect(highlight.exact)} - {""}) > 1:
            return False
    source = f"{get_titles(highlight)}\n{get_answer_source_text(highlight)}"
    return find_stems(front).isdisjoint(find_stems(source))


def continues_conversation(draft: CardContent, highlight: Highlight) -> bool:
    """Return whether a front continues a conversation, so it makes no sense on its own.

    This is assumed for a request below a list item, such as “Elaborate on this”, that has no
    question mark and shares no words with its titles and answer.
    """
    front = " ".join(parse_draft(draft).question.split())
    if (
        highlight.line_syntax != LETTERED_QUESTION
        or not highlight.parent_items
        or front.endswith("?")
    ):
        return False
    if len(front.split()) < _MIN_IMPERATIVE_WORDS:
        return False
    context_and_answer = f"{get_titles(highlight)}\n{draft.get_field('Back')}"
    return find_stems(front).isdisjoint(find_stems(context_and_answer))


# --- patterns of badly worded questions -----------------------------------------------


class _QuestionPattern(Value):
    rule: str
    """The id of the rule that a matching front breaks."""
    bad: re.Pattern[str]
    """Matches words that a front should not contain."""
    excuse: re.Pattern[str] | None
    """Matches words that make such a front acceptable after all, or None for no exceptions."""


@cache
def _read_question_patterns() -> tuple[_QuestionPattern, ...]:
    path = Path(__file__).parent / "data" / "questions.txt"
    text = re.sub("(?m)^#.*\n", "", path.read_text("utf-8"))
    sections = re.findall(r"\[(\w+)\]\n((?:(?!\[\w+\]\n).+\n)+)", text)
    placeholders = dict(sections[:2])
    patterns = []
    for rule, lines in sections[2:]:
        for name, pattern in placeholders.items():
            lines = lines.replace(f"<{name}>", pattern.strip())
        # a pattern continues over several lines
        bad, _, excuse = lines.partition("unless\n")
        patterns.append(
            _QuestionPattern(
                rule=rule,
                bad=re.compile(bad.replace("\n", ""), re.IGNORECASE),
                excuse=re.compile(excuse.replace("\n", ""), re.IGNORECASE)
                if excuse
                else None,
            )
        )
    return tuple(patterns)


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
    is_cloze = draft.kind.note_type is NoteType.CLOZE
    shown_text = reading.full_text if is_cloze else reading.question
    reference = _find_reference_to_text(shown_text)
    figure_reference = _FIGURE.search(shown_text)
    # plain text lacks the bullets of a list; that of the first line may be the question's own
    _, _, lines_below = draft.get_field("Text" if is_cloze else "Front").partition("\n")
    options = f"{shown_text}\n{lines_below}"
    if not reference and not _LISTED_OPTIONS.search(options):
        # the text may refer to options that the card doesn't list
        options_reference = _REFERENCE_TO_OPTIONS.search(
            shown_text
        ) or _REFERENCE_TO_OPTIONS.search(" ".join(reading.answers))
        reference = options_reference[0] if options_reference else ""
    if reference:
        yield make_finding("points_at_page", f"“{reference}”")
    elif figure_reference:
        yield make_finding(
            "points_at_page", f"“{figure_reference[0]}”", severity=Severity.WARN
        )


def check_placeholders(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report the first side that consists only of a placeholder.

    Examples are `...`, `TODO`, `N/A` and names from the reply schema.
    """
    highlight = context.highlight
    reading = parse_draft(draft)
    is_cloze = draft.kind.note_type is NoteType.CLOZE
    for side in reading.answers if is_cloze else (reading.question, *reading.answers):
        side_text = " ".join(side.split())
        is_placeholder = len(
            side_text
        ) < _MAX_PLACEHOLDER_CHARS and _PLACEHOLDER.fullmatch(side_text)
        word = side_text.strip("<>[](){}\"'. ").casefold()
        is_schema_word = (
            word in _SCHEMA_WORDS and highlight.exact and not is_user_written(draft)
        )
        if is_schema_word and word in split_words(get_answer_source_text(highlight)):
            is_schema_word = False
        if is_placeholder or is_schema_word or _DOTS_ONLY.fullmatch(side_text):
            yield make_finding("placeholder", f"“{side_text}”")
            return


@lru_cache(maxsize=16)  # the gaps of a sentence are checked one after the other
def _find_reference_to_text(text: str) -> str:
    for match in _THIS_THING.finditer(text):
        before = text[: match.start()].casefold()
        if match[1].casefold() not in before:  # otherwise the card names the thing itself
            return match[0]
    text_reference = _REFERENCE_TO_TEXT.search(text)
    return text_reference[0] if text_reference else ""


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
    for name in (
        ("Text",) if draft.kind.note_type is NoteType.CLOZE else ("Front", "Back")
    ):
        # any side is truncated if it ends in a comma; a side other than the front, which the
        # answer may continue, is also truncated if it ends in a colon or conjunction
        text = draft.get_field(name).rstrip()
        words = text.split()
        ends: Strings = _COMMAS
        if name != "Front" and len(words) >= _MIN_WORDS_BEFORE_CONJUNCTION:
            ends = (*_COMMAS, *_COLONS)
            if words[-1].strip("*_") in _CONJUNCTIONS:
                ends = ("",)
        if text.rstrip(_CLOSING_CHARS).endswith(ends) and any(map(str.isalnum, text)):
            yield make_finding("breaks_off", f"“…{' '.join(words[-3:])}”")


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
    fields = dict(card.fields)
    if card.kind is CardKind.CLOZE:
        answers = [
            cloze.to_plain_text(gap.answer)
            for gap in cloze.find_clozes(fields.get("Text", ""))
        ]
    elif card.kind is CardKind.OCCLUSION:
        answers = list(occlusion.list_labels(occlusion.get_masks(fields)))
    else:
        answers = [cloze.to_plain_text(fields.get("Back", ""))]
    if card.kind is CardKind.TWO_WAY:  # the card is also asked in reverse
        answers.append(cloze.to_plain_text(fields.get("Front", "")))
    return tuple(
        part
        for part in parts
        if not any(_reveals_answer(part, answer) for answer in answers)
    )


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
    if not unspaced_answer.isascii() and unspaced_answer in "".join(context_text.split()):
        return True
    answer_words = frozenset(split_words(bare_answer)) - _UNREVEALING_WORDS
    answer_prefixes = frozenset(map(get_word_prefix, answer_words))
    min_matches = max(
        len(answer_prefixes) * _REVEALING_FRACTION,
        min(len(answer_prefixes), _MIN_REVEALING_WORDS),
    )
    return (
        bool(answer_prefixes)
        and len(answer_prefixes & find_word_prefixes(context_text)) >= min_matches
    )
