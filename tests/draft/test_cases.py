"""Passages and what is drafted of them: by the rules, or from what a model answers.

`cases/comments.jsonl`: a `comment` on a `passage`, and what it asks for. `cases/rules.jsonl`:
`highlights` (fields that say more than the defaults), if wanted a `brief`, and what the rules have
`found`. `cases/replies.jsonl`: the same with `served`, what a server answers in turn (the content
of a reply, or its `status` and `body`; "nothing more" from then on), `settings` of the server. To
write `found` anew: `ANKIFORGE_GOLDEN=1 python -m pytest tests/draft/test_cases.py`; then read the
diff.
"""

import json
import os
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from ankiforge.draft import rules
from ankiforge.draft.instructions import (
    ClozeRequest,
    QuestionRequest,
    SkipRequest,
    parse_instruction,
)
from ankiforge.draft.privacy import PrivacyFilter
from ankiforge.model import (
    Document,
    DocumentKey,
    DraftingInstructions,
    DraftingTask,
    Highlight,
    Origin,
)

HERE = Path(__file__).parent / "cases"
CASES = {
    name: [
        json.loads(line)
        for line in (HERE / f"{name}.jsonl").read_text("utf-8").splitlines()
    ]
    for name in ("rules", "comments", "replies")
}
PAPER = Document(
    DocumentKey("pdf:p"), source="papers", title="On Sleep", creators=("Ada",)
)


def task_of(case):
    usual = {"document": PAPER, "namespace": "pdf:p", "kind": "highlight"}
    given = [{"key": f"pdf:p/{n}", **one} for n, one in enumerate(case["highlights"], 1)]
    highlights = tuple(msgspec.convert({**usual, **one}, Highlight) for one in given)
    return DraftingTask(
        PAPER,
        highlights,
        instructions=msgspec.convert(case.get("brief", {}), DraftingInstructions),
    )


def told(result):
    """What became of each highlight, without hashes of requests and prompts."""
    drafts = [
        replace(one, origin=Origin(one.origin.drafter, one.origin.model))
        for one in result.drafts
    ]
    no_cards = [
        {
            "highlight": one.highlight.key,
            "reason": one.reason,
            "passing": one.should_retry,
        }
        for one in result.no_cards
    ]
    failed = [(one.highlight.key, one.reason) for one in result.failed]
    found = {"drafts": drafts, "no_cards": no_cards, "failed": failed,
             "problems": result.problems}  # fmt: skip
    made = json.loads(
        msgspec.json.encode({name: list(some) for name, some in found.items() if some})
    )
    for one in made.get("drafts", ()):
        for name in [
            name for name, value in one.items() if value in ("", [], 0, False, None)
        ]:
            del one[name]
        one["highlight"] = one.pop("key")
    return made


def check(name, number, found):
    case = CASES[name][number]
    if os.environ.get("ANKIFORGE_GOLDEN"):
        case["found"] = found
        text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in CASES[name])
        (HERE / f"{name}.jsonl").write_bytes(text.encode())
    assert found == case.get("found")


def numbers(name):
    ids = [f"{case['case']} ({number})" for number, case in enumerate(CASES[name])]
    return pytest.mark.parametrize("number", range(len(ids)), ids=ids)


@numbers("rules")
def test_what_the_rules_make_of_a_passage(number, whole):
    results = rules.draft_task(task_of(CASES["rules"][number]))
    check("rules", number, told(whole([results])))


@numbers("comments")
def test_what_a_comment_asks(number):
    case = CASES["comments"][number]
    asked = parse_instruction(case["comment"], case["passage"])
    shown = {"request": "none"}
    match asked:
        case SkipRequest():
            shown = {"request": "skip", "text": asked.reason}
        case ClozeRequest():
            shown = {"request": "cloze", "text": asked.phrase}
        case QuestionRequest():
            shown = {"request": "question", **msgspec.to_builtins(asked)}
    shown = {name: value for name, value in shown.items() if value not in (None, True)}
    check("comments", number, shown)


@numbers("replies")
def test_what_a_reply_becomes(model, server, fake, whole, number):
    case = CASES["replies"][number]
    server.otherwise = lambda _: fake.says("nothing more")
    for one in case["served"]:
        plain = isinstance(one, str)
        reply = (
            fake.says(one) if plain else fake.Reply(one["status"], one["body"].encode())
        )
        server.queue.append(reply)
    settings = {"concurrency": 1, **case.get("settings", {})}
    drafter = model(
        **{k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()}
    )
    result = whole(
        drafter.draft(iter([PrivacyFilter(()).make_sendable_task(task_of(case))]))
    )
    asked = [
        [
            [words for _, words in fake.marked(one)],
            one.get("response_format", {}).get("type"),
        ]
        + [message["content"] for message in one["messages"][3:]]
        for one in server.asked
    ]
    check("replies", number, without_host(told(result) | {"asked": asked}, server))


def without_host(found, server):
    """What was found, with a name for the server."""
    host = server.base_url.split("/")[2]
    return json.loads(json.dumps(found).replace(host, "<server>"))
