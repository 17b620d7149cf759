"""How much of the program one card passes on its way from `run` to the package.

Makes a note with one line `Q::A` in a new workspace, and runs `ankiforge run` there. Functions
are counted by where they are defined; a comprehension belongs to its function, and what only the
import of a module runs does not count.

With `--text`, only the calls count whose arguments, local variables or result hold the text of
the line, by `repr`. Objects and collections that contain it count, too, so the figures are upper
bounds.

    python -m benchmarks.path
    python -m benchmarks.path --text
    python -m benchmarks.path --list     every function, with its calls
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
from collections import Counter
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import CodeType, FrameType

PARTS_OF_FUNCTIONS = {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}
TEXT = "zymurgy"
NOTE = f"# Cell\n\nWhat is {TEXT} about::the fermentation that {TEXT} studies\n"


def module_of(code: CodeType) -> str:
    """Return the path of a module within the package; "" for other code."""
    return code.co_filename.partition("/ankiforge/")[2]


class Way:
    """Counts the calls of functions of the package, as a profiler of Python.

    With a text, it counts only the calls that hold the text when they end.
    """

    def __init__(self, text: str = "") -> None:
        self._text = text
        self.calls: Counter[tuple[str, str, int]] = Counter()
        """By module, name and line."""
        self.changes = 0
        """The number of calls from one part of the package to another."""
        self._imports = 0

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        if code.co_name == "<module>":
            if event == "call":
                self._imports += 1
            elif event == "return":
                self._imports -= 1
            return
        module = module_of(code)
        is_function = code.co_flags & CO_OPTIMIZED  # not the body of a class
        if event != ("return" if self._text else "call") or not module or not is_function:
            return
        if self._imports or code.co_name in PARTS_OF_FUNCTIONS:
            return
        if self._text and self._text not in repr((frame.f_locals, argument)):
            return
        self.calls[module, code.co_qualname, code.co_firstlineno] += 1
        caller = module_of(frame.f_back.f_code) if frame.f_back else ""
        if caller and caller.partition("/")[0] != module.partition("/")[0]:
            self.changes += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="print every function")
    parser.add_argument("--text", action="store_true", help="only where its text is")
    options = parser.parse_args()
    way = Way(TEXT if options.text else "")
    with tempfile.TemporaryDirectory() as folder:
        desk = Path(folder)
        os.environ |= {"HOME": folder, "ANKIFORGE_TRUST": folder}
        vault = desk / "vault"
        vault.mkdir()
        (vault / "cell.md").write_text(NOTE, "utf-8")
        (desk / "ankiforge.yaml").write_text(
            "sources:\n- obsidian: {name: notes, path: vault}\n", "utf-8"
        )
        from ankiforge.cli import main as forge

        threading.setprofile(way)
        sys.setprofile(way)
        try:
            forge(["-C", folder, "run", "-q"])
        except SystemExit:
            pass
        finally:
            sys.setprofile(None)
        if not (desk / "ankiforge.apkg").is_file():
            sys.exit("the run wrote no package")
    if options.list:
        for (module, name, line), count in sorted(way.calls.items()):
            print(f"{count:6,} {module}:{line} {name}")
    modules = {module for module, _, _ in way.calls}
    print(f"modules {len(modules)}")
    print(f"functions {len(way.calls)}")
    print(f"calls {way.calls.total():,}")
    print(f"changes of package {way.changes:,}")


if __name__ == "__main__":
    main()
