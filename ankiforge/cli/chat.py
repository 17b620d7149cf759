"""Exchange text with a chat: copy a prompt to the clipboard, and read the pasted answer."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from shutil import which
from typing import NamedTuple


class _CopyCommand(NamedTuple):
    """A program that copies its input to the clipboard."""

    name: str
    arguments: tuple[str, ...] = ()
    variable: str | None = None
    """The environment variable without which the program can't copy, or None."""
    encoding: str = "utf-8"


_COPY_COMMANDS = (
    _CopyCommand("pbcopy"),
    _CopyCommand("clip.exe", encoding="utf-16"),
    _CopyCommand("wl-copy", variable="WAYLAND_DISPLAY"),
    _CopyCommand("xclip", ("-selection", "clipboard"), "DISPLAY"),
    _CopyCommand("xsel", ("-ib",), "DISPLAY"),
)
_COPY_TIMEOUT = 5
COPIED_MESSAGE = "copied: paste it into any chat, and copy its whole answer"
FILE_MESSAGE = "the text is in {}: paste it into any chat, and copy its whole answer"
SECOND_ROUND_MESSAGE = (
    "a second text was copied and asks your chat whether each card says what its passage says."
    " Paste its answer here, or press Enter to leave it"
)


def copy_text(text: str) -> bool:
    """Copy text to the clipboard, and return whether this succeeded."""
    from ankiforge.config import is_ssh_session

    if (
        is_ssh_session()
    ):  # there, these programs would use the clipboard of the remote computer
        return False
    for command in _COPY_COMMANDS:
        if command.variable is not None and not os.environ.get(command.variable):
            continue
        program = which(command.name)
        if program is not None and _copy_with(program, command, text):
            return True
    return False


def _copy_with(program: str, command: _CopyCommand, text: str) -> bool:
    """Pass text to a program that copies it, and return whether this succeeded."""
    try:
        subprocess.run(
            [program, *command.arguments],
            input=text.encode(command.encoding),
            check=True,
            timeout=_COPY_TIMEOUT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return True


# --- pasting ----------------------------------------------------------------------------

_PASTE_START, _PASTE_END = b"\x1b[200~", b"\x1b[201~"
_PASTE_TIMEOUT = 0.5
"""How many seconds without input end a paste if the terminal lacks bracketed paste."""


def read_pasted_text() -> str | None:
    """Read pasted text from the terminal. Return None if the user presses a key or Ctrl-C instead.

    The terminal is taken out of canonical mode, which would limit the length of lines.
    """
    try:
        import termios
        import tty
    except ImportError:  # Windows has no terminal modes
        return sys.stdin.read() or None
    terminal = sys.stdin.fileno()
    modes = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal, termios.TCSADRAIN)
        # turn on bracketed paste, by which the terminal marks both ends of a paste
        os.write(terminal, b"\x1b[?2004h")
        received = _receive_paste(terminal)
    except KeyboardInterrupt:
        return None
    finally:
        os.write(terminal, b"\x1b[?2004l")
        termios.tcsetattr(terminal, termios.TCSADRAIN, modes)
    if _is_single_key(received):
        return None
    text = received.removeprefix(_PASTE_START).removesuffix(_PASTE_END)
    return text.decode("utf-8", "replace").replace("\r", "\n")


def _receive_paste(terminal: int) -> bytes:
    """Return the bytes of a paste, with its markers, or of a single key.

    A terminal without bracketed paste doesn't say where a paste ends, so that it ends with a pause.
    """
    received = b""
    timeout: float | None = None
    while select.select([terminal], [], [], timeout)[0]:
        chunk = os.read(terminal, 65_536)
        received += chunk
        is_closed = not chunk
        if is_closed or _is_single_key(received) or received.endswith(_PASTE_END):
            break
        timeout = None if received.startswith(_PASTE_START) else _PASTE_TIMEOUT
    return received


def _is_single_key(received: bytes) -> bool:
    return len(received) < 2
