"""Where cards are, row by row: rows of tables, as in `test_views_table`, and the answer."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ankiforge.ledger import Ledger, card_places, item_lists
from ankiforge.ledger.store import to_json
from tests.ledger.test_views_table import write_rows


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    folder: Path = tmp_path_factory.mktemp("places")
    with Ledger(folder / "l.db", folder, "a") as ledger:
        ledger.merge_journal()
        yield ledger


@pytest.fixture
def ledger(shared: Ledger) -> Iterator[Ledger]:
    """An empty ledger."""
    shared._db.execute("BEGIN")
    yield shared
    shared._db.execute("ROLLBACK")
    shared._drop_caches()


def write(ledger: Ledger, rows: str) -> None:
    rows = re.sub(
        r"keys=([\w,]+)", lambda found: f"keys={to_json(found[1].split(','))}", rows
    )
    write_rows(ledger._db, "document id=1; document id=2 place=m title=M;" + rows)


HOMES = [
    ("card guid=c passage=p", "p"),
    ("card guid=c passage=p sentence=s", "p"),
    ("card guid=c passage=p sentence=s; highlight key=q; sentence name=s key=q", "q"),
    ("card guid=c passage=p sentence=s; highlight key=q; sentence name=t key=q", "p"),
    ("card guid=c passage=p; highlight key=q; sentence key=q", "p"),
    (
        "card guid=c passage=p sentence=s; highlight key=q state=missing;"
        " sentence name=s key=q",
        "p",
    ),
    (
        "card guid=c passage=p sentence=s; highlight key=p position=2; sentence name=s key=p;"
        " highlight key=q position=1; sentence name=s key=q",
        "p",
    ),
    (
        "card guid=c passage=p sentence=s; highlight key=r; sentence name=s key=r;"
        " alias key=r first=q keys=q,r; alias key=q first=q keys=q,r",
        "q",
    ),
    # its own passage by another key of it
    (
        "card guid=c passage=p sentence=s; highlight key=r position=2; sentence name=s key=r;"
        " alias key=r first=p keys=p,r; highlight key=q position=1; sentence name=s key=q",
        "p",
    ),
    # first in the document in which it was, then the first document, then the first place
    (
        "card guid=c passage=p sentence=s; highlight key=p document=2;"
        " highlight key=q document=1; sentence name=s key=q;"
        " highlight key=r document=2; sentence name=s key=r",
        "r",
    ),
    (
        "card guid=c passage=p sentence=s; highlight key=p document=2 state=gone;"
        " highlight key=q document=1; sentence name=s key=q;"
        " highlight key=r document=2; sentence name=s key=r",
        "r",
    ),
    (
        "card guid=c passage=p sentence=s; highlight key=a document=2;"
        " sentence name=s key=a; highlight key=b document=1; sentence name=s key=b",
        "b",
    ),
    (
        "card guid=c passage=p sentence=s; highlight key=a position=2;"
        " sentence name=s key=a; highlight key=b position=1; sentence name=s key=b",
        "b",
    ),
]


@pytest.mark.parametrize(("rows", "home"), HOMES)
def test_the_passage_in_which_a_card_is_at_home(ledger, rows, home):
    write(ledger, rows)
    assert card_places.load_homes(ledger, ["c", "unknown"]) == {"c": home}
    assert card_places.find_live_cards_at_home(ledger, [home]) == {"c": home}
    assert card_places.find_live_cards_at_home(ledger, ["other"]) == {}


SOURCELESS = [
    ("highlight key=p state=gone; card guid=c passage=p", "c"),
    ("highlight key=p state=gone; card guid=c passage=p live=0", ""),
    ("highlight key=p state=gone; card guid=c passage=q", ""),
    ("highlight key=p; card guid=c passage=p", ""),
    ("highlight key=p state=missing; card guid=c passage=p", ""),
    ("highlight key=p state=unselected; card guid=c passage=p", ""),
    ("highlight key=p state=journal; card guid=c passage=p", ""),
    # a copy is still somewhere
    (
        "highlight key=p state=gone; highlight key=q; card guid=c passage=p;"
        " alias key=p first=p keys=p,q; alias key=q first=p keys=p,q",
        "",
    ),
    (
        "highlight key=p state=gone; highlight key=q state=missing; card guid=c passage=p;"
        " alias key=p first=p keys=p,q; alias key=q first=p keys=p,q",
        "",
    ),
    (
        "highlight key=p state=gone; highlight key=q state=unselected; card guid=c passage=p;"
        " alias key=p first=p keys=p,q; alias key=q first=p keys=p,q",
        "",
    ),
    (
        "highlight key=q state=gone; card guid=c passage=p;"
        " alias key=a first=a keys=a; alias key=p first=p keys=p,q; alias key=q first=p keys=p,q",
        "c",
    ),
    ("highlight key=p state=gone; highlight key=q; card guid=c passage=p", "c"),
    # its sentence is in another highlight
    (
        "highlight key=p state=gone; card guid=c passage=p sentence=s; highlight key=q;"
        " sentence name=s key=q",
        "",
    ),
]


@pytest.mark.parametrize(("rows", "guids"), SOURCELESS)
def test_which_cards_have_lost_their_passage(ledger, rows, guids):
    write(ledger, rows)
    assert card_places.find_sourceless_cards(ledger) == set(guids.split())


ANKI_STATES = [
    ("card guid=c", "none"),
    ("card guid=c shipped=1", "written"),
    ("card guid=c shipped=1; seen guid=c", "seen"),
    ("card guid=c shipped=1; seen guid=d", "written"),
    ("card guid=c shipped=1; seen guid=c absent=9", "missing"),
    ("card guid=c shipped=1 live=0 why=deleted·in·Anki; seen guid=c absent=9", "deleted"),
    ("card guid=c shipped=1 live=0 why=deleted·in·Anki", "deleted"),
    ("card guid=c shipped=1 live=0 why=deleted·in·Anki; seen guid=c", "seen"),
    ("card guid=c shipped=1 live=1 why=deleted·in·Anki", "written"),
    ("card guid=c shipped=1 live=0 why=wrong; seen guid=c absent=9", "missing"),
]


@pytest.mark.parametrize(("rows", "state"), ANKI_STATES)
def test_whether_anki_has_a_card(ledger, rows, state):
    write(ledger, rows)
    assert card_places.load_anki_states(ledger, ["c", "unknown"]) == {"c": state}


LISTED = [
    ("highlight key=p; draft id=d key=p", "d"),
    ("highlight key=p state=gone; draft id=d key=p", ""),
    ("card guid=c", "c"),
    ("card guid=c verdict=rejected live=0", "c"),
    ("card guid=c verdict=undone live=0", ""),
    ("card guid=c verdict=undone live=0 shipped=1", "c"),
    ("card guid=c verdict=undone live=0 drafter=person", "c"),
    ("card guid=c verdict=undone live=0 drafter=rules", ""),
]


@pytest.mark.parametrize(("rows", "id"), LISTED)
def test_which_cards_and_drafts_are_listed(ledger, rows, id):
    write(ledger, rows)
    assert item_lists.find_items(ledger, (), everything=True) == id.split()
    assert item_lists.find_ids_with_prefix(ledger, id or "c") == id.split()


ITEMS = [
    ("highlight key=p; draft id=d key=p position=3", "waiting/none/m/p/3"),
    ("card guid=c passage=p model=m", "accepted/none/m/p/0"),
    ("card guid=c verdict=rejected live=0 passage=p; seen guid=c", "rejected/seen//p/0"),
    (
        "card guid=c passage=p sentence=s; highlight key=q; sentence name=s key=q",
        "accepted/none//q/0",
    ),
]


@pytest.mark.parametrize(("rows", "told"), ITEMS)
def test_what_a_query_may_name(ledger, rows, told):
    write(ledger, rows)
    [item] = item_lists._load_all_items(ledger)
    assert (
        "/".join([item.verdict, item.anki, item.model, item.key, str(item.position)])
        == told
    )


FINDINGS = [
    ("highlight key=p; draft id=d key=p findings=too_long", "too_long"),
    ("card guid=c; seen guid=c leech=1", "leech"),
    ("card guid=c; seen guid=c leech=1 absent=9", ""),
    ("card guid=c; seen guid=c lapses=4", "lapses"),
    ("card guid=c; seen guid=c lapses=5 leech=1", "leech lapses"),
    ("card guid=c; seen guid=c lapses=3", ""),
    ("card guid=c; seen guid=c lapses=4 absent=9", ""),
    ("card guid=c passage=p; highlight key=p state=gone", "source_gone"),
    (
        "card guid=c passage=p; highlight key=p state=gone; seen guid=c leech=1",
        "leech source_gone",
    ),
]


@pytest.mark.parametrize(("rows", "findings"), FINDINGS)
def test_the_findings_of_cards_and_drafts(ledger, rows, findings):
    write(ledger, rows)
    [item] = item_lists._load_all_items(ledger)
    assert " ".join(item.findings) == findings
