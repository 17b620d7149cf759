"""Play the table of ways and events, and print it.

    python -m tests.life.ways [WAY|EVENT]...

Without arguments, all rows are played. A row that falls short has `!` and is explained below.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fakes import llm_server
from tests.life.ways import EVENTS, WAYS, play


def print_table(only: Sequence[str]) -> int:
    """Play and print the rows of these ways and events, or all of them; return how many fall short."""
    ways = [way for way in WAYS if not only or way in only] or list(WAYS)
    events = [event for event in EVENTS if event in only] or list(EVENTS)
    print(f"{'':18}" + "".join(f"{event:12}" for event in events))
    explained = []
    count = 0
    for way in ways:
        print(f"{way:18}", end="", flush=True)
        for event in events:
            if event in WAYS[way].lacks:
                print(f"{'·':12}", end="", flush=True)
                continue
            with ExitStack() as stack:
                folder = Path(stack.enter_context(TemporaryDirectory()))
                server = None
                if WAYS[way].needs == "server":
                    server = stack.enter_context(llm_server.LlmServer())
                cell, faults = play(folder, way, event, server)
            count += 1
            explained += [f"{way} × {event}: {fault}" for fault in faults[:1]]
            print(f"{cell + ' !' * bool(faults):12}", end="", flush=True)
        print()
    print(*(f"! {line[:700]}" for line in explained), sep="\n")
    print(f"{count - len(explained)} of {count} rows hold")
    return len(explained)


if __name__ == "__main__":
    sys.exit(bool(print_table(sys.argv[1:])))
