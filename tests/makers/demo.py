"""Forges the samples into a deck, in `.demo/`, as a person would at the terminal.

    python -m tests.makers.demo [FOLDER]

Run it again after editing its `vault`: what you changed stays, and no card comes twice.
Your own settings and collections are not touched.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.makers.build import build

SETTINGS = """\
# The demo's workspace. `ankiforge init` writes one for your own folders.
sources:
  - obsidian: {name: vault, path: vault}
  - pdf:      {name: papers, path: papers}
  - zotero:   {name: zotero, path: zotero}
drafter: rules
accept: {rules: clean}
anki: {collection: none}
"""


def main(folder: Path) -> int:
    """Build what is missing, run, say what to open; the exit code of the run."""
    print(f"samples: {folder}/vault, {folder}/papers, {folder}/zotero", flush=True)
    build(folder)
    settings = folder / "ankiforge.yaml"
    if not settings.exists():
        settings.write_text(SETTINGS, "utf-8")
    code = ankiforge(folder.resolve() / ".home", "-C", str(folder), "run", "--yes")
    package = folder / "ankiforge.apkg"
    if code == 0 and package.exists():
        print(f"\nA deck is ready: open {package} in Anki.")
        program = Path(sys.executable).with_name("ankiforge")
        if program.is_relative_to(Path.cwd()):
            shown = program.relative_to(Path.cwd())
            print(f"To decide on the other drafts: {shown} -C {folder} review")
    return code


def ankiforge(home: Path, *arguments: str) -> int:
    """Run the program, with the user's own settings and data in `home`; its exit code."""
    print(f"$ ankiforge {' '.join(arguments)}", flush=True)
    command = [sys.executable, "-m", "ankiforge", *arguments]
    return subprocess.run(
        command, env=os.environ | {"ANKIFORGE_HOME": str(home)}, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".demo")))
