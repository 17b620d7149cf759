"""The clipboard of a terminal: a text goes out by a program or OSC 52, another one is pasted."""

from __future__ import annotations

import os
import subprocess
import sys
from base64 import b64encode
from shutil import which

_PROGRAMS = {
    "": (("pbcopy",), ("clip.exe",)),
    "WAYLAND_DISPLAY": (("wl-copy",),),
    "DISPLAY": (("xclip", "-selection", "clipboard"), ("xsel", "-ib")),
}
"""The programs that put their input on the clipboard, by the variable that they need."""
# Terminals drop longer texts.
_LONGEST_OSC52 = 74_994
_NO_CLIPBOARD = ("", "dumb", "linux")
_PASTE_BEGINS = b"\x1b[200~"
_PASTE_ENDS = b"\x1b[201~"
_END_OF_INPUT = b"\x04"
_INTERRUPT = b"\x03"
_SECONDS = 5


def copy(text: str) -> bool:
    """Put a text on the clipboard; return whether there is a way.

    Over ssh, only the terminal reaches the clipboard in front of the person.
    """
    is_remote = bool(os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"))
    for variable, programs in _PROGRAMS.items():
        if is_remote or (variable and not os.environ.get(variable)):
            continue
        for name, *arguments in programs:
            program = which(name)
            if program is None:
                continue
            encoded = text.encode("utf-16" if name == "clip.exe" else "utf-8")
            try:
                subprocess.run(
                    [program, *arguments],
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


def pasted() -> str:
    """Return what the person pastes; it ends with the paste, or with Ctrl-D.

    A line may be longer than a terminal takes in its usual mode.
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
        tty.setraw(terminal)
        os.write(terminal, b"\x1b[?2004h")  # the terminal marks both ends of a paste
        while not received.endswith((_PASTE_ENDS, _END_OF_INPUT, _INTERRUPT)):
            part = os.read(terminal, 65_536)
            if not part:
                break
            received += part
    finally:
        os.write(terminal, b"\x1b[?2004l")
        termios.tcsetattr(terminal, termios.TCSADRAIN, modes)
    if received.endswith(_INTERRUPT):
        return ""
    for sign in (_PASTE_BEGINS, _PASTE_ENDS, _END_OF_INPUT):
        received = received.replace(sign, b"")
    return received.decode("utf-8", "replace").replace("\r", "\n")
