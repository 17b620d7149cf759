"""A new version of the templates in Anki: once, in place, and never over a person's own."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from ankiforge.anki import notetypes, package
from ankiforge.anki.notetypes import note_type

pytestmark = pytest.mark.core

FIRST_STYLE = """.card {
  --ink: #1d2433;
  --soft: #5d6880;
  --paper: #fcfcfa;
  --panel: #f1f2ee;
  --line: #d9dbd3;
  --accent: #2457c5;
  --mark: #ffe9a3;
  --mark-ink: #1d2433;
  box-sizing: border-box;
  max-width: 40rem;
  margin: 0 auto;
  padding: 1.25rem 1.25rem 2rem;
  background: var(--paper);
  color: var(--ink);
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  font-size: 1.2rem;
  line-height: 1.5;
  text-align: left;
  overflow-wrap: break-word;
}
.card.nightMode, .nightMode .card, .card.night_mode, .night_mode .card {
  --ink: #e4e7ee;
  --soft: #9aa5ba;
  --paper: #1c1f26;
  --panel: #272b34;
  --line: #3b414e;
  --accent: #8db4ff;
  --mark: #5a4a14;
  --mark-ink: #fff3cd;
}

.af-context { min-height: 1.2em; margin-bottom: 1rem; color: var(--soft); font-size: .75em; }
.af-context cite, .af-reference .af-where { display: none; }
.af-question { font-weight: 500; }
hr { margin: 1.25rem 0; border: 0; border-top: 1px solid var(--line); }
.cloze { color: var(--accent); font-weight: 650; }
.cloze-inactive { color: inherit; }

p, ul, ol, pre, table, blockquote { margin: .6em 0; }
p:first-child { margin-top: 0; }
ul, ol { padding-left: 1.4em; }
h1, h2, h3, h4, h5, h6 { margin: .8em 0 .3em; font-size: 1.05em; }
a { color: var(--accent); }
wbr { display: none; }
img { max-width: 100%; height: auto; border-radius: 4px; }
blockquote { padding-left: .9em; border-left: 3px solid var(--line); }
code, pre {
  border-radius: 4px;
  background: var(--panel);
  font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: .88em;
}
code { padding: .1em .3em; }
pre { padding: .7em .9em; overflow-x: auto; white-space: pre; line-height: 1.4; }
pre code { padding: 0; background: none; font-size: 1em; }
table { display: block; max-width: 100%; overflow-x: auto; border-collapse: collapse; }
th, td { padding: .3em .7em; border: 1px solid var(--line); }
th { background: var(--panel); }
mjx-container { max-width: 100%; overflow-x: auto; overflow-y: hidden; }

.af-extra { margin-top: 1rem; color: var(--soft); font-size: .9em; }
.af-feedback {
  margin-top: 1rem;
  padding: .5em .8em;
  border-left: 3px solid var(--accent);
  background: var(--panel);
  font-size: .85em;
}
.af-source { margin-top: 1.5rem; color: var(--soft); font-size: .8em; }
.af-source summary { width: fit-content; padding: .3em 0; cursor: pointer; }
.af-source blockquote { max-height: 18em; margin: .4em 0 .8em; overflow-y: auto; }
.af-exact { color: var(--ink); }
.af-source mark {
  padding: 0 .1em;
  border-radius: 2px;
  background: var(--mark);
  color: var(--mark-ink);
}
.af-source cite { font-style: normal; }
.af-links { display: flex; flex-wrap: wrap; gap: .1em 1.2em; }"""
"""The CSS of version 1."""


@pytest.fixture
def first_design(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Version 1 of the templates: without `dir`, aligned left."""

    def without(name: str) -> str:
        if name == "style.css":
            return FIRST_STYLE.strip()
        text = notetypes.files("ankiforge.anki").joinpath("design", name).read_text("utf-8")
        text = text.replace('<div dir="auto">{{Source}}</div>', "{{Source}}")
        return text.replace(' dir="auto"', "").strip()

    with monkeypatch.context() as patch:
        note_type.cache_clear()
        patch.setattr(notetypes, "_design", without)
        patch.setattr(package, "DESIGN_MOD", 1_400_000_000)
        for family in notetypes.Family:
            kind = note_type(family)
            sides = ((t.name, t.question, t.answer) for t in kind.templates)
            hashed = notetypes.design_hash(FIRST_STYLE, sides)
            assert hashed in notetypes.EARLIER_DESIGNS
        yield patch
    note_type.cache_clear()


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    folder = tmp_path / "v"
    folder.mkdir()
    (folder / "a.md").write_text("What is one?::The first\n\nThe second is ==two== here.\n")
    return folder


