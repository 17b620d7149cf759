"""Which test files `make quick` runs before there is a map, of a small project."""

import pytest

from tools.importing import find_changed_names, find_test_files

FILES = {
    "ankiforge/anki/sizes.py": "",
    "tests/extract/test_books_table.py": "import pytest\n",
    "tests/extract/test_texts.py": "import pytest\n",
    "tests/sources/test_sources.py": "import pytest\n",
    "ankiforge/model/__init__.py": (
        "from ankiforge.model.marks import *\n"
        "from ankiforge.model.cards import Card as Card\n"
    ),
    "ankiforge/model/marks.py": "COLOUR: str = 1\n\n\nclass Mark:\n    page = 1\n",
    "tests/model/test_model.py": "",
    "tests/draft/test_colour.py": "from ankiforge.model import (\n    COLOUR,\n)\n",
    "tests/draft/test_mark.py": "from ankiforge.model import Card, Mark\n",
    "tests/web/test_page.py": "from ankiforge.model import page, Card\n",
    "tests/makers.py": "from ankiforge.anki.sizes import grow\n",
    "tests/anki/test_alone.py": "import pytest\n",
    "tests/anki/test_sizes_table.py": "import pytest\n",
    "tests/cli/test_direct.py": (
        "from ankiforge.anki import plan\nfrom ankiforge.anki import sizes\n"
    ),
    "tests/cli/test_other.py": "from ankiforge.anki import plan\n",
    "tests/web/test_helped.py": "from tests.makers import make\n",
    "tests/test_house.py": "",
}
MODULE = (
    "def grow(size):\n    return size + 1\n\n\ndef shrink(size):\n    return size - 1\n"
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param(
            "ankiforge/anki/sizes.py",
            [
                "tests/anki/test_sizes_table.py",
                "tests/cli/test_direct.py",
                "tests/anki/test_alone.py",
                "tests/web/test_helped.py",
            ],
            id="a module: the file of its name, its importers, tables and files of the folder, users of helpers",
        ),
        pytest.param(
            "ankiforge/extract/markdown/citations.py",
            [
                "tests/extract/test_texts.py",
                "tests/extract/test_books_table.py",
                "tests/sources/test_sources.py",
            ],
            id="a module with a file of its own, which comes before the tables of the folder",
        ),
        pytest.param(
            "ankiforge/model/marks.py",
            [
                "tests/model/test_model.py",
                "tests/draft/test_colour.py",
                "tests/draft/test_mark.py",
            ],
            id="a module whose package exports all its names",
        ),
        pytest.param(
            "ankiforge/model/cards.py",
            [
                "tests/model/test_model.py",
                "tests/draft/test_mark.py",
                "tests/web/test_page.py",
            ],
            id="a module of which its package exports one name",
        ),
        pytest.param(
            "tests/cli/test_other.py", ["tests/cli/test_other.py"], id="a test itself"
        ),
        pytest.param("tests/cli/test_gone.py", [], id="a deleted test"),
        pytest.param("Makefile", ["tests/test_house.py"], id="no program"),
    ],
)
def test_the_most_specific_files_come_first(tmp_path, path, expected):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert find_test_files(tmp_path, {path: ("", "")}) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("size - 1", "size - 2", {"shrink"}),
        ("def grow(size):", "def extend(size):", {"extend"}),
        ("\n\n\ndef shrink", "\n\n\nLIMIT = 3\n\n\ndef shrink", set()),
    ],
)
def test_the_functions_with_changed_lines_are_named(old, new, expected):
    texts = {"ankiforge/anki/sizes.py": (MODULE, MODULE.replace(old, new))}
    assert find_changed_names(texts) == expected
