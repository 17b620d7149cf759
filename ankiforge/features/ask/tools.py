"""Tools with which agents search what the user has read, and answer questions from it.

Text that must stay on this computer is removed before anything is compared, ranked or counted.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec.structs import replace

from ankiforge.draft.privacy import PrivacyFilter
from ankiforge.features.ask import work as library
from ankiforge.features.ask.answering import MAX_SENTENCES, RULES, prepare_question
from ankiforge.features.ask.index import FoundPassage, FoundWork
from ankiforge.features.ask.report import answer_to_json, hit_to_json
from ankiforge.hooks import agent_tool
from ankiforge.model import Json, Value
from ankiforge.pipeline.workspace import Workspace
from ankiforge.reports.view import view_card
from ankiforge.text import truncate

MAX_PER_WORK = 10
"""The maximum number of highlights in a result for each work, and also of cards."""
MAX_HIGHLIGHT_CHARS = 500
"""The length to which a highlight is truncated, in characters."""
_Words = Annotated[str, msgspec.Meta(max_length=1_000)]
_Question = Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]
_Limit = Annotated[int, msgspec.Meta(ge=1, le=50)]


@agent_tool()
def search_library(
    workspace: Workspace, privacy: PrivacyFilter, *, query: _Question, limit: _Limit = 5
) -> Json:
    """Find passages that answer a question, along with their cards; or a work by title, DOI or URL.

    If `sure` is false in the result, the passages are merely the closest matches.
    """
    result = library.search_library(workspace, query, limit, privacy=privacy)
    passages = [_passage_to_json(privacy, passage) for passage in result.passages]
    answer: Json = {
        "works": [_work_to_json(privacy, work) for work in result.works[:limit]],
        "passages": passages,
    }
    if passages:
        answer["sure"] = result.is_confident
    return answer


def _work_to_json(privacy: PrivacyFilter, work: FoundWork) -> Json:
    public_highlights = []
    for highlight in work.highlights:
        if not privacy.find_private_reason(highlight):
            public_highlights.append(highlight)
    lines = [line for line in work.list_rows if not privacy.is_private_row(line)]
    highlights = {}
    for highlight in public_highlights[:MAX_PER_WORK]:
        highlights[highlight.key] = truncate(highlight.exact, MAX_HIGHLIGHT_CHARS)
    cards = [view_card(line).to_short_json() for line in lines[:MAX_PER_WORK]]
    any_highlight = public_highlights[0] if public_highlights else lines[0].highlight
    document = any_highlight.document
    entry = {
        "title": document.title,
        "by": [*document.creators, document.publication_date],
        "highlights": highlights,
        "cards": cards,
        "not_shown": len(public_highlights) + len(lines) - len(highlights) - len(cards),
    }
    return privacy.mask_json_entry(entry, any_highlight)


def _passage_to_json(privacy: PrivacyFilter, passage: FoundPassage) -> Json:
    sendable = privacy.make_sendable_highlight(passage.highlight)
    public_lines = []
    for line in passage.list_rows:
        if not privacy.is_private_row(line):
            public_lines.append(line)
    public_passage = replace(passage, list_rows=tuple(public_lines[:MAX_PER_WORK]))
    # the result as a whole says how certain it is
    hit = hit_to_json(public_passage, is_confident=False)
    entry = {
        "highlight": sendable.key,
        "title": sendable.title,
        "page": sendable.page,
        "marked": truncate(sendable.exact, MAX_HIGHLIGHT_CHARS),
        "answers": hit["answers"],
        "cards": hit["cards"],
    }
    filled_entry = {name: value for name, value in entry.items() if value}
    return privacy.mask_json_entry(filled_entry, passage.highlight)


class AnswerSentenceArgument(
    Value,
    forbid_unknown_fields=True,
    kw_only=True,
    rename={"text": "says", "passage_label": "passage"},
):
    """A sentence of the answer, proved by a verbatim quote from the passage with this label."""

    text: _Words
    passage_label: _Words
    quote: _Words


_Answer = Annotated[list[AnswerSentenceArgument], msgspec.Meta(max_length=MAX_SENTENCES)]


@agent_tool()
def ask(
    workspace: Workspace,
    privacy: PrivacyFilter,
    *,
    question: _Question,
    answer: _Answer = [],  # noqa: B006 - it is never changed
) -> Json:
    """Answer a question from the reader's own passages, with quotes.

    Call it first without `answer`: it returns the rules and the passages. Then call it with the
    same question and your sentences: it returns the sentences whose quotes were found. Show each
    sentence with its quote.
    """
    prepared = prepare_question(workspace, privacy, question)
    if not answer:
        passages = [
            {"passage": label, **_passage_to_json(privacy, passage)}
            for label, passage in prepared.passages.items()
        ]
        return {"rules": RULES, "passages": passages}
    checked = prepared.check_answer(msgspec.to_builtins(answer))
    proved = []
    dropped = []
    for sentence in answer_to_json(prepared, checked)["answer"]:
        if sentence["dropped"]:
            dropped.append(sentence)
        else:
            proved.append(sentence)
    return {"answer": proved, "dropped": dropped}


TOOLS = (search_library, ask)
