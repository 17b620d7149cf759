"""`ankiforge review`: serve the review page and open it in a browser."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from types import FrameType
from urllib.parse import urlsplit

import click

from ankiforge.cli.output import Call, command
from ankiforge.cli.session import Session, session
from ankiforge.text.display import counted

_WAITING = {
    "pending": ("card waits", "cards wait"),
    "revisions": ("correction", "corrections"),
    "work": ("card needs work", "cards need work"),
    "conflicts": ("conflict with Anki", "conflicts with Anki"),
    "passages": ("passage without a card", "passages without a card"),
}
"""The views whose cards are counted at the start, with texts for one and for several."""


@command("""
  ankiforge review                             open the page in your browser
  ankiforge review --deck Biology --no-open    print its address instead
  ankiforge review --query "finding:* -colour:red"
""")
@click.option("--deck", metavar="NAME", help="Include only this deck and its subdecks.")
@click.option("--source", metavar="NAME", help="Include only this source.")
@click.option(
    "--query",
    default="",
    metavar="QUERY",
    help="Include only cards that the query matches, as in list.",
)
@click.option("--no-open", is_flag=True, help="Print the address; do not open a browser or folder.")
def review(call: Call, deck: str | None, source: str | None, query: str, no_open: bool) -> None:
    """Decide on cards in the browser, with the source beside each card.

    Everything stays on this machine. Every decision is stored at once; Ctrl-C stops the page.
    """
    from ankiforge.review.page.decisions import Models
    from ankiforge.review.page.server import Services, serve
    from ankiforge.review.query import parse

    named = " ".join(
        f'{name}:"{value}"' for name, value in (("deck", deck), ("source", source)) if value
    )
    query = f"{named} {query}".strip()
    parse(query)
    with end_by_signal(), session(call) as now:
        call.out.problems(now.problems)
        services = Services(now.workspace, call.out.problems)
        started = partial(_started, now, query, no_open)
        models = Models(offline=call.offline, say=call.out.say)
        serve(services, query, started, models, partial(_send, now, opens=not no_open))
        raise click.Abort  # only Ctrl-C ends the server


def _started(now: Session, query: str, no_open: bool, address: str) -> None:
    """Print what waits, and open the page or print how to open it."""
    from ankiforge.review.page.lists import Lists

    out = now.out
    lists = Lists(lambda: now.review, query)
    waiting = []
    for view, (one, many) in _WAITING.items():
        if count := lists.count(view, {"query": query}):
            waiting.append(counted(count, one, many))
    out.say(f"{', '.join(waiting) or 'nothing waits for you'}; press Ctrl-C to end")
    remote = _is_remote()
    # JSON is read by a program, which needs no browser
    if not (no_open or out.as_json) and not _open_browser(address, remote=remote):
        out.say("no browser can be opened here; open the whole address below in yours")
    if remote:
        port = urlsplit(address).port  # the page accepts requests for this port only
        here = os.environ.get("SSH_CONNECTION", "").split()
        host = (
            here[2] if len(here) == 4 else socket.gethostname()
        )  # the address to which the user connected
        out.say(f"first, on your own computer: ssh -L {port}:127.0.0.1:{port} {host}")
    if out.as_json:
        out.data({"address": address})
    else:
        out.write(address)


def _send(now: Session, *, opens: bool) -> str:
    """Push the cards that Anki lacks; return a message, and show a package to import in its folder."""
    from ankiforge import ledger
    from ankiforge.cli.delivery import send

    quiet = replace(
        now.call, out=replace(now.out, as_json=True, quiet=True)
    )  # so that no question is asked
    with ledger.open_ledger(now.workspace.ledger, now.workspace.journal) as opened:
        message, package = send(Session(quiet, now.workspace, opened))
    if package and opens and _has_screen() and not _is_remote():
        click.launch(str(package), locate=True)
    return message


def _is_remote() -> bool:
    return bool(os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"))


def _has_screen() -> bool:
    return sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


def _open_browser(address: str, *, remote: bool) -> bool:
    """Open an address in the browser of this machine; return False if there is none."""
    if not os.environ.get("BROWSER") and (remote or not _has_screen()):
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


@contextmanager
def end_by_signal() -> Iterator[threading.Event]:
    """Treat SIGTERM and SIGHUP as Ctrl-C, unless they are handled or ignored (`nohup`) already.

    Yields:
        An event that is set once one of the three signals arrived. A loop has to look at it: a
        KeyboardInterrupt that is raised in a callback of SQLite, for example, is lost.
    """
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()
        signal.default_int_handler(number, frame)

    names = (name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
    handlers = {name: signal.getsignal(name) for name in map(signal.Signals.__getitem__, names)}
    ours = {
        name: handler
        for name, handler in handlers.items()
        if handler in (signal.SIG_DFL, signal.default_int_handler)
    }
    for name in ours:
        signal.signal(name, end)
    try:
        yield ended
    finally:
        for name, handler in ours.items():
            signal.signal(name, handler)
