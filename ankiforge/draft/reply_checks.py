"""Parse the replies of models and chats, and check the cards in them."""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.draft.prompt import ReplyShape, compute_max_card_count
from ankiforge.draft.reply import FindFaults, build_drafts
from ankiforge.draft.reply_cards import (
    DeclinedCard,
    ReplyCard,
    parse_all_cards,
    to_one_line,
)
from ankiforge.draft.reply_json import is_truncated
from ankiforge.model import Highlight, Origin, Pair, Problem, Strings, Value, hash16
from ankiforge.text import contains_chat_prompt, format_count, regex
from ankiforge.text.elements import to_unicode_script
from ankiforge.text.passages import SUPERSCRIPT_NOTE

_NO_JSON_HINT = (
    "tell the chat “Give me the same cards as JSON, as I asked, in one code block”"
)


def explain_unusable_reply(text: str, *, is_refused: bool = False) -> str:
    """Explain why a pasted text contains no usable card, and what to do about it.

    Set `is_refused` if a card is about one of the highlights, but a check rejected the card.
    """
    if not text.strip():
        return "nothing was pasted: copy the whole answer of the chat"
    if contains_chat_prompt(text):
        return "this is the text for the chat, not its answer: paste it there first"
    usable, unusable = parse_all_cards(text)
    if usable:
        if is_refused:
            return "no card in it can be used: ask the chat for others"
        return (
            "no card in it is about these highlights: it answers another text, or was imported"
            " before; if not, ask again in a new chat"
        )
    if is_truncated(text):
        return (
            "it ends in the middle of its first card: copy the whole answer of the chat"
        )
    if unusable:
        return "its cards lack a question or an answer: ask the chat for the JSON only"
    return f"it contains no card as JSON: {_NO_JSON_HINT}"


def make_pasted_reply_key(text: str) -> str:
    """Return the cache key of a reply that the user pasted from a chat."""
    return f"chat/{hash16(text)}"


# --- citation marks of chats ------------------------------------------------------------

# Matches a mark such as `:contentReference[oaicite:0]{index=0}`, `【4†source】`, `[cite: 1]`,
# `[1](https://…)`, or `citeturn0search2` with its delimiters.
_CITATION_MARK = regex(
    r"\s?(?::contentReference\[[^\]\n]{0,60}\](?:\{[^}\n]{0,60}\})?|【[^】\n]{1,60}†[^】\n]{0,80}】"
    r"|[\ue200-\ue206]?(?:file)?cite[\ue200-\ue206]?(?:turn\d{1,3}[a-z]{1,20}\d{1,3}[\ue200-\ue206]?"
    r"(?:L\d{1,5}(?:-L?\d{1,5})?[\ue200-\ue206]?)?){1,20}|\[cite(?:_start|:[\d\s,-]{1,40})\]"
    r"|\[(?:citation|web|file|page|memory):\d{1,3}\]|\[[\d:]{1,12}†[^\]\n]{0,80}\]|\[(?:oai_citation:[^\]\n]{1,80}|(?:\\{0,2}\[)?\d{1,2}(?:\\{0,2}\])?)\]"
    r"\(https?:[^()\s\"]{1,500}\))"
)
_RAISED_NUMBER = regex(r"<sup>(\d{1,2})</sup>")
# Matches other marks that the source may have, too: numbers in brackets as in `green light [1]`,
# `light[1][3].` and `light [1, 3]`, `[^1^]`, `[^1_2]`, `^[1]`, a raised number after a word,
# `【notes.md】`, `(Source: notes.md)`, `(notes.md, p. 3)`, `[page 3]`, and a link in brackets.
_DOUBTFUL_MARK = regex(
    r"(?mi)(?:(?<=[\w.!?%)”。！？])|(?<=\}\}))[ \t]?("
    r"\^?(?:\[\d{1,2}\]){1,9}|(?:\[\^\d{1,2}(?:_\d{1,3}|\^)?\]){1,20}|【[^】\n]{1,80}】"
    r"|(?<!\bin[ ])\[[1-9]\d?(?:(?:,[ ]?|[–-])[1-9]\d?){1,9}\]"
    rf"|(?-i:{SUPERSCRIPT_NOTE.pattern})"
    r"|[(\[](?:sources?|quellen?):[^()\[\]\n]{1,100}[)\]]"
    r"|[(\[][^()\[\]\n]{1,80}\.(?:md|txt|pdf|docx?|pptx?|html?|epub|srt|vtt)(?:,[^()\[\]\n]{1,40})?"
    r"[)\]]|[(\[](?:pp?\.|pages?|slides?|S\.|Seiten?|Folien?)[ ]\d{1,4}(?:[–-]\d{1,4})?[)\]]"
    r"|(?:\[\d{1,2}\])?\((?:(?:,[ ])?\[[^\]\n]{1,80}\]"
    r"(?:\(https?:[^()\s\"]{1,500}(?:[ ]\\?\"[^\"\n]{1,300}\")?\)|\[\d{1,2}\])){1,9}\))"
    r"(?=[ \t]*(?:[.,;:!?)\"”|。！？]|$))"
)


