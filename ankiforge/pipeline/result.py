"""A run: its parameters, made from the settings of a workspace, and the result of each step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ankiforge.config.deckfiles import DeckRule
from ankiforge.config.ownfiles import OwnPath
from ankiforge.model import (
    Change,
    DocumentId,
    Draft,
    Drafted,
    HighlightKey,
    Problem,
    Source,
    Strings,
    Value,
    Viewed,
)
from ankiforge.text import counted

if TYPE_CHECKING:
    from ankiforge.anki.plan import Planned
    from ankiforge.config import Config
    from ankiforge.draft.llm import Model
    from ankiforge.draft.server import Usage
    from ankiforge.errors import ForgeError
    from ankiforge.ledger import Report


# --- what the steps of a run return --------------------------------------------------------


class CollectionScan(Value):
    """The outcome of reading a collection."""

    state: str
    """off: the settings forbid it. nowhere: there is none. same: it has not changed.
    taken: it was read.
    failed: it is there and could not be read."""
    path: str = ""
    viewed: Viewed = msgspec.field(default_factory=Viewed)
    problem: Problem | None = None
    """Why it could not be read, or what a person has to know of it."""

    @property
    def blind(self) -> bool:
        """Whether Anki is there and could not be read."""
        return self.state == "failed"


class Published(Value):
    """The result of writing a package."""

    path: Path
    notes: int = 0
    added: int = 0
    """Notes that no package contained before."""
    updated: int = 0
    """Notes that are newer than those in Anki, or than those of an earlier package."""
    taken_back: int = 0
    """Cards of earlier packages whose acceptance was undone; none of them was seen in Anki."""
    aside: Path | None = None
    """Where the old package was moved, because nothing is left to ship."""
    problems: tuple[Problem, ...] = ()

    @property
    def as_before(self) -> int:
        """Notes that Anki has, or that were in an earlier package."""
        return self.notes - self.added - self.updated


class Job(Value):
    """The parameters of a run."""

    accepts: Callable[[Draft], bool]
    """Return whether the settings accept a draft without findings and remarks."""
    decks: tuple[DeckRule, ...]
    pictures: OwnPath
    """The folder for pictures cut from pages."""
    sources: tuple[Source, ...] = ()
    """The sources to read."""
    model: Model | None = None
    """Drafts what the rules leave; None = no model."""
    proposals: bool = True
    """Whether what the rules leave is judged, so that cards are proposed of it."""
    figures: bool = True
    """Whether framed figures become cards that hide their labels."""
    in_use: frozenset[str] | None = None
    """The names of all sources that the workspace reads."""
    missing: frozenset[str] = frozenset()
    """The names of remembered sources whose places are missing."""
    follows_plugins: bool = False
    """Whether vaults are read by the plugins that are on now, from now on."""
    deck: str = ""
    """The deck for new cards.

    It overrides the deck files, but not the deck that a document asks for.
    """
    limit: int | None = None
    """The number of highlights that the model drafts; None = all."""
    within: frozenset[DocumentId] | None = None
    """The documents whose highlights the model drafts, `Report.documents`; None = all."""
    passed_over: frozenset[HighlightKey] = frozenset()
    """The highlights that the model is not asked about now."""
    only: frozenset[HighlightKey] = frozenset()
    """Draft only these highlights again; empty = what is new."""
    remark: str = ""
    """A person's instructions for another draft."""
    in_progress: Callable[[str], bool] = lambda path: False
    """Return whether a person is still writing the note at this path in its source: its cards are
    accepted, and corrected, only later."""


def accept_policy(config: Config, override: str = "") -> Callable[[Draft], bool]:
    """Return a function that decides whether to accept a draft without findings and remarks.

    It accepts what a person wrote as a card: in a note, or as a question or gap in a comment.
    Every mark waits for a person, and so do drafts of a model or an agent.

    Args:
        config: provides the settings `accept`.
        override: the policy of `--accept` for the rules; "" = as in the settings.
    """
    rules = override or config.accept.rules

    def accepts(draft: Draft) -> bool:
        return rules == "clean" and draft.is_own_card

    return accepts


# --- the result ----------------------------------------------------------------------------


class ByModel(Value):
    """The progress of a model with its passages."""

    host: str
    """Where it is, for display."""
    done: int
    """The number of highlights that are drafted."""
    total: int
    usage: Usage
    """The usage of this run so far."""


class OtherWork(Value):
    """The progress of work that is neither reading nor drafting; Ctrl-C ends only this."""

    label: str
    done: int
    total: int


class Progress(Value):
    """The result of one step of a run."""

    report: Report | None = None
    """Of the ingest; None for other steps."""
    to_draft: int = 0
    """The number of highlights that the rules begin to draft; 0 for other steps."""
    highlights: int = 0
    """The number of highlights that were drafted or found to yield no card."""
    drafted: int = 0
    """The number of drafts for new cards."""
    without: int = 0
    """Of these highlights, the number of which the drafter made no draft."""
    accepted: int = 0
    """The number of drafts that the settings accepted."""
    changes: tuple[Change, ...] = ()
    """The cards whose source changed."""
    problems: tuple[Problem, ...] = ()
    by_model: ByModel | None = None
    """How far the model is after this step; None for steps without one."""
    other: OtherWork | None = None
    """How far other work is after this step; None for steps of the run itself."""


