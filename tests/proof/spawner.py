"""A process that has run the program once, and forks one child for each command it is sent.

    python -m tests.proof.spawner

Starting Python, importing the program and compiling its patterns takes a second, a fork some milliseconds:
only so can a command be killed at each of its commits. A line of JSON on stdin is a command (`argv`, `cwd`, `env`, `ahead`:
seconds that its clock is ahead, `stdout` and `stderr`: files); a line on stdout is how it ended, as
`os.waitpid` says.
"""

import atexit
import gc
import json
import os
import sys
import tempfile
import threading
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

from ankiforge.cli import main
from ankiforge.extract.pdf.worker import PdfWorker, Question, answer
from ankiforge.ledger import fault
from tests.golden import clock


def child(command: dict[str, Any]) -> None:
    """Run the command in this process, which ends with it."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(command[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(command["cwd"])
    os.environ.update(command["env"])
    code = 1
    try:
        with clock.ahead(command["ahead"]):
            main(command["argv"])
    except SystemExit as ended:
        code = int(str(ended.code))
    finally:  # without taking the interpreter apart: that copies all its memory
        threading._shutdown()  # ends process pools, for which `atexit` would wait
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def warm_up() -> None:
    """Run on a small vault, so that no child has to import and compile what it needs for that."""
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(None), redirect_stderr(None):
        Path(folder, "a.md").write_text("Katze:::cat\n\nThe ==cell== divides.\n", "utf-8")
        homes = ("HOME", "ANKIFORGE_HOME", "ANKI_BASE", "XDG_DATA_HOME", "XDG_CONFIG_HOME")
        known = dict(os.environ)
        os.environ.update(dict.fromkeys(homes, folder))
        try:
            main(["run", f"{folder}/a.md", "-o", f"{folder}/a.apkg"])
        except SystemExit:
            os.environ.clear()
            os.environ.update(known)
    fault._fault.cache_clear()
    fault._commits = count(1)


def read_here(_: PdfWorker, question: Question) -> Any:
    """Read a PDF in this process: starting another for it takes longer than all else."""
    return answer(question)


def serve() -> None:
    PdfWorker.ask = read_here  # type: ignore[method-assign, assignment]
    with clock.ahead(0.0):  # imports every module, before the first fork
        import_module("openai.resources.chat")  # each child that asks a model would
        warm_up()
    gc.freeze()
    for line in sys.stdin:
        command = json.loads(line)
        if (process := os.fork()) == 0:
            child(command)
        _, status = os.waitpid(process, 0)
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
