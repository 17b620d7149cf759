"""Questions from a chat window, at a terminal: a text is copied, and its answer pasted.

Over ssh, only the terminal reaches the clipboard in front of the person, and it does not say
whether it did.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from base64 import b64encode
from shutil import which

Command = tuple[str, ...]

_PROGRAMS: dict[str, tuple[Command, ...]] = {
    "": (("pbcopy",), ("clip.exe",)),
    "WAYLAND_DISPLAY": (("wl-copy",),),
    "DISPLAY": (("xclip", "-selection", "clipboard"), ("xsel", "-ib")),
}
"""The programs that put their input on the clipboard, by the variable that they need."""
# Terminals drop longer texts.
_LONGEST_OSC52 = 74_994
_NO_CLIPBOARD = ("", "dumb", "linux")
_SECONDS = 5
COPIED = "copied: paste it into any chat, and copy its whole answer"
SENT = (
    "your terminal was asked to copy it; paste it into any chat, and copy its whole answer;"
    " nothing to paste? ankiforge draft export ask.md"
)
SECOND = (
    "asks your chat whether each card says what its passage says. Paste its answer here, or"
    " press Enter to leave it"
)


def copy(text: str) -> str:
    """Put a text on the clipboard; return how that went, "" if there is no way."""
    from ankiforge.config import is_remote

    # over ssh, a program has another clipboard
    for variable, commands in () if is_remote() else _PROGRAMS.items():
        for command in commands:
            if (not variable or os.environ.get(variable)) and _run(command, text):
                return COPIED
    encoded = b64encode(text.encode())
    if len(encoded) > _LONGEST_OSC52 or os.environ.get("TERM", "") in _NO_CLIPBOARD:
        return ""
    sys.stdout.write(f"\x1b]52;c;{encoded.decode()}\x07")
    sys.stdout.flush()
    return SENT


def _run(command: Command, text: str) -> bool:
    """Give a text to a program; return whether it is here and took it."""
    name, *arguments = command
    program = which(name)
    if program is None:
        return False
    encoded = text.encode("utf-16" if name == "clip.exe" else "utf-8")
    nowhere = subprocess.DEVNULL
    try:
        subprocess.run(
            [program, *arguments],
            input=encoded,
            check=True,
            timeout=_SECONDS,
            stdout=nowhere,
            stderr=nowhere,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return True


# --- what is pasted ---------------------------------------------------------------------

_PASTE_BEGINS, _PASTE_ENDS = b"\x1b[200~", b"\x1b[201~"
_SILENCE_S = 0.5
"""Where a terminal does not mark the end of a paste, it ends with so much silence."""


def pasted() -> str:
    """Return the text that the person pastes; "" if they press a key instead, or Ctrl-C.

    A line of it may be longer than a terminal takes in its usual mode.
    """
    try:
        import termios
        import tty
    except ImportError:  # Windows has no modes of a terminal
        return sys.stdin.read()
    terminal = sys.stdin.fileno()
    modes = termios.tcgetattr(terminal)
    received = b""
    seconds: float | None = None
    try:
        tty.setcbreak(terminal, termios.TCSADRAIN)
        os.write(terminal, b"\x1b[?2004h")  # the terminal marks both ends of a paste
        while select.select([terminal], [], [], seconds)[0]:
            part = os.read(terminal, 65_536)
            received += part
            if len(received) < 2 or not part or received.endswith(_PASTE_ENDS):
                break
            seconds = None if received.startswith(_PASTE_BEGINS) else _SILENCE_S
    except KeyboardInterrupt:
        received = b""
    finally:
        os.write(terminal, b"\x1b[?2004l")
        termios.tcsetattr(terminal, termios.TCSADRAIN, modes)
    if len(received) < 2:
        return ""
    text = received.removeprefix(_PASTE_BEGINS).removesuffix(_PASTE_ENDS)
    return text.decode("utf-8", "replace").replace("\r", "\n")
