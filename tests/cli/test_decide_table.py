"""What accept, reject, edit and undo say, command by command; each is undone after its row."""

import pytest

NOTE = """\
# Cells

What is a ribosome?::a maker of proteins

What is a nucleus?::the home of the genes

What is a vacuole?::a store of water

==Osmosis is the diffusion of water through a semipermeable membrane.==

==so much for that==
"""
SETTINGS = """\
sources: [{obsidian: {name: notes, path: notes}}]
accept: {rules: review}
anki: {collection: none}
"""


@pytest.fixture(scope="module")
def cells(forge_in, tmp_path_factory):
    """A workspace in which three cards by hand wait, and a highlight has a proposal."""
    return write_cells(forge_in(tmp_path_factory.mktemp("decide")))


def write_cells(forge):
    """Write the note, read it, and return the program with the ids by the last word."""
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes/Cells.md").write_text(NOTE, encoding="utf-8")
    forge.settings(SETTINGS, proposals=True)
    forge.ok("run")
    ids = {}
    for row in forge.ok("list", "--json").lines:
        ids[row["front"].split()[-1].strip("?").upper()] = row["id"]
    for row in forge.ok("list", "--no-card", "--json").lines:
        ids[row["exact"].split()[0].upper()] = row["key"]
    return forge, ids


UNDO = "to undo it: ankiforge undo"
ONE = f"✓ 1 accepted; {UNDO}\n"
TWICE = "refused: RIBOSOME is no longer waiting\nhint: ankiforge list shows what waits\n"
WHICH = (
    "ankiforge: say which cards: ids, --all, or --all --filter QUERY\n"
    "hint: ankiforge list shows the ids\n"
)
NO_ID = "is not an id\nhint: ankiforge list shows ids, of which the first six characters are enough; for a query: --all --filter QUERY\n"
DECIDE = "next  ankiforge review   decide on what waits\n"
NONE = f"nothing was accepted\n  left, one by one: 1 suggested card\n  4 new cards waiting\n  {DECIDE}"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ("accept RIBOSOME", 0, ONE),
        ("accept RIBOSOME NUCLEUS", 0, f"✓ 2 accepted; {UNDO}\n"),
        ("accept OSMOSIS", 0, ONE),
        ("accept OSMOSIS --gap 2", 0, ONE),
        # of --all what waits is counted, and the next command is told
        ("accept --all", 0, f"✓ 3 accepted; {UNDO}\n  left, one by one: 1 suggested card\n  1 new card waiting\n  next  ankiforge build   3 accepted cards not in a package yet\n"),
        ("accept --all --filter nucleus", 0, f"{ONE}  left, one by one: 1 suggested card\n  3 new cards waiting\n  {DECIDE}"),
        ("accept --all --filter nowhere", 0, NONE),
        ("accept Cells/", 0, NONE),
        ("accept --all -q", 0, ""),
        # what is refused keeps nothing else from being decided
        ("accept RIBOSOME RIBOSOME", 1, f"{TWICE}{ONE}"),
        ("accept OSMOSIS --gap 4", 1, "refused: this card has only 2 gaps\nhint: ankiforge list -v ID\n"),
        ("accept SO", 1, "refused: SO: no card is suggested: a heading or a label\nhint: ankiforge edit SO\n"),
        ("accept", 2, WHICH),
        ("accept RIBOSOME --all", 2, WHICH),
        ("accept RIBOSOME --filter x", 2, WHICH),
        ("accept --filter x", 2, WHICH),
        ("accept ribosome", 2, f"ankiforge: 'ribosome' {NO_ID}"),
        ("accept RIBOSOME drzzzz", 2, f"ankiforge: 'drzzzz' {NO_ID}"),
        ("accept --all --gap 2", 2, "ankiforge: --gap needs the id of a highlight\nhint: ankiforge accept ID --gap 2\n"),
        ("accept --all --another", 2, "ankiforge: --another needs the id of a draft\nhint: ankiforge accept ID --another\n"),
        ("reject RIBOSOME", 0, f"✓ 1 rejected; {UNDO}\n"),
        ("reject OSMOSIS", 0, f"✓ 1 rejected; {UNDO}\n"),
        ("reject --all", 0, f"✓ 3 rejected; {UNDO}\n"),
        ("reject --all --filter nowhere", 0, "nothing was rejected\n"),
        ("reject", 2, WHICH),
        ("edit RIBOSOME --field Back x", 0, f"✓ edited: What is a ribosome?\n  {UNDO}\n"),
        ("edit OSMOSIS --field Front q? --field Back a", 0, f"✓ edited: q?\n  {UNDO}\n"),
        ("edit RIBOSOME --field Deck A::B", 0, f"✓ edited: What is a ribosome?\n  {UNDO}\n"),
        ("edit RIBOSOME --field Deck Reading", 0, "nothing was changed\n"),
        ("edit RIBOSOME", 2, 'ankiforge: no --field is given\nhint: ankiforge edit RIBOSOME --field NAME "TEXT", or ankiforge review\n'),
        ("edit RIBOSOME --field Nope x", 2, "ankiforge: no field 'Nope' on this card\nhint: it has: Front, Back, Reverse, Extra, Deck, Tags\n"),
        ("undo", 1, "refused: nothing to undo\nhint: ankiforge list --view recent shows what can be\n"),
        ("undo RIBOSOME", 1, "refused: nothing about RIBOSOME can be undone\nhint: ankiforge list --view recent shows what can be\n"),
    ],
)  # fmt: skip
def test_a_decision_is_told_in_a_line_and_undone(cells, words, code, told):
    forge, ids = cells
    done = forge(*[ids.get(word, word) for word in words.split()])
    if "to undo it" in done.stderr or "-q" in words:
        assert forge.ok("undo").stderr.startswith("✓ undone")
    said = done.stderr
    for name, id in ids.items():
        said = said.replace(id, name)
    assert (done.exit_code, said, done.stdout) == (code, told, "")
    assert len(forge.lists("new")[0]) == 3


