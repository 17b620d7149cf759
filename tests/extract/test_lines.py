"""Lines with `::`: accepted by policy only where they are surely cards; all else waits with a reason."""

from pathlib import Path

WAITS = [
    "The ratio was 3 :: 4 in all cases.",
    "We mix them in a ratio of 3 :: 4",
    "In Java, l'operatore :: è chiamato operatore di riferimento a metodo.",
    "See std :: vector for more.",
    "standardDiscount :: Double -> Double",
    "minBound :: Bool",
    "A expressão MyClass::new cria uma referência a um construtor de MyClass.",
    "Workout hours:: 0",
    "Sleep hours::  7",
    "Date taken:: 2022-09-08 Thursday",
    "Overall rating:: 4/5",
    "Went outside:: yes",
    "Woken up:: 07:30",
    "4) LinkedIn jobs:: linkedin.com/jobs",
    "Related notes:: [[Cells]], [[Atoms]]",
    "Next action:: call Bob",
    "Filter: [kin::to[Folder item]] lists them",
    "Foo::Bar.new(1)",
    "SELECT id::text FROM users",
    "The proportion men :: women was about equal.",
    "TODO :: write the introduction",
    ":: ::red or blue",
    "::before / ::after / content",
    "Complexity of a binary search::O(log n)",
    "Linux call that creates a process::fork()",
]
REASONS = {
    "SELECT id::text FROM users": "it may be code",
    "Sleep hours::  7": "",
    "Filter: [kin::to[Folder item]] lists them": "it may be code",
}
NAMES = [
    "The host listens on fe80::1",
    "2001:db8::1",
    "2001:db8:85a3::8a2e:370:7334 is my host.",
    "The prefix 2001:db8::/32 is for docs.",
    "The prefix 2001:db8:: is for docs.",
    "ping `x` and then ff02::1%eth0!",
    "The lecture 10:00::11:30 is in room 5.",
    "use Foo::Bar;",
    "My::Class::method",
]
CARDS = [
    "12::30",
    "e4::e5",
    "dead::beef",
    "be::sein",
    "What is the loopback address?::`::1`",
    "What is the capital of France? :: Paris",
    "How many bits has a byte?::8",
    "Quanti bit servono per rappresentare i permessi:: 3 bit.",
    "Wann wurde das Schema standardisiert?::1992",
    "Cos'è il TLB:: Una piccola cache dell'MMU",
    "house :: casa",
    "o cão:::the dog",
    "10 ::: diez",
    "Osmosis::movement of water through a membrane",
    "Golgi apparatus:: modifies and packages proteins for the cell",
    "Modelo Cinemático Inverso::Relaciona la posición con las articulaciones",
    "The capital of Italy is :: Rome",
    "To desire :: to strongly wish for something",
    "Complexity of a lookup in a hash table :: $O(1)$",
    "Derivative of $\\sin x$::$\\cos x$",
    "7 × 8::56",
    "inner core::solid iron",
    "JavaScript::the language of browsers",
]


def _vault(forge, notes: dict[str, str]) -> Path:
    vault = forge.folder / "v"
    vault.mkdir(exist_ok=True)
    for name, text in notes.items():
        (vault / name).write_text(text, encoding="utf-8")
    return vault


def _verdicts(forge) -> dict[str, str]:
    return {card["quote"]: card["verdict"] for card in forge.cards()}


def _reasons(forge, quote: str) -> list[str]:
    (card,) = (card for card in forge.cards() if card["quote"] == quote)
    return [found["message"] for found in card["findings"] if found["severity"] == "warn"]


def test_a_line_that_may_be_no_card_waits_and_says_why(forge):
    forge.ok("run", _vault(forge, {"a.md": "\n\n".join(WAITS) + "\n"}))

    assert list(_verdicts(forge).values()) == ["waiting"] * len(WAITS)
    for line, reason in REASONS.items():
        assert not reason or f"this line may not be a card: {reason}" in _reasons(
            forge, line
        )


