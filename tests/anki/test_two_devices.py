"""What comes of our packages on two computers of one person, between them Anki's sync server.

Most rows begin after `SHIPPED`: the laptop imported a package and both devices have it. Where it
reads "mod seen + 1" a package keeps to the rule of docs/keys.md; the rows beside it show what the
rule is for. `old` is what holds before Anki 25: there an update stores the time of the import,
whatever the package says, and so wins over what a phone wrote earlier.

An edit on the phone is a minute old: two edits within one second have equal mods, and equal mods
leave each device with its own text.
"""

from pathlib import Path

import pytest

from tests.anki.scenarios import bench as b
from tests.anki.scenarios import devices as d
from tests.anki.scenarios import packages as p
from tests.anki.scenarios import steps as s

row, note, ship, again, edit, tag = b.row, p.note, s.ship, s.again, s.edit, s.tag
unseen, LATER, SEEN, TWO = s.unseen, p.LATER, p.SEEN, p.TWO
laptop, phone, sync = d.on("laptop"), d.on("phone"), d.sync

NEW = note(Back="new", mod=1)
DAY = 86_400
BOTH_SYNC = sync("phone", "laptop", "phone")
pytestmark = pytest.mark.core
# fmt: off

SHIPPED = (laptop(ship()), sync("laptop", "phone"))

SYNCED = [
    row("u1", "mod seen + 1: words from the phone that the laptop has not got yet stay on both",
        *SHIPPED, phone(edit(Back="phone"), d.clock(-60)), sync("phone"),
        laptop(ship(NEW)), BOTH_SYNC,
        laptop_log="1 updated", both_Back="phone", old={"both_Back": "new"}),
    row("u2", "mod now: they are lost on both",
        *SHIPPED, phone(edit(Back="phone"), d.clock(-60)), sync("phone"),
        laptop(ship(note(Back="new", mod=LATER))), BOTH_SYNC, both_Back="new"),
    row("u3", "mod seen + 1: they stay if the phone syncs last",
        *SHIPPED, phone(edit(Back="phone"), d.clock(-60)),
        laptop(ship(NEW)), sync("laptop"), BOTH_SYNC, both_Back="phone", old={"both_Back": "new"}),
    row("u3 equal", "equal mods leave each device its own text for ever",
        *SHIPPED, phone(edit(Back="phone"), d.at(LATER)), laptop(ship(note(Back="new", mod=LATER))),
        BOTH_SYNC, laptop_log="1 updated", both_Back=["new", "phone"], old={"both_Back": "phone"}),
    row("u4", "a tag from the phone does too; our change waits for a view",
        *SHIPPED, phone(tag("exam"), d.clock(-60)), laptop(ship(NEW)), BOTH_SYNC,
        both_Back="old", both_tags="exam", old={"both_Back": "new", "both_tags": ""}),
    row("u5", "after the view our change arrives on both, with the tag",
        *SHIPPED, phone(tag("exam"), d.clock(-60)), laptop(ship(NEW)), BOTH_SYNC,
        laptop(ship(note(Back="new", tags="exam", mod=SEEN))), BOTH_SYNC,
        both_Back="new", both_tags="exam"),
    row("u6", "reviews on the phone and our change on the laptop both arrive",
        *SHIPPED, phone(s.review, s.remember), laptop(ship(NEW)), BOTH_SYNC,
        both_Back="new", both_reviews=1, phone_kept=True),
    row("u7", "a note that both import before they sync is one note: its ids are pure",
        laptop(ship()), phone(again()), BOTH_SYNC, both_here=1, both_nid=0, both_cards=[0],
        both_kinds="ankiforge Basic"),
    row("u7 deck", "but its deck is two, since a deck takes no id from a package",
        laptop(ship()), phone(again()), BOTH_SYNC,
        both_decks="Reading, Reading+", both_deck="Reading"),
    row("u7 split", "each device keeps the name for its own, and calls that of the other Reading+",
        laptop(ship()), phone(ship(TWO)), BOTH_SYNC, BOTH_SYNC,
        both_deck=["Reading", "Reading+"], both_two_deck=["Reading+", "Reading"]),
    row("u7 later", "and one if the second device syncs before it imports",
        laptop(ship()), sync("laptop", "phone"), phone(again()), BOTH_SYNC,
        phone_log="1 duplicate", both_here=1, both_decks="Reading"),
    row("u8", "under two ids it is two for ever",
        laptop(ship(raw=p.nid(1_500_000_000_000))), phone(ship(raw=p.nid(1_500_000_000_001))),
        BOTH_SYNC, both_here=2),
    row("u9", "if one imports the newer package, both have that",
        laptop(ship()), phone(ship(NEW)), BOTH_SYNC, both_here=1, both_Back="new"),
    row("u10", "a note deleted on the phone goes from the laptop, which imports its package before",
        *SHIPPED, phone(s.delete), sync("phone"), laptop(again()), BOTH_SYNC,
        laptop_log="1 duplicate", both_here=0),
    row("u11", "and stays deleted though our change arrives before the deletion",
        *SHIPPED, phone(s.delete), sync("phone"), laptop(ship(NEW)), BOTH_SYNC,
        laptop_log="1 updated", both_here=0),
    row("u12", "a synced deletion leaves graves on both",
        *SHIPPED, phone(s.delete), BOTH_SYNC, both_graves=["card", "note"]),
    row("u13", "an import that is undone before the sync never reaches the phone",
        laptop(ship(), s.undo), BOTH_SYNC, both_here=0, both_graves=[]),
    row("u13 late", "after the sync Anki no longer offers to undo it",
        laptop(ship()), sync("laptop"), laptop_undo=""),
    row("u14", "a note whose type the person changed takes no change, here or there",
        *SHIPPED, phone(s.to_basic), sync("phone", upload=True), sync("laptop", upload=False),
        laptop(ship(note(Back="new", mod=LATER))), BOTH_SYNC,
        laptop_log="1 conflicting", both_Back="old", both_kind="Basic"),
    row("u15", "a restored backup is synced in full, one way",
        *SHIPPED, laptop(d.backup, edit(Back="mine")), sync("laptop", "phone"),
        laptop(d.restore), sync("laptop", upload=True), sync("phone", upload=False),
        both_Back="old"),
    row("u16", "a full upload leaves no graves",
        *SHIPPED, laptop(s.delete, s.add_field_elsewhere), sync("laptop", upload=True),
        sync("phone", upload=False), both_here=0, both_graves=[]),
    row("u17", "a phone whose clock is a day ahead keeps its words",
        *SHIPPED, phone(edit(Back="phone"), d.clock(DAY)), laptop(ship(NEW)), BOTH_SYNC,
        both_Back="phone"),
    row("u18", "mod seen + 1 then still gets through",
        *SHIPPED, phone(edit(Back="phone"), d.clock(DAY)), BOTH_SYNC,
        laptop(ship(note(Back="new", mod=SEEN))), BOTH_SYNC,
        laptop_log="1 updated", both_Back="new"),
    row("u19", "but then words written by a right clock lose to that package: it is to be held",
        *SHIPPED, phone(edit(Back="phone"), d.clock(DAY)), BOTH_SYNC,
        laptop(ship(note(Back="new", mod=SEEN))), BOTH_SYNC,
        phone(edit(Back="again"), d.clock(-60)), sync("phone", "laptop"),
        laptop(again()), BOTH_SYNC,
        laptop_log="1 updated", both_Back="new"),
    row("u20", "a phone whose clock is a day behind keeps its words: our mods are years behind",
        *SHIPPED, phone(edit(Back="phone"), d.clock(-DAY)), laptop(ship(NEW)), BOTH_SYNC,
        both_Back="phone", old={"both_Back": "new"}),
]

