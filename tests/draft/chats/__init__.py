"""The passages that pasted answers are about, and what an answer makes of them."""

import json
from pathlib import Path

from ankiforge.draft.privacy import PrivacyFilter
from ankiforge.model import (
    Document,
    DocumentKey,
    DraftingTask,
    Highlight,
    HighlightKey,
    HighlightKind,
)

HERE = Path(__file__).parent
PASSAGES = json.loads((HERE / "passages.json").read_text("utf-8"))


def _highlight(number, title, exact, nearby, **_):
    return Highlight(
        Document(DocumentKey(title), "papers", title),
        f"pdf:{title}",
        HighlightKind.HIGHLIGHT,
        exact,
        surrounding_text=nearby,
        key=HighlightKey(f"d/{number}"),
    )


_HIGHLIGHTS = [_highlight(number, **row) for number, row in enumerate(PASSAGES)]
_TITLES = list(dict.fromkeys(row["title"] for row in PASSAGES))
_OF = {
    title: [one for one in _HIGHLIGHTS if one.document.title == title]
    for title in _TITLES
}
TASKS = [
    PrivacyFilter(()).make_sendable_task(
        DraftingTask(of_title[0].document, tuple(of_title))
    )
    for of_title in _OF.values()
]


def answered(answer):
    """The drafts of an answer, each with the number of its passage."""
    return [
        (int(draft.key.removeprefix("d/")), draft)
        for result in answer.results
        for draft in result.drafts
    ]
