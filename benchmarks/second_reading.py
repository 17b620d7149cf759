"""The second reading: how many planted lies a judge doubts, and how many true cards.

    python -m benchmarks.second_reading ask DIR     the requests, of twenty cards each, as files
    python -m benchmarks.second_reading take DIR    the answers in DIR, into second_reading.jsonl
    python -m benchmarks.second_reading             the figures of second_reading.jsonl

The cards are rows of `lies.jsonl` and `fresh_lies.jsonl`, in an order drawn by lot: all lies about
what a passage says that are not English, and others up to 100; and 200 honest cards, drawn alike.
The program sends them to a server on loopback, which keeps each request as DIR/N.txt; whoever
judges writes the reply to DIR/N.json. `take` sends them again, and the server gives that reply.

What is kept was said by one strong language model, which did not see what is a lie, but had written
the prompt. It added one sentence while it read, that the place of a passage is not judged: else it
had doubted three true cards, which name a paragraph of a law that the set leaves out. Of the three
lies that it let pass, two are true of the text around the mark.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from ankiforge.draft import second_reading
from ankiforge.draft.client import ModelClient
from ankiforge.draft.llm import ModelDrafter
from ankiforge.draft.privacy import PrivacyFilter
from ankiforge.draft.prompt import load_prompt_file
from ankiforge.draft.server import ServerSettings
from ankiforge.model import DraftingResult
from ankiforge.pipeline.second_reading import DOUBT_CHECK, add_model_objections
from benchmarks.lies import HONEST, Planted, planted

HERE = Path(__file__).parent
RESULT = HERE / "second_reading.jsonl"
LIES, TRUE = 100, 200
# What is wrong with these is not what they say of their passage.
_OTHER_FAULTS = frozenset(
    "neighbour partly quote acronym code markup link language vague yes_no leans_back list"
    " points_at_page two_questions gap_stopword malformed gap_leak leak_exact breaks_off"
    " long_gap placeholder model_talk gap_edge front_long empty hides_all stray_markup"
    " long_answer maths short many_gaps outside".split()
)


def chosen() -> list[Planted]:
    """Return the cards, in an order drawn by lot."""
    every = [*planted(HERE / "lies.jsonl"), *planted(HERE / "fresh_lies.jsonl")]
    draw = random.Random(7)
    draw.shuffle(every)
    every.sort(key=lambda one: one.row["language"] == "en")
    lies = [one for one in every if one.lies and one.row["kind"] not in _OTHER_FAULTS]
    true = [one for one in every if not one.lies]
    both = [*lies[:LIES], *true[:TRUE]]
    draw.shuffle(both)
    return both


# --- through a server -------------------------------------------------------------------


class NothingKept:
    """Keeps no reply, so that each request is sent."""

    def get(self, request: str) -> str | None:
        return None

    def put(self, request: str, raw: str, **more: object) -> None:
        pass


def read_by_server(cards: list[Planted], folder: Path) -> list[str]:
    """Return what is doubted of each card by the replies in a folder; "" = nothing."""
    count = 0

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            nonlocal count
            count += 1
            size = int(self.headers["content-length"])
            messages = json.loads(self.rfile.read(size))["messages"]
            asked = "\n\n".join(each["content"] for each in messages)
            (folder / f"{count}.txt").write_text(asked, "utf-8")
            file = folder / f"{count}.json"
            reply = file.read_text("utf-8") if file.exists() else '{"cards": []}'
            message = {"role": "assistant", "content": reply}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            body = json.dumps({"choices": [choice]}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    settings = ServerSettings(
        base_url=f"http://127.0.0.1:{server.server_port}/v1", model="judge"
    )
    model = ModelDrafter(
        ModelClient(settings, NothingKept()),
        load_prompt_file("cards"),
        second_reading_prompt=load_prompt_file(second_reading.PROMPT_NAME),
    )
    results = ([DraftingResult(one.highlight, (one.draft,))] for one in cards)
    doubts = []
    for batch in add_model_objections(model, lambda: PrivacyFilter(()), results):
        for result in batch:
            said = [
                each.message
                for each in result.drafts[0].findings
                if each.check == DOUBT_CHECK
            ]
            doubts += said or [""]
    server.shutdown()
    return doubts


# --- figures ----------------------------------------------------------------------------


def report() -> None:
    """Print the figures of the verdicts that are kept."""
    kept = [json.loads(line) for line in RESULT.read_text("utf-8").splitlines()]
    kinds: dict[str, list[bool]] = defaultdict(list)
    languages: dict[tuple[str, bool], list[bool]] = defaultdict(list)
    for row in kept:
        kinds[row["kind"]].append(bool(row["doubt"]))
        languages[row["language"], row["kind"] != HONEST].append(bool(row["doubt"]))
    for kind, doubted in sorted(kinds.items(), key=lambda each: -len(each[1])):
        print(f"{kind:<19}{sum(doubted):>4} of {len(doubted):>3} doubted")
    for name, lies in (("lies", True), ("true", False)):
        parts = []
        for (language, of_lies), doubted in sorted(languages.items()):
            if of_lies == lies:
                parts.append(f"{language} {sum(doubted)} of {len(doubted)}")
        print(f"{name}: {', '.join(parts)}")
    caught = [bool(row["doubt"]) for row in kept if row["kind"] != HONEST]
    alarms = kinds[HONEST]
    print(
        f"caught {sum(caught)} of {len(caught)} lies ({sum(caught) / len(caught):.0%}),"
    )
    print(
        f"doubted {sum(alarms)} of {len(alarms)} true ({sum(alarms) / len(alarms):.1%})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", nargs="?", choices=("ask", "take"))
    parser.add_argument("folder", nargs="?", type=Path)
    options = parser.parse_args()
    if options.step:
        cards = chosen()
        doubts = read_by_server(cards, options.folder)
        if options.step == "take":
            rows: list[dict[str, Any]] = []
            for one, doubt in zip(cards, doubts, strict=True):
                names = ("id", "kind", "language")
                rows.append({**{name: one.row[name] for name in names}, "doubt": doubt})
            lines = [json.dumps(row, ensure_ascii=False) for row in rows]
            RESULT.write_text("\n".join(lines) + "\n", "utf-8")
    if options.step != "ask":
        report()


if __name__ == "__main__":
    main()
