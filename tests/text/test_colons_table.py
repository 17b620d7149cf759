"""What two colons between words mean: a card, no card, or a doubtful one."""

import pytest

from ankiforge.text.colons import (
    ColonMeaning,
    classify_colons,
    explain_ambiguous_colons,
)

CARD, DOUBTFUL, NO_CARD = ColonMeaning.CARD, ColonMeaning.DOUBTFUL, ColonMeaning.NO_CARD


def split(line: str) -> tuple[str, str, str]:
    sign = ":::" if ":::" in line else "::"
    front, _, back = line.partition(sign)
    return front, sign, back


@pytest.mark.parametrize(
    ("line", "meaning", "if_declared"),
    [
        ("What is ATP?::an energy carrier", CARD, CARD),
        ("the call that makes a process::fork()", DOUBTFUL, DOUBTFUL),
        ("Katze:::cat", CARD, CARD),
        ("status:: done", NO_CARD, CARD),
        ("two words:: done", CARD, CARD),
        ("a :: b", CARD, CARD),
        ("Doe, J. The Heritage of Stones, 3:: pp.68-97.", NO_CARD, NO_CARD),
        ("In which century was Rome sacked? 5:: p. 3", CARD, CARD),
        ("p ::before", DOUBTFUL, CARD),
        ("std::vector", NO_CARD, DOUBTFUL),
        ("the same as Foo::bar()", NO_CARD, DOUBTFUL),
        ("例如std::pair", NO_CARD, DOUBTFUL),
        ("test.py::test_a", NO_CARD, DOUBTFUL),
        ("1789::1799", CARD, CARD),
        ("dead::beef", CARD, CARD),
        ("fe80::1%eth0", NO_CARD, DOUBTFUL),
        ("10:00::11:30", NO_CARD, DOUBTFUL),
        ("https:://x.org", NO_CARD, NO_CARD),
        ("<<VL12::Heaps>>", NO_CARD, NO_CARD),
        ("two colons (::) name a scope", NO_CARD, NO_CARD),
        ("the unspecified address, ::, has none", NO_CARD, NO_CARD),
        ("用两个冒号（::）表示", NO_CARD, NO_CARD),
        ("the loopback address, ::1, is local", NO_CARD, DOUBTFUL),
        ("Forwarding from [::1]:8888", NO_CARD, DOUBTFUL),
        ("cats in a room::1, not 2", CARD, CARD),
        ("int Base::x = 0;", DOUBTFUL, DOUBTFUL),
        ("the cell :: has a nucleus;", CARD, CARD),
        ("the type is Foo<T>::bar", DOUBTFUL, DOUBTFUL),
        ("What is a vector<int>::An array", CARD, CARD),
        ("the opposite of in::out and back; over", CARD, CARD),
        ("3 > 2::true", CARD, CARD),
        ("arn:aws:s3:::bucket", NO_CARD, NO_CARD),
        ("Sentence ::= Subject Verb Object", DOUBTFUL, DOUBTFUL),
        ("SELECT id::text FROM users", DOUBTFUL, DOUBTFUL),
        ("freq.merge(word, 1L, Long::sum);", DOUBTFUL, DOUBTFUL),
        ("the half-open interval [0, 1::1 is not in it", CARD, CARD),
        ("NaCl::table salt", CARD, CARD),
        ("1989::9 November, fall of the Berlin Wall", CARD, CARD),
        ("f(x) = (x + 1)::a line", CARD, CARD),
        ("The capital of Japan::東(とう)京(きょう)", CARD, CARD),
    ],
)
def test_what_colons_mean(
    line: str, meaning: ColonMeaning, if_declared: ColonMeaning
) -> None:
    assert classify_colons(*split(line), declared=False) is meaning
    assert classify_colons(*split(line), declared=True) is if_declared


@pytest.mark.parametrize(
    ("line", "doubt"),
    [
        ("a b :: c :: d", "it contains several"),
        ("SELECT id::text FROM users", "it may be code"),
        ("status:: done", "it may be metadata"),
    ],
)
def test_the_doubt_is_explained(line: str, doubt: str) -> None:
    assert explain_ambiguous_colons(line) == doubt
