"""Exchange text with a chat: copy a prompt to the clipboard, and read the pasted answer."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from contextlib import suppress
from shutil import which

# The programs that copy their input to the clipboard. Each tuple has the environment variable that
# the program requires ("" for none), and then its command line.
_COPY_COMMANDS = (
    ("", "pbcopy"),
    ("", "clip.exe"),
    ("WAYLAND_DISPLAY", "wl-copy"),
    ("DISPLAY", "xclip", "-selection", "clipboard"),
    ("DISPLAY", "xsel", "-ib"),
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

    # over ssh, these programs would use the clipboard of the remote computer
    for variable, name, *arguments in () if is_ssh_session() else _COPY_COMMANDS:
        is_possible = not variable or os.environ.get(variable)
        program = which(name) if is_possible else None
        if program is None:
            continue
        with suppress(OSError, subprocess.SubprocessError):
            subprocess.run(
                [program, *arguments],
                input=text.encode("utf-16" if name == "clip.exe" else "utf-8"),
                check=True,
                timeout=_COPY_TIMEOUT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            return True
    return False


# --- pasting ----------------------------------------------------------------------------

_PASTE_START, _PASTE_END = b"\x1b[200~", b"\x1b[201~"
_PASTE_TIMEOUT = 0.5
"""How many seconds without input end a paste if the terminal lacks bracketed paste."""


def read_pasted_text() -> str:
    """Read pasted text from the terminal. Return "" if the user presses a key or Ctrl-C instead.

    The terminal is taken out of canonical mode, which would limit the length of lines.
    """
    try:
        import termios
        import tty
    except ImportError:  # Windows has no terminal modes
        return sys.stdin.read()
    terminal = sys.stdin.fileno()
    modes = termios.tcgetattr(terminal)
    received = b""
    timeout: float | None = None
    try:
        tty.setcbreak(terminal, termios.TCSADRAIN)
        # turn on bracketed paste, by which the terminal marks both ends of a paste
        os.write(terminal, b"\x1b[?2004h")
        while select.select([terminal], [], [], timeout)[0]:
            chunk = os.read(terminal, 65_536)
            received += chunk
            if len(received) < 2 or not chunk or received.endswith(_PASTE_END):
                break
            timeout = None if received.startswith(_PASTE_START) else _PASTE_TIMEOUT
    except KeyboardInterrupt:
        received = b""
    finally:
        os.write(terminal, b"\x1b[?2004l")
        termios.tcsetattr(terminal, termios.TCSADRAIN, modes)
    if len(received) < 2:
        return ""
    text = received.removeprefix(_PASTE_START).removesuffix(_PASTE_END)
    return text.decode("utf-8", "replace").replace("\r", "\n")
