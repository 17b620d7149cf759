"""What `draft --again` selects: rows."""

from types import SimpleNamespace

import pytest

from ankiforge.cli.run import find_highlight_keys
from ankiforge.errors import UsageError
from ankiforge.ledger import Ledger


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
    assert find_highlight_keys(SimpleNamespace(), "") == frozenset()