def test_addresses_times_and_names_of_programs_are_no_cards(forge):
    forge.ok("run", _vault(forge, {"a.md": "\n\n".join(NAMES) + "\n"}))

    assert _verdicts(forge) == {}


def test_a_line_that_is_surely_a_card_is_accepted(forge):
    forge.ok("run", _vault(forge, {"a.md": "\n\n".join(CARDS) + "\n"}))

    blanks = [one for one in CARDS if " :: " in one or ":: " in one.replace(":::", "")]
    asked = {one for one in blanks if "? :: " not in one}
    assert len(asked) == 7
    waiting = {card["quote"] for card in forge.cards() if card["verdict"] == "waiting"}
    assert waiting == asked, "blanks around the colons: a person is asked"
    assert len(forge.cards()) == len(CARDS)


def test_the_same_question_with_the_same_answer_in_two_notes_is_no_field(forge):
    card = "What is the capital of France?::Paris\n"

    forge.ok("run", _vault(forge, {"a.md": card, "b.md": f"Copied.\n\n{card}"}))

    assert {card["verdict"] for card in forge.cards()} == {"accepted"}


def test_a_dialect_named_in_the_settings_makes_lines_cards_but_not_code(forge):
    _vault(forge, {"a.md": "#flashcards\n\nNext action:: call Bob\n\nf :: Int -> Int\n"})
    forge.settings("sources:\n  - obsidian: {path: v, cards: [osr, inline]}\n")

    forge.ok("run")

    assert _verdicts(forge) == {
        "Next action:: call Bob": "accepted",
        "f :: Int -> Int": "waiting",
    }


def test_an_address_a_cell_of_a_table_and_a_link_or_field_in_braces_are_no_cards(forge):
    lines = [
        "See {{[[a link]]}} there.",
        "The {{Key:: value}} here.",
        "An {{embed}} of ==cells== too.",
        "https:://cells.example/a",
        "The iterator in std::iter of Rust",
        "The cast (std::move) and “std::swap” are functions",
        "Because std::move(x) moves nothing, it is a cast.",
        "file:::///home/ada/cells.pdf",
        "They are assigned from the range FC00::/7",
        "| selector | selects |\n|---|---|\n| a::b | a part of it |",
        "Water boils at {{100 °C}} at sea level.",
        "One writes {3, 4} or {{3}, {4}}, but not {{3, 4}} in C.",
        "France has {{c1::[[Paris]]}} as its capital.",
    ]
    forge.ok("run", _vault(forge, {"a.md": "\n\n".join(lines) + "\n"}))

    assert sorted(card["quote"] for card in forge.cards()) == [
        "An {{embed}} of cells too.",
        "France has Paris as its capital.",
    ]


def test_a_card_whose_picture_cannot_be_read_waits(forge):
    vault = _vault(forge, {"a.md": "What does a cell look like? :: ![[missing.png]]\n"})

    forge.ok("run", vault)

    (card,) = forge.cards()
    assert card["verdict"] == "waiting"
    (found,) = (one for one in card["findings"] if one["check"] == "unreadable_picture")
    assert "missing.png: cannot be read" in found["message"]


def test_a_card_that_breaks_off_or_has_no_subject_waits(forge):
    lines = {
        "Una memoria indirizzabile al ==byte==, dunque,": "breaks_off",
        "Quindi il costo è al massimo ==lineare== nella lunghezza.": "leans_back",
        "Rappresenta il limite inferiore, o lo ==scenario migliore== di un calcolo.": "leans_back",
        "Refers to the whole set of ==species== that live in one place.": "leans_back",
        "What grows in spring? :: leaves, flowers,": "breaks_off",
    }
    for number, line in enumerate(lines):
        _vault(forge, {f"{number}.md": line + "\n"})

    forge.ok("run", forge.folder / "v")

    found = [{one["check"] for one in card["findings"]} for card in forge.cards()]
    assert [card["verdict"] for card in forge.cards()] == ["waiting"] * len(lines)
    assert all(any(id in ids for ids in found) for id in lines.values())
