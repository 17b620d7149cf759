"""The table of forms: the guide's is made from it, and each of its examples is read."""

from pathlib import Path

import pytest

from ankiforge.extract.markdown.syntaxes import FORMS, NoteSyntax, render_docs_table
from tests.reading import highlights, opened, settings_of

GUIDE = Path(__file__).parents[2] / "docs/guides/obsidian.md"
EXAMPLES = [(form, source) for form in FORMS for source, _ in form.examples]


def test_the_table_in_the_guide_is_made_from_the_forms() -> None:
    assert "\n".join(render_docs_table()) + "\n\n" in GUIDE.read_text("utf-8")


@pytest.mark.parametrize(("form", "source"), EXAMPLES, ids=[s for _, s in EXAMPLES])
def test_each_example_is_read_if_its_kind_is_selected_and_only_then(
    tmp_path: Path, form: NoteSyntax, source: str
) -> None:
    (tmp_path / "heart.png").write_bytes(b"png")
    (tmp_path / "a.md").write_text(source + "\n", "utf-8")

    def read(values: list[str]) -> int:
        selected = {"marks": (), "cards": (), form.setting: tuple(values)}
        settings = settings_of(
            "markdown", path=str(tmp_path), include=("*.md",), **selected
        )
        return len(highlights(opened("markdown", tmp_path, settings).scan()))

    assert read([form.value]) >= 1
    assert read([]) == 0