ALONE = [
    row("v1", "a restored backup takes the package again as if for the first time",
        laptop(d.backup, ship(), d.restore, again()),
        laptop_log="1 new", laptop_nid=0, laptop_mod=0, laptop_cards=[0], laptop_graves=[]),
    row("v2", "the notes a backup lacks leave no grave",
        laptop(d.backup, ship(), d.restore), laptop_here=0, laptop_graves=[]),
    row("v2 deleted", "but those a person deleted before the backup do",
        laptop(ship(), s.review, s.delete, d.backup, d.restore),
        laptop_graves=["card", "note"], laptop_reviews=1),
    row("v3", "in a backup with the older text our change arrives again",
        laptop(ship(), d.backup, ship(NEW), d.restore, again()),
        laptop_log="1 updated", laptop_Back="new"),
    row("v4", "an undone import can be imported again",
        laptop(ship(), s.undo, again()),
        laptop_log="1 new", laptop_here=1, laptop_undo="Import"),
    row("v5", "an undone update brings the old text and mod back, and can be imported again",
        laptop(ship(), ship(NEW), s.undo), laptop_Back="old", laptop_mod=0, laptop_graves=[]),
    row("v6", "another profile takes the package as new, under the same ids",
        laptop(ship()), phone(again()), phone_log="1 new", both_nid=0, both_here=1),
    row("v7", "an old package imported last changes nothing",
        laptop(ship(), ship(NEW), again(0)),
        laptop_log="1 duplicate", laptop_Back="new"),
    row("v8", "but brings back what was deleted meanwhile",
        laptop(ship(note(), TWO), s.delete, again()), laptop_log="1 new, 1 duplicate"),
    row("v9", "the package after one that was never imported brings all of it",
        laptop(unseen(note()), ship(NEW, TWO)), laptop_log="2 new", laptop_Back="new"),
    row("v10", "which, imported late, changes nothing",
        laptop(unseen(note()), ship(NEW, TWO), again(0)),
        laptop_log="1 duplicate", laptop_Back="new"),
    row("v11", "a copy that the person made has another guid than its AnkiforgeId, and stays",
        laptop(ship(), s.create_copy, ship(NEW)),
        laptop_log="1 updated", laptop_Back="new", laptop_copies=["old"]),
    row("v12", "a note whose type the person changed conflicts, and comes back once deleted",
        laptop(ship(), s.to_basic, again(), s.delete, again()),
        laptop_log="1 new", laptop_kind="ankiforge Basic"),
]
ROWS = [*SYNCED, *ALONE]
# fmt: on


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row.id}: {row.name}") for row in ROWS])
def test_two_devices(row, syncing, tmp_path, backend):
    packages: list[Path] = []
    benches = {
        name: b.Bench(device.anki, tmp_path, note().note.guid, packages)
        for name, device in syncing.items()
    }
    pair = d.Pair(syncing, benches)
    for step in row.steps:
        step(pair)
    expected = row.expect | (row.old if backend.IS_OLD else {})
    assert {question: pair.tell(question) for question in expected} == expected