def ours(collection: Any) -> dict[str, Any]:
    return {one["name"]: one for one in collection.col.models.all() if "ankiforge" in one["name"]}


def second_version(forge: Any, first_design: Any, vault: Path, *run: str) -> Path:
    """The package that this version makes after the first one made its own."""
    first_design.undo()
    note_type.cache_clear()
    forge.ok("run", vault, *run)
    return Path(forge.folder / "ankiforge.apkg")


def test_a_package_brings_the_new_templates_in_place(
    forge: Any, collection: Any, first_design: Any, vault: Path
) -> None:
    forge.ok("run", vault)
    assert collection.load(forge.folder / "ankiforge.apkg") == {"new": 2}
    assert "dir=" not in str(ours(collection))
    notes = collection.col.db.all("select id, guid, mod, flds from notes order by id")
    path = second_version(forge, first_design, vault)
    (vault / "b.md").write_text("What is three?::The third\n\nThe fourth is ==four== here.\n")
    forge.ok("run", vault)
    assert collection.load(path) == {"new": 2, "duplicate": 2}
    kinds = ours(collection)
    assert set(kinds) == {"ankiforge Basic", "ankiforge Cloze"}
    for kind in kinds.values():
        assert "text-align: start" in kind["css"]
        assert all('dir="auto"' in t["qfmt"] and 'dir="auto"' in t["afmt"] for t in kind["tmpls"])
    kept = {one[1] for one in notes}
    now = collection.col.db.all("select id, guid, mod, flds from notes order by id")
    assert [one for one in now if one[1] in kept] == notes


def test_css_and_templates_of_a_person_s_own_stay(
    forge: Any, collection: Any, first_design: Any, vault: Path
) -> None:
    forge.ok("run", vault)
    collection.load(forge.folder / "ankiforge.apkg")
    models = collection.col.models
    basic, cloze = (ours(collection)[name] for name in ("ankiforge Basic", "ankiforge Cloze"))
    basic["css"] += "\n.card { color: red; }"
    cloze["tmpls"][0]["qfmt"] += "<hr>"
    models.update_dict(basic)
    models.update_dict(cloze)
    before = ours(collection)
    collection.load(second_version(forge, first_design, vault))
    after = ours(collection)
    assert {n: (k["css"], k["tmpls"]) for n, k in after.items()} == {
        n: (k["css"], k["tmpls"]) for n, k in before.items()
    }


def test_templates_that_a_push_made_newer_are_renewed_once_anki_was_seen(
    forge: Any, backend: Any, first_design: Any, vault: Path
) -> None:
    """A push merges note types, and Anki then takes the time of it for notetypes."""
    forge.ok("run", vault)
    with backend.opened(forge.profile) as anki:
        anki.load(forge.folder / "ankiforge.apkg")
        anki.col.db.execute("update notetypes set mtime_secs = ?", int(time.time()) - 60)
        anki.col.save()
    first_design.undo()
    note_type.cache_clear()
    (vault / "b.md").write_text("What is three?::The third\n\nThe fourth is ==four== here.\n")
    forge.ok("run", vault)
    with backend.opened(forge.profile) as anki:
        assert anki.load(forge.folder / "ankiforge.apkg")["new"] == 2
        kinds = ours(anki)
        assert set(kinds) == {"ankiforge Basic", "ankiforge Cloze"}
        assert all("text-align: start" in kind["css"] for kind in kinds.values())
    (vault / "c.md").write_text("What is five?::The fifth\n")
    forge.ok("run", vault)
    assert notetypes.renewed_types({}) == {}