@pytest.mark.parametrize(
    ("words", "code", "results"),
    [
        ("accept RIBOSOME", 0, [("RIBOSOME", True, True, "")]),
        ("accept RIBOSOME RIBOSOME", 1, [("RIBOSOME", True, True, ""), ("RIBOSOME", False, False, "RIBOSOME is no longer waiting")]),
        ("accept OSMOSIS NUCLEUS", 0, [("OSMOSIS", True, True, ""), ("NUCLEUS", True, True, "")]),
        ("reject RIBOSOME OSMOSIS", 0, [("RIBOSOME", False, True, ""), ("OSMOSIS", False, True, "")]),
        ("accept --all --filter nowhere", 0, [(None, False, False, "nothing was accepted")]),
        ("reject --all --filter nowhere", 0, [(None, False, False, "nothing was rejected")]),
    ],
)  # fmt: skip
def test_a_decision_is_json_with_the_card_or_the_refusal(cells, words, code, results):
    forge, ids = cells
    done = forge(*[ids.get(word, word) for word in words.split()], "--json", code=code)
    names = {id: name for name, id in ids.items()}
    told = []
    for line in done.lines:
        refused = line["refused"]
        for id, name in names.items():
            refused = refused.replace(id, name)
        has_card = str(line["guid"] or "").startswith("af")
        told.append((names.get(line["id"]), has_card, line["done"], refused))
    if any(line["done"] for line in done.lines):
        forge.ok("undo")
    assert told == results


def test_what_was_undone_is_named_with_its_number(forge):
    _, ids = write_cells(forge)
    forge.ok("accept", ids["RIBOSOME"])
    undone = forge.ok("undo").stderr
    assert undone == "✓ undone: accepted\n  What is a ribosome?\n"
    forge.ok("reject", "--all", "--reason", "vague")
    assert forge.ok("undo").stderr == (
        "✓ undone: 3 rejected\n"
        "  What is a ribosome?\n"
        "  What is a nucleus? / the home of the genes (vague)\n"
        "  What is a vacuole? / a store of water (vague)\n"
    )


@pytest.mark.parametrize(
    ("options", "accepted"),
    [(("--all",), 2), (("--all", "--filter", "Rome"), 1)],
    ids=["what waits", "what a filter selects"],
)
def test_accepted_cards_are_rejected_in_bulk_only_by_a_filter(forge, options, accepted):
    note = (
        "Where is Rome?::Italy\n\nWhere is Lyon?::France\n\nThe ==heart== pumps blood.\n"
    )
    (forge.folder / "notes").mkdir(exist_ok=True)
    (forge.folder / "notes/Towns.md").write_text(note, encoding="utf-8")
    forge.ok("run", "notes")
    forge.ok("reject", *options)
    assert (
        len(forge.ok("list", "verdict:accepted", "--json").stdout.splitlines())
        == accepted
    )
