"""What ingesting makes of documents that come, change, move and go, step by step.

A step is a scan of a source: `v` complete, `v?` not to its end, `v!` with a setting that selects other
marks, `v.` the only source in the settings, `/v` a file by itself, `-v` a source whose folder is
missing, `--v` one whose folder was removed. Documents follow, each with its passages: `A` and `A2` are versions of
one, `a` is short, `A#x` has the id x, `A^x` the block id x, `A%x` is x in
Zotero, `A@3` is on page 3. `=` is an unchanged document, `!` one that
could not be read. `-:n` is a file that is missing. `+A` is a card of A, `@b` another device with the
same journal, `~` the loss of the database.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ankiforge.ledger import IngestReport, Ledger
from ankiforge.ledger import ingest as ingest_module
from ankiforge.ledger.events import USER
from ankiforge.ledger.ingest import ingest_scan_results
from ankiforge.ledger.sentence_decisions import hash_sentence
from ankiforge.model import (
    Document,
    DocumentKey,
    ExtractedDocument,
    Highlight,
    HighlightKind,
    Problem,
    ScanEnd,
    UnchangedDocument,
    UnmarkedDocument,
)

TEXTS = {
    "A": "The heart pumps five litres of blood every minute.",
    "A2": "The heart pumps six litres of blood every minute.",
    "A3": "Every minute the heart of an adult moves all of the blood once around.",
    "A4": "The heart pumps five litres of blood every minute, and up to twenty five in a runner.",
    "A5": "The heart pumps a great deal of blood in every single hour.",
    "B": "The liver stores sugar as glycogen for the night.",
    "B2": "The liver stores sugar as glycogen for one night.",
    "C": "The kidneys filter all of the blood forty times a day.",
    "D": "Nerves carry signals at up to a hundred metres a second.",
    "E": "The spleen keeps a third of the platelets in reserve.",
    "F1": "Figure 1 shows all of the heart's valves.",
    "F2": "Figure 2 shows all of the heart's valves.",
    "a": "Bile.",
    "b": "Lymph.",
}
SCHEMES = {"p": "pdf", "z": "zotero"}
NAMES = {text: name for name, text in TEXTS.items()}
REPORTED = (
    "new",
    "changed",
    "moved",
    "missing_keys",
    "removed_keys",
    "removed_unread_keys",
    "restored_keys",
    "in_missing_sources",
    "unselected",
    "suspicious_containers",
    "moved_documents",
    "moved_sources",
    "unmarked",
)


class History:
    """Devices that share a journal, and into which sources are ingested, six seconds apart."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.now, self.names = root, 1000.0, dict[str, str]()
        self.ledgers: dict[str, Ledger] = {}
        self.events: list[str] = []
        self.open("a")
        monkeypatch.setattr(ingest_module.time, "time", lambda: self.now)

    def open(self, device: str) -> None:
        database = self.root / f"{device}{len(self.ledgers)}.db"
        self.ledger = self.ledgers.setdefault(device, Ledger(database, self.root, device))
        self.ledger.read_journal()

    def play(self, step: str) -> IngestReport:
        if step.startswith("+"):
            return self.accept(step[1:])
        if step.startswith("@"):  # on another device
            self.open(step[1:])
            return IngestReport()
        if step == "~":  # the database is lost
            self.ledgers.pop(self.ledger.device_id).close()
            self.open(self.ledger.device_id)
            return IngestReport()
        sightings: list[Any] = []
        options: dict[str, Any] = {"configured_sources": frozenset("vwpz")}
        selections = {}
        for scan in step.split(" & "):
            head, *documents = scan.split(" | ")
            if head.startswith("-:"):  # a file is missing
                query = "SELECT id FROM document WHERE place = ?"
                options["missing_documents"] = [self.ledger.fetch_value(query, head[2:])]
                continue
            name = head.strip("/?!-.")
            container = f"{SCHEMES.get(name, 'vault')}:{name}"
            if head.endswith("."):  # it is the only source in the settings
                options["configured_sources"] = frozenset(name)
            if head.startswith("-"):  # its folder is missing
                options["missing_sources"] = [name]
                if head.startswith("--"):
                    options["removed_sources"] = [name]
                    options["configured_sources"] -= {name}
                continue
            for document in documents:
                sightings.append(read_document(container, name, document))
            is_complete = not head.endswith("?") and not head.startswith("/")
            sightings.append(ScanEnd(name, container, is_complete, f"/{name}"))
            selections[container] = "other" if head.endswith("!") else "all"
        self.now += 6
        last = self.ledger.find_last_event_number()
        report = ingest_scan_results(
            self.ledger, sightings, selections=selections, **options
        )
        for event in self.ledger.iter_events(
            "SELECT id, line FROM event WHERE what = 'key' ORDER BY rowid"
        ):
            name = NAMES[event.body["exact"]]
            while event.key not in self.names and name in self.names.values():
                name += "'"
            self.names.setdefault(event.key, name)
        query = "SELECT id, line FROM event WHERE what != 'key' AND n > ? ORDER BY n"
        events = self.ledger.iter_events(query, last)
        self.events = [f"{event.kind} {self.names[event.key]}" for event in events]
        return report

    def accept(self, name: str) -> IngestReport:
        [key] = [key for key, each in self.names.items() if each == name]
        with self.ledger.action():
            draft = {"kind": "basic", "fields": {"Front": name, "Back": "."}}
            made = self.ledger.record_event(
                "accept", key, USER, {"guid": f"af{name}", "draft": draft}
            )
            text = TEXTS[name.rstrip("'")]
            body = {"of": made.id, "sentences": [text], "passage": [hash_sentence(text)]}
            self.ledger.record_event("fact", key, USER, {**body, "guid": f"af{name}"})
        return IngestReport()

    def say(self, value: Any) -> str:
        """Name the passages and documents in a field of a report."""
        if isinstance(value, str):
            return (
                self.names.get(value) or NAMES.get(value) or value.removeprefix("vault:")
            )
        if isinstance(value, dict):
            return " ".join(
                f"{self.say(key)}>{self.say(each)}" for key, each in value.items()
            )
        if isinstance(value, (list, tuple)):
            return " ".join(map(self.say, value))
        return str(value)

    def report(self, report: IngestReport) -> str:
        told = [
            f"{name.removesuffix('_keys')} {self.say(getattr(report, name))}"
            for name in REPORTED
            if getattr(report, name)
        ]
        told += self.events  # a new text or place, a link, a question
        return "; ".join([*told, str(report.passage_count)])

    def state(self) -> str:
        """Say where each passage is, to which it is linked, and which is asked about."""
        told = []
        for row in self.ledger.fetch_rows(
            "SELECT h.key, h.state, d.container, d.place FROM highlight h"
            " JOIN document d ON d.id = h.document ORDER BY d.container, d.place, h.position"
        ):
            first = self.ledger.get_first_key(row["key"])
            name = self.names[row["key"]]
            linked = f"={self.names[first]}" if first != row["key"] else ""
            asked = self.ledger.get_passage(row["key"]).possible_same_keys.values()
            told.append(
                f"{name}{linked}{''.join(f'?{self.names[old]}' for old in asked)}"
                f" {row['state']} {row['container'].partition(':')[2]}/{row['place']}"
            )
        return "; ".join(told)


