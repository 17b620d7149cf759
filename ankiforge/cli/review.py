"""`ankiforge review`: serve the review page and open it in a browser."""

from __future__ import annotations

import os
import socket
import sys
import threading
import webbrowser
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from ankiforge.cli.output import Call, Session, command, session

if TYPE_CHECKING:
    from ankiforge.ledger import Ledger
    from ankiforge.review.desk import Desk


@command("""
  ankiforge review              open the page in your browser
  ankiforge review --no-open    print its address instead
""")
@click.option("--no-open", is_flag=True, help="Print the address; do not open a browser.")
def review(call: Call, no_open: bool) -> None:
    """Decide on cards in the browser, with the source beside each card.

    Everything stays on this machine. Every decision is stored at once; Ctrl-C stops the page.
    """
    from ankiforge.review.door import serve

    with session(call) as now:
        serve(partial(_desk, now), partial(_started, now, no_open))
    raise click.Abort  # only Ctrl-C ends the server


def _desk(now: Session) -> Desk:
    """Open the desk with a ledger of its own, in the thread that answers."""
    from ankiforge import app
    from ankiforge.review.desk import Desk

    return Desk(app.open_ledger(now.workspace), now.workspace, now.decks, partial(_send, now))


def _started(now: Session, no_open: bool, address: str) -> None:
    """Open the page, or print how to open it."""
    out = now.out
    remote = bool(os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"))
    if not (no_open or out.as_json) and not _open_browser(address, remote=remote):
        out.say("no browser can be opened here; open the whole address below in yours")
    if remote:
        port = urlsplit(address).port  # the page accepts requests for this port only
        here = os.environ.get("SSH_CONNECTION", "").split()
        host = here[2] if len(here) == 4 else socket.gethostname()
        out.say(f"first, on your own computer: ssh -L {port}:127.0.0.1:{port} {host}")
    out.say("press Ctrl-C to end")
    if out.as_json:
        out.data({"address": address})
    else:
        out.write(address)


def _send(now: Session, ledger: Ledger) -> str:
    """Push the cards that Anki lacks, or write the package; return what became of it."""
    from ankiforge import app, deliver
    from ankiforge.cli.anki import package_path, running_anki
    from ankiforge.text import counted

    quiet = replace(now.call, out=replace(now.out, as_json=True, quiet=True))
    here, tally = Session(quiet, now.workspace, ledger), app.Tally()
    path = package_path(here)
    deliver.refuse_foreign(path, force=False)
    error = app.push(now.workspace, ledger, tally, path, partial(running_anki, here))
    failed = [f"{one.where}: {one.what}." for one in tally.problems if not one.notice]
    if tally.pushed:
        said = f"{counted(tally.pushed[0], 'new card')} in Anki, {tally.pushed[1]} updated."
    elif tally.packages:
        notes = sum(one.notes for one in tally.published)
        said = f"Anki is not running, so {counted(notes, 'card')} are in {path}. Double-click it to import it."
    else:
        said = "Anki has every card." if error is None else f"Nothing to send: {error.message}."
    return " ".join((said, *failed))


def _open_browser(address: str, *, remote: bool) -> bool:
    """Open an address in the browser of this machine; return False if there is none."""
    screen = (
        sys.platform in ("darwin", "win32")
        or os.environ.get("DISPLAY")
        or os.environ.get("WAYLAND_DISPLAY")
    )
    if not os.environ.get("BROWSER") and (remote or not screen):
        return False
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    # text browsers would occupy the terminal, and run no scripts
    if getattr(browser, "basename", "") in ("www-browser", "lynx", "links", "elinks", "w3m"):
        return False
    # in a thread, because a browser named in $BROWSER may return only when it is closed
    threading.Thread(target=browser.open, args=(address,), daemon=True).start()
    return True
