"""The set that comes with the program, and sets of one's own."""

import json
from collections import Counter

from evaluation.sheet import SHIPPED, read_set
from samples.evaluation import build


def test_the_shipped_set_is_what_its_texts_give():
    assert SHIPPED.read_text(encoding="utf-8") == build()


def test_the_shipped_set_has_what_an_evaluation_needs():
    passages, problems = read_set(SHIPPED)
    deserving = Counter(passage.deserves for passage in passages)
    documents = {passage.highlight.document.key for passage in passages}
    commented = [passage for passage in passages if passage.highlight.comment]

    assert problems == []
    assert len(passages) >= 60
    assert len(documents) >= 12
    assert deserving[True] >= 50
    assert deserving[False] >= 10
    assert len(commented) >= 15


def test_each_mark_stands_in_its_text():
    for passage in read_set(SHIPPED)[0]:
        one = passage.highlight
        assert one.exact.strip() == one.exact != ""
        assert one.exact in (one.sentence or one.exact)
        assert len(one.prefix) <= 80
        assert len(one.suffix) <= 80


def test_what_extract_prints_is_a_set(forge, tmp_path):
    (tmp_path / "notes" / ".obsidian").mkdir(parents=True)
    (tmp_path / "notes" / "A.md").write_text(
        "The ==World Health Organization (WHO)== was founded in 1948.\n\nREM::rapid eye movement\n"
    )
    found = forge.ok("extract", tmp_path / "notes", "--json").stdout
    (forge.folder / "own.jsonl").write_text(found)

    came = forge.json("eval", "own.jsonl")

    assert came["highlights"]["seen"] == 2
    assert came["labelled"]["deserving"] == 0


def test_lines_that_are_no_highlight_are_named_and_the_others_count(forge, passages):
    path = passages({"exact": "Rapid eye movement (REM) is a phase of sleep."})
    bad = [
        '{"exact": 7}',
        "not json",
        '{"key": "eval:book/0", "exact": "again"}',
        '{"problem": {}}',
    ]
    with path.open("a") as file:
        file.write("\n".join(bad) + "\n")

    done = forge("eval", path, "--json")

    assert done.exit_code == 1
    assert [one["where"] for one in done.data["problems"]] == [f"set.jsonl:{n}" for n in (2, 3, 4)]
    assert done.data["highlights"]["seen"] == 1


def test_a_file_without_highlights_is_wrong_usage(forge):
    (forge.folder / "empty.jsonl").write_text("")
    (forge.folder / "other.jsonl").write_text(json.dumps({"custom_id": "ak-1"}))
    for name in ("empty.jsonl", "other.jsonl", "absent.jsonl"):
        done = forge("eval", name, code=2)
        assert name in done.stderr
