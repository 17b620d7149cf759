"""In which files of a source chosen passages are looked for."""

from types import SimpleNamespace

import pytest

from ankiforge.extract.file_source import File, assign_chosen_passages
from ankiforge.model import PassageChoice

CONTAINER = "vault:v"


@pytest.mark.parametrize(
    ("files", "known", "chosen_in", "expected"),
    [
        (["a.md", "b.md"], ["a.md", "b.md"], "a.md", ["a.md"]),
        (["b.md", "new.md"], ["a.md", "b.md"], "a.md", ["new.md"]),  # it may be renamed
        (["b.md"], ["a.md", "b.md"], "a.md", []),
        # it may have been moved before its passages were looked for here
        (["in/a.md", "b.md"], ["in/a.md", "b.md"], "a.md", ["in/a.md"]),
        (["in/a.md", "b.md"], ["in/a.md", "b.md"], "x/a.md", ["in/a.md"]),
        # it is unchanged, so nothing has moved
        (["a.md", "in/a.md", "new.md"], ["a.md", "in/a.md"], "a.md", ["a.md"]),
    ],
)
def test_passages_are_attached_to_their_file_or_where_it_may_be_now(
    tmp_path, files, known, chosen_in, expected
):
    choice = PassageChoice("id", chosen_in, (), 0, 0)
    lookup = SimpleNamespace(
        find_choices=lambda container: (choice,),
        list_paths=lambda container: tuple(known),
    )
    listing = SimpleNamespace(container=CONTAINER, root=tmp_path)
    found = assign_chosen_passages(
        [File(path, str(tmp_path / path), is_named_by_user=False) for path in files],
        lookup,
        listing,
        lambda file: True,
    )
    assert [file.path for file in found if file.chosen == (choice,)] == expected
    assert [file.path for file in found] == files
