"""Exchange text with a chat: copy a prompt to the clipboard, and read the pasted answer.

Over ssh, only the user's terminal can access the clipboard, and it doesn't report success.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from base64 import b64encode
from shutil import which

CopyCommand = tuple[str, ...]

_COPY_COMMANDS: dict[str, tuple[CopyCommand, ...]] = {
    "": (("pbcopy",), ("clip.exe",)),
    "WAYLAND_DISPLAY": (("wl-copy",),),
    "DISPLAY": (("xclip", "-selection", "clipboard"), ("xsel", "-ib")),
}
"""The programs that copy their input to the clipboard, by the environment variable that they
require.
"""
# Terminals discard text that is longer than this.
_MAX_OSC52_CHARS = 74_994
_TERMS_WITHOUT_CLIPBOARD = ("", "dumb", "linux")
_COPY_TIMEOUT = 5
COPIED_MESSAGE = "copied: paste it into any chat, and copy its whole answer"
SENT_MESSAGE = (
    "your terminal was asked to copy it; paste it into any chat, and copy its whole answer;"
    " nothing to paste? press Enter, then: ankiforge draft export ask.md"
)
SECOND_ROUND_MESSAGE = (
    "asks your chat whether each card says what its passage says. Paste its answer here, or"
    " press Enter to leave it"
)


def copy_text(text: str) -> str:
    """Copy text to the clipboard and return a message for the user, or "" on failure."""
    from ankiforge.config import is_remote

    # over ssh, these programs would use the clipboard of the remote computer
    for variable, commands in () if is_remote() else _COPY_COMMANDS.items():
        for command in commands:
            if (not variable or os.environ.get(variable)) and _run_copy_command(
                command, text
            ):
                return COPIED_MESSAGE
    encoded = b64encode(text.encode())
    if (
        len(encoded) > _MAX_OSC52_CHARS
        or os.environ.get("TERM", "") in _TERMS_WITHOUT_CLIPBOARD
    ):
        return ""
    sys.stdout.write(f"\x1b]52;c;{encoded.decode()}\x07")
    sys.stdout.flush()
    return SENT_MESSAGE


def _run_copy_command(command: CopyCommand, text: str) -> bool:
    name, *arguments = command
    program = which(name)
    if program is None:
        return False
    encoded = text.encode("utf-16" if name == "clip.exe" else "utf-8")
    devnull = subprocess.DEVNULL
    try:
        subprocess.run(
            [program, *arguments],
            input=encoded,
            check=True,
            timeout=_COPY_TIMEOUT,
            stdout=devnull,
            stderr=devnull,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return True


# --- pasting ----------------------------------------------------------------------------

_PASTE_START, _PASTE_END = b"\x1b[200~", b"\x1b[201~"
_PASTE_TIMEOUT = 0.5
"""The number of seconds without input that end a paste if the terminal doesn't mark its end."""


def read_paste() -> str:
    """Read pasted text from the terminal, or return "" if the user presses a key or Ctrl-C.

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
