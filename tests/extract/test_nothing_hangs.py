"""What stands where a file should be, and what is much too large, stops nothing.

Each case is a process of its own: one that hangs is ended, and the case fails.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.forked import forked

pytestmark = pytest.mark.slow

PATIENCE = 60
NOTE = "What makes ATP in a cell?::The mitochondrion\n"


def ended(forge, *arguments: str | Path) -> tuple[int, str, str]:
    """What a call came to that is ended if it hangs."""
    with forked(forge, *map(str, arguments)) as process:
        result = process.finished(PATIENCE)
    assert "Traceback" not in result[2], result
    return result


def pipe(path: Path) -> None:
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def device(path: Path) -> None:
    path.symlink_to("/dev/tty")


def folder(path: Path) -> None:
    path.mkdir()


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"{")
        file.truncate(2 << 30)


ODD = [pipe, endless, device, folder, sparse]
IN_A_VAULT = [
    "x.excalidraw.md",
    "x.md",
    "x.txt",
    "x.png",
    ".obsidian/templates.json",
    ".obsidian/community-plugins.json",
    ".obsidian/plugins/templater-obsidian/data.json",
    ".obsidian/plugins/obsidian-spaced-repetition/data.json",
    ".obsidian/plugins/obsidian-to-anki-plugin/data.json",
]


def test_what_is_no_file_in_a_vault_stops_nothing(forge):
    sources = []
    for make in ODD:
        vault = forge.folder / make.__name__
        (vault / ".obsidian").mkdir(parents=True)
        (vault / "good.md").write_text(NOTE.replace("cell", make.__name__))
        (vault / "shown.md").write_text(
            "A ==ribosome== ![](x.png) makes the proteins of a cell.\n"
        )
        for name in IN_A_VAULT:
            (vault / name).parent.mkdir(parents=True, exist_ok=True)
            make(vault / name)
        sources.append(f"{{obsidian: {{name: {vault.name}, path: {vault.name}}}}}")
    forge.settings(f"sources: [{', '.join(sources)}]\nanki: {{collection: none}}\n")
    # what it links to is outside of the workspace, and was confirmed
    forge.ok("init", "--trust", forge.folder)
    code, _, err = ended(forge, "run")
    assert code in (0, 1), err
    assert len(forge.cards("mitochondrion")) == len(ODD)


def test_what_is_no_file_among_exports_stops_nothing(forge, tmp_path):
    exports = tmp_path / "exports"
    exports.mkdir()
    (exports / "good.csv").write_text("Highlight,Book Title\nA cell is alive.,Book\n")
    for make in ODD:
        for ending in ("csv", "json", "html", "txt", "pdf", "epub", "tid"):
            make(exports / f"{make.__name__}.{ending}")
    code, out, err = ended(forge, "run", "--dry-run", "-v", exports, "--json")
    assert code in (0, 1), err
    assert "A cell is alive." in out
    odd = [
        exports / f"{make.__name__}.{ending}"
        for make in ODD
        for ending in ("csv", "json", "pdf")
    ]
    code, _, err = ended(forge, "run", "--dry-run", "-v", *odd)
    assert code in (1, 2), err


def test_a_source_that_is_no_file_is_named(forge):
    kinds = ["zotero", "kindle", "readwise", "hypothesis", "pdf", "obsidian"]
    named = []
    for make in ODD:
        for kind in kinds:
            name = f"{kind}-{make.__name__}"
            make(forge.folder / name)
            named.append(f"{{{kind}: {{name: {name}, path: {name}}}}}")
    sources = ", ".join(named)
    forge.settings(f"sources: [{sources}]\nanki: {{collection: none}}\n")
    forge.ok("init", "--trust", forge.folder)
    code, _, err = ended(forge, "run", "-v")
    assert code == 1, err
    for make in (pipe, endless, device):
        reasons = [
            line
            for line in err.splitlines()
            if f"-{make.__name__}" in line
            and ("regular file" in line or "a link" in line)
        ]
        assert len(reasons) == len(kinds), err


def nested(depth: int) -> str:
    return '{"a":' + "[" * depth + "]" * depth + "}"


@pytest.mark.parametrize("depth", [2_000, 200_000])
def test_settings_nested_deeply_stop_nothing(forge, vault, depth):
    (vault / "good.md").write_text(NOTE)
    for name in IN_A_VAULT:
        if name.endswith(".json"):
            (vault / name).parent.mkdir(parents=True, exist_ok=True)
            (vault / name).write_text(nested(depth))
    code, _, err = ended(forge, "run", vault)
    assert code in (0, 1), err
    assert forge.cards("mitochondrion")


@pytest.mark.parametrize("depth", [2_000, 200_000])
def test_an_export_nested_deeply_stops_nothing(forge, tmp_path, depth):
    texts = [
        '{"export_userid": "a", "rows": [%s]}',
        '{"rows": [{"id": "a", "uri": "TextQuoteSelector", "target": [%s]}]}',
        '{"hypothes.is": %s}',
    ]
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.json").write_text(text % nested(depth))
    code, _, err = ended(
        forge, "run", "--dry-run", "-v", *sorted(tmp_path.glob("*.json"))
    )
    assert code in (0, 1), err


STARS: list[Callable[[int], str]] = [
    lambda count: "*a" * count + "b",
    lambda count: "**/*a" * count + "b",
    lambda count: "**/" * count + "b",
    lambda count: "**a" * count + "b",
    lambda count: "?*" * count + "b",
]


def test_patterns_with_many_stars_end(forge, vault):
    deep = vault.joinpath(*["a" * 10] * 20)
    deep.mkdir(parents=True)
    (deep / f"{'a' * 200}.md").write_text(NOTE)
    sources = []
    for number, pattern in enumerate(STARS):
        many = pattern(30)
        sources += [
            f"{{obsidian: {{name: a{number}, path: {vault}, include: ['{many}']}}}}",
            f"{{obsidian: {{name: b{number}, path: {vault}, exclude: ['{many}']}}}}",
            f"{{markdown: {{name: c{number}, path: {vault}, include: ['{many}']}}}}",
        ]
    forge.settings(
        f"sources: [{', '.join(sources)}]\nanki: {{collection: none}}\n", trust=True
    )
    code, _, err = ended(forge, "run")
    assert code == 0, err


def test_a_link_that_a_person_names_is_read(forge, tmp_path):
    (tmp_path / "real.md").write_text(NOTE)
    (tmp_path / "link.md").symlink_to("real.md")
    assert (
        forge.ok("run", "--dry-run", "-v", tmp_path / "link.md", "--json").stdout.count(
            '"exact"'
        )
        == 1
    )


def test_a_note_of_a_megabyte_is_read(forge, vault):
    plain = "Plain words without any mark stand in this text and go on and on.\n\n"
    (vault / "long.md").write_text(plain * (1_000_000 // len(plain)) + NOTE)
    code, _, err = ended(forge, "run", vault)
    assert code == 0, err
    assert forge.cards("mitochondrion")


def test_blocks_of_thousands_of_marks_end(forge, vault):
    lines = "> Part {0} of it ==is== so.", "| a{0} | ==b{0}== | c |", "==a{0}=="
    for name, line in enumerate(lines):
        rows = (line.format(number) for number in range(1_500))
        (vault / f"{name}.md").write_text("\n".join(rows) + "\n")
    code, out, err = ended(forge, "run", "--dry-run", "-v", vault, "--json")
    assert code == 0, err
    assert out.count('"exact"') >= len(lines)


PUMPED = {
    "underscores": ("obsidian", "a.md", "_" * 16_000 + "\n"),
    "brackets behind a gap": ("obsidian", "a.md", "A {{gap}} " + "[" * 32_000 + "\n"),
    "dots behind a mark": ("obsidian", "a.md", "==a mark==" + "." * 20_000 + "\n"),
    "digits and blanks": (
        "kindle",
        "a.html",
        '<div class="bookTitle">A</div><h3 class="noteHeading">Highlight - '
        + "1" * 10_000
        + " " * 10_000
        + '</h3><div class="noteText">A mark</div>',
    ),
}


def test_small_files_are_read_at_once_whatever_is_in_them(forge):
    sources = []
    for number, (kind, name, text) in enumerate(PUMPED.values()):
        root = forge.folder / f"files{number}"
        root.mkdir()
        (root / name).write_text(text, encoding="utf-8")
        sources.append(f"{{{kind}: {{name: {root.name}, path: {root.name}}}}}")
    forge.settings(f"sources: [{', '.join(sources)}]\n")
    ended(forge, "run")
