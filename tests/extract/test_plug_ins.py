"""Sources and commands of other distributions, beginning with the example of the docs."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ankiforge import plugins
from tests.plug_ins import EXAMPLE, FOLIATE, SAMPLE, plug_in

HARMLESS = """\
import click

class NoSource:
    kind = "none"

@click.command()
def fails() -> None:
    raise KeyError("what is missing")
"""
FAILS_TO_READ = """\
from ankiforge.extract.base import Confidence
from ankiforge.extract.file_source import TextFileSource

class Lyrics(TextFileSource):
    kind = "lyrics"
    suffixes = (".lrc",)

    @classmethod
    def recognise(cls, candidate):
        if "RECOGNISE" in candidate.head:
            raise ZeroDivisionError("by nought")
        return Confidence.SUFFIX

    def read_document(self, file, text, picture):
        raise LookupError("a verse")
"""


@pytest.fixture
def foliate(tmp_path: Path) -> Any:
    with plug_in(tmp_path / "site", FOLIATE):
        yield


@pytest.fixture
def written(tmp_path: Path) -> Any:
    """Have a plug-in with this text installed."""

    def install(text: str, point: str, group: str = plugins.SOURCE_GROUP) -> Any:
        module = tmp_path / "strange.py"
        module.write_text(text)
        return plug_in(
            tmp_path / "site", {group: point}, name="ankiforge-strange", module=module
        )

    return install


def test_the_files_of_a_plug_in_become_highlights_and_cards(forge, foliate):
    came = forge.json("run", SAMPLE)
    assert (came["highlights"]["new"], came["problems"]) == (2, [])
    [card] = forge.cards()
    assert card["fields"]["Front"] == "What separates a cell from its surroundings?"
    again = forge.json("run")
    assert again["highlights"]["unchanged"] == 2
    assert forge("foliate").stdout.strip().endswith("com.github.johnfactotum.Foliate")


def test_the_settings_may_name_a_kind_of_a_plug_in(forge, foliate):
    forge.settings(f"sources: [foliate: {{path: {SAMPLE}}}]", trust=True)
    assert forge.json("run")["highlights"]["new"] == 2


def test_our_own_sources_never_ask_for_plug_ins(forge, vault, monkeypatch):
    def asked(group: str) -> Any:
        raise AssertionError(group)

    (vault / "Cells.md").write_text("What powers the cell?::The mitochondrion\n")
    monkeypatch.setattr(plugins, "find_plugins", asked)
    monkeypatch.setattr("ankiforge.extract.registry.find_plugins", asked)
    forge.ok("run", vault)
    forge.ok("run")
    forge.ok("--help")


def test_what_a_lost_plug_in_has_read_stays(forge, tmp_path):
    with plug_in(tmp_path / "site", FOLIATE):
        forge.ok("run", SAMPLE)
    lost = forge("run", "--json", code=1).data
    assert "highlights that were read before are kept" in lost["problems"][0]["what"]
    assert len(forge.cards()) == 1


NO_SOURCE = "NoSource is no source of the kind 'none'"


@pytest.mark.parametrize(
    ("text", "point", "told"),
    [
        ("import nowhere", "none = strange:None_", "No module named 'nowhere'"),
        ("", "none = strange:Missing", "has no attribute 'Missing'"),
        ("none = 1", "none = strange:none", "strange:none is no type"),
        (HARMLESS, "none = strange:NoSource", NO_SOURCE),
    ],
)
def test_a_plug_in_that_cannot_be_loaded_is_named_and_the_rest_goes_on(
    forge, written, vault, text, point, told
):
    with written(text, point):
        forge.settings(f"sources: [none: {{path: {vault}}}]", trust=True)
        by_name = forge("run", code=2)
        assert "the plug-in ankiforge-strange fails" in by_name.stderr
        assert told in by_name.stderr
        assert "pip uninstall ankiforge-strange" in by_name.stderr
        assert "<frozen" not in by_name.stderr
        (vault / "notes.xyz").write_text("of no kind")
        by_path = forge("run", vault / "notes.xyz", code=2)
        assert told in by_path.stderr
        examined = forge("doctor", "--json").lines
        [check] = [check for check in examined if check["name"] == "plug-in"]
        assert told in check["says"]


def test_a_plug_in_that_fails_on_a_file_is_named_without_a_traceback(
    forge, written, vault
):
    (vault / "Cells.md").write_text("What powers the cell?::The mitochondrion\n")
    songs = vault.parent / "songs"
    songs.mkdir()
    (songs / "a.lrc").write_text("[00:01] A verse")
    with written(FAILS_TO_READ, "lyrics = strange:Lyrics"):
        came = forge("run", vault, songs, "--json", code=1)
        [problem] = came.data["problems"]
        assert problem["what"] == (
            "the plug-in ankiforge-strange fails (LookupError: a verse, strange.py:15)"
        )
        assert came.data["highlights"]["new"] == 1
        assert "Traceback" not in came.stderr
        (songs / "a.lrc").write_text("RECOGNISE")
        fails = forge("run", songs / "a.lrc", code=2)
        assert "fails (ZeroDivisionError: by nought, strange.py:11)" in fails.stderr


def test_a_command_that_fails_is_named_without_a_traceback(forge, written):
    with written(HARMLESS, "sing = strange:fails", plugins.COMMAND_GROUP):
        failed = forge("sing", code=1)
    assert (
        "the plug-in ankiforge-strange fails (KeyError: 'what is missing', strange.py:8)"
        in failed.stderr
    )
    assert "Traceback" not in failed.stderr


@pytest.mark.slow
def test_the_example_can_be_installed_into_an_environment_of_its_own(tmp_path):
    """By pip, which builds it; beside our own program and what it needs."""
    environment = tmp_path / "environment"
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", environment], check=True
    )
    python = environment / "bin/python"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            python,
            "install",
            "-q",
            "--no-deps",
            EXAMPLE,
        ],
        check=True,
    )
    home = tmp_path / "home"
    search = os.pathsep.join(filter(None, sys.path))
    came = subprocess.run(
        [python, "-m", "ankiforge", "run", SAMPLE],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": search},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert came.returncode == 0, came.stderr
    assert "2 highlights" in came.stdout
    assert (tmp_path / "ankiforge.apkg").exists()
