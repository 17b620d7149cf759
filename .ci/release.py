"""Checks before a release, its notes, and its entry for the MCP registry.

python .ci/release.py check [TAG]   refuse an unfinished release; with TAG, also without its day
python .ci/release.py notes TAG     print that version's part of CHANGELOG.md
python .ci/release.py server        print server.json for the MCP registry
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PLACEHOLDER = "OWNER"
FROM_A_CLONE = "uv tool install ."  # on PyPI: uv tool install ankiforge-cards
INSTALL_GUIDES = (
    "README.md",
    "docs/index.md",
    "docs/guides/install.md",
    "packaging/obsidian/README.md",
)


def repository(root: Path) -> str:
    """Return the address of the repository, which pyproject.toml alone names."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    address = project["tool"]["hatch"]["metadata"]["hooks"]["custom"]["repository"]
    return str(address)


def version(root: Path) -> str:
    """Return `ankiforge.__version__`, "" if it has none."""
    source = (root / "ankiforge" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', source, re.MULTILINE)
    return found[1] if found else ""


def server_entry(root: Path) -> dict[str, Any]:
    """Return server.json with its name, which holds the repository's owner, and its version."""
    text = (root / "packaging" / "server.json").read_text(encoding="utf-8")
    entry: dict[str, Any] = json.loads(text)
    owner = repository(root).split("/")[-2]
    entry |= {"name": f"io.github.{owner}/ankiforge", "version": version(root)}
    entry["packages"][0]["version"] = version(root)
    return entry


def problems(root: Path, tag: str = "") -> list[str]:
    """Return what keeps the tree in `root` from being released; [] if nothing does.

    Without `tag`, its version is that of the program; what only its maintainer knows, the address
    of the repository and the day, may be missing.
    """
    wanted = tag.removeprefix("v") or version(root)
    told = []
    if tag and PLACEHOLDER in repository(root):
        told.append(
            f"pyproject.toml: the repository's address is still {repository(root)}"
        )
    if version(root) != wanted:
        told.append(f"ankiforge/__init__.py: the version is not {wanted}")
    for name, stated in versions(root).items():
        if stated != version(root):
            told.append(f"{name}: the version is not {version(root)}")
    heading = notes(root, wanted).partition("\n")[0]
    if not heading:
        told.append(f"CHANGELOG.md: no section for {wanted}")
    elif tag and not re.search(r" - \d{4}-\d\d-\d\d$", heading):
        told.append(f"CHANGELOG.md: the section for {wanted} has no date")
    for name in INSTALL_GUIDES:
        if tag and FROM_A_CLONE in (root / name).read_text(encoding="utf-8"):
            told.append(f"{name}: it still says {FROM_A_CLONE!r}, not from PyPI")
    return told


def versions(root: Path) -> dict[str, str]:
    """Return the version that each file beside the package states."""
    citation = (root / "CITATION.cff").read_text(encoding="utf-8")
    cited = re.search(r"^version: (.+)$", citation, re.MULTILINE)
    bundle = root / "packaging/mcpb"
    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    plugin = json.loads((root / "packaging/obsidian/manifest.json").read_text("utf-8"))
    listed = json.loads((root / "packaging/obsidian/versions.json").read_text("utf-8"))
    project = tomllib.loads((bundle / "pyproject.toml").read_text(encoding="utf-8"))
    [pinned] = project["project"]["dependencies"]
    return {
        "CITATION.cff": cited[1] if cited else "",
        "packaging/mcpb/manifest.json": manifest["version"],
        "packaging/obsidian/manifest.json": plugin["version"],
        "packaging/obsidian/versions.json": [*listed][-1],
        "packaging/mcpb/pyproject.toml": pinned.partition("==")[2],
    }


def notes(root: Path, tag: str) -> str:
    """Return the section of CHANGELOG.md for `tag` with its heading, "" if there is none."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    heading = re.compile(rf"## \[?{re.escape(tag.removeprefix('v'))}\b")
    for section in sections:
        if heading.match(section):
            return section
    return ""


def main(arguments: list[str]) -> int:
    """Run one of the three commands; 0, or 1 with the problems on stderr."""
    command, tag, *_ = *arguments, ""
    if command == "notes":
        sys.stdout.write(notes(ROOT, tag).partition("\n")[2].strip() + "\n")
        return 0
    if command == "server":
        sys.stdout.write(json.dumps(server_entry(ROOT), indent=2) + "\n")
        return 0
    told = problems(ROOT, tag)
    for problem in told:
        sys.stderr.write(f"{problem}\n")
    if not tag and not told:
        sys.stdout.write(f"ready; for v{version(ROOT)} are missing:\n")
        for missing in problems(ROOT, f"v{version(ROOT)}") or ["nothing"]:
            sys.stdout.write(f"  {missing}\n")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
