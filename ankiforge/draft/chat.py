"""Questions as texts to paste into a chat, and the answers of the chat.

Each highlight has a label that is the same in every run, so that a late answer can
still be matched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter

from msgspec.structs import replace

from ankiforge.draft.drafted import (
    DraftedHighlight,
    DraftedHighlights,
    Repair,
    complaint,
    drafted,
)
from ankiforge.draft.prompt import (
    NOTHING,
    Prompt,
    Shape,
    data,
    joined,
    message,
    passage,
    reason_no_kind_fits,
    rules_of,
    shape_of,
)
from ankiforge.draft.replies import Replies
from ankiforge.draft.reply import Item, drafts_of, every_item, why_none
from ankiforge.draft.sendable import (
    SendableTask,
    SendableText,
    ours,
)
from ankiforge.model import (
    Draft,
    Drafted,
    Highlight,
    NoCard,
    Origin,
    Problem,
    Texts,
    h16,
)

CHAT = "chat"
"""The name of the unknown model."""
MOST = 30
"""The maximum number of highlights in one text: chats cut long answers off."""


# --- out ------------------------------------------------------------------------------


def export_chats(
    tasks: Iterable[SendableTask],
    prompt: Prompt,
    limit: int = MOST,
    rejected: Mapping[str, str] = {},
) -> list[str]:
    """Return texts to paste, each into its own chat, of at most `limit` highlights.

    `rejected` has by key the cards that a check blocked, with the reasons.
    """
    # the titles and passages that are asked for in one shape of the reply
    by_shape = defaultdict[Shape, list[tuple[SendableText, SendableText]]](list)
    for sendable in tasks:
        if reason_no_kind_fits(sendable.task):
            continue
        shape = shape_of(sendable.task)
        wants = sendable.task.brief.wants
        title = sendable.title
        for key, shown in sendable.passages.items():
            blocked = sendable.text(rejected.get(key, ""))
            asked = passage(label_for(key), shown, wants, blocked)
            by_shape[shape].append((title, asked))

    texts = []
    for shape, every in by_shape.items():
        for start in range(0, len(every), limit):
            batch = every[start : start + limit]
            by_title = []
            for title, group in groupby(batch, key=itemgetter(0)):
                by_title.append((title, joined(asked for _, asked in group)))
            if len(by_title) == 1:
                [(only_title, highlights)] = by_title
                title = data(only_title)
            else:
                sections = []
                for each, passages in by_title:
                    section = f"Document: {data(each)}\n\n{passages}"
                    sections.append(SendableText(section))
                highlights = joined(sections)
                title = ours("several, named with their passages")
            values = {
                **rules_of(shape),
                "title": title,
                "remark": NOTHING,
                "highlights": highlights,
            }
            number = f"all {len(batch)} highlights"
            if len(batch) == 1:
                number = "the highlight"
            end = ours(f"Now answer for {number}, with the JSON only, in one code block.")
            messages = (*prompt.messages(values), message("user", end))
            contents = [each["content"] for each in messages]
            texts.append("\n\n".join(contents) + "\n")
    return texts


def asked_in(tasks: Iterable[SendableTask]) -> int:
    """Count the highlights that the texts contain."""
    count = 0
    for sendable in tasks:
        if not reason_no_kind_fits(sendable.task):
            count += len(sendable.passages)
    return count


def label_for(key: str) -> str:
    """Return the label (8 hex digits) of a highlight's key."""
    return h16(key)[:8]


# --- back: cards ----------------------------------------------------------------------


def chat_request(text: str) -> str:
    """Return the name under which an answer is stored in the cache."""
    return f"chat/{h16(text)}"


def import_chat(
    text: str,
    tasks: Iterable[SendableTask],
    prompt: Prompt,
    repair: Repair | None = None,
    replies: Replies | None = None,
) -> list[Drafted]:
    """Return the results for the highlights that a chat's answer is about.

    A highlight whose every card `repair` blocks counts as failed the first time: its
    cards are in `replies`, and the next export sends them back with the reasons.
    """
    items_of = defaultdict[str, list[Item]](list)
    usable, _ = every_item(text)
    for item in usable:
        items_of[item.label].append(item)
    origin = Origin("llm", CHAT, prompt.fingerprint, chat_request(text))
    results = []
    for sendable in tasks:
        answered = []
        outcomes: DraftedHighlights = {}
        for highlight in sendable.highlights:
            items = items_of.get(label_for(highlight.key))
            if not items:
                continue
            reason = reason_no_kind_fits(sendable.task)
            shape = shape_of(sendable.task)
            drafts: tuple[Draft, ...] = ()
            if not reason:
                drafts = drafts_of(items, highlight, origin, shape)
            outcome = DraftedHighlight(drafts)
            if not drafts:
                why = reason or why_none(items, shape)
                outcome.no_card = NoCard(highlight.key, why, passing=bool(reason))

            # cards that a check blocks are kept for the next export, once
            name = _back(highlight)
            if repair and replies and drafts and replies.get(name) is None:
                judged = [(draft, repair(draft, highlight)) for draft in drafts]
                if all(faults for _, faults in judged):
                    replies.put(name, complaint(judged), model=CHAT, prompt="")
                    outcome.problem = Problem("", "a check blocks its card")
            answered.append(highlight)
            outcomes[highlight.key] = outcome
        if answered:
            result = drafted(sendable.only(*answered), outcomes)
            results.append(replace(result, problems=()))
    return results


def _back(highlight: Highlight) -> str:
    """Return the name under which the blocked cards of a highlight are kept."""
    return f"back/{h16(highlight.key, highlight.exact, highlight.comment)}"


def sent_back(tasks: Iterable[SendableTask], replies: Replies) -> Texts:
    """Return, by key, the cards of highlights that a check blocked, with the reasons."""
    blocked: dict[str, str] = {}
    for sendable in tasks:
        for highlight in sendable.highlights:
            cards = replies.get(_back(highlight))
            if cards:
                blocked[highlight.key] = cards
    return blocked


# --- back: what cannot be used --------------------------------------------------------


def unused(
    text: str,
    tasks: Iterable[SendableTask],
    where: str,
) -> Iterator[Problem]:
    """Yield the parts of an answer that are no card, or a card for no pending highlight."""
    labels = set[str]()
    for sendable in tasks:
        labels.update(label_for(highlight.key) for highlight in sendable.task.highlights)
    usable, unusable = every_item(text)
    if not (usable or unusable):
        hint = "ask the chat for the JSON only"
        yield Problem(where, "it contains no readable card", hint)
    for item in usable:
        if item.label in labels:
            continue
        words = (item.front or item.text or item.why_none)[:60]
        reason = f"no highlight that still needs a card has its label {item.label!r}"
        hint = "it was imported before, or the chat changed the label"
        yield Problem(where, f"“{words}”: {reason}", hint)
    for found in unusable:
        message = f"no card can be made of {found[:80]}"
        yield Problem(where, message, "ask for question and answer")
