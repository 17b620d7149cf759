"""What `draft --again` selects: rows."""

from types import SimpleNamespace

import pytest

from ankiforge.cli.run import find_highlight_keys
from ankiforge.config.workspace import find_workspace
from ankiforge.errors import UsageError
from ankiforge.extract import registry
from ankiforge.ledger import Ledger
from ankiforge.pipeline.workspace import Workspace

NOTE = """\
What pumps blood?::the heart

What filters blood?::the kidney

The ==liver== makes bile.

lung :: it breathes

brain :: it thinks

gut :: it digests
"""


@pytest.fixture(scope="module")
def desk(forge_in, tmp_path_factory):
    """A note with a card, a draft, a mark, and lines of which a question asks if they are cards."""
    forge = forge_in(tmp_path_factory.mktemp("organs"))
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes/Organs.md").write_text(NOTE, encoding="utf-8")
    forge.settings(
        "sources: [{obsidian: {name: notes, path: notes}}]\n"
        "accept: {rules: review}\nanki: {collection: none}\n"
    )
    forge.ok("run")
    with Workspace(find_workspace(forge.folder, forge.folder, registry)) as opened:
        fronts = {draft.get_field("Front"): draft.id for draft in opened.drafts()}
        guid = opened.ledger.accept(fronts["What pumps blood?"])
        yield (
            opened,
            {
                "CARD": guid,
                "DRAFT": fronts["What filters blood?"],
                "QUESTION": opened.questions()[0].id,
                **{
                    name: each.highlight.key
                    for each in opened.highlights()
                    for name in ("HEART", "KIDNEY", "LIVER")
                    if name.lower() in each.highlight.exact
                },
            },
        )


@pytest.mark.parametrize(
    ("query", "selected"),
    [
        # ids of cards and drafts, or the start of them; keys of highlights
        ("CARD", {"HEART"}),
        ("DRAFT", {"KIDNEY"}),
        ("DRAFT CARD", {"HEART", "KIDNEY"}),
        ("LIVER", {"LIVER"}),
        ("HEART", {"HEART"}),
        ("LIVER CARD", {"HEART", "LIVER"}),
        ("CARD CARD HEART", {"HEART"}),
        ("QUESTION CARD", {"HEART"}),
        # words of a query, also of highlights without a card
        ("kidney", {"KIDNEY"}),
        ("blood", {"HEART", "KIDNEY"}),
        ("blood -kidney", {"HEART"}),
        ("bile", {"LIVER"}),
        # what has no highlight to draft
        ("QUESTION", None),
        ("butter", None),
        ("blood butter", None),
        ("DRAFT butter", None),
        ("butter DRAFT", None),
    ],
)
def test_what_is_drafted_again(desk, query, selected):
    workspace, names = desk
    query = " ".join(names.get(word, word) for word in query.split())
    if selected is not None:
        found = find_highlight_keys(workspace, query)
        assert found == {names[name] for name in selected}
        return
    with pytest.raises(UsageError) as raised:
        find_highlight_keys(workspace, query)
    assert raised.value.message == f"nothing matches {query!r}"
    assert raised.value.hint == "ankiforge list and list --no-card show ids"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("vault:notes/nowhere", "there is no highlight vault:notes/nowhere"),
        ("nowhere", "nothing matches 'nowhere'"),
    ],
)
def test_what_was_never_read_is_not_drafted_again(tmp_path, query, message):
    with Ledger(tmp_path / "l.db", tmp_path, "a") as ledger:
        ledger.merge_journal()
        with pytest.raises(UsageError, match=message):
            find_highlight_keys(SimpleNamespace(ledger=ledger), query)


def test_without_a_query_nothing_is_drafted_again():
    assert find_highlight_keys(SimpleNamespace(), None) == frozenset()
