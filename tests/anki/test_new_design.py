"""A new version of the templates in Anki: once, in place, and never over a person's own."""

import re
import time
from pathlib import Path
from typing import Any

import pytest

from ankiforge.anki import notetypes, package
from ankiforge.anki.notetypes import note_type

pytestmark = pytest.mark.core


def first_style() -> str:
    """The CSS of version 1: nothing in it knew that a text may run from right to left."""
    now = notetypes.files("ankiforge.anki").joinpath("design", "style.css").read_text("utf-8")
    now = re.sub(r"\n[^\n]*unicode-bidi: (plaintext|isolate); }", "", now)
    for new, old in (
        ("text-align: start", "text-align: left"),
        ("padding-inline-start", "padding-left"),
        ("border-inline-start", "border-left"),
    ):
        now = now.replace(new, old)
    return now.strip()


FIRST_STYLE = first_style()


@pytest.fixture
def first_design(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Version 1 of the templates: without `dir`, aligned left."""

    def without(name: str) -> str:
        if name == "style.css":
            return FIRST_STYLE
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


def test_a_package_brings_the_new_templates_in_place(forge, collection, first_design, vault):
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


def test_css_and_templates_of_a_person_s_own_stay(forge, collection, first_design, vault):
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
    forge, backend, first_design, vault
):
    """A push merges note types, and Anki then takes the time of it for theirs."""
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
