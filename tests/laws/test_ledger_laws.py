"""Whatever stands in a vault and whatever happens to it: identities hold, nothing is lost."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples

few = examples(20)

TYPED = st.characters(codec="utf-8", exclude_categories=["Cc"])
BLOCKS = st.one_of(
    st.sampled_from(
        [
            "What powers a cell?::The mitochondrion",
            "What powers a cell?::The chloroplast",
            "Katze:::cat",
            "Hund:::dog #animals",
            "The ==mitochondrion== makes most of the ATP of a cell.",
            "The ==chloroplast== makes most of the sugar of a leaf.",
            "==Same.==",
            "Two ==marks== in one ==sentence== here. Another ==one== follows.",
            "A {{c1::cloze}} by hand, {{c2::twice::hint}}.",
            "A {{gap}} of a plain kind ^block1",
            "A broken {{c1::cloze",
            "What does a ribosome read\n?\nMessenger RNA",
            "Both ways\n??\nand back",
            "status:: done",
            "## A heading",
            "## Glossary\n\n- Lens: glass\n- Iris: a hole\n- Film: memory",
            "> [!note] Title\n> A ==quoted== sentence.",
            "| a | b |\n|---|---|\n| ==x== y z | $e^{x}}$ |",
            "```\ncode::here\n```",
            "%% ==hidden== %%",
            "- item ==one== of a list\n- item ==two== of a list",
            "Nothing is marked here.",
            "",
        ]
    ),
    st.text(TYPED, max_size=30),
    st.builds(
        "{}::{}".format,
        st.text(TYPED, max_size=12),
        st.text(TYPED, max_size=12),
    ),
    st.builds("A sentence with =={}== in it.".format, st.text(TYPED, max_size=12)),
)
HEADS = st.sampled_from(
    ["# A title\n\n", "---\ntags: [a, b]\n---\n", "---\ndeck: Some::Deck\n---\n"]
)
NOTES = st.tuples(HEADS, st.lists(BLOCKS, max_size=6))
VAULTS = st.dictionaries(st.sampled_from(["a", "b", "sub/c"]), NOTES, min_size=1)
Vault = dict[str, tuple[str, list[str]]]


def write(vault: Path, notes: Vault) -> None:
    """Make the vault hold just these notes, and one that is never touched."""
    for path in vault.rglob("*.md"):
        path.unlink()
    for name, (head, blocks) in {**notes, "still": ("", ["Who stays?::I stay"])}.items():
        path = vault / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(head + "\n\n".join(blocks) + "\n", encoding="utf-8", newline="")


def adds_up(came: dict[str, Any]) -> None:
    read = came["highlights"]
    assert sum(came["fates"].values()) == read["seen"]
    assert read["new"] + read["changed"] + read["unchanged"] == read["seen"]
    assert sum(came["no_card"].values()) == came["fates"]["no_card"]


@few
@given(VAULTS)
def test_reading_and_publishing_twice_changes_nothing(forge_in, notes):
    with tempfile.TemporaryDirectory() as folder:
        forge, vault = forge_in(Path(folder)), Path(folder) / "notes"
        write(vault, notes)
        first = forge.json("run", vault)
        package = (forge.folder / "ankiforge.apkg").read_bytes()
        cards = forge.cards()
        again = forge.json("run", vault)

        adds_up(first)
        assert first["problems"] == []
        assert first["highlights"]["seen"] == first["highlights"]["new"]
        assert again["highlights"] == {
            **first["highlights"],
            "new": 0,
            "unchanged": again["highlights"]["seen"],
        }
        assert again["fates"] == first["fates"]
        assert (
            again["cards"]["drafted"] == again["notes"]["added"] == again["notes"]["updated"] == 0
        )
        assert forge.cards() == cards
        assert (forge.folder / "ankiforge.apkg").read_bytes() == package


@few
@given(st.lists(VAULTS, min_size=2, max_size=4))
def test_any_order_of_edits_adds_up_and_leaves_alone_what_was_not_touched(forge_in, versions):
    with tempfile.TemporaryDirectory() as folder:
        forge, vault = forge_in(Path(folder)), Path(folder) / "notes"
        still = set()
        for notes in versions:
            write(vault, notes)
            adds_up(forge.json("run", vault))
            cards = forge.cards()
            still |= {card["guid"] for card in cards if card["fields"].get("Front") == "Who stays?"}
            keys = [one["key"] for one in forge.ok("extract", vault, "--json").lines]
            assert len(set(keys)) == len(keys)
        assert len(still) == 1


def _keys(forge, vault: Path) -> list[tuple[str, str]]:
    """(exact, key); of two equal passages nobody can tell which one stayed."""
    lines = forge.ok("extract", vault, "--json").lines
    return sorted((one["exact"], one["key"]) for one in lines)


@few
@given(VAULTS, st.data())
def test_what_is_taken_away_and_put_back_is_the_same_note(forge_in, notes, data):
    fewer = {
        name: (head, [block for block in blocks if data.draw(st.booleans())])
        for name, (head, blocks) in notes.items()
        if data.draw(st.integers(0, 3))
    }
    with tempfile.TemporaryDirectory() as folder:
        forge, vault = forge_in(Path(folder)), Path(folder) / "notes"
        write(vault, notes)
        forge.ok("run", vault)
        before = {card["guid"]: card["fields"] for card in forge.cards()}
        keys = _keys(forge, vault)
        write(vault, fewer)
        forge.ok("run", vault)
        write(vault, notes)
        forge.ok("run", vault)

        assert _keys(forge, vault) == keys
        after = {card["guid"]: card["fields"] for card in forge.cards()}
        assert before.items() <= after.items()
