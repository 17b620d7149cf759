"""The browser of whoever sits at this machine, if there is one; else the way to it from elsewhere."""

from __future__ import annotations

import os
import socket
import sys
import threading
import webbrowser
from urllib.parse import urlsplit

_TEXTUAL = ("www-browser", "lynx", "links", "elinks", "w3m")
"""These would take the terminal, and run no script."""


def open_page(address: str) -> bool:
    """Open an address in a browser, without waiting for it; False if there is none here."""
    found = _found()
    if found is None:
        return False
    # a browser named in $BROWSER may not return before it is closed
    threading.Thread(target=found.open, args=(address,), daemon=True).start()
    return True


def far_away() -> bool:
    """Whether who types sits at another machine."""
    return bool(os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"))


def tunnel(address: str) -> str:
    """The command that brings a page here to another machine: under the same port, as it asks."""
    port = urlsplit(address).port
    here = os.environ.get("SSH_CONNECTION", "").split()
    host = here[2] if len(here) == 4 else socket.gethostname()  # as it was reached from there
    return f"ssh -L {port}:127.0.0.1:{port} {host}"


def _found() -> webbrowser.BaseBrowser | None:
    if not os.environ.get("BROWSER") and (far_away() or not _has_screen()):
        return None
    try:
        found = webbrowser.get()
    except webbrowser.Error:
        return None
    return None if getattr(found, "basename", "") in _TEXTUAL else found


def _has_screen() -> bool:
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
