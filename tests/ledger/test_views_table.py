"""Each view and trigger of `schema.sql`, row by row: rows of tables, and the answer.

Rows are written as `table column=value column=value`, one after another with `;` between. What a row
doesn't name is empty; a highlight is present, a card is live.
"""

import re
import sqlite3

import pytest

from ankiforge.ledger.database import SCHEMA

DEFAULTS = {
    "highlight": {"document": 1, "state": "present", "worth": 0.5},
    "document": {"container": "v", "place": "n", "state": "present"},
    "card": {"live": 1, "verdict": "live"},
    "draft": {"drafter": "model", "body": '{"keeps_text":false,"origin":{"model":"m"}}'},
}

VIEWS = {
    # whether an event is active
    "SELECT id FROM standing": [
        ("event id=e", "e"),
        ("event id=e; event id=u undoes=e", "u"),
        ("event id=e; event id=u undoes=x", "e u"),
        ("event id=e; event id=f; event id=u undoes=e", "f u"),
    ],
    # drafts in the order of reading, of present highlights only
    "SELECT id FROM readable ORDER BY document, place, position": [
        ("highlight key=p; draft id=d key=p", "d"),
        ("highlight key=p state=missing; draft id=d key=p", ""),
        ("highlight key=p state=gone; draft id=d key=p", ""),
        ("highlight key=p state=unselected; draft id=d key=p", ""),
        ("highlight key=p state=journal; draft id=d key=p", ""),
        ("draft id=d key=p", ""),
        ("highlight key=p; draft id=a key=p position=2; draft id=b key=p position=1", "b a"),
        (
            "highlight key=p document=2; highlight key=q document=1 position=9;"
            " highlight key=r document=1 position=3; draft id=a key=p;"
            " draft id=b key=q position=1; draft id=c key=r position=2",
            "c b a",
        ),
    ],
    "SELECT key || '/' || passage FROM present_passage": [
        ("highlight key=p", "p/p"),
        ("highlight key=q; alias key=q first=p", "q/p"),
        ("highlight key=p state=missing", ""),
        ("highlight key=p state=gone", ""),
        ("highlight key=p state=unselected", ""),
    ],
    # whether the user is asked if its document was deleted
    "SELECT is_doubted FROM present_passage": [
        ("highlight key=p document=2; meta name=doubted:v value=[2,3]", "1"),
        ("highlight key=p document=2; meta name=doubted:v value=[3]", "0"),
        ("highlight key=p document=2; meta name=doubtful:v value=[2]", "0"),
    ],
    "SELECT document || '/' || title || '/' || position FROM present_passage": [
        ("highlight key=p document=2 position=4; document id=3 place=o title=O", "2/M/4"),
    ],
    "SELECT undrafted FROM present_passage": [
        ("highlight key=p content=c", "1"),
        ("highlight key=p content=c drafted=c", "0"),
        ("highlight key=p content=c modelled=c", "0"),
        ("highlight key=p content=c drafted=b modelled=b", "1"),
        ("highlight key=p content=c fate=no_card", "0"),
    ],
    "SELECT done || skipped FROM present_passage": [
        ("highlight key=p", "00"),
        ("highlight key=p; passage key=p done=1", "10"),
        ("highlight key=p; passage key=p skipped=1", "01"),
        ("highlight key=q; alias key=q first=p; passage key=p done=1 skipped=1", "11"),
        ("highlight key=q; alias key=q first=p; passage key=q done=1", "00"),
    ],
    # whether the passage, or a sentence of it, has a live card
    "SELECT carded FROM present_passage": [
        ("highlight key=p", "0"),
        ("highlight key=p; card guid=c passage=p", "1"),
        ("highlight key=p; card guid=c passage=p live=0", "0"),
        ("highlight key=p; card guid=c passage=q", "0"),
        ("highlight key=q; alias key=q first=p; card guid=c passage=p", "1"),
        ("highlight key=p; sentence name=s key=p; card guid=c passage=q sentence=s", "1"),
        ("highlight key=p; sentence name=s key=p; card guid=c passage=q sentence=s live=0", "0"),
        ("highlight key=p; sentence name=s key=p; card guid=c passage=q sentence=t", "0"),
        ("highlight key=p; sentence key=p; card guid=c passage=q", "0"),
        (
            "highlight key=q; alias key=q first=p; sentence name=s key=p;"
            " card guid=c passage=r sentence=s",
            "1",
        ),
    ],
    # of the best undecided sentence, none if every sentence is decided
    "SELECT coalesce(open_worth, 'none') FROM present_passage": [
        ("highlight key=p", "none"),
        ("highlight key=p; sentence name=s key=p worth=.3", "0.3"),
        (
            "highlight key=p; sentence name=s key=p worth=.2; sentence name=t key=p worth=.3;"
            " sentence name=u key=q worth=.4",
            "0.3",
        ),
        (
            "highlight key=p; sentence name=s key=p worth=.5;"
            " decided_sentence name=s passage=q kind=card; sentence name=t key=p worth=.2",
            "0.2",
        ),
        (
            "highlight key=p; sentence name=s key=p worth=.5;"
            " decided_sentence name=s passage=q kind=own",
            "none",
        ),
        (
            "highlight key=p; sentence name=s key=p worth=.5;"
            " decided_sentence name=s passage=q kind=draft; sentence name=t key=p worth=.2",
            "0.5",
        ),
    ],
    "SELECT has_decided_sentence FROM present_passage": [
        ("highlight key=p; sentence name=s key=p", "0"),
        (
            "highlight key=p; sentence name=s key=p;"
            " decided_sentence name=s passage=q kind=card",
            "1",
        ),
        (
            "highlight key=p; sentence name=s key=p;"
            " decided_sentence name=s passage=q kind=draft",
            "0",
        ),
        (
            "highlight key=p; sentence name=s key=q;"
            " decided_sentence name=s passage=q kind=card",
            "0",
        ),
    ],
    "SELECT decided || closed FROM present_passage": [
        ("highlight key=p", "00"),
        ("highlight key=p; passage key=p decided=1", "10"),
        ("highlight key=q; alias key=q first=p; passage key=p closed=1", "01"),
    ],
    "SELECT id || '/' || digest || '/' || passage || '/' || deck FROM in_use": [
        ("card guid=c kind=basic content=x passage=p", "c/basicx/p/"),
        ("card guid=c kind=basic content=x passage=p live=0", ""),
        ("highlight key=p; draft id=d key=p kind=basic content=x", "d/basicx/p/"),
        ("highlight key=p state=gone; draft id=d key=p kind=basic content=x", ""),
        ("highlight key=p content=b drafted=a; draft id=d key=p kind=basic content=x", ""),
        ("highlight key=p; draft id=d key=p drafter=propose", ""),
        ('highlight key=p; draft id=d key=p body={"keeps_text":true}', ""),
        ('foreign_note id=7 mod=2 deck=D fields=["a"]', "nid:7/nid:7·2//D"),
        ("foreign_note id=7 mod=2 deck=D fields=[]", ""),
    ],
}  # fmt: skip

