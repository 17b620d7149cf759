"""Questions from a chat window, at a terminal: a text is copied, and its answer pasted or copied.

While an answer is awaited, the clipboard is read once a second for at most ten minutes, where a
program can. What it holds is compared in memory with the form of an answer about the highlights
that were asked about; nothing else of it is kept or shown.

Tested by `tests/cli/test_terminal_chat.py`.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from shutil import which
from typing import TYPE_CHECKING

import click

from ankiforge.cli.output import Call, for_terminal
from ankiforge.draft.chat import is_answer
from ankiforge.text import on_one_line, shortened

if TYPE_CHECKING:
    from ankiforge.pipeline.chats import Asked
    from ankiforge.pipeline.workspace import Workspace

Say = Callable[[str, str], object]
"""Prints a line in a style."""
Command = tuple[str, ...]

# --- the clipboard ----------------------------------------------------------------------

_PROGRAMS: dict[str, tuple[Command, ...]] = {
    "": (("pbcopy",), ("clip.exe",)),
    "WAYLAND_DISPLAY": (("wl-copy",),),
    "DISPLAY": (("xclip", "-selection", "clipboard"), ("xsel", "-ib")),
}
"""The programs that put their input on the clipboard, by the variable that they need."""
_READERS: dict[str, tuple[Command, ...]] = {
    "": (("pbpaste",),),
    "WAYLAND_DISPLAY": (("wl-paste", "-n"),),
    "DISPLAY": (("xclip", "-selection", "clipboard", "-o"), ("xsel", "-ob")),
}
"""The programs that print what is on the clipboard."""
# Terminals drop longer texts.
_LONGEST_OSC52 = 74_994
_NO_CLIPBOARD = ("", "dumb", "linux")
_SECONDS = 5


def _programs(table: dict[str, tuple[Command, ...]]) -> Iterator[Command]:
    """Yield the programs that are here; over ssh none, because they have another clipboard."""
    from ankiforge.config import is_remote

    if is_remote():
        return
    for variable, commands in table.items():
        if variable and not os.environ.get(variable):
            continue
        for name, *arguments in commands:
            program = which(name)
            if program is not None:
                yield (program, *arguments)


def copy(text: str) -> bool:
    """Put a text on the clipboard; return whether there is a way.

    Over ssh, only the terminal reaches the clipboard in front of the person.
    """
    for command in _programs(_PROGRAMS):
        encoded = text.encode("utf-16" if "clip.exe" in command[0] else "utf-8")
        try:
            subprocess.run(
                command,
                input=encoded,
                check=True,
                timeout=_SECONDS,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except (OSError, subprocess.SubprocessError):
            continue
        return True
    encoded = b64encode(text.encode())
    if len(encoded) > _LONGEST_OSC52 or os.environ.get("TERM", "") in _NO_CLIPBOARD:
        return False
    sys.stdout.write(f"\x1b]52;c;{encoded.decode()}\x07")
    sys.stdout.flush()
    return True


def _on_clipboard(command: Command) -> str:
    """Return the text on the clipboard; "" if there is none."""
    try:
        shown = subprocess.run(
            command,
            check=True,
            timeout=_SECONDS,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return shown.stdout[:_LONGEST].decode("utf-8", "replace")


# --- asking and taking ------------------------------------------------------------------

WATCHED_S = 600.0
"""How long the clipboard is watched for an answer, in seconds."""
_EACH_S = 1.0
_SILENCE_S = 0.5
"""Where a terminal does not mark the end of a paste, it ends with so much silence."""
_LONGEST = 8_000_000
_MOST_UNUSED = 5
_WORDS = 60
_KEYS = "paste the answer · c copy again · r read · w to a file · e in $EDITOR · Esc back"
_PRIVATE = (
    "For ten minutes the clipboard is compared with the form of an answer;"
    " nothing else of it is kept or shown."
)
BY_FILE = "By file: ankiforge draft export ask.md, then ankiforge draft import ANSWER.md"


def converse(call: Call, workspace: Workspace, say: Say) -> None:
    """Copy the text for a chat and take its answer, twenty highlights by twenty."""
    from ankiforge.pipeline.chats import ask, take

    asked = ask(workspace)
    say(f"\n{asked.said}", "bold")
    is_new = True
    last = ""
    while asked.texts:
        if is_new:
            _hand_over(call, workspace, asked, say)
        answer = _answer(workspace, asked, last, say)
        if answer is None:
            break
        last = answer
        taken = take(workspace, answer, asked=asked.keys[0])
        is_new = bool(taken.drafted)
        say(taken.said, "green" if is_new else "bold")
        for result in taken.drafted:
            if not result.drafts:
                words = shortened(on_one_line(result.highlight.exact), _WORDS)
                say(f"  no card for “{words}”: {result.reason}", "dim")
        for unused in taken.unused[:_MOST_UNUSED] if taken.drafted else ():
            say(f"  {unused.what}", "dim")
        if not is_new:
            continue
        asked = ask(workspace)
        if not asked.texts:
            say(asked.said, "bold")
            break
        say(f"next: {asked.said}. Enter copies the text, Esc ends.", "bold")
        if _key() not in ("\r", "\n", "c", "m", " "):
            break


def _hand_over(call: Call, workspace: Workspace, asked: Asked, say: Say) -> None:
    """Copy the text, or write it to a file where there is no clipboard."""
    text = asked.texts[0]
    if copy(text):
        say("copied: paste it into any chat, and copy its whole answer", "")
    else:
        say(f"there is no clipboard here; {_written(workspace, text)}", "")
        say("paste it into any chat, and its answer here", "")
        say(call.copyable(BY_FILE), "dim")


def _written(workspace: Workspace, text: str) -> str:
    path = workspace.folder.folder / "ask.md"
    path.write(text.encode())
    return f"written: {path}"


def _answer(workspace: Workspace, asked: Asked, last: str, say: Say) -> str | None:
    """Wait for an answer: pasted, on the clipboard, or from the editor. None = the person ends.

    `last` is the answer that was taken last, which may be on the clipboard still.
    """
    text = asked.texts[0]
    reader = next(_programs(_READERS), None)
    if reader:
        say(_PRIVATE, "dim")
    say(_KEYS, "dim")
    end = time.monotonic() + WATCHED_S
    while True:
        received = _received(_EACH_S)
        if len(received) > 1 and not received.startswith(_ESCAPE):
            return received
        key = received.lower()
        if key in (_ESCAPE, _INTERRUPT, _END_OF_INPUT):
            return None
        if key == "c":
            copied = copy(text)
            say("copied" if copied else _written(workspace, text), "")
        elif key == "w":
            say(_written(workspace, text), "")
        elif key == "r":
            click.echo_via_pager(for_terminal(text))
        elif key == "e":
            return click.edit("", extension=".md") or ""
        elif key == "p":
            say("paste the answer now; Ctrl-D if nothing happens then", "")
            return pasted()
        if reader and time.monotonic() > end:
            say("the clipboard is no longer watched; paste the answer here", "dim")
            reader = None
        if reader:
            found = _on_clipboard(reader)
            if found != last and is_answer(found, asked.keys[0]):
                return found


# --- what is typed and pasted -----------------------------------------------------------

_ESCAPE = "\x1b"
_INTERRUPT = "\x03"
_END_OF_INPUT = "\x04"
_PASTE_BEGINS = "\x1b[200~"
_PASTE_ENDS = "\x1b[201~"


def _key() -> str:
    """Wait for a key. One that was pressed a moment before counts, too."""
    if sys.platform != "win32":
        return _received(None)
    try:
        return click.getchar()
    except (KeyboardInterrupt, EOFError, OSError):
        return _ESCAPE


def pasted() -> str:
    """Return the text that the person pastes, up to Ctrl-D; "" after Ctrl-C."""
    text = _received(None, until_end=True)
    return "" if text == _INTERRUPT else text


def _received(seconds: float | None, *, until_end: bool = False) -> str:
    """Return the text that was typed or pasted; "" if none was in so many seconds.

    A line may be longer than a terminal takes in its usual mode. `until_end`: read on until the
    end of a paste, or Ctrl-D.
    """
    try:
        import termios
        import tty
    except ImportError:  # Windows has no modes of a terminal
        return sys.stdin.read()
    terminal = sys.stdin.fileno()
    modes = termios.tcgetattr(terminal)
    received = b""
    try:
        tty.setcbreak(terminal, termios.TCSADRAIN)  # a key that waits is kept
        os.write(terminal, b"\x1b[?2004h")  # the terminal marks both ends of a paste
        while select.select([terminal], [], [], seconds)[0]:
            part = os.read(terminal, 65_536)
            received += part
            ends = (_PASTE_ENDS.encode(), _END_OF_INPUT.encode())
            if not part or received.endswith(ends):
                break
            if not (received.startswith(_PASTE_BEGINS.encode()) or until_end):
                if len(received) == 1 or received.startswith(_ESCAPE.encode()):
                    break
                seconds = _SILENCE_S
            else:
                seconds = None
    except KeyboardInterrupt:
        return _INTERRUPT
    finally:
        os.write(terminal, b"\x1b[?2004l")
        termios.tcsetattr(terminal, termios.TCSADRAIN, modes)
    text = received.decode("utf-8", "replace")
    for sign in (_PASTE_BEGINS, _PASTE_ENDS):
        text = text.replace(sign, "")
    if len(text) > 1:
        text = text.removesuffix(_END_OF_INPUT)
    return text.replace("\r", "\n")
