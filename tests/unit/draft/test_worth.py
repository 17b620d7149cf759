"""Which highlights are asked first: those likeliest to be worth a card."""

import json
import math
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import pytest

from ankiforge.draft import IN_A_ROW, likeliest, worth
from ankiforge.model import (
    Document,
    DocumentKey,
    Highlight,
    HighlightKey,
    HighlightKind,
    Span,
)

SET = Path(__file__).parents[3] / "benchmarks" / "passages.jsonl"
LONG = "The mitochondrion makes most of the ATP of a cell by oxidative phosphorylation."
DOCUMENT = Document(DocumentKey("doc"), "Cells", "vault")


def marked(
    exact: str = LONG, comment: str = "", gaps: tuple[Span, ...] = (), *, instructs: bool = True,
    kind: HighlightKind = HighlightKind.HIGHLIGHT,
) -> Highlight:  # fmt: skip
    return Highlight(
        DOCUMENT, "vault:notes", kind, exact, HighlightKey(f"{exact}{comment}"),
        comment=comment, gaps=gaps, instructs=instructs,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("highlight", "wants", "rank"),
    [
        (marked(comment="? What makes ATP"), "", 0),
        (marked(comment="remember this"), "", 0),
        (marked(f"What powers it?::{LONG}", kind=HighlightKind.CARD), "", 0),
        (marked(comment="remember this", instructs=False), "", 3),
        (marked("oxidative phosphorylation"), "", 1),
        (marked(gaps=((4, 17),)), "", 1),
        (marked(gaps=((0, len(LONG)),)), "", 3),
        (marked("線粒體是細胞中製造三磷酸腺苷的胞器也是細胞進行有氧呼吸的主要場所因此常被稱為細胞的發電廠"), "", 3),
        (marked(), "definition", 2),
        (marked(), "card", 3),
        (marked("—"), "question", 4),
    ],
)  # fmt: skip
def test_the_worth_of_a_highlight(highlight, wants, rank):
    assert worth(highlight, wants) == rank


def test_never_more_than_three_in_a_row_from_one_document_while_others_are_left():
    ranked = [(3, "a", f"a{n}") for n in range(9)] + [(3, "b", "b0"), (0, "b", "b1")]
    order = list(likeliest(ranked))
    assert order[:5] == ["b1", "a0", "a1", "a2", "b0"]
    assert sorted(order) == sorted(item for _, _, item in ranked)
    runs = [len(list(group)) for _, group in groupby(order[:8], key=lambda item: item[0])]
    assert max(runs) == IN_A_ROW


def _ndcg(deserving: Sequence[bool]) -> float:
    gain = sum(yes / math.log2(at + 2) for at, yes in enumerate(deserving))
    return gain / sum(1 / math.log2(at + 2) for at in range(sum(deserving)))


def test_deserving_passages_come_earlier_than_in_reading_order():
    """On the passages of the benchmarks: nDCG 0.98, against 0.96 in reading order."""
    rows = [json.loads(line) for line in SET.read_text("utf-8").splitlines()]
    rows = [row for row in rows if row["deserves"] is not None]
    ranked = [
        (
            worth(marked(row["exact"], row["comment"], row["gaps"])),
            row["document"]["key"],
            row["deserves"],
        )
        for row in rows
    ]
    assert _ndcg(list(likeliest(ranked))) > _ndcg([row["deserves"] for row in rows]) + 0.01
