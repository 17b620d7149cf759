"""Tables of small decisions: paths, names, queries, fields, and what is told of them."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from ankiforge.check import make_finding
from ankiforge.config.workspace import RememberedPath
from ankiforge.errors import UsageError
from ankiforge.extract.discover import FoundSource
from ankiforge.ledger import IngestReport
from ankiforge.model import (
    Document,
    DocumentKey,
    Highlight,
    HighlightKey,
    HighlightKind,
    LocalCard,
)
from ankiforge.pipeline import (
    decide,
    deliver,
    media,
    proposals,
    query,
)
from ankiforge.pipeline.reading_list import (
    choose_name,
    make_entry,
)
from ankiforge.pipeline.run_result import (
    RunResult,
)
from ankiforge.pipeline.selection import _suggest_similar_path
from tests.cards import made

SENTENCES = (
    "Short one. The heart pumps blood all day. The lungs take in fresh air all day long."
)
PASSAGE = Highlight(
    Document(DocumentKey("d"), "v", "Hearts"),
    "v",
    HighlightKind.HIGHLIGHT,
    SENTENCES,
    HighlightKey("v:v/p"),
)

# --- paths ---------------------------------------------------------------------------------


def test_a_card_of_two_papers_has_the_address_of_each(tmp_path):
    (tmp_path / "vault" / ".obsidian").mkdir(parents=True)
    passages = []
    for source, path, page in (
        ("v", "a b.pdf", "0"),
        ("p", "c.pdf", "x"),
        ("z", "d.pdf", "1"),
    ):
        document = Document(DocumentKey(path), source, path, path=path)
        passages.append(
            replace(PASSAGE, document=document, block_id=page, namespace="pdf:x")
        )
    card = made(LocalCard, key=PASSAGE.key, passages=(*passages, PASSAGE))
    roots = {"pdf:v": str(tmp_path / "vault"), "pdf:p": str(tmp_path / "p")}
    elsewhere = (tmp_path / "p" / "c.pdf").as_uri()
    in_vault = "obsidian://open?vault=vault&file=a%20b.pdf%23page%3D1"
    for file_links, found in ((True, (in_vault, elsewhere)), (False, (in_vault,))):
        addresses = media.make_pdf_url_finder(roots, file_links=file_links)
        assert addresses(card) == found


@pytest.mark.parametrize(
    ("deck", "name"),
    [
        (None, "ankiforge.apkg"),
        ("Reading", "Reading.apkg"),
        ("Reading::Deep learning", "Reading-Deep learning.apkg"),
        ('a/b\\c:d*e?f"g<h>i|j', "a_b_c_d_e_fg_h_i_j.apkg"),
        ("É ü 心", "É ü 心.apkg"),
    ],
)
def test_a_package_is_named_after_its_deck(deck, name):
    assert deliver.make_package_path(Path("out"), deck) == Path("out", name)


def test_a_file_is_read_from_within_its_source_alone(tmp_path):
    vault = tmp_path / "vault"
    (vault / "deep").mkdir(parents=True)
    for path in (vault / "a.md", vault / "deep" / "b.md", tmp_path / "outside.md"):
        path.write_text("x", "utf-8")
    (vault / "link.md").symlink_to(tmp_path / "outside.md")
    for path, found in {
        "a.md": vault / "a.md",
        "deep/b.md": vault / "deep" / "b.md",
        "deep": None,  # it is no file
        "c.md": None,
        "link.md": None,
        "../outside.md": None,
    }.items():
        assert media.find_document_file(str(vault), path) == found
    # a source that is one file is its own document, whatever it is called there
    assert media.find_document_file(str(vault / "a.md"), "other") == vault / "a.md"


@pytest.mark.parametrize(
    ("known", "kind", "root", "path", "name"),
    [
        ((), "obsidian", "vault", "vault", "vault"),
        (("vault", "obsidian", "mine"), "obsidian", "vault", "vault", "mine"),
        # another kind of source was found there
        (("vault", "markdown", "mine"), "obsidian", "vault", "vault", "vault"),
        # a part of the source was read before, or all of it
        (("vault/a.md", "obsidian", "mine", "vault"), "obsidian", "vault", "vault", "mine"),
        (("vault", "obsidian", "mine"), "obsidian", "vault", "vault/a.md", "mine"),
        # the directory above it has become a vault
        (("vault/sub", "obsidian", "sub"), "obsidian", "vault", "vault/sub", "sub"),
        # another source has the name
        (("other/vault", "obsidian", "vault"), "obsidian", "vault", "vault", "vault-2"),
        # exports of an account are one source, wherever they are
        (("old.txt", "kindle", "kindle"), "kindle", "books", "books/new.txt", "kindle"),
    ],
)  # fmt: skip
def test_a_source_keeps_the_name_that_its_place_has(
    tmp_path, known, kind, root, path, name
):
    only = () if path == root else (tmp_path / path,)
    found = FoundSource(kind, tmp_path / root, only)
    entries = []
    if known:
        known_path, known_kind, known_name, *roots = known
        known_root = str(tmp_path / roots[0]) if roots else ""
        place = RememberedPath(
            str(tmp_path / known_path), known_kind, known_name, known_root
        )
        entries.append(make_entry(place))
    assert choose_name(entries, found) == name


@pytest.mark.parametrize(
    ("there", "wanted", "hint"),
    [
        (None, "x/paper.pdf", "there is no folder {}/x either"),
        ((), "paper.pdf", "{} has nothing with a similar name"),
        (("papre.pdf", "notes.md"), "paper.pdf", "did you mean {}/papre.pdf?"),
        (("PAPER.epub",), "paper.pdf", "did you mean {}/PAPER.epub?"),
        (("bin", "boot"), "quantum", "{} has nothing with a similar name"),
    ],
)  # fmt: skip
def test_the_nearest_name_beside_a_path_that_is_not_there(
    tmp_path, monkeypatch, there, wanted, hint
):
    for name in there or ():
        (tmp_path / name).touch()
    assert _suggest_similar_path(tmp_path / wanted) == hint.format(tmp_path)


# --- queries -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("decks:x", "no field called 'decks'", 'quote them: "decks:x"'),
        ('deck:"x', "cannot read 'deck:\"x'", "must be closed"),
        ('x "', "cannot read '\"'", "must be closed"),
        ("deck:", "nothing after 'deck:'", "`*` matches any"),
        ("-", "nothing after '-'", "`*` matches any"),
        ("kind:question", "kind has no value 'question'", "one of: cloze, basic"),
        ("verdict:[w]aiting", "verdict has no value", "one of: waiting"),
        ("anki:x", "anki has no value 'x'", "one of: none"),
        ("added:0", "a number of days, not '0'", "added:1 is today"),
        ("added:-1", "a number of days, not '-1'", "added:1 is today"),
        ("added:x", "a number of days, not 'x'", "added:1 is today"),
        ("added:²", "a number of days, not '²'", "added:1 is today"),
        ("added:36525", "a number of days, not '36525'", "added:1 is today"),
    ],
)
def test_what_is_no_query_is_told_with_what_to_type(text, said, hint):
    with pytest.raises(UsageError) as raised:
        query.parse_query(text)
    assert said in raised.value.message
    assert hint in raised.value.hint


def test_what_was_added_in_a_century_may_be_asked_for():
    [today], [yesterday], [all] = map(
        query.parse_query, ("added:1", "added:2", "added:36524")
    )
    assert all.value < yesterday.value < today.value
    assert today.value.endswith("+00:00")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["deep", "learning"], "deep learning"),
        (["deep learning"], '"deep learning"'),
        (["-deep learning"], '-"deep learning"'),
        (["deck:Deep learning"], 'deck:"Deep learning"'),
        (["-deck:Deep learning"], '-deck:"Deep learning"'),
        (["decks:Deep learning"], '"decks:Deep learning"'),
        (["kind:basic now"], "kind:basic now"),  # no kind holds a blank
        (["deck:Biology cell"], 'deck:"Biology cell"'),
        (["cell deck:Biology"], "cell deck:Biology"),  # a query itself
        (["cell -deck:Biology"], "cell -deck:Biology"),
        (['say "no more"'], 'say "no more"'),
    ],
)
def test_a_query_gets_back_the_quotes_that_the_shell_removed(words, text):
    assert query.join_arguments(words) == text


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("what is entropy", False),
        ("deck:Reading", True),
        ("Deck:Reading", True),
        ("decks:Reading", False),
        ("entropy -heat", True),
        ("entropy - heat", False),
        ('"deck:Reading"', False),
    ],
)
def test_a_query_that_names_a_field_is_no_question(text, names):
    assert bool(query.uses_query_syntax(text)) is names


# --- fields that a person types --------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        ({"Front": "a"}, "the card has no Back", '--field Back "TEXT"'),
        ({"Back": "a"}, "the card has no Front", '--field Front "TEXT"'),
        ({"Front": "a", "Back": " "}, "the card has no Back", '--field Back "TEXT"'),
        ({"Text": "{{c1::a}}", "Front": "b"}, "no field 'Front' beside Text", "or Text with"),
        ({"Front": "a", "Back": "b", "Note": "c"}, "no field 'Note' beside Front", "Front, Back and Extra"),
        ({"Front": "a\x07", "Back": "b"}, "Front contains a control character (0x07)", "type it again"),
        ({"Front": "a" * 8000, "Back": "b"}, "more than 8000 characters", "shorten it"),
    ],
)  # fmt: skip
def test_what_is_no_card_is_told_with_what_to_type(words, said, hint):
    with pytest.raises(UsageError) as raised:
        decide.parse_new_fields(words)
    assert raised.value.message == said
    assert hint in raised.value.hint


# --- what is told of a run, and of a chat --------------------------------------------------------


@pytest.mark.parametrize(
    ("report", "is_news", "found_nothing"),
    [
        (None, False, False),
        (IngestReport(), False, True),
        (IngestReport(passage_count=1), False, False),
        (IngestReport(passage_count=1, new=[HighlightKey("a")]), True, False),
    ],
)
def test_what_a_report_says_of_a_run(report, is_news, found_nothing):
    result = RunResult(report=report)
    assert (result.has_new_highlights, result.has_no_highlights) == (
        is_news,
        found_nothing,
    )


@pytest.mark.parametrize(
    ("decided_by", "refused", "told"),
    [
        ([proposals.REJECTED], [], "you rejected its suggestion"),
        ([proposals.HAVE_CARDS], [], "its sentences have cards already"),
        (
            [proposals.REJECTED, proposals.HAVE_CARDS],
            [],
            "you have decided on its sentences already",
        ),
        ([], ["gap_leak"], "the blanked-out words also appear in the text"),
        (
            [proposals.REJECTED],
            ["gap_leak"],
            "the blanked-out words also appear in the text",
        ),
        (
            [proposals.REJECTED],
            ["breaks_off"],
            "you rejected its suggestion",
        ),  # it only warns
        ([], ["breaks_off", "yes_no"], "asks for yes or no"),
    ],
)
def test_who_refused_the_proposals_of_a_passage(decided_by, refused, told):
    findings = [make_finding(check) for check in refused]
    assert proposals.explain_no_proposal(set(decided_by), findings).startswith(told)
