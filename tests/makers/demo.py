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
    """Build what is missing, run, say how to go on; the exit code of the run."""
    build(folder)
    settings = folder / "ankiforge.yaml"
    if not settings.exists():
        settings.write_text(SETTINGS, "utf-8")
    home = folder.resolve() / ".home"
    code = ankiforge(home, "init", str(folder), "--trust")
    code = code or ankiforge(home, "-C", str(folder), "run")
    program = Path(sys.executable).with_name("ankiforge")
    if program.is_relative_to(Path.cwd()):
        print(f"\n`ankiforge` is {program.relative_to(Path.cwd())} here.")
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