def read_document(container: str, source: str, text: str) -> Any:
    path, _, passages = text.partition(":")
    if passages == "=":
        return UnchangedDocument(container, path)
    if passages == "!":
        return Problem(path, "cannot be read")
    if not passages:
        return UnmarkedDocument(container, path, "", source=source)
    work = Path(path).stem
    document = Document(
        DocumentKey(path),
        source,
        work,
        path=path,
        identifiers=(("doi", f"10.1234/{work}"),),
    )
    highlights = []
    for token in passages.split():
        match = re.fullmatch(r"(\w+)(?:#(\w+))?(?:\^(\w+))?(?:%(\w+))?(?:@(\w+))?", token)
        assert match
        name, id, block, other, page = match.groups(default="")
        highlight = Highlight(document, container, HighlightKind.HIGHLIGHT, TEXTS[name])
        source_id = f"b.{block}" if block else id
        hints = (f"zotero:{other}",) if other else ()
        more = {"source_id": source_id, "hints": hints, "page_label": page}
        highlights.append(replace(highlight, **more))
    return ExtractedDocument(document, tuple(highlights), container)


# the steps, what the last one reports and records with the number of passages, and where they are then
HISTORIES: dict[str, tuple[list[str], str, str]] = {
    "first": (["v | n:A B"], "new A B; 2",
        "A present v/n; B present v/n"),
    "again": (["v | n:A B", "v | n:A B"], "2",
        "A present v/n; B present v/n"),
    "unmarked": (["v | n:"], "unmarked v n; 0",
        ""),
    "unmarked later": (["v | n:A", "v | n:A | m:"], "unmarked v m; 1",
        "A present v/n"),
    "edited": (["v | n:A B", "v | n:A2 B"], "changed A A A2; text A; 2",
        "A present v/n; B present v/n"),
    "one more": (["v | n:A", "v | n:A B"], "new B; 2",
        "A present v/n; B present v/n"),
    "removed once": (["v | n:A B", "v | n:A"], "missing B; 1",
        "A present v/n; B missing v/n"),
    "removed twice": (["v | n:A B", "v | n:A", "v | n:A"], "removed B; 1",
        "A present v/n; B gone v/n"),
    "removed and edited beside it": (["v | n:A B", "v | n:A", "v | n:A2"], "changed A A A2; removed B; text A; 1",
        "A present v/n; B gone v/n"),
    "removed and back": (["v | n:A B", "v | n:A", "v | n:A B"], "restored B; 2",
        "A present v/n; B present v/n"),
    "removed twice and back": (["v | n:A B", "v | n:A", "v | n:A", "v | n:A B"], "restored B; 2",
        "A present v/n; B present v/n"),
    "not to its end": (["v | n:A | m:B", "v? | n:A"], "2",
        "B present v/m; A present v/n"),
    "a file by itself": (["v | n:A | m:B", "/v | n:A C"], "new C; 3",
        "B present v/m; A present v/n; C present v/n"),
    "a file by itself loses a passage twice": (["v | n:A B | m:C", "/v | n:A", "/v | n:A"], "removed B; 2",
        "C present v/m; A present v/n; B gone v/n"),
    "document gone": (["v | n:A | m:B", "v | n:A"], "missing B; 1",
        "B missing v/m; A present v/n"),
    "document gone twice": (["v | n:A | m:B", "v | n:A", "v | n:A"], "removed B; 1",
        "B gone v/m; A present v/n"),
    "document back": (["v | n:A | m:B", "v | n:A", "v | n:A | m:B"], "restored B; 2",
        "B present v/m; A present v/n"),
    "unread": (["v | n:A | m:B", "v | n:A | m:!"], "2",
        "B present v/m; A present v/n"),
    "unchanged": (["v | n:A | m:B", "v | n:= | m:="], "2",
        "B present v/m; A present v/n"),
    "all gone": (["v | n:A", "v"], "suspicious_containers v>0 1; 0",
        "A present v/n"),
    "most gone": (["v | 0:A | 1:B | 2:C | 3:D | 4:E | 5:A2 | 6:B2 | 7:A3 | 8:a | 9:b", "v | 0:= | 1:= | 2:= | 3:="], "suspicious_containers v>4 10; 4",
        "A present v/0; B present v/1; C present v/2; D present v/3; E present v/4; A2 present v/5; B2 present v/6; A3 present v/7; a present v/8; b present v/9"),
    "half gone": (["v | 0:A | 1:B | 2:C | 3:D | 4:E | 5:A2 | 6:B2 | 7:A3 | 8:a | 9:b", "v | 0:= | 1:= | 2:= | 3:= | 4:="], "missing A2 B2 A3 a b; 5",
        "A present v/0; B present v/1; C present v/2; D present v/3; E present v/4; A2 missing v/5; B2 missing v/6; A3 missing v/7; a missing v/8; b missing v/9"),
    "most renamed": (["v | 0:A | 1:B | 2:C | 3:D | 4:E | 5:A2 | 6:B2 | 7:A3 | 8:a | 9:b", "v | 0:= | 1:= | 2:= | 3:= | x:E"], "moved E x; missing A2 B2 A3 a b; text E; 5",
        "A present v/0; B present v/1; C present v/2; D present v/3; A2 missing v/5; B2 missing v/6; A3 missing v/7; a missing v/8; b missing v/9; E present v/x"),
    "renamed": (["v | n:A B | o:C", "v | m:A B | o:C"], "moved A m B m; text A; text B; 3",
        "A present v/m; B present v/m; C present v/o"),
    "renamed and edited": (["v | n:A B | o:C", "v | m:A2 B | o:C"], "changed A A A2; moved A m B m; text A; text B; 3",
        "A present v/m; B present v/m; C present v/o"),
    "half renamed": (["v | n:A B | o:C", "v | m:A D | o:C"], "new D; moved A m; missing B; text A; 3",
        "A present v/m; B missing v/m; D present v/m; C present v/o"),
    "renamed from two": (["v | n:A | o:A2 | p:C", "v | m:A | p:C"], "moved A m; missing A2; text A; 2",
        "A present v/m; A2 missing v/o; C present v/p"),
    "a passage moves": (["v | n:A B | m:C", "v | n:B | m:C A"], "moved A m; text A; 3",
        "C present v/m; A present v/m; B present v/n"),
    "a short one moves": (["v | n:a B | m:C", "v | n:B | m:C a"], "new a'; missing a; 3",
        "C present v/m; a' present v/m; a missing v/n; B present v/n"),
    "three short ones": (["v | n:a b A B | m:C", "v | n:B | m:C a b A"], "moved a m b m A m; text a; text b; text A; 5",
        "C present v/m; a present v/m; b present v/m; A present v/m; B present v/n"),
    "a document splits": (["v | n:A B C D", "v | n:A | m:B C D"], "moved B m C m D m; text B; text C; text D; 4",
        "B present v/m; C present v/m; D present v/m; A present v/n"),
    "to another source": (["v | n:A D & w | m:B", "v | n:D & w | m:B A"], "moved A m; text A; 3",
        "D present v/n; B present w/m; A present w/m"),
    "a source moves": (["v | n:A", "+A", "-v & w | n:A"], "new A'; moved A n; in_missing_sources 1; moved_sources v; same A'; 1",
        "A unselected v/n; A'=A present w/n"),
    "a source moves, undecided": (["v | n:A", "-v & w | n:A"], "new A'; 1",
        "A present v/n; A' present w/n"),
    "a source moves in part": (["v | n:A B", "+A", "+B", "-v & w | n:A"], "new A'; 1",
        "A present v/n; B present v/n; A' present w/n"),
    "a folder moves": (["v | n:A B | m:C", "+A", "--v & w | n:A B | m:C"], "moved_sources v; 3",
        "C present w/m; A present w/n; B present w/n"),
    "a folder moves and loses": (["v | n:A B | m:C", "+A", "--v & w | n:B | m:C"], "missing A; moved_sources v; 2",
        "C present w/m; A missing w/n; B present w/n"),
    "a folder moves and loses, later": (["v | n:A B | m:C", "+A", "--v & w | n:B | m:C", "w | n:= | m:="], "removed A; 2",
        "C present w/m; A gone w/n; B present w/n"),
    "a folder moves and all of a note goes": (["v | n:A B | m:C", "+C", "--v & w | n:A B | m"], "missing C; moved_sources v; 2",
        "C missing w/m; A present w/n; B present w/n"),
    "a folder moves and a note goes": (["v | n:A B | m:C", "+C", "--v & w | n:A B"], "missing C; moved_sources v; 2",
        "C missing w/m; A present w/n; B present w/n"),
    "a folder moves and a note cannot be read": (["v | n:A B | m:C", "+C", "--v & w | n:A B | m:!"], "moved_sources v; 3",
        "C present w/m; A present w/n; B present w/n"),
    "a folder moves and is edited": (["v | n:A B | m:C", "+A", "--v & w | n:A2 B | m:C"], "changed A A A2; moved_sources v; text A; 3",
        "C present w/m; A present w/n; B present w/n"),
    "a folder moves and loses its passage": (["v | n:A | m", "+A", "--v & w | n | m"], "missing A; moved_sources v; 0",
        "A missing w/n"),
    "a folder moves and loses all, and a note without a mark": (["v | n:A | m", "+A", "--v & w | n"], "missing A; moved_sources v; 0",
        "A missing w/n"),
    "a folder moves into one that has a note of the same name": (["v | n:A B D | m:C & w | m:E", "+A", "--v & w | n:B D | m:E"], "missing A; in_missing_sources 1; moved_sources v; 3",
        "C unselected v/m; E present w/m; A missing w/n; B present w/n; D present w/n"),
    "a note is copied, then its folder is removed": (["v | n:A B | m:C & w | n:A B", "+A", "--v & w | n:A B E"], "new E; moved A n; in_missing_sources 3; moved_sources v; same A'; 3",
        "C unselected v/m; A unselected v/n; B unselected v/n; A'=A present w/n; B' present w/n; E present w/n"),
    "a folder is elsewhere": (["v | n:A", "+A", "--v & w | o:D"], "new D; in_missing_sources 1; 1",
        "A unselected v/n; D present w/o"),
    "a folder with a note of the same name": (["v | n:A", "+A", "--v & w | n:D"], "new D; in_missing_sources 1; 1",
        "A unselected v/n; D present w/n"),
    "a folder with another note of the same name, unmarked": (["v | n:A | m:B", "+A", "--v & w | n"], "in_missing_sources 2; unmarked w n; 0",
        "B unselected v/m; A unselected v/n"),
    "less than half of a folder": (["v | n:A B C D | m:E", "+A", "--v & w | n:A B"], "missing C D; in_missing_sources 1; moved_sources v; 2",
        "E unselected v/m; A present w/n; B present w/n; C missing w/n; D missing w/n"),
    "less than half of a folder, and half of a note": (["v | n:A B | m:C E | o:D", "+C", "--v & w | n:A"], "missing B; in_missing_sources 3; 1",
        "C unselected v/m; E unselected v/m; D unselected v/o; A present w/n; B missing w/n"),
    "a folder without a mark": (["v | n", "--v & w | n"], "unmarked w n; 0", ""),
    "a folder moves into another one": (["v | n:A B & w | n:D", "+A", "--v & w | n:D | x/n:B"], "moved B x/n; missing A; moved_sources v; text B; 2",
        "D present w/n; A missing w/x/n; B present w/x/n"),
    "a folder moves into another one, with other names": (["v | n:A B & w | n:D", "+A", "--v & w | n:D | xn:B"], "moved B xn; missing A; moved_sources v; text B; 2",
        "D present w/n; A missing w/xn; B present w/xn"),
    "a folder moves, and one of its notes is read": (["v | n:A B D | m:C", "+A", "+C", "--v & /w | n:B D"], "missing A; in_missing_sources 1; 2",
        "C unselected v/m; A missing w/n; B present w/n; D present w/n"),
    "a folder moves, and less than half is read": (["v | n:A B | m:C", "+A", "+C", "--v & /w | m:C"], "in_missing_sources 2; 1",
        "A unselected v/n; B unselected v/n; C present w/m"),
    "a copied folder, then the original is removed": (["v | n:A B", "+A", "v | n:A B & w | n:B", "--v & w | n:="], "in_missing_sources 2; 1",
        "A unselected v/n; B unselected v/n; B' present w/n"),
    "a folder moves after another one was read": (["v | n:A B", "+A", "--v & w | m:D", "--v & p | n:B"], "missing A; moved_sources v; 1",
        "A missing p/n; B present p/n; D present w/m"),
    "a folder moves that had lost one": (["v | n:A B C", "+A", "v | n:B C", "--v & w | n:B C"], "removed A; moved_sources v; 2",
        "A gone w/n; B present w/n; C present w/n"),
    "a copy of an unplugged folder loses": (["v | n:A B | m:C", "+A", "-v & w. | n:B | m:C"], "in_missing_sources 1; moved_sources v; 2",
        "C present w/m; A unselected w/n; B present w/n"),
    "a source leaves the settings": (["v | n:A & w | m:B", "w. | m:B"], "unselected 1; 1",
        "A unselected v/n; B present w/m"),
    "and comes back": (["v | n:A & w | m:B", "w. | m:B", "v | n:A & w | m:B"], "2",
        "A present v/n; B present w/m"),
    "another setting": (["v | n:A B", "v! | n:A"], "unselected 1; 1",
        "A present v/n; B unselected v/n"),
    "another setting, twice": (["v | n:A B", "v! | n:A", "v! | n:A"], "1",
        "A present v/n; B unselected v/n"),
    "and back": (["v | n:A B", "v! | n:A", "v | n:A B"], "2",
        "A present v/n; B present v/n"),
    "in other words elsewhere": (["v | n:A C | m:D", "+A", "v | n:C | m:D A2"], "new A2; missing A; ask A2; 3",
        "D present v/m; A2?A present v/m; A missing v/n; C present v/n"),
    "in other words elsewhere, undecided": (["v | n:A C | m:D", "v | n:C | m:D A2"], "new A2; missing A; 3",
        "D present v/m; A2 present v/m; A missing v/n; C present v/n"),
    "its sentence is elsewhere": (["v | n:A C | m:D | o:A", "+A", "v | n:C | m:D A2 | o:A"], "new A2; moved A o; missing A; same A'; 4",
        "D present v/m; A2 present v/m; A missing v/n; C present v/n; A'=A present v/o"),
    "a copy": (["v | n:A C | o:A", "v | n:A C | o:A"], "3",
        "A present v/n; C present v/n; A' present v/o"),
    "the original of a copy goes": (["v | n:A C | o:A", "+A", "v | n:C | o:A"], "moved A o; missing A; same A'; 2",
        "A missing v/n; C present v/n; A'=A present v/o"),
    "of two copies": (["v | n:A C | o:A | p:A", "+A", "v | n:C | o:A | p:A"], "moved A p; missing A; same A''; 3",
        "A missing v/n; C present v/n; A' present v/o; A''=A present v/p"),
    "of a short one": (["v | n:a C | o:a", "+a", "v | n:C | o:a"], "missing a; 2",
        "a missing v/n; C present v/n; a' present v/o"),
    "of an undecided one": (["v | n:A C | o:A", "v | n:C | o:A"], "missing A; 2",
        "A missing v/n; C present v/n; A' present v/o"),
    "a decided copy": (["v | n:A C | o:A", "+A", "+A'", "v | n:C | o:A"], "missing A; 2",
        "A missing v/n; C present v/n; A' present v/o"),
    "id": (["v | n:A#x", "v | n:D#x"], "changed A A D; text A; 1",
        "A present v/n"),
    "id in another document": (["v | n:A#x C | m:B", "v | n:C | m:B A2#x"], "new A2; missing A; 3",
        "B present v/m; A2 present v/m; A missing v/n; C present v/n"),
    "two with one id": (["v | n:A#x B#x", "v | n:D#x"], "new D; missing A B; 1",
        "A missing v/n; D present v/n; B missing v/n"),
    "block": (["v | n:A^p B", "v | n:A2^p B"], "changed A A A2; text A; 2",
        "A present v/n; B present v/n"),
    "block by itself": (["v | n:A^p", "v | n:E^p"], "changed A A E; text A; 1",
        "A present v/n"),
    "block left behind": (["v | n:A^p B", "v | n:B^p A"], "text B; text A; 2",
        "B present v/n; A present v/n"),
    "between the same": (["v | n:A B C", "v | n:A3 B C"], "new A3; missing A; 3",
        "A missing v/n; A3 present v/n; B present v/n; C present v/n"),
    "not between the same": (["v | n:A B C", "v | n:B C A3"], "new A3; missing A; 3",
        "A missing v/n; B present v/n; C present v/n; A3 present v/n"),
    "in another order": (["v | n:A B", "v | n:B A"], "2",
        "B present v/n; A present v/n"),
    "twice in one": (["v | n:A A", "v | n:A"], "missing A'; 1",
        "A present v/n; A' missing v/n"),
    "twice then": (["v | n:A B", "v | n:A B A"], "new A'; 3",
        "A present v/n; B present v/n; A' present v/n"),
    "both kinds of sources": (["v | q:A & p | q.pdf:A"], "new A'; same A; 1",
        "A'=A present p/q.pdf; A present v/q"),
    "both kinds of sources, another work": (["v | n:A & p | q.pdf:A"], "new A A'; 2",
        "A' present p/q.pdf; A present v/n"),
    "both kinds, later": (["v | q:A", "v | q:A & p | q.pdf:A"], "same A'; 1",
        "A'=A present p/q.pdf; A present v/q"),
    "both kinds, short": (["v | q:a & p | q.pdf:a"], "new a a'; 2",
        "a' present p/q.pdf; a present v/q"),
    "both kinds, twice": (["v | q:A A & p | q.pdf:A A"], "new A'' A'''; same A; same A'; 2",
        "A''=A present p/q.pdf; A'''=A' present p/q.pdf; A present v/q; A' present v/q"),
    "both kinds, by id": (["v | q:A & p | n.pdf:A2"], "new A A2; 2",
        "A2 present p/n.pdf; A present v/q"),
    "extended": (["v | n:A B C", "v | n:A4 B C"], "changed A A A4; text A; 3",
        "A present v/n; B present v/n; C present v/n"),
    "extended, elsewhere": (["v | n:A B C", "v | n:B C A4"], "new A4; missing A; 3",
        "A missing v/n; B present v/n; C present v/n; A4 present v/n"),
    "half similar": (["v | n:A B C", "v | n:A5 B C"], "changed A A A5; text A; 3",
        "A present v/n; B present v/n; C present v/n"),
    "half similar, elsewhere": (["v | n:A B C", "v | n:B C A5"], "new A5; missing A; 3",
        "A missing v/n; B present v/n; C present v/n; A5 present v/n"),
    "half similar, at the block": (["v | n:A^p B C", "v | n:B C A5^p"], "changed A A A5; text A; 3",
        "B present v/n; C present v/n; A present v/n"),
    "other digits": (["v | n:F1 B", "v | n:B F2"], "changed F1 F1 F2; text F1; 2",
        "B present v/n; F1 present v/n"),
    "removed earlier": (["v | n:A B", "v | n:B", "v | n:B A2"], "changed A A A2; restored A; text A; 2",
        "B present v/n; A present v/n"),
    "renamed with other digits": (["v | n:F1 | o:C", "v | m:F2 | o:C"], "new F2; missing F1; 2",
        "F2 present v/m; F1 missing v/n; C present v/o"),
    "a file moves": (["v | n:A | o:C", "/v | m:A & -:n"], "moved A m; moved_documents 1>/v/m; text A; 2",
        "A present v/m; C present v/o"),
    "a file moves and loses": (["v | n:A B D | o:C", "/v | m:A & -:n"], "moved A m; missing B D; moved_documents 1>/v/m; text A; 2",
        "A present v/m; B missing v/m; D missing v/m; C present v/o"),
    "a missing file, copied": (["v | n:A | m:A B", "/v | m:= & -:n"], "moved_documents 1>/v/m; 2",
        "A' present v/m; B present v/m; A unselected v/n"),
    "a missing file, copied in part": (["v | n:A D | m:A B", "/v | m:= & -:n"], "4",
        "A' present v/m; B present v/m; A present v/n; D present v/n"),
    "a missing file, alone": (["v | n:A | m:C", "/v | m:C & -:n"], "2",
        "C present v/m; A present v/n"),
    "database lost": (["v | n:A B", "~", "v | n:A B"], "2",
        "A present v/n; B present v/n"),
    "database lost, edited": (["v | n:A B", "~", "v | n:A2 B"], "changed A A A2; text A; 2",
        "A present v/n; B present v/n"),
    "database lost, removed": (["v | n:A B", "+B", "~", "v | n:A"], "missing B; 1",
        "A present v/n; B missing v/n"),
    "database lost, removed twice": (["v | n:A B", "+B", "~", "v | n:A", "v | n:A"], "removed B; 1",
        "A present v/n; B gone v/n"),
    "database lost, renamed": (["v | n:A B", "~", "v | m:A B"], "moved A m B m; text A; text B; 2",
        "A present v/m; B present v/m"),
    "database lost, moved": (["v | n:A B | m:C", "~", "v | n:B | m:C A"], "moved A m; text A; 3",
        "C present v/m; A present v/m; B present v/n"),
    "another device": (["v | n:A B", "@b"], "0",
        "A journal v/n; B journal v/n"),
    "another device reads": (["v | n:A B", "@b", "v | n:A B"], "2",
        "A present v/n; B present v/n"),
    "another device reads less": (["v | n:A B", "@b", "v | n:A"], "1",
        "A present v/n; B missing v/n"),
    "another device reads less, twice": (["v | n:A B", "@b", "v | n:A", "v | n:A"], "removed_unread B; 1",
        "A present v/n; B gone v/n"),
    "another device reads it edited": (["v | n:A B", "@b", "v | n:A2 B"], "text A; 2",
        "A present v/n; B present v/n"),
    "another device reads another file": (["v | n:A B | m:C", "@b", "/v | m:C"], "1",
        "C present v/m; A journal v/n; B journal v/n"),
    "another device reads it renamed": (["v | n:A B", "@b", "v | m:A B"], "text A; text B; 2",
        "A present v/m; B present v/m"),
    "another device edits it, and the first": (["v | n:A B", "@b", "v | n:A2 B", "@a", "v | n:A2 B"], "changed A A2 A2; 2",
        "A present v/n; B present v/n"),
    "both in other words": (["v | n:C", "@b", "v | n:C A", "+A", "@a", "v | n:C A5"], "text A; 2",
        "C present v/n; A present v/n"),
    "of two copies, one decided": (["v | n:A C | o:A | p:A", "+A", "+A'", "v | n:C | o:A | p:A"], "moved A p; missing A; same A''; 3",
        "A missing v/n; C present v/n; A' present v/o; A''=A present v/p"),
    "of three copies, one decided": (["v | n:A C | o:A | p:A | q:A", "+A", "+A''", "v | n:C | o:A | p:A | q:A"], "moved A q; missing A; same A'''; 4",
        "A missing v/n; C present v/n; A' present v/o; A'' present v/p; A'''=A present v/q"),
    # where the other one is read is no news of it
    "linked once": (["v | q:A & p | q.pdf:A", "v | q:A & p | q.pdf:A B"], "new B; 2",
        "A'=A present p/q.pdf; B present p/q.pdf; A present v/q"),
    "linked, then gone": (["v | q:A C & p | q.pdf:A", "v | q:C & p | q.pdf:A"], "missing A; 2",
        "A'=A present p/q.pdf; A missing v/q; C present v/q"),
    "by its id in Zotero": (["z | l:A#X & p | q.pdf:A2%X"], "new A; same A2; 1",
        "A2=A present p/q.pdf; A present z/l"),
    "by its id in Zotero, later": (["p | q.pdf:A2%X", "z | l:A#X & p | q.pdf:A2%X B"], "new A B; same A2; 2",
        "A2 present p/q.pdf; B present p/q.pdf; A=A2 present z/l"),
    "by an id that is like a pattern": (["z | l:A#XaY & p | q.pdf:A2%X_Y"], "new A A2; 2",
        "A2 present p/q.pdf; A present z/l"),
    "by an id of its own kind": (["z | l:A#X B%X"], "new A B; 2",
        "A present z/l; B present z/l"),
    "by another id": (["z | l:A#X & p | q.pdf:A2%Y"], "new A A2; 2",
        "A2 present p/q.pdf; A present z/l"),
    "on another page": (["v | q:A@3 & p | q.pdf:A@4"], "new A A'; 2",
        "A' present p/q.pdf; A present v/q"),
    "on the same page": (["v | q:A@3 & p | q.pdf:A@3"], "new A'; same A; 1",
        "A'=A present p/q.pdf; A present v/q"),
    "on the second page": (["v | q:A@3 A@4 & p | q.pdf:A@4"], "new A A''; same A'; 2",
        "A''=A' present p/q.pdf; A present v/q; A' present v/q"),
    "on a page": (["v | q:A & p | q.pdf:A@4"], "new A'; same A; 1",
        "A'=A present p/q.pdf; A present v/q"),
    "in three kinds": (["v | q:A & p | q.pdf:A & z | q:A#X"], "new A'; same A; same A''; 1",
        "A'=A present p/q.pdf; A present v/q; A''=A present z/q"),
    "more copies there": (["v | q:A & p | q.pdf:A A"], "new A' A''; same A; 2",
        "A'=A present p/q.pdf; A'' present p/q.pdf; A present v/q"),
    "asked about the nearest": (["v | n:A C | m:D", "+A", "v | n:C | m:D A5 A2"], "new A5 A2; missing A; ask A2; 4",
        "D present v/m; A5 present v/m; A2?A present v/m; A missing v/n; C present v/n"),
    "asked about each": (["v | n:A B C | m:D", "+A", "+B", "v | n:C | m:D A2 B2"], "new A2 B2; missing A B; ask A2; ask B2; 4",
        "D present v/m; A2?A present v/m; B2?B present v/m; A missing v/n; C present v/n; B missing v/n"),
    "not asked about a far one": (["v | n:A C | m:D", "+A", "v | n:C | m:D E"], "new E; missing A; 3",
        "D present v/m; E present v/m; A missing v/n; C present v/n"),
    "asked again": (["v | n:A C | m:D", "+A", "v | n:C | m:D A5", "v | n:C | m:D A5 A2"], "new A2; removed A; ask A2; 4",
        "D present v/m; A5?A present v/m; A2?A present v/m; A gone v/n; C present v/n"),
    "missing before": (["v | n:A C | m:D", "+A", "v | n:C | m:D", "v | n:C | m:D A2"], "new A2; removed A; ask A2; 3",
        "D present v/m; A2?A present v/m; A gone v/n; C present v/n"),
    "another device has it in other words": (["v | n:C", "@b", "v | n:C B", "+B", "@a", "v | n:C A", "+A", "@b", "v | n:C A5"], "missing B; text A; 2",
        "C present v/n; B missing v/n; A present v/n"),
}  # fmt: skip


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[History]:
    history = History(tmp_path, monkeypatch)
    yield history
    for ledger in history.ledgers.values():
        ledger.close()


@pytest.mark.parametrize("name", HISTORIES)
def test_what_became_of_passages(history, name):
    steps, report, state = HISTORIES[name]
    for step in steps:
        last = history.play(step)
    assert history.report(last) == report
    assert history.state() == state
