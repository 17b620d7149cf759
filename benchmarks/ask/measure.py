"""Measure `search` with questions whose passages are known.

    python -m benchmarks.ask.measure CORPUS.jsonl
    python -m benchmarks.ask.measure CORPUS.jsonl --server http://127.0.0.1:11434/v1 --model bge-m3
    python -m benchmarks.ask.measure CORPUS.jsonl --times 6

CORPUS has lines {"text", "title"}; the passages of `questions.jsonl` are added to it. A passage of a
question that is not shipped is named by the hash of its letters, and must be in CORPUS. With the
extra `meaning` its model is used unless --words is given. Prints by group how often the passage is
first, among the five (and one in another language) that are shown, the mean reciprocal rank, and how
often it is said that nothing answers for sure; and the processor time of a question.
"""

import argparse
import csv
import json
import os
import re
import tempfile
import time
from collections import defaultdict
from hashlib import sha256
from itertools import islice
from pathlib import Path

HERE = Path(__file__).parent
COLUMNS = (
    "Highlight,Book Title,Book Author,Amazon Book ID,Note,Color,Tags,Location Type,Location,"
    "Highlighted at"
).split(",")
SHOWN = 5
"""Passages, beside one in another language than the question."""


def letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())[:200]


def digest(text: str) -> str:
    return sha256(letters(text).encode()).hexdigest()[:16]


def lines(path: Path) -> list:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def write_workspace(folder: Path, corpus: list, times: int, settings: str) -> None:
    """Write all passages as an export of Readwise; --times repeats them with other endings."""
    folder.mkdir(parents=True)
    with (folder / "readwise-data.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for copy in range(times):
            for number, passage in enumerate(corpus, 1):
                text = passage["text"] + (f" ({copy})" if copy else "")
                title = passage.get("title") or "-"
                day = "2024-01-01 10:00:00+00:00"
                table.writerow([text, title, "", "", "", "", "", "order", number, day])
    head = "anki: {collection: none}\nproposals: false\n"
    (folder / "ankiforge.yaml").write_text(head + settings)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=Path)
    parser.add_argument(
        "--questions", type=Path, nargs="*", default=[*HERE.glob("*.jsonl")]
    )
    parser.add_argument("--server", default="")
    parser.add_argument("--model", default="")
    parser.add_argument("--words", action="store_true")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument(
        "--home", type=Path, help="keep the workspace there, and use it again"
    )
    given = parser.parse_args()
    questions = [each for path in given.questions for each in lines(path)]
    corpus = {letters(each["text"]): each for each in lines(given.corpus)}
    for question in questions:
        for passage in question["passages"]:
            if "text" in passage:
                corpus.setdefault(letters(passage["text"]), passage)

    home = given.home or Path(tempfile.mkdtemp())
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        os.environ[name] = str(home)
    folder = home / "cards"
    os.environ["ANKIFORGE_TRUST"] = str(folder)
    model = "none" if given.words else given.model
    settings = f"meaning: {{base_url: '{given.server}', model: '{model}'}}\n"
    if not folder.exists():
        write_workspace(folder, [*corpus.values()], given.times, settings)
    (folder / "ankiforge.yaml").write_text(
        "anki: {collection: none}\nproposals: false\n" + settings
    )

    from ankiforge.features.ask.work import search_library
    from ankiforge.pipeline.workspace import Workspace

    started = time.process_time(), time.monotonic()
    with Workspace(folder) as workspace:
        problems = workspace.run([folder / "readwise-data.csv"]).problems
        cpu = time.process_time() - started[0]
        wall = time.monotonic() - started[1]
        print(f"run: {cpu:.1f} s CPU here, {wall:.1f} s; problems: {len(problems)}")
        keys = {}
        for row in workspace.ledger.fetch_rows(
            "SELECT key, body FROM highlight WHERE body != ''"
        ):
            keys[digest(json.loads(row["body"])["exact"])] = row["key"]

        search_library(workspace, "What is it?", SHOWN)  # the model is loaded
        ranks, unsure, costs = defaultdict(list), defaultdict(list), []
        for each in questions:
            started_at = time.process_time()
            result = search_library(workspace, each["question"], SHOWN)
            costs.append(time.process_time() - started_at)
            found = [passage.highlight.key for passage in result.passages]
            wanted = []
            for passage in each["passages"]:
                name = passage.get("letters") or digest(passage["text"])
                wanted.append(keys[name])
            places = (place for place, key in enumerate(found) if key in wanted)
            ranks[each["group"]].append(next(islice(places, 1), None))
            unsure[each["group"]].append(not result.is_confident)
    costs.sort()
    middle, worst = costs[len(costs) // 2], costs[-1]
    print(
        f"{len(keys)} passages; a question: {middle * 1000:.0f} ms CPU, at most {worst:.2f} s"
    )
    print(f"{'':28}   n    R@1   R@5  shown   MRR  not sure")
    for group, of_group in ranks.items():
        count = len(of_group)
        places = [place for place in of_group if place is not None]
        first = sum(place < 1 for place in places) / count
        five = sum(place < SHOWN for place in places) / count
        shown = len(places) / count
        mrr = sum(1 / (place + 1) for place in places) / count
        share = sum(unsure[group]) / count
        print(
            f"{group:28} {count:3}   {first:.2f}  {five:.2f}  {shown:.2f}   {mrr:.2f}  {share:.2f}"
        )


if __name__ == "__main__":
    main()
