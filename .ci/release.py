"""Checks before a release, and its notes.

python .ci/release.py check v0.1.0     refuse a release that is not finished
python .ci/release.py notes v0.1.0     print that version's part of CHANGELOG.md
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path


def problems(root: Path, tag: str) -> list[str]:
    """Return what keeps the tree in `root` from being released as `tag`; [] if nothing does."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    repository = project["tool"]["hatch"]["metadata"]["hooks"]["custom"]["repository"]
    source = (root / "ankiforge" / "__init__.py").read_text(encoding="utf-8")
    version = re.search(r'^__version__ = "(.+)"$', source, re.MULTILINE)
    citation = (root / "CITATION.cff").read_text(encoding="utf-8")
    found = []
    if "OWNER" in repository:
        found.append(f"pyproject.toml: the repository's address is still {repository}")
    if version is None or tag != f"v{version[1]}":
        found.append(f"ankiforge/__init__.py: the version is not {tag.removeprefix('v')}")
    if version and f"\nversion: {version[1]}\n" not in citation:
        found.append(f"CITATION.cff: the version is not {version[1]}")
    heading = notes(root, tag).partition("\n")[0]
    if not re.search(r" - \d{4}-\d\d-\d\d$", heading):
        found.append(f"CHANGELOG.md: no dated section for {tag.removeprefix('v')}")
    return found


def notes(root: Path, tag: str) -> str:
    """Return the section of CHANGELOG.md for `tag` with its heading, "" if there is none."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    version = re.escape(tag.removeprefix("v"))
    return next((part for part in sections if re.match(rf"## \[?{version}\b", part)), "")


def main(arguments: list[str]) -> int:
    """Run one of the two commands; 0, or 1 with the problems on stderr."""
    root = Path(__file__).resolve().parents[1]
    command, tag = arguments
    if command == "notes":
        sys.stdout.write(notes(root, tag).partition("\n")[2].strip() + "\n")
        return 0
    found = problems(root, tag)
    sys.stderr.write("".join(f"{problem}\n" for problem in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
