"""CSS and templates that a person changed in Anki."""

from typing import Any

import pytest

pytestmark = pytest.mark.core


def ours(collection: Any) -> dict[str, Any]:
    return {one["name"]: one for one in collection.col.models.all() if "ankiforge" in one["name"]}


def test_css_and_templates_of_a_person_s_own_stay(forge, collection, tmp_path):
    vault = tmp_path / "v"
    vault.mkdir()
    (vault / "a.md").write_text("What is one?::The first\n\nThe second is ==two== here.\n")
    forge.ok("run", vault)
    collection.load(forge.folder / "ankiforge.apkg")
    models = collection.col.models
    basic, cloze = (ours(collection)[name] for name in ("ankiforge Basic", "ankiforge Cloze"))
    basic["css"] += "\n.card { color: red; }"
    cloze["tmpls"][0]["qfmt"] += "<hr>"
    models.update_dict(basic)
    models.update_dict(cloze)
    before = ours(collection)
    (vault / "b.md").write_text("What is three?::The third\n")
    forge.ok("run", vault)
    collection.load(forge.folder / "ankiforge.apkg")
    after = ours(collection)
    assert {n: (k["css"], k["tmpls"]) for n, k in after.items()} == {
        n: (k["css"], k["tmpls"]) for n, k in before.items()
    }
