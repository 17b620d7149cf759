"""The first half of the way for some notes only, where that comes to the same."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ankiforge.ledger import Ledger
from ankiforge.model import RunId, Scan
from ankiforge.pipeline import Job, Progress, Read, forge, settle, sight


def propose_part(
    job: Job, ledger: Ledger, run: RunId, name: str, container: str, places: Collection[str]
) -> Iterator[Progress]:
    """Read and draft these notes of one vault, when nothing else has changed since all was read.

    `job.sources` reads these notes; `name` and `container` are the vault's. If that does not come
    to what reading everything would, nothing is done but to say so (`Progress.doubt`).
    """
    found = Read()
    if places:
        yield from sight(job, ledger, run, found)
    else:  # time has passed: what is missing may be gone
        found.scans.append(Scan(name, container, complete=False))
    if doubt := ledger.reading.doubt(run, container, places):
        ledger.reading.begin()
        yield Progress(doubt=doubt)
        return
    yield from settle(ledger, run, found, part=True)
    yield from forge(job, ledger, run)