# --- cards ---------------------------------------------------------------------------


class ParsedReply(Value):
    """The cards in a reply, and a problem for each part of the reply that isn't a readable card."""

    cards: tuple[ReplyCard, ...]
    problems: tuple[Problem, ...]


def parse_reply(text: str, source_texts: Iterable[str]) -> ParsedReply:
    """Remove the citation marks that chats insert into a reply, and parse the cards in it.

    A mark that may be part of a quote, such as a number in brackets, is kept if it is also in
    `source_texts`.
    """
    text = _strip_citation_marks(text, source_texts)
    cards, unusable = parse_all_cards(text)
    problems = []
    for card in unusable:
        message = f"no card can be made from {card[:80]}"
        problems.append(_make_problem(message, "ask for a question and an answer"))
    is_cut_off = is_truncated(text)
    if is_cut_off:
        remedy = "ask the chat for that card and the rest again, each whole"
        problems.append(
            _make_problem(f"the answer ends in the middle of a card: {remedy}")
        )
    if not cards and not unusable and not is_cut_off:
        problems.append(_make_problem("it contains no card as JSON", _NO_JSON_HINT))
    return ParsedReply(tuple(cards), tuple(problems))


def _strip_citation_marks(text: str, source_texts: Iterable[str]) -> str:
    """Remove the marks of citations that chats insert, unless a doubtful one is in the source."""
    text = _CITATION_MARK.sub("", text)
    text = _RAISED_NUMBER.sub(lambda number: to_unicode_script(number[1], "sup"), text)
    if not _DOUBTFUL_MARK.search(text):
        return text
    source = " ".join(source_texts)
    return _DOUBTFUL_MARK.sub(lambda mark: mark[0] if mark[1] in source else "", text)


def _make_problem(message: str, hint: str = "", *, is_notice: bool = False) -> Problem:
    """Make a problem of a reply, which is about no file."""
    return Problem("", message, hint, is_notice=is_notice)


def select_valid_cards(
    cards: Iterable[ReplyCard],
    highlight: Highlight,
    shape: ReplyShape,
    find_faults: FindFaults,
    max_facts: int | None = None,
) -> tuple[list[ReplyCard], list[Problem]]:
    """Return the cards for a passage that no check blocks, and a problem for each other card.

    A passage gets at most `max_facts` cards. If that is None, `compute_max_card_count` determines
    the limit. Cards beyond the limit are reported as notices.
    """
    if max_facts is None:
        max_facts = compute_max_card_count(highlight.exact)
    passage = abbreviate_in_quotes(
        highlight.sentence or highlight.exact or highlight.document.title
    )
    valid_cards = []
    problems = []
    for card in cards:
        faults = _find_card_faults(card, highlight, shape, find_faults)
        if faults:
            message = f"{format_card_title(card)} for {passage}: {'; '.join(faults)}"
            problems.append(_make_problem(message))
        else:
            valid_cards.append(card)
    draft_count = len(build_drafts(valid_cards, highlight, _ORIGIN, shape, max_facts))
    if draft_count == max_facts:
        reason = f"for {passage}: it has {format_count(draft_count, 'card')}"
        for title in _list_distinct_titles(valid_cards)[draft_count:]:
            message = f"{abbreviate_in_quotes(title)} {reason}"
            problems.append(_make_problem(message, is_notice=True))
    return valid_cards, problems


_ORIGIN = Origin("llm")


def _find_card_faults(
    card: ReplyCard, highlight: Highlight, shape: ReplyShape, find_faults: FindFaults
) -> Strings:
    """Return the messages of the findings that block a card, or () if it gets no draft."""
    for draft in build_drafts([card], highlight, _ORIGIN, shape):
        return find_faults(draft, highlight)
    return ()


def _list_distinct_titles(cards: Iterable[ReplyCard]) -> list[str]:
    """Return the title of each card that asks something else than all cards before it."""
    title_by_key: dict[Pair, str] = {}
    for card in cards:
        if not isinstance(card, DeclinedCard):
            title_by_key.setdefault(card.comparison_key, card.title)
    return list(title_by_key.values())


def format_card_title(card: ReplyCard) -> str:
    """Return the start of a card's question, or of the reason why there is no card, in quotes."""
    return abbreviate_in_quotes(card.title)


def abbreviate_in_quotes(text: str) -> str:
    """Truncate a text to 60 characters, on one line and in curly quotation marks."""
    return f"“{to_one_line(text, 60)}”"