PLANS = (
    "card guid=c passage=p sentence=s; card guid=d passage=q; sentence name=s key=r;"
    " highlight key=p body=x; highlight key=q body=x; highlight key=r body=x; highlight key=t body=x;"
    " conflict guid=d field=Front; seen guid=d; alias key=p first=p; alias key=p2 first=p;"
    " planned guid=c; planned guid=d; until_change name=package value=x"
)
"""Card `c` is from passage `p`, and its sentence is in `r`, too; `d` is from `q`."""
TRIGGERS = {
    "highlight_new": [
        ("INSERT INTO highlight SELECT 'u', {highlight} FROM highlight WHERE key = 'p'", "c d"),
        ("INSERT INTO highlight SELECT 'p2', {highlight} FROM highlight WHERE key = 'p'", "d"),
        (
            "DELETE FROM highlight WHERE key = 'q';"
            " INSERT INTO highlight SELECT 'q', {highlight} FROM highlight WHERE key = 'p'",
            "c",
        ),
    ],
    "highlight_changed": [
        ("UPDATE highlight SET body = 'y' WHERE key = 'p'", "d"),
        ("UPDATE highlight SET state = 'missing' WHERE key = 'p'", "d"),
        ("UPDATE highlight SET state = 'missing' WHERE key = 'q'", "c"),
        ("UPDATE highlight SET body = 'y' WHERE key = 'r'", "d"),
        ("UPDATE highlight SET body = 'y' WHERE key = 't'", "c d"),
        ("UPDATE highlight SET body = 'x', state = 'present' WHERE key = 'p'", "c d package"),
        ("UPDATE highlight SET worth = .9, drafted = 'z' WHERE key = 'p'", "c d package"),
        (
            "INSERT INTO highlight SELECT 'p2', {highlight} FROM highlight WHERE key = 'p';"
            " INSERT INTO planned VALUES ('c', '', '');"
            " UPDATE highlight SET body = 'y' WHERE key = 'p2'",
            "d",
        ),
    ],
    "sentence_new": [
        ("INSERT INTO sentence VALUES ('s', 't', .5)", "d"),
        ("INSERT INTO sentence VALUES ('v', 't', .5)", "c d"),
        ("INSERT INTO sentence VALUES ('', 't', .5)", "c d"),
    ],
    "seen_new": [("INSERT INTO seen (guid, absent, body) VALUES ('c', 0, '')", "c d")],
    "seen_gone": [
        ("DELETE FROM seen WHERE guid = 'd'", "c d"),
        ("DELETE FROM seen WHERE guid = 'x'", "c d package"),
    ],
    "conflict_new": [
        ("INSERT INTO conflict VALUES ('c', 'Back', '', '', '', '')", "d package"),
        ("DELETE FROM conflict", "c d package"),
    ],
}  # fmt: skip
"""What is left of the plans of `c` and `d` and of the package after a statement."""


