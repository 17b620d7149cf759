"""`make demo`: what a newcomer runs first."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def demo(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.makers.demo", str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def content(folder: Path) -> dict[str, bytes]:
    parts = ("vault", "papers", "zotero", "ankiforge.yaml", "ankiforge.apkg")
    paths = (
        path for part in parts for path in (folder / part, *(folder / part).rglob("*"))
    )
    return {str(path): path.read_bytes() for path in paths if path.is_file()}


@pytest.mark.slow
def test_the_demo_writes_a_package_and_a_second_run_changes_nothing(tmp_path):
    first = demo(tmp_path)
    assert first.returncode == 0, first.stderr
    assert f"A deck is ready: open {tmp_path / 'ankiforge.apkg'} in Anki." in first.stdout
    assert "already exists" not in first.stdout + first.stderr
    before = content(tmp_path)
    assert len(before) >= 19
    second = demo(tmp_path)
    assert second.returncode == 0, second.stderr
    assert content(tmp_path) == before


def test_the_readme_names_the_demo_near_its_top():
    top = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:25]
    commands = re.findall(r"^make (\w+)", "\n".join(top), re.MULTILINE)
    assert commands == ["demo", "test"]
    subprocess.run(["make", "-n", *commands], cwd=ROOT, check=True, capture_output=True)
    assert 'make -C "$clone/ankiforge" demo' in (ROOT / ".ci/run").read_text()
