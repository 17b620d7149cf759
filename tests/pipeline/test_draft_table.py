"""What the rules leave for proposals, what a model is sent, and what is told of it: rows."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ankiforge.config.workspace import find_workspace
from ankiforge.draft.rules import UNREQUESTED_REASONS
from ankiforge.extract import registry
from ankiforge.model import (
    CardKind,
    Document,
    DocumentKey,
    Draft,
    DraftingInstructions,
    DraftingResult,
    DraftingStatus,
    DraftingTask,
    Highlight,
    HighlightKey,
    HighlightKind,
    Origin,
    Problem,
)
from ankiforge.pipeline import draft as drafting
from ankiforge.pipeline.run_result import RunStep
from ankiforge.pipeline.workspace import Workspace
from tests.cards import made

FACTS = [
    "Osmosis is the diffusion of water through a semipermeable membrane.",
    "The mitochondrion makes most of the energy of a cell.",
    "Insulin is made by the beta cells of the pancreas.",
    "The Rhine flows through the city of Basel.",
]
ONE = f"""\
# One

=={FACTS[0]}==

=={FACTS[1]}==

What is a cell?::a unit of life
"""
TWO = f"""\
# Two

=={FACTS[2]}==

=={FACTS[3]}==

==The secret is the number 4711, which nobody is told.== #no-llm
"""
SETTINGS = """\
sources: [{obsidian: {name: notes, path: notes}}]
anki: {collection: none}
"""


@pytest.fixture(scope="module")
def facts(forge_in: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    forge = forge_in(tmp_path_factory.mktemp("facts"))
    (forge.folder / "notes").mkdir()
    for name, text in (("One", ONE), ("Two", TWO)):
        (forge.folder / f"notes/{name}.md").write_text(text, encoding="utf-8")
    forge.settings(SETTINGS, proposals=True)
    forge.ok("run")
    folder: Path = forge.folder
    return folder


@pytest.fixture
def opened(facts: Path, tmp_path: Path) -> Iterator[Workspace]:
    folder = tmp_path / "desk"
    shutil.copytree(facts, folder)
    with Workspace(find_workspace(folder, folder, registry)) as workspace:
        yield workspace


def words(highlights: Iterable[Highlight]) -> list[str]:
    return [highlight.exact.split()[-1].rstrip(".") for highlight in highlights]


ALL = ["membrane", "cell", "pancreas", "Basel"]

# --- by the rules ----------------------------------------------------------------------------

FACT = Highlight(
    Document(DocumentKey("d"), "v", "Cells"), "v", HighlightKind.HIGHLIGHT,
    FACTS[0], HighlightKey("v:v/p"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("highlight", "instructions", "proposals", "reason", "usefulness"),
    [
        ({}, {}, True, "", "+"),
        ({}, {}, False, "unrequested", "0"),
        ({}, {"kinds": (CardKind.CLOZE,)}, True, "", "+"),
        ({}, {"kinds": (CardKind.BASIC, CardKind.CLOZE)}, True, "", "+"),
        # a deck file wants none, so what it would be worth is kept, but nothing is proposed
        ({}, {"kinds": (CardKind.BASIC,)}, True, "kind", "-"),
        ({}, {"requested_kind": "question"}, True, "kind", "-"),
        ({}, {"requested_kind": "definition"}, True, "", "+"),
        ({"exact": "and so on"}, {}, True, "other", "-"),
        ({"exact": "and so on"}, {"kinds": (CardKind.BASIC,)}, True, "other", "-"),
    ],
)  # fmt: skip
def test_what_the_rules_leave_is_scored(
    opened, highlight, instructions, proposals, reason, usefulness
):
    job = replace(opened.build_run_parameters(), proposals=proposals)
    task = DraftingTask(
        FACT.document, (replace(FACT, **highlight),), instructions=DraftingInstructions(**instructions)
    )  # fmt: skip
    [result] = drafting._draft_by_rules(job, task)
    assert not result.drafts
    told = {
        "unrequested": result.reason in UNREQUESTED_REASONS,
        "kind": result.reason == "its deck takes no cards with gaps",
        "other": bool(result.reason),
        "": True,
    }
    assert told[reason], result.reason
    assert {"+": result.usefulness > 0, "-": -1 <= result.usefulness < 0, "0": result.usefulness == 0}[usefulness]  # fmt: skip


# --- what a model is sent --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({}, ALL),
        ({"document": "One"}, ALL[:2]),
        ({"document": "Two"}, ALL[2:]),
        ({"document": "none"}, []),
        ({"max_count": 1}, 1),
        ({"max_count": 3}, 3),
        ({"max_count": 9}, 4),
        ({"limit": 0}, 0),
        ({"limit": 1}, 1),
        ({"limit": 3}, 3),
        ({"limit": 9}, 4),
        ({"limit": 1, "max_count": 2}, 2),  # who counts asks for any
        ({"excluded": ["membrane", "Basel"]}, ["cell", "pancreas"]),
    ],
)
def test_the_highlights_that_a_model_is_sent(opened, options, sent):
    keys = {
        words([each.highlight])[0]: each.highlight.key for each in opened.highlights()
    }
    documents = {
        each.highlight.document.title: each.highlight.document.key
        for each in opened.highlights()
    }
    options = dict(options)
    excluded = frozenset(keys[word] for word in options.pop("excluded", ()))
    job = replace(
        opened.build_run_parameters(), limit=options.pop("limit", None), excluded=excluded
    )
    document = options.pop("document", "")
    tasks = list(
        drafting.iter_model_tasks(
            job, opened.ledger, documents.get(document, document), **options
        )
    )
    found = [words(each.task.highlights) for each in tasks]
    every = [word for group in found for word in group]
    if isinstance(sent, int):
        assert len(every) == sent
        return
    assert sorted(every) == sorted(sent)
    for group in found:  # one task for each document
        assert set(group) <= set(ALL[:2]) or set(group) <= set(ALL[2:])


def test_a_highlight_that_was_asked_about_is_sent_whatever_was_decided_since(opened):
    job = opened.build_run_parameters()
    [first, *_] = opened.highlights()
    opened.accept(first.highlight.key)

    def sent(**options: Any) -> list[str]:
        tasks = drafting.iter_model_tasks(job, opened.ledger, **options)
        return [word for each in tasks for word in words(each.task.highlights)]

    assert sorted(sent()) == sorted(ALL[1:])
    asked = sent(was_asked=lambda key: key == first.highlight.key)
    assert sorted(asked) == sorted(ALL)


def test_a_card_whose_passage_changed_is_sent_with_it(opened):
    run(opened, Model())
    [draft] = [each for each in opened.drafts() if "membrane" in str(each.fields)]
    [guid] = opened.accept(draft.id)
    note = opened.folder.root / "notes/One.md"
    text = note.read_text("utf-8").replace("semipermeable membrane", "thin skin")
    better = "==Insulin is a hormone that the pancreas makes: it lowers the sugar of the blood by 30 %.=="
    note.write_text(f"{better}\n\n{text}", encoding="utf-8")
    opened.run()
    job = opened.build_run_parameters()
    [task] = drafting.iter_model_tasks(replace(job, limit=1), opened.ledger)
    assert "skin" in task.task.highlights[0].exact  # it comes before all without a card
    tasks = [*drafting.iter_model_tasks(job, opened.ledger)]
    [card] = [card for task in tasks for card in task.task.outdated_cards]
    assert card.guid == guid
    [highlight] = [
        each for task in tasks for each in task.task.highlights if "skin" in each.exact
    ]
    assert card.key == highlight.key


# --- a model that drafts ---------------------------------------------------------------------


class Model:
    """Drafts a question about each highlight; what it does with a word may be said."""

    host = "model.example"
    usage = None
    has_second_reading = False
    name = "m"

    def __init__(self, **said: Any) -> None:
        self.said = said
        self.tasks: list[DraftingTask] = []

    def draft(self, tasks: Iterable[Any]) -> Iterator[list[DraftingResult]]:
        for each in tasks:
            task = each.task
            self.tasks.append(task)
            yield [self.answer(highlight) for highlight in task.highlights]

    def answer(self, highlight: Highlight) -> DraftingResult:
        [word] = words([highlight])
        answer = made(
            Draft,
            key=highlight.key,
            kind=CardKind.BASIC,
            fields=(("Front", f"What is said of {highlight.exact.split()[1]} there?"), ("Back", word)),
            origin=Origin("llm", model="m"),
            quote=highlight.exact,
        )  # fmt: skip
        return replace(DraftingResult(highlight, (answer,)), **self.said.get(word, {}))


def run(opened: Workspace, model: Any, **options: Any) -> list[RunStep]:
    job = replace(opened.build_run_parameters(), model=model, **options)
    return list(drafting.draft_pending_highlights(job, opened.ledger))


def fronts(opened: Workspace) -> list[str]:
    return sorted(dict(each.fields).get("Back", "") for each in opened.drafts())


def test_a_model_drafts_what_the_rules_left(opened):
    model = Model()
    steps = run(opened, model)
    told = [(step.by_model.done, step.by_model.total) for step in steps if step.by_model]
    assert told[0] == (0, 4)
    assert told[-1] == (4, 4)
    assert {step.by_model.host for step in steps if step.by_model} == {"model.example"}
    assert sum(step.drafted for step in steps) == 4
    assert sum(step.highlights for step in steps if step.by_model) == 4
    assert fronts(opened) == sorted(ALL)
    assert {task.document.title for task in model.tasks} == {"One", "Two"}
    assert run(opened, Model())[-1].by_model is None  # nothing is left
    # a drafting is undone as one
    opened.undo()
    assert fronts(opened) == []


@pytest.mark.parametrize(
    ("goes_on", "total", "drafted"), [(True, 4, 4), (False, 4, 2), (True, 3, 3)]
)
def test_the_user_is_asked_after_the_best_highlights(
    opened, monkeypatch, goes_on, total, drafted
):
    monkeypatch.setattr(drafting, "SAMPLE_SIZE", 2)
    asked: list[Any] = []

    def should_go_on(*said: Any) -> bool:
        asked.append(said)
        return goes_on

    limit = None if total == 4 else total
    steps = run(opened, Model(), should_go_on=should_go_on, limit=limit)
    [(example, done, of_all)] = asked
    assert (done, of_all) == (2, total)
    assert example in {draft.id for draft in opened.drafts()}
    assert len(opened.drafts()) == drafted
    assert [step.is_paused for step in steps].count(True) == 1
    assert next(step.by_model for step in reversed(steps) if step.by_model).done == (
        drafted if goes_on else 2
    )


PROBLEM = Problem("One", "too long")


@pytest.mark.parametrize(
    ("said", "drafted", "undrafted", "problems", "status"),
    [
        ({}, 1, 0, (), "waiting"),
        (
            {"drafts": (), "status": DraftingStatus.NO_CARD, "reason": "no fact"},
            0,
            1,
            (),
            "no_card",
        ),
        ({"drafts": (), "should_retry": True, "problem": PROBLEM}, 0, 0, (), "no_card"),
        (
            {
                "drafts": (),
                "status": DraftingStatus.FAILED,
                "reason": "x",
                "problem": PROBLEM,
            },
            0,
            1,
            (PROBLEM,),
            "failed",
        ),
        (
            {"status": DraftingStatus.FAILED, "problem": PROBLEM},
            1,
            0,
            (PROBLEM,),
            "waiting",
        ),
    ],
)
def test_what_is_told_of_a_highlight(opened, said, drafted, undrafted, problems, status):
    model = Model(membrane=said)
    one = next(
        each for each in opened.highlights() if words([each.highlight]) == ["membrane"]
    )
    excluded = frozenset(
        each.highlight.key for each in opened.highlights() if each.highlight.key != one.highlight.key
    )  # fmt: skip
    steps = [step for step in run(opened, model, excluded=excluded) if step.highlights]
    [step] = steps
    assert (step.drafted, step.undrafted, step.problems) == (drafted, undrafted, problems)
    assert bool(step.example) == bool(drafted)
    now = next(
        each for each in opened.highlights() if each.highlight.key == one.highlight.key
    )
    assert now.status == status


def test_the_check_that_blocks_a_draft_is_the_reason(opened):
    [one] = [
        each for each in opened.highlights() if words([each.highlight]) == ["membrane"]
    ]
    text = "{{c1::Osmosis}} is osmosis through a membrane."
    origin = Origin("propose")
    draft = made(
        Draft,
        key=one.highlight.key,
        fields=(("Text", text),),
        quote=FACTS[0],
        origin=origin,
    )
    steps = run(opened, Model(membrane={"drafts": (draft,)}))
    assert sum(step.undrafted for step in steps if step.by_model) == 1
    [now] = opened.ledger.fetch_rows(
        "SELECT reason FROM highlight WHERE key = ?", one.highlight.key
    )
    assert now["reason"].startswith("the blanked-out words also appear in the text")