@pytest.fixture(scope="module")
def database():
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.executescript(SCHEMA)
    yield database
    database.close()


@pytest.fixture(autouse=True)
def _undo(database: sqlite3.Connection):
    database.execute("BEGIN")
    yield
    database.execute("ROLLBACK")


def _name_view(query: str) -> str:
    return re.search(r"FROM (?:\(.* FROM )?(\w+)", query)[1]


def write_rows(database: sqlite3.Connection, rows: str) -> None:
    for row in filter(str.strip, rows.split(";")):
        table, *given = row.split()
        values = {
            name: "" if kind == "TEXT" else 0
            for _, name, kind, needed, default, _ in database.execute(
                f"PRAGMA table_info({table})"
            )
            if needed and default is None
        } | DEFAULTS.get(table, {})
        values |= (part.replace("·", " ").split("=", 1) for part in given)
        marks = ", ".join("?" * len(values))
        database.execute(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})",
            list(values.values()),
        )


@pytest.mark.parametrize(
    ("query", "rows", "answer"),
    [
        pytest.param(query, *case, id=f"{_name_view(query)}: {case[0]}")
        for query, cases in VIEWS.items()
        for case in cases
    ],
)
def test_a_view(database, query, rows, answer):
    write_rows(database, "document id=1; document id=2 place=m title=M;" + rows)
    found = [value for (value,) in database.execute(query)]
    expected = [part.replace("·", " ") for part in answer.split()]
    if found and isinstance(found[0], float):
        assert found == pytest.approx([float(part) for part in expected])
    elif re.search(r"ORDER BY [\w, ]+$", query):
        assert list(map(str, found)) == expected
    else:
        assert sorted(map(str, found)) == sorted(expected)


@pytest.mark.parametrize(
    ("statement", "left"), [case for cases in TRIGGERS.values() for case in cases]
)
def test_a_trigger(database, statement, left):
    write_rows(database, PLANS)
    columns = [name for _, name, *_ in database.execute("PRAGMA table_info(highlight)")]
    for part in statement.format(highlight=", ".join(columns[1:])).split(";"):
        database.execute(part)
    kept = database.execute(
        "SELECT guid FROM planned UNION ALL SELECT name FROM until_change"
    )
    assert " ".join(sorted(name for (name,) in kept)) == left


def test_every_view_and_trigger_has_rows():
    named = re.findall(r"CREATE (VIEW|TRIGGER) IF NOT EXISTS (\w+)", SCHEMA)
    views = {name for kind, name in named if kind == "VIEW"}
    assert {_name_view(query) for query in VIEWS} == views
    assert TRIGGERS.keys() == {name for kind, name in named if kind == "TRIGGER"}
