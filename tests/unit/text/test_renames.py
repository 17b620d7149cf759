"""Sketches of documents, and which one that is gone became which new one."""

import pytest

from ankiforge.text.renames import Sketch, decode, encode, pair, sketch, sketched

LAKES = (
    "The Tanganyika basin holds nineteen thousand cubic kilometres of water in an ordinary year, and"
    " no other lake of Africa is as deep or as old as this one is. Its fish live in the upper layers"
    " alone, since there is no oxygen further down where the water never turns over."
)
RIVERS = (
    "Where a river meets the sea its current slows, and what it carried sinks to the ground: first"
    " the gravel, then the sand, and the finest mud far out. So a delta grows into the sea, unless"
    " the tides are strong enough to take all of it away again within the same day."
)


def words(start: int, count: int) -> str:
    return " ".join(f"w{number}" for number in range(start, start + count))


def test_a_sketch_is_the_same_in_every_version():
    """It is stored, and compared with what a later version makes of another text."""
    assert sketched(
        "---\nid: 20260101-lakes\n---\nOne two three four five. ^end\n", "a/Lakes.md"
    ) == ('["H5lJo9ot3QpTW12bG4DbWg==",5,["20260101-lakes"],["Lakes.md","^end"]]')


@pytest.mark.parametrize(
    "text",
    [
        f"---\ntags: [a]\n---\n{LAKES}",
        f"status:: done\n{LAKES}",
        f"- **due**:: 2026-01-01\n{LAKES}",
        LAKES.upper(),
        LAKES.replace("nineteen thousand", "==nineteen **thousand**=="),
        f"# {LAKES}",
    ],
)
def test_only_words_of_the_text_count(text):
    assert sketch(text).hashes == sketch(LAKES).hashes


def test_a_hand_written_card_is_part_of_the_text():
    assert len(sketch("What is the deepest lake of Africa?::Tanganyika").hashes) == 5


def test_a_script_without_blanks_has_a_word_per_character():
    assert len(sketch("坦噶尼喀湖是非洲最深的湖泊").hashes) == 10


def test_a_long_document_has_sixty_four_hashes():
    one = sketch(words(0, 5000))
    assert (len(one.hashes), one.words) == (64, 5000)
    assert decode(encode(one)) == one


def become(
    gone: str | Sketch, new: str | Sketch, *thirds: str, gone_name: str = "", name: str = ""
):
    """Return whether a document that is gone is recognised in a new one."""
    common = {each for third in thirds for each in sketch(third).hashes}
    before = gone if isinstance(gone, Sketch) else sketch(gone, (gone_name,) if gone_name else ())
    after = new if isinstance(new, Sketch) else sketch(new, (name,) if name else ())
    return pair({"old": before}, {"new": after}, common) == {"old": "new"}


@pytest.mark.parametrize(
    ("gone", "new", "same"),
    [
        (LAKES, LAKES.replace("ordinary", "typical"), True),
        (LAKES, RIVERS, False),
        (words(0, 15), words(0, 15), True),  # 12 shingles
        (words(0, 14), words(0, 14), False),  # 11
        (words(0, 100), words(0, 200), True),
        (words(0, 100), words(0, 201), False),  # more than twice as long
        (words(0, 200), words(0, 100), True),
        (words(0, 40), f"{words(0, 21)} {words(900, 19)}", False),  # 18 of 37 shingles
        (words(0, 40), f"{words(0, 22)} {words(900, 18)}", True),  # 19
        (words(0, 2000), f"{words(0, 1300)} {words(9000, 700)}", True),
        (words(0, 2000), f"{words(0, 600)} {words(9000, 1400)}", False),
    ],
)
def test_half_of_the_shingles_of_the_shorter_make_one_document(gone, new, same):
    assert become(gone, new) is same


@pytest.mark.parametrize("hint", ["name", "block"])
def test_a_name_or_block_id_in_common_halves_what_is_required(hint):
    gone, new = words(0, 40), f"{words(0, 14)} {words(900, 26)}"
    assert not become(gone, new, gone_name="a.md", name="b.md")
    if hint == "name":
        assert become(gone, new, gone_name="a.md", name="a.md")
        assert not become(gone, f"{words(0, 11)} {words(900, 29)}", gone_name="a.md", name="a.md")
    else:
        assert become(f"{gone} ^here", f"{new} ^here")


def test_what_stands_in_a_third_document_does_not_count():
    template = words(0, 60)
    monday, tuesday = f"{template} {words(100, 20)}", f"{template} {words(200, 20)}"
    assert become(monday, tuesday)
    assert not become(monday, tuesday, f"{template} {words(300, 20)}")
    assert become(monday, f"{monday} more", f"{template} {words(300, 20)}")


def test_of_two_that_fit_alike_none_is_chosen():
    text = words(0, 100)
    new = {
        "b": sketch(f"{words(0, 50)} {words(500, 5)}"),
        "c": sketch(f"{words(50, 50)} {words(600, 5)}"),
    }
    assert pair({"a": sketch(text)}, new) == {}
    new["c"] = sketch(f"{words(60, 30)} {words(600, 25)}")
    assert pair({"a": sketch(text)}, new) == {"a": "b"}


def test_each_goes_to_its_own():
    texts = {str(number): words(number * 100, 50) for number in range(30)}
    gone = {name: sketch(text) for name, text in texts.items()}
    new = {f"folder/{name}": sketch(f"{text} edited") for name, text in texts.items()}
    assert pair(gone, new) == {name: f"folder/{name}" for name in texts}


def test_an_own_id_outdoes_words():
    head = "---\nid: 202601011200\n---\n"
    assert become(head + LAKES, head + RIVERS)
    assert not become("---\nid: note\n---\n" + LAKES, "---\nid: note\n---\n" + RIVERS)
    old, new = sketch(head + LAKES), sketch(head + RIVERS)
    assert pair({"a": old}, {"b": new}, common_own={"202601011200"}) == {}
