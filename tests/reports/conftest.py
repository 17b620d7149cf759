"""A workspace with a card, a draft, a conflict, a proposal and what became none."""

import pytest

from ankiforge.config.workspace import find_workspace
from ankiforge.extract import registry
from ankiforge.pipeline.workspace import Workspace

CELLS = """\
# Cells

What is a ribosome?::a maker of proteins

What is a nucleus?::the home of the genes

What is a centriole?::a pair of tubes

==Osmosis is the diffusion of water through a semipermeable membrane.==

==so much for that==
"""
LATER = "What is a vacuole?::a store of water\n\n==Osmosis is the diffusion of water through a semipermeable membrane.==\n"
OPEN = "An ==open mark.\n"
SETTINGS = """\
sources: [{obsidian: {name: notes, path: notes}}]
accept: {rules: review}
anki: {collection: none}
"""


@pytest.fixture(scope="session")
def opened(forge_in, tmp_path_factory):
    """One card whose source then changed, one that was rejected, one draft, three highlights."""
    forge = forge_in(tmp_path_factory.mktemp("listing"))
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes/Cells.md").write_text(CELLS, encoding="utf-8")
    forge.settings(SETTINGS, proposals=True)
    forge.ok("run")
    forge.ok("accept", "--all", "--filter", "ribosome")
    forge.ok("reject", "--all", "--filter", "nucleus")
    (forge.folder / "notes/Later.md").write_text(LATER, encoding="utf-8")
    forge.ok("accept", "--all", "--filter", "centriole")
    [card] = forge.ok("list", "--json", "centriole").lines
    forge.ok("edit", card["id"], "--field", "Back", "two tubes")
    text = CELLS.replace("a maker", "the maker").replace("a pair", "one pair")
    (forge.folder / "notes/Cells.md").write_text(text, encoding="utf-8")
    (forge.folder / "notes/Open.md").write_text(OPEN, encoding="utf-8")
    forge.ok("run")
    with Workspace(find_workspace(forge.folder, forge.folder, registry)) as workspace:
        yield workspace
