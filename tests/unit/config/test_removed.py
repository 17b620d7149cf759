"""A setting that no longer exists stops every command, with its line and the reason."""

import pytest
import yaml

from ankiforge.config.removed import REMOVED


def written(row):
    """The YAML of a file with one setting of the table, and its key, which is in the last line."""
    dotted, _, value = row.partition(": ")
    data, last = value or "x", ""
    steps = dotted.replace("sources.*", "sources.obsidian").replace("*", "purple").split(".")
    for depth, step in reversed([*enumerate(steps)]):
        data, last = {step: data}, last or step
        if steps[0] == "sources" and depth == 1:
            data = [data]
    return yaml.safe_dump(data, default_flow_style=False), last


@pytest.mark.parametrize("row", REMOVED)
def test_a_removed_setting_is_an_error_that_names_its_line_and_the_reason(forge, row):
    file, text, key = forge.folder / "ankiforge.yaml", *written(row.removeprefix("decks."))
    forge.settings("sources: [{markdown: {path: .}}]\nanki: {collection: none}\n")
    if row.startswith("decks."):
        file = forge.folder / "decks" / "mine.yaml"
        file.parent.mkdir()
    file.write_text(f"# mine\n{text}", encoding="utf-8")

    result = forge("run", code=2)

    assert f"{file.relative_to(forge.folder)}:{1 + text.count(chr(10))}: " in result.stderr
    assert f"{key}: " in result.stderr
    assert "no longer exists" in result.stderr
    assert " ".join(REMOVED[row].split()) in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    "text", ["llm: {extra_body: {headers: 1}}\n", "# llm.headers\n", "output: llm.headers\n"]
)
def test_a_setting_of_another_place_is_none_of_them(forge, text):
    forge.settings(text + "anki: {collection: none}\n")

    forge("status", code=0)