class RunResult(msgspec.Struct):
    """The totals of a run, collected step by step."""

    report: Report | None = None
    """The new, changed and missing highlights of the sources. None if none was read."""
    drafted: int = 0
    """The number of drafts for new cards."""
    accepted: int = 0
    """The number of drafts that the settings accepted."""
    changes: list[Change] = []
    """The cards whose source changed."""
    problems: list[Problem] = []
    """The work that failed, each with its reason, and notices."""
    scan: CollectionScan | None = None
    """The state of Anki; None if nobody looked."""
    planned: list[Planned] = []
    """The plan for each card that may have something to write."""
    published: list[Published] = []
    """The packages that were written."""
    pushed: tuple[int, int] | None = None
    """(new, updated) notes that Anki had after a push; None without a push."""
    spent: float = 0.0
    """The part of the model's budget that former runs spent, in dollars."""
    usage: Usage | None = None
    """The requests to the model, and their cost; None without a model."""
    asked: int = 0
    """The number of highlights that the model drafted or made no draft of.

    The number of requests, of which one may be about several highlights, is that of `usage`.
    """
    without: int = 0
    """The number of highlights among these of which it made no draft."""
    remembered: list[str] = []
    """The PATHs that are remembered from now on."""
    error: ForgeError | None = None
    """The error of a service that failed. What was ready without it is still written."""

    @property
    def failed(self) -> bool:
        """Whether there are problems other than notices."""
        return any(not problem.notice for problem in self.problems)

    @property
    def collection(self) -> Path | None:
        """The path of Anki's collection, if it was read, or has not changed since."""
        if self.scan is None or self.scan.state not in ("same", "taken"):
            return None
        return Path(self.scan.path)

    @property
    def is_news(self) -> bool:
        """Whether highlights are new or changed."""
        return bool(self.report and (self.report.new or self.report.changed))

    @property
    def found_nothing(self) -> bool:
        """Whether the documents that were read have no highlights."""
        return self.report is not None and not self.report.seen

    @property
    def packages(self) -> list[Path]:
        """The packages to import into Anki."""
        if self.pushed is not None:
            return []
        return [published.path for published in self.published if published.notes]

    def add_step(self, step: Progress) -> None:
        """Add one step of a run."""
        self.report = step.report or self.report
        self.drafted += step.drafted
        self.accepted += step.accepted
        if step.by_model is not None:
            self.asked += step.highlights
            self.without += step.without
        self.changes += step.changes
        for problem in step.problems:
            if problem not in self.problems:
                self.problems.append(problem)

    def add_scan(self, scan: CollectionScan) -> None:
        """Add a scan of Anki."""
        self.scan = scan
        if scan.problem is not None:
            self.problems.append(scan.problem)

    def add_second_scan(self, scan: CollectionScan) -> None:
        """Add a second scan of Anki; one that failed says nothing new."""
        if self.scan is None or scan.state != "taken":
            return
        first = self.scan.viewed
        second = scan.viewed
        self.add_scan(scan)
        lists = ("first", "deleted", "returned", "retired", "revived")
        for name in (*lists, "edited", "suspended", "new_decks", "renamed_decks"):
            of_both = [*getattr(first, name), *getattr(second, name)]
            setattr(second, name, of_both)
        second.reviews += first.reviews

    def add_plan(
        self,
        planned: Iterable[Planned],
        published: Published | None = None,
    ) -> None:
        """Add the plan, and the package that was written, if one was."""
        self.planned += planned
        if published is None:
            return
        self.published.append(published)
        told = {problem.where for problem in self.problems}
        for problem in published.problems:
            if problem.where not in told:
                self.problems.append(problem)


# --- a chat -----------------------------------------------------------------------------------


class Asked(Value):
    """Texts to paste, each into a chat of its own."""

    what: str
    """Their subject, in a few words."""
    said: str
    """How much the first text asks about, or why there is none; what is withheld."""
    texts: Strings
    """() = there is nothing to ask."""
    keys: tuple[frozenset[HighlightKey], ...] = ()
    """The highlights that each text asks about."""
    left: int = 0
    """How many highlights without a card are asked about in no text."""
    problems: tuple[Problem, ...] = ()
    """Met when the sources were read."""


class Taken(Value):
    """The drafts that an answer of a chat gave."""

    drafted: tuple[Drafted, ...] = ()
    unused: tuple[Problem, ...] = ()
    """The cards of no use, each with its highlight and the reason."""
    steps: tuple[Progress, ...] = ()
    asked: int = 0
    """How many highlights it should be about."""
    is_known: bool = False
    """Whether the same answer was taken before."""
    unanswered: int = 0
    """How many of these highlights no answer was about, this one and those before it."""
    missing: str = ""
    """What the answer lacks, if it is none; "" if it is one."""
    chosen: str = ""
    """The passages that it chose in a document, in words; "" if it is about highlights."""
    is_second: bool = False
    """Whether it is that of a second reading."""
    read_again: int = 0
    """How many cards that wait it read a second time."""
    doubted: int = 0
    """Of how many of these it says that their passage says something else."""

    @property
    def said(self) -> str:
        """The outcome, in a line."""
        if self.missing or self.chosen:
            return self.missing or self.chosen
        if self.read_again:
            doubted = f"{self.doubted:,} doubted" if self.doubted else "none doubted"
            return f"{counted(self.read_again, 'card')} read a second time: {doubted}"
        if self.is_known and not self.drafted:
            return "nothing new: this answer was taken before"
        none = sum(not result.drafts for result in self.drafted)
        said = f"{len(self.drafted) - none:,} of {self.asked:,} got a question"
        if none:
            said += f"; {none:,} not worth one"
        if self.drafted and self.unanswered:
            said += f"; {self.unanswered:,} not answered"
        unused = sum(not each.notice for each in self.unused)
        if unused and not self.is_known:
            said += f"; {counted(unused, 'card')} not used"
        return said
