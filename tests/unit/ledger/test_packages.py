"""What was shipped: revisions, their mod, and rosters."""

from dataclasses import replace

import pytest

from ankiforge.model import RunId, Shipment, digest_of, next_mod, note_id
from ankiforge.pipeline import EditJudge

WORDS = "Osmosis is the movement of water through a membrane that holds back the solute."


@pytest.fixture
def shipped(bench):
    """A bench with one card and a shipment of it."""
    run, _ = bench.read({"a.md": [bench.mark(WORDS)]})
    [bench.guid] = bench.forge(run)
    html = ("front", "back")
    bench.shipment = Shipment(
        bench.guid, 0, next_mod(bench.guid, None), (("Front", "front"),), html, ("t",), "Deck",
        digest_of(html, ("t",)), True,
    )  # fmt: skip
    bench.ship = lambda run, *shipments: bench.ledger.packages.ship(RunId(run), "p", shipments)
    bench.last = lambda: bench.ledger.packages.last(bench.guid)
    return bench


def rows(bench, table):
    return bench.ledger._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_the_first_mod_is_the_second_of_the_notes_id_and_each_change_adds_one(shipped):
    first = shipped.shipment
    assert first.mod == note_id(shipped.guid) // 1000
    assert next_mod(shipped.guid, first) == first.mod + 1


def test_a_shipment_is_remembered_and_only_a_change_is_a_new_revision(shipped):
    shipped.ship("one", shipped.shipment)
    assert shipped.last() == replace(
        shipped.shipment, rev=1, first=False, written_at=shipped.last().written_at
    )
    assert shipped.ledger.packages.roster("p") == {shipped.guid}
    assert shipped.ledger.cards.get(shipped.guid).anki == "written"

    before = [rows(shipped, table) for table in ("package", "roster", "shipped")]
    shipped.ship("two", shipped.last())
    assert [rows(shipped, table) for table in ("package", "roster", "shipped")] == before

    changed = replace(shipped.shipment, mod=shipped.shipment.mod + 1, html=("front", "other"))
    shipped.ship("three", changed)
    history = shipped.ledger.packages.history(shipped.guid)
    assert [row[:2] for row in history] == [(1, shipped.shipment.mod), (2, changed.mod)]
    shipped.ship("four")
    assert shipped.ledger.packages.roster("p") == frozenset()


def test_a_build_does_not_disturb_a_run_that_is_still_reading(bench):
    from ankiforge.model import Extracted, Scan

    run = bench.ledger.start_run("run")
    bench.ledger.ingest.begin(run)
    document = bench.document("a.md")
    mark = replace(bench.mark(WORDS), document=document)
    bench.ledger.ingest.add(run, Extracted(document, (mark,), bench.container))
    bench.ledger.start_run("build")
    scan = Scan("notes", bench.container, True)
    assert (
        bench.ledger.ingest.finish(
            run, [scan], [], bench.clock(), judge=EditJudge(bench.ledger)
        ).new
        == 1
    )
