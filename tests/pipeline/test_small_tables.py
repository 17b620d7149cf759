"""Tables of small decisions: paths, names, queries, fields, and what is told of them."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from ankiforge.anki.plan import CardPlan
from ankiforge.check import make_finding
from ankiforge.config import AcceptSettings, Config
from ankiforge.config.caches import Cache
from ankiforge.config.deckfiles import choose_deck, load_decks
from ankiforge.config.workspace import RememberedPath, WorkspaceDirectory
from ankiforge.errors import UsageError
from ankiforge.extract.discover import FoundSource
from ankiforge.ledger import IngestReport, Ledger, QueryTerm
from ankiforge.ledger.events import Passage
from ankiforge.ledger.snapshots import HighlightSnapshot
from ankiforge.model import (
    AnkiChanges,
    CardKind,
    Conflict,
    Document,
    DocumentKey,
    Draft,
    Guid,
    Highlight,
    HighlightKey,
    HighlightKind,
    LocalCard,
    Origin,
    PendingDraft,
    Problem,
)
from ankiforge.pipeline import (
    chats,
    decide,
    deliver,
    media,
    proposals,
    query,
)
from ankiforge.pipeline.draft import DraftChecker
from ankiforge.pipeline.reading_list import (
    Entry,
    choose_free_name,
    choose_name,
    make_entry,
)
from ankiforge.pipeline.run_result import (
    AnkiReadResult,
    AnkiReadState,
    ModelProgress,
    PlannedNote,
    PushedNotes,
    RunParameters,
    RunResult,
    RunStep,
    WrittenPackage,
)
from ankiforge.pipeline.selection import _suggest_similar_path
from ankiforge.pipeline.workspace import Workspace
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
    ("root", "path", "contains"),
    [
        ("a", "a", True),
        ("a", "a/b/c", True),
        ("a/b", "a", False),
        ("a", "ab", False),
    ],
)
def test_what_is_below_a_folder(tmp_path, root, path, contains):
    entry = Entry("pdf", "s", tmp_path / root, tmp_path / root)
    assert entry.contains((tmp_path / path).resolve()) is contains


@pytest.mark.parametrize(
    ("taken", "name"),
    [((), "notes"), (("other",), "notes"), (("notes",), "notes-2"), (("notes", "notes-2"), "notes-3")],
)  # fmt: skip
def test_a_name_of_a_source_that_is_free(taken, name):
    assert choose_free_name("notes", taken) == name


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
    ("root", "path", "document", "deck"),
    [
        ("", "vault", "cells/a.md", "Mine"),
        ("vault", "vault/cells", "cells/a.md", "Mine"),
        ("vault", "vault/cells", "cells/more/a.md", "Mine"),
        ("vault", "vault/cells", "cells-2/a.md", "Reading"),
        ("vault", "vault/a.md", "a.md", "Mine"),
        ("vault", "vault/[a].md", "[a].md", "Mine"),
        ("vault", "vault/[a].md", "a.md", "Reading"),
    ],
)
def test_the_deck_of_a_place_is_for_its_documents(tmp_path, root, path, document, deck):
    place = RememberedPath(
        str(tmp_path / path), "obsidian", "v", root and str(tmp_path / root), deck="Mine"
    )
    folder = WorkspaceDirectory(tmp_path, Config(), tmp_path)
    document = replace(PASSAGE.document, path=document)
    rules = folder.load_decks([place])
    assert choose_deck(rules, replace(PASSAGE, document=document)) == deck


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
    ("text", "terms"),
    [
        ("", []),
        ("  ", []),
        ("deep learning", [QueryTerm("", "deep"), QueryTerm("", "learning")]),
        ('"deep learning"', [QueryTerm("", "deep learning")]),
        ("-deep", [QueryTerm("", "deep", negated=True)]),
        ('deck:"Deep learning" -tag:x', [QueryTerm("deck", "Deep learning"), QueryTerm("tag", "x", negated=True)]),
        ("DECK:Reading", [QueryTerm("deck", "Reading")]),
        ("verdict:wait*", [QueryTerm("verdict", "wait*")]),
        ("verdict:UN*ONE", [QueryTerm("verdict", "UN*ONE")]),
        ("kind:basic", [QueryTerm("kind", "basic")]),
        ("deck:[x]", [QueryTerm("deck", "[x]")]),
    ],
)  # fmt: skip
def test_the_conditions_of_a_query(text, terms):
    assert query.parse_query(text) == terms


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
    ("word", "is_id", "is_key"),
    [
        ("afabcd", True, False),
        ("AFABCD ", True, False),
        ("afab", False, False),
        ("afabc1", False, False),
        ("dr12ab", True, False),
        ("dr12", False, False),
        ("dr12ag", False, False),
        ("af23456723456723", False, False),  # sixteen hexadecimal digits are of a change
        ("vault:notes/a", False, True),
        ("vault:notes", False, False),
        ("deck:notes/a", False, False),  # a query
        ("vault:no tes/a", False, False),
    ],
)
def test_an_id_a_key_and_what_is_none(word, is_id, is_key):
    assert (query.looks_like_id(word), query.looks_like_key(word)) == (is_id, is_key)


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
    ("words", "fields"),
    [
        ({"Back": "b", "Front": "a"}, (("Front", "a"), ("Back", "b"))),
        ({"Front": "a", "Back": "b", "Extra": " "}, (("Front", "a"), ("Back", "b"))),
        ({"Text": "{{c1::a}}", "Deck": "D", "Tags": "t"}, (("Text", "{{c1::a}}"),)),
        ({"Front": "a\r\nb", "Back": "c\rd"}, (("Front", "a\nb"), ("Back", "c\nd"))),
    ],
)
def test_the_fields_of_a_new_card(words, fields):
    assert decide.parse_new_fields(words) == fields


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


def test_a_card_may_be_as_long_as_the_limit():
    assert decide.parse_new_fields({"Front": "a" * 7999, "Back": "b"})[1] == ("Back", "b")


# --- what is told of a run, and of a chat --------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "withheld", "said"),
    [
        ([], (), "nothing to ask: each highlight has a card, was asked about, or may not be sent"),
        ([2], (), "2 highlights for your chat"),
        ([2], (("private", 1200), ("by #no-llm", 1)), "2 highlights for your chat; 1,200 withheld: private; 1 withheld: by #no-llm"),
    ],
)  # fmt: skip
def test_what_a_chat_is_asked(numbers, withheld, said):
    assert chats.summarize_chat_export(numbers, withheld) == said


def test_the_steps_of_a_run_add_up():
    result = RunResult()
    here, there = Problem("a", "is broken"), Problem("b", "is new", is_notice=True)
    by_model = ModelProgress("host", 1, 2, usage=None)  # type: ignore[arg-type]
    result.add_step(RunStep(drafted=2, accepted=1, highlights=5, undrafted=3))
    assert (result.model_answered_count, result.undrafted) == (0, 0)  # by the rules
    assert not result.has_failures
    step = RunStep(drafted=3, highlights=5, undrafted=2, by_model=by_model)
    result.add_step(replace(step, problems=(there,)))
    assert not result.has_failures
    result.add_step(RunStep(problems=(here, there)))
    assert result.has_failures
    assert (result.drafted, result.accepted) == (5, 1)
    assert (result.model_answered_count, result.undrafted) == (5, 2)
    assert result.problems == [there, here]


def test_a_problem_of_a_place_is_told_once_in_a_run():
    result = RunResult(problems=[Problem("a", "cannot be read")])
    again, other = Problem("a", "has no picture"), Problem("b", "has no picture")
    published = WrittenPackage(Path("x.apkg"), problems=(again, other))
    result.add_plan((), published)
    assert result.problems[1:] == [other]
    assert result.packages == []  # it has no notes
    result.add_plan((), replace(published, notes=1))
    assert result.packages == [Path("x.apkg")]
    result.pushed = PushedNotes(1, 0)
    assert result.packages == []


CONFLICT = Conflict(Guid("a"), "Back", "", "", "1", "2")


@pytest.mark.parametrize(
    ("plan", "outcome"),
    [
        ({}, {}),
        ({"note": SimpleNamespace(mod=7)}, {"mod": 7}),
        ({"hold_reason": "a question"}, {"hold_reason": "a question"}),
        ({"conflicts": (CONFLICT,)}, {"has_conflict": True}),
        ({"keeps_unknown_text": True}, {"keeps_unknown_text": True}),
        ({"problems": (Problem("a", "b"),)}, {}),
    ],
)
def test_a_run_keeps_the_outcome_of_a_plan(plan, outcome):
    result = RunResult()
    result.add_plan([CardPlan(Guid("a"), is_live=True, **plan)])
    assert result.planned == [PlannedNote(Guid("a"), **outcome)]


def test_a_second_look_at_anki_adds_to_the_first():
    result = RunResult()
    first = AnkiChanges(note_count=1, first_seen=[Guid("a")], reviews=2)
    result.add_scan(AnkiReadResult(AnkiReadState.READ, changes=first))
    newer = AnkiChanges(
        note_count=2, first_seen=[Guid("b")], deleted=[Guid("c")], reviews=3
    )
    result.add_scan(AnkiReadResult(AnkiReadState.READ, changes=newer))
    assert result.scan is not None
    assert not result.scan.is_unreadable
    viewed = result.scan.changes
    assert (viewed.note_count, viewed.first_seen, viewed.deleted) == (
        2,
        ["a", "b"],
        ["c"],
    )
    assert viewed.reviews == 5
    blind = AnkiReadResult(AnkiReadState.FAILED, problem=Problem("Anki", "is locked"))
    assert blind.is_unreadable
    result.add_scan(blind)
    assert result.problems == [blind.problem]


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
    ("rules", "override", "card", "accepts"),
    [
        ("clean", "", {"is_card_in_source": True}, True),
        ("clean", "", {"origin": Origin("rules:comment")}, True),
        ("clean", "", {"origin": Origin("rules:phrase")}, False),
        ("clean", "", {"origin": Origin("llm")}, False),
        ("review", "", {"is_card_in_source": True}, False),
        ("review", "clean", {"is_card_in_source": True}, True),
        ("clean", "review", {"is_card_in_source": True}, False),
    ],
)
def test_what_the_settings_accept(rules, override, card, accepts):
    settings = SimpleNamespace(accept=AcceptSettings(rules=rules))
    fields = (("Front", "What pumps?"), ("Back", "heart"))
    waiting = made(PendingDraft, kind=CardKind.BASIC, fields=fields, id="d1", **card)
    settings.proposals = settings.figures = True
    opened = SimpleNamespace(
        folder=SimpleNamespace(config=settings, pictures_directory=None),
        decks=(),
        should_go_on=None,
    )
    job = Workspace.build_run_parameters(opened, override)
    assert job.should_accept(waiting) is accepts


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


def test_two_owners_of_a_cache_may_have_one_name(tmp_path):
    one, other = Cache(tmp_path, "pdf:a"), Cache(tmp_path, "pdf:b")
    one.update({"x": b"1"})
    other.update({"x": b"2", "y": b"3"})
    assert (one.load("x"), one.load_all(), other.load("x")) == (b"1", {"x": b"1"}, b"2")
    other.update({}, deleted_names=["x"])
    assert (one.load("x"), other.load_all()) == (b"1", {"y": b"3"})


CLAUSE = "the mitochondrion makes most of the energy of a cell"


@pytest.mark.parametrize(
    ("comment", "is_in_source"),
    [
        ("found by Altmann in 1890", False),  # it is the reader's, if beside the quote
        ("look it up", True),
    ],
)
def test_a_card_is_checked_without_the_comment_that_is_beside_its_quote(
    tmp_path, comment, is_in_source
):
    said = "found by Altmann in 1890"
    highlight = replace(
        PASSAGE, exact=CLAUSE, comment=comment, suffix=f". {said}",
        surrounding_text=f"{CLAUSE}.\n{said}",
    )  # fmt: skip
    fields = (("Front", "When was it found?"), ("Back", "in 1890"))
    draft = made(Draft, kind=CardKind.BASIC, fields=fields, quote=said)
    job = RunParameters(lambda draft: False, load_decks(tmp_path), tmp_path)
    state = HighlightSnapshot(
        passage=Passage((highlight.key,)), highlight=highlight, content_hash=""
    )
    with Ledger(tmp_path / "l.db", tmp_path, "a") as ledger:
        ledger.merge_journal()
        [checked] = DraftChecker(job, ledger).check_drafts(state, highlight, [draft])
    found = {finding.check for finding in checked.findings}
    assert ("quote_not_in_source" not in found) is is_in_source
