"""Readings that became better: the words change, the key and the guid do not.

Keys and guids are those that commit eaf6667 gave.
"""

import json
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

from samples.pdf_writer import Page, mark, paragraph, write_pdf

POLISH = (
    "Grupa liczy od ok. 10 do 20 osób ==dorosłych==. Drugie zdanie, np. Kraków jest ==miastem==.\n"
    "\nMieszka przy ul. Długiej ==pod szóstką==, m. in. Anna i tzw. Zosia ==tam== są.\n"
)


def read(forge: Any, *arguments: Any) -> dict[str, tuple[str, list[str]]]:
    """Key → (exact, gaps)."""
    lines = [one for one in forge.ok("extract", *arguments, "--json").lines if "exact" in one]
    return {
        one["key"]: (one["exact"], [one["exact"][a:b] for a, b in one["gaps"]]) for one in lines
    }


def vault(folder: Path, text: str) -> Path:
    (folder / "v").mkdir()
    (folder / "v" / "a.md").write_text(text, encoding="utf-8")
    return folder / "v"


GUIDS = {
    "af6fy4zdv3ve55vsfjbu6ktpvd",
    "afjxmqfpxk46zy5ydtkgjjf4yl",
    "afrb7foenbgekyfdvw5tqxbini",
    "afwee3yg6vixivlnvfgpnaygyr",
}
"""Of POLISH."""


def notes_in(package: Path) -> dict[str, str]:
    """guid → the first field of each note."""
    with zipfile.ZipFile(package) as zipped:
        (package.parent / "collection.anki2").write_bytes(zipped.read("collection.anki2"))
    with sqlite3.connect(package.parent / "collection.anki2") as opened:
        rows = opened.execute("SELECT guid, flds FROM notes").fetchall()
    return {guid: fields.split("\x1f")[0] for guid, fields in rows}


def test_a_workspace_of_the_old_reading_gets_better_words_in_the_same_notes(
    forge, tmp_path, monkeypatch
):
    from ankiforge.text import sentences

    folder = vault(tmp_path, POLISH)
    with monkeypatch.context() as patch:
        patch.setattr(sentences, "_further", lambda *_: False)
        forge.ok("run", folder)
    old = notes_in(forge.folder / "ankiforge.apkg")
    assert set(old) == GUIDS
    (folder / "a.md").write_text(POLISH + "\n", encoding="utf-8")  # else it is not read again
    forge.ok("run", folder)
    new = notes_in(forge.folder / "ankiforge.apkg")
    assert set(new) == GUIDS
    assert new != old
    assert any("ok. 10 do 20" in words for words in new.values())
    assert "nothing is new" in forge.ok("run", folder).stdout


def paper(folder: Path, *, heads: bool) -> Path:
    """Three pages, each with a running head and foot and a mark at its edge."""
    words = (
        ("Osmosis moves water through membranes.", "Cells swell in it."),
        ("Diffusion needs no energy at all.", "Gradients drive it."),
        ("Active transport spends energy.", "Pumps do the work."),
    )
    pages = []
    for number, (first, last) in enumerate(words, start=1):
        blocks = [paragraph(first), paragraph(last)]
        if heads:
            blocks = [paragraph("Journal of Cells 12"), *blocks, paragraph(f"Page {number} of 3")]
        pages.append(Page(tuple(blocks), (mark(first), mark(last))))
    (folder / "p").mkdir(exist_ok=True)
    write_pdf(folder / "p" / "a.pdf", pages)
    return folder / "p" / "a.pdf"


def test_running_heads_and_feet_are_no_context_and_change_no_key(forge, tmp_path):
    lines = forge.ok("extract", paper(tmp_path, heads=True), "--json").lines
    marks = [one for one in lines if "exact" in one]
    assert [one["key"] for one in marks] == [
        "pdf:9bc418398cd5475a/b8ec45ed9cfa1224",
        "pdf:9bc418398cd5475a/83feb8dca4dd0f78",
        "pdf:9bc418398cd5475a/74da136458270cca",
        "pdf:9bc418398cd5475a/21828dc3955f5192",
        "pdf:9bc418398cd5475a/f157e99107274a9d",
        "pdf:9bc418398cd5475a/160582cb1b04fc7b",
    ]
    beside = " ".join(one["prefix"] + one["suffix"] for one in marks)
    assert "Journal" not in beside
    assert "Page" not in beside
    assert "Cells swell in it." in beside


def test_items_of_a_list_in_one_mark_are_joined_by_semicolons(forge, tmp_path):
    page = Page(
        (paragraph("Before it. List: • first item of it • second item • third item"),),
        (mark("first item of it • second item • third item"),),
    )
    (tmp_path / "p").mkdir()
    write_pdf(tmp_path / "p" / "a.pdf", [page])
    [(key, (exact, _))] = read(forge, tmp_path / "p").items()
    assert key == "pdf:b9499f09a663e33f/3fdd78571b4ec7fa"
    assert exact == "first item of it; second item; third item"


