"""What the cascade makes of passages with a real small model.

    python -m benchmarks.cascade http://127.0.0.1:8091/v1 MODEL [--language en] [--count 15] [--json FILE]

It needs a model server; without an answer there it says so and measures nothing. The passages are
those of `proposals/passages-dev.jsonl`. For each it prints question and answer, then how many
passages got a card, requests and seconds a passage. Whether a card is good is for a person to say:
`--json` writes them for rating.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from ankiforge.draft.cascade import load_cascade
from ankiforge.draft.client import Client
from ankiforge.draft.llm import Model
from ankiforge.draft.prompt import load
from ankiforge.draft.sendable import Privacy
from ankiforge.draft.server import ServerSettings
from ankiforge.model import (
    Document,
    DocumentKey,
    Drafted,
    Highlight,
    HighlightKey,
    HighlightKind,
    Task,
)
from ankiforge.pipeline.models import repair_hints

PASSAGES = Path(__file__).parents[1] / "tools" / "proposals" / "passages-dev.jsonl"


class Memory:
    """Replies in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def get(self, request: str) -> str | None:
        """Return a reply."""
        return self.kept.get(request)

    def put(self, request: str, raw: str, **_: object) -> None:
        """Keep a reply."""
        self.kept[request] = raw


def highlight_of(row: dict[str, str]) -> Highlight:
    """Return a passage of the set as a highlight."""
    document = Document(
        DocumentKey(f"bench:{row['id']}"), source="bench", title=row["work"]
    )
    return Highlight(
        document=document,
        namespace=document.key,
        kind=HighlightKind.HIGHLIGHT,
        key=HighlightKey(f"{document.key}/1"),
        exact=row["marked"],
        nearby=row["paragraph"],
        heading=row["heading"],
    )


def passages(language: str, count: int, skip: int) -> list[Highlight]:
    """Return the passages of a language that deserve a card."""
    rows = [json.loads(line) for line in PASSAGES.read_text("utf-8").splitlines()]
    chosen = [row for row in rows if row["language"] == language and row["deserves"]]
    return [highlight_of(row) for row in chosen[skip : skip + count]]


def is_there(base_url: str) -> bool:
    """Return whether a server lists its models."""
    try:
        with urlopen(f"{base_url}/models", timeout=5):
            return True
    except (URLError, OSError):
        return False


def shown(result: Drafted) -> dict[str, str]:
    """Return what became of a passage, and print it."""
    highlight = result.highlight
    told = {"key": highlight.key, "marked": highlight.exact}
    if result.drafts:
        draft, *_ = result.drafts  # one of several facts
        told |= {
            "question": draft.field("Front"),
            "answer": draft.field("Back"),
        }
        print(f"{highlight.key}  {told['question']} » {told['answer']}", flush=True)
    else:
        told["reason"] = result.reason
        print(f"{highlight.key}  - {told['reason']}", flush=True)
    return told


def main() -> None:
    """Draft, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base_url")
    parser.add_argument("model")
    parser.add_argument("--language", default="en")
    parser.add_argument("--count", type=int, default=15)
    parser.add_argument("--skip", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not is_there(options.base_url):
        print(f"no model at {options.base_url}: nothing measured")
        return
    memory = Memory()
    server = ServerSettings(base_url=options.base_url, model=options.model)
    model = Model(
        Client(server, memory, notice=print),
        load("cards-small"),
        repair=repair_hints(),
        cascade=load_cascade(),
    )
    highlights = passages(options.language, options.count, options.skip)
    tasks = [Task(highlight.document, (highlight,)) for highlight in highlights]
    begun = time.monotonic()
    told = []
    for results in model.draft(map(Privacy(()).task, tasks)):
        told += map(shown, results)
    seconds = time.monotonic() - begun
    model.leave()
    cards = sum("question" in each for each in told)
    usage = model.usage
    print(
        f"{cards} of {len(told)} passages have a question card; {usage.requests} requests,"
        f" {usage.tokens_in:,} tokens in, {usage.tokens_out:,} out,"
        f" {seconds / max(1, len(told)):.1f} s a passage"
    )
    if options.json:
        options.json.write_text(
            "".join(json.dumps(each) + "\n" for each in told), "utf-8"
        )
        replies = options.json.with_suffix(".replies.jsonl")
        replies.write_text(
            "".join(json.dumps(raw) + "\n" for raw in memory.kept.values()), "utf-8"
        )


if __name__ == "__main__":
    main()