ASKED = {
    "8a344aaa1ca75fd2e58e56ba5c53ffd5cb1b562d696d40313561976cc2ac97b4",
    "6543dfdf54bfd712df0623542e8f4f4963217e0d9353dd18188ee15f6ddf67cc",
    "6cef1a197df9a2f09233664423fe9894d842f529154acf23dc0787000c43fe17",
    "d66a6a06846abb34d1b0e32679b231bf0ddd088b34784cd2b16e56c01f9e4aa0",
    "8dd34fe1b772ed042b7dbb97e9c49a0c00975639d3f3127a1f8f30ffc590dfa1",
    "27379181d5c7a13ec5ff46cd6b7b42be86262bb6a85ff2861f26c9ecddc81644",
    "686ce021851dc8e0c376c8d38df2c90292b99baef481fcf811aa84f74318b64f",
    "4b1abcff4697eccfbd3b82abeb4f396a4b287df84236e977faff3129f50261ab",
    "13dc55e00a848771722d8549a9d603683cd507c06754301bf8708ce177320dfc",
    "34be25dd0b19e85078db97e55afd79fa0e6dc763499bb749a0d76047731671db",
    "4a9f95828851988fa0ed5f6623310267ec144f41c472c0438e6953cb0b7bcd20",
    "9cc00204fef49cb37d9611559230c657609833c305464d6464d070a24da7bcb4",
}
"""Requests of commit eaf6667 for the passages of `asking`, in the words of then."""


def asking(forge: Any, tmp_path: Path, url: str = "http://127.0.0.1:9/v1") -> None:
    """A workspace whose passages are all read better than they were."""
    paper(tmp_path, heads=True)
    text = "Before it, np. Adam ma a list. List: • first item of it • second item • third item"
    marked = mark("first item of it • second item • third item")
    write_pdf(tmp_path / "p" / "b.pdf", [Page((paragraph(text),), (marked,))])
    (tmp_path / "n").mkdir()
    (tmp_path / "n" / "a.md").write_text(
        POLISH + "\nImport: ==This is the big one====.== And more.\n", encoding="utf-8"
    )
    (tmp_path / "ankiforge.yaml").write_text(
        "sources: [{pdf: {name: p, path: p}}, {obsidian: {name: n, path: n}}]\ndrafter: llm\n"
        f"llm: {{base_url: '{url}', model: m-70b, candidates: 1}}\nanki: {{collection: none}}\n",
        encoding="utf-8",
    )


def test_a_reply_to_the_words_of_the_old_reading_is_used(forge, tmp_path):
    asking(forge, tmp_path)
    forge("-C", tmp_path, "run", "--limit", "1", code=3)  # nobody is there: all of it stays pending
    out = tmp_path / "asked.jsonl"
    forge.ok("-C", tmp_path, "draft", "export", out)
    assert out.read_text(encoding="utf-8").count("custom_id") == len(ASKED)
    none = json.dumps({"cards": [{"h": "1", "kind": "none", "quote": "", "why_none": "no fact"}]})
    body = {"choices": [{"message": {"content": none}, "finish_reason": "stop"}], "model": "m"}
    (tmp_path / "answers.jsonl").write_text(
        "\n".join(
            json.dumps({"custom_id": f"ak-{name}", "response": {"status_code": 200, "body": body}})
            for name in ASKED
        )
    )
    forge.ok("-C", tmp_path, "draft", "import", tmp_path / "answers.jsonl")
    found = forge.ok("-C", tmp_path, "run", "--json").data
    assert found["llm"]["requests"] == 0
    assert found["fates"]["no_card"] == len(ASKED)


def test_what_a_model_drew_is_not_asked_anew_because_it_is_read_better(
    forge, tmp_path, fake, monkeypatch
):
    from ankiforge.text import sentences

    with fake.LlmServer() as server:
        asking(forge, tmp_path, server.base_url)
        with monkeypatch.context() as patch:
            patch.setattr(sentences, "_further", lambda *_: False)
            forge.ok("-C", tmp_path, "run")
        asked = len(server.asked)
        (tmp_path / "n" / "a.md").write_text(
            (tmp_path / "n" / "a.md").read_text(encoding="utf-8") + "\n", encoding="utf-8"
        )
        forge.ok("-C", tmp_path, "run")
        forge.ok("-C", tmp_path, "draft")
        assert len(server.asked) == asked


def test_a_link_in_a_circle_given_as_a_path_is_named(forge, tmp_path):
    root = vault(tmp_path, "What is an axon?::the long fibre of a nerve cell\n")
    (root / "ring.md").symlink_to("ring.md")
    ran = forge("run", root / "a.md", root / "ring.md", "--once")
    assert "ring.md: a link to a missing file, or to itself" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "1 card" in ran.stdout


def test_context_begins_and_ends_with_whole_words(forge, tmp_path):
    before, after = "abcdefghi " * 12, "jklmnopqr " * 12
    folder = vault(tmp_path, f"{before.strip()}.\n\nA ==cell== is alive.\n\n{after}\n")
    [line] = [one for one in forge.ok("extract", folder, "--json").lines if "exact" in one]
    assert set(line["prefix"].split()) <= {"abcdefghi", "abcdefghi."}
    assert set(line["suffix"].split()) == {"jklmnopqr"}
