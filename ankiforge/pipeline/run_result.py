"""The parameters of a run, and the results of its steps.

The results of exporting text for a chat, and of importing its reply, are here as well,
because they contain such steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum, StrEnum, auto
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from ankiforge.config.deckfiles import DeckRule
from ankiforge.model import (
    AnkiChanges,
    DocumentId,
    Draft,
    DraftingResult,
    Guid,
    HighlightKey,
    Problem,
    Source,
    Strings,
    TextChange,
    Value,
)
from ankiforge.text import format_count

if TYPE_CHECKING:
    from ankiforge.anki.plan import CardPlan
    from ankiforge.draft.llm import ModelDrafter
    from ankiforge.draft.server import Usage
    from ankiforge.errors import ForgeError
    from ankiforge.ledger import IngestReport


# --- what the steps of a run return --------------------------------------------------------


class AnkiReadState(StrEnum):
    """What became of reading Anki. The values are those that `pull --json` prints."""

    OFF = "off"
    """The settings forbid reading."""
    NO_COLLECTION = "nowhere"
    UNCHANGED = "same"
    """The collection has not changed since it was last read."""
    READ = "taken"
    FAILED = "failed"
    """The collection exists but couldn't be read."""


class AnkiReadResult(Value):
    """The result of reading our notes from Anki's collection, an export or a running Anki."""

    state: AnkiReadState
    path: str | None = None
    """The path of the collection or export, or None if there is none to read."""
    changes: AnkiChanges = msgspec.field(default_factory=AnkiChanges)
    problem: Problem | None = None
    """The reason why the collection couldn't be read, or a notice, or None."""

    @property
    def is_unreadable(self) -> bool:
        """Whether Anki's data exists but couldn't be read."""
        return self.state is AnkiReadState.FAILED

    @property
    def readable_path(self) -> Path | None:
        """The path of what was read, or would have been if it had changed, or None."""
        can_read = self.state in (AnkiReadState.READ, AnkiReadState.UNCHANGED)
        return Path(self.path) if can_read and self.path else None


class WrittenPackage(Value):
    """The result of writing a package, or of finding that there's nothing left to export."""

    path: Path
    notes: int = 0
    added: int = 0
    """The number of notes that no earlier package contained."""
    updated: int = 0
    """The number of notes newer than in Anki or in an earlier package."""
    undone: int = 0
    """The number of cards in earlier packages that were never seen in Anki and whose acceptance
    was undone.
    """
    retired: int = 0
    """The number of updated notes that only get the tag of retired cards, because their cards were
    undone or rejected."""
    previous_path: Path | None = None
    """The new path of the old package, if it was renamed because nothing is left to export."""
    problems: tuple[Problem, ...] = ()

    @property
    def unchanged_count(self) -> int:
        """The number of notes whose current version is already in Anki or in an earlier package."""
        return self.notes - self.added - self.updated


class PushedNotes(NamedTuple):
    """The numbers of notes that arrived in a running Anki."""

    added: int
    updated: int


ShouldGoOn = Callable[[str | None, int, int], bool]
"""Returns whether the model should draft the remaining highlights.

The arguments are the id of an example draft or None, the number of highlights drafted so far, and
the total number of highlights.
"""


class CommandRunOptions(Value):
    """The options of a run or of drafting, as the user gave them to a command."""

    drafter: str | None = None
    """`rules` or `llm`, or None for the drafter in the settings."""
    accept: str | None = None
    """Which drafts of the rules to accept: `clean`, `review`, or None for the value in the
    settings."""
    limit: int | None = None
    """The maximum number of highlights to send to the model, or None for all."""
    deck: str | None = None
    """The deck for new cards from documents at the PATHs, in this run and in later ones."""
    marks: Strings = ()
    """Further kinds of marks to read in the notes at the PATHs, in this run and in later ones.

    With `none`, the kinds that earlier runs were given are no longer read.
    """
    unmarked: bool = False
    """Whether to read files at the PATHs even if they can't contain marks."""
    output: Path | str | None = None
    """The path of the package, or None for a file in the workspace's output directory."""
    force: bool = False
    """Whether to overwrite an existing file that ankiforge didn't write."""


DEFAULT_OPTIONS = CommandRunOptions()


class RunParameters(Value):
    """The parameters of reading, drafting and accepting in a run, from settings and options."""

    should_accept: Callable[[Draft], bool]
    """Returns whether the settings accept a draft without findings and remarks."""
    decks: tuple[DeckRule, ...]
    pictures: Path
    """The directory for pictures cropped from pages."""
    sources: tuple[Source, ...] = ()
    model: ModelDrafter | None = None
    """The model for highlights without a draft by the rules, or None to use only the rules."""
    proposals: bool = True
    """Whether to score highlights without a draft by the rules, which proposals need."""
    figures: bool = True
    """Whether framed figures become cards with hidden labels."""
    in_use: frozenset[str] | None = None
    """The names of all sources that the workspace reads, or None if unknown."""
    missing: frozenset[str] = frozenset()
    """The names of remembered sources whose files are missing."""
    removed: frozenset[str] = frozenset()
    """The names of those missing sources whose directory was moved or deleted."""
    missing_documents: frozenset[DocumentId] = frozenset()
    """The stored documents whose files are missing and may have been moved to a given PATH."""
    limit: int | None = None
    """The maximum number of highlights to send to the model, or None for all."""
    documents: frozenset[DocumentId] | None = None
    """The documents whose highlights the model may draft, or None for all.

    In a run with PATHs, these are its `IngestReport.documents`.
    """
    excluded: frozenset[HighlightKey] = frozenset()
    """The highlights not to send to the model this time."""
    redrafted: frozenset[HighlightKey] = frozenset()
    """The only highlights to draft, even if they have drafts, or empty for all pending ones."""
    remark: str | None = None
    """The user's instructions for drafting `redrafted` again."""
    should_go_on: ShouldGoOn | None = None
    """Called after the model's first highlights, or None to draft all of them at once."""


# --- the result ----------------------------------------------------------------------------


class ModelProgress(Value):
    """A model's progress in drafting."""

    host: str
    """The server of the model, for display."""
    done: int
    """The number of highlights drafted or declined so far."""
    total: int
    usage: Usage
    """The requests of this run so far, and their cost."""


class OtherProgress(Value):
    """Progress of a step other than drafting. If it is interrupted, the next run continues it."""

    label: str
    done: int
    total: int


class PlannedNote(Value):
    """The outcome of planning a card's note. The note's text isn't needed after its package."""

    guid: Guid
    mod: int | None = None
    """The `mod` of the note to export, or None if no note is exported."""
    hold_reason: str | None = None
    """The reason why the card can't be exported at the moment, or None."""
    has_conflict: bool = False
    """Whether the user must first choose between their text in Anki and the source's."""
    keeps_unknown_text: bool = False
    """Whether the note keeps text from Anki that matches no package in the journal."""

    @classmethod
    def from_plan(cls, plan: CardPlan) -> PlannedNote:
        """Keep the outcome of a plan, without the text of its note."""
        return cls(
            plan.guid,
            mod=plan.note.mod if plan.note else None,
            hold_reason=plan.hold_reason,
            has_conflict=bool(plan.conflicts),
            keeps_unknown_text=plan.keeps_unknown_text,
        )


class RunStep(Value):
    """The result of one step of a run, e.g. reading the sources or drafting a batch."""

    report: IngestReport | None = None
    """The report of reading the sources, or None if this step read none."""
    to_draft: int = 0
    """The number of highlights that the rules start to draft after this step, or 0."""
    highlights: int = 0
    """The number of highlights that were drafted or turned out to yield no card."""
    drafted: int = 0
    """The number of drafts for new cards."""
    reworded: int = 0
    """The number of drafts that would be the new text of a card."""
    example: str | None = None
    """The id of one of the drafts for new cards, or None if there are none."""
    undrafted: int = 0
    """The number of `highlights` without a usable draft."""
    accepted: int = 0
    """The number of drafts that the settings accepted."""
    changes: tuple[TextChange, ...] = ()
    """The cards whose source changed."""
    problems: tuple[Problem, ...] = ()
    by_model: ModelProgress | None = None
    """The model's progress after this step, or None if no model drafted."""
    other: OtherProgress | None = None
    """The progress of other work after this step, or None."""
    is_paused: bool = False
    """Whether the run asks the user after this step, so that nothing may draw on the terminal."""


class RunResult(msgspec.Struct):
    """The result of a run, to which each step is added."""

    report: IngestReport | None = None
    """The new, changed and missing highlights, or None if no source was read."""
    drafted: int = 0
    """The number of drafts for new cards."""
    reworded: int = 0
    """The number of drafts that would be the new text of a card."""
    accepted: int = 0
    """The number of drafts that the settings accepted."""
    changes: list[TextChange] = []
    """The cards whose source changed."""
    problems: list[Problem] = []
    """Failures with their reasons, and notices."""
    scan: AnkiReadResult | None = None
    """The result of reading Anki, or None if it wasn't tried."""
    planned: list[PlannedNote] = []
    """The outcome for each card that may need exporting."""
    published: list[WrittenPackage] = []
    pushed: PushedNotes | None = None
    """The notes that arrived in a running Anki, or None without a push."""
    spent: float = 0.0
    """The part of the model's budget that earlier runs spent, in dollars."""
    usage: Usage | None = None
    """The requests to the model and their cost, or None without a model."""
    model_answered_count: int = 0
    """The number of highlights that the model drafted or declined.

    `usage` has the number of requests, each of which may contain several highlights.
    """
    undrafted: int = 0
    """The number of highlights in `model_answered_count` without a usable draft."""
    remembered_paths: list[str] = []
    """The PATHs that this run was the first to read and that later runs will read too."""
    error: ForgeError | None = None
    """The error of a service that failed. Cards that were ready are exported nevertheless."""

    @property
    def failures(self) -> list[Problem]:
        """The problems that aren't just notices."""
        return [problem for problem in self.problems if not problem.is_notice]

    @property
    def has_failures(self) -> bool:
        """Whether any problem is a failure, not just a notice."""
        return bool(self.failures)

    @property
    def failed_names(self) -> set[str]:
        """The names of the files and directories with a failure."""
        return {Path(problem.location).name for problem in self.failures}

    @property
    def collection_path(self) -> Path | None:
        """The path of Anki's collection, or None if this run couldn't read the collection.

        A collection that hasn't changed counts as read.
        """
        return self.scan.readable_path if self.scan else None

    @property
    def has_new_highlights(self) -> bool:
        """Whether the run found new or changed highlights."""
        if self.report is None:
            return False
        return bool(self.report.new or self.report.changed)

    @property
    def has_no_highlights(self) -> bool:
        """Whether sources were read but no highlights were found in them."""
        return self.report is not None and not self.report.passage_count

    @property
    def packages(self) -> list[Path]:
        """The packages that the user still has to import into Anki; empty after a push."""
        if self.pushed is not None:
            return []
        return [published.path for published in self.published if published.notes]

    def add_step(self, step: RunStep) -> None:
        """Add the counts and problems of a step to the totals. Known problems are skipped."""
        self.report = step.report or self.report
        self.drafted += step.drafted
        self.reworded += step.reworded
        self.accepted += step.accepted
        if step.by_model is not None:
            self.model_answered_count += step.highlights
            self.undrafted += step.undrafted
        self.changes += step.changes
        for problem in step.problems:
            if problem not in self.problems:
                self.problems.append(problem)

    @property
    def has_unreadable_anki(self) -> bool:
        """Whether Anki was to be read in the run, but couldn't be."""
        return self.scan is not None and self.scan.is_unreadable

    def add_scan(self, scan: AnkiReadResult) -> None:
        """Store the result of reading Anki, and include the changes that earlier reads found.

        If Anki hasn't changed since an earlier read, the result is ignored.
        """
        if self.scan is not None:
            if scan.state not in (AnkiReadState.READ, AnkiReadState.FAILED):
                return
            scan = replace(scan, changes=scan.changes.include_earlier(self.scan.changes))
        self.scan = scan
        if scan.problem is not None:
            self.problems.append(scan.problem)

    def add_plan(
        self, planned: Iterable[CardPlan], published: WrittenPackage | None = None
    ) -> None:
        """Add the outcomes of planning cards, and the package written from the plans, if any.

        A problem of the package is skipped if a problem at the same location is already known.
        """
        self.planned += map(PlannedNote.from_plan, planned)
        if published is None:
            return
        self.published.append(published)
        reported_places = {problem.location for problem in self.problems}
        for problem in published.problems:
            if problem.location not in reported_places:
                self.problems.append(problem)


# --- a chat -----------------------------------------------------------------------------------


class ChatExport(Value):
    """The texts to paste into chats that ask for cards, with the keys of their highlights."""

    subject: str
    """What the texts are about, in a few words."""
    summary: str
    """The size of the first text or why there is none, and how many highlights are withheld."""
    texts: Strings
    """The texts, each for a separate chat. Empty if there is nothing to ask."""
    keys: tuple[frozenset[HighlightKey], ...] = ()
    """The keys of the highlights in each text."""
    omitted: int = 0
    """The number of highlights without a card that no text contains."""
    problems: tuple[Problem, ...] = ()
    """The problems with reading the sources."""


class ChatReplyKind(Enum):
    """What a chat's reply contains."""

    CARDS = auto()
    """Cards for highlights."""
    PASSAGES = auto()
    """Passages chosen in a document, with their cards."""
    VERDICTS = auto()
    """Verdicts on pending drafts, for the setting `second_reading`."""
    REPEATED = auto()
    """The same as an earlier reply, so that nothing is left to record."""
    UNUSABLE = auto()


class ChatImport(Value):
    """The result of importing a chat's reply."""

    kind: ChatReplyKind
    summary: str
    """A one-line summary of the outcome or, for an unusable reply, what it lacks."""
    drafted: tuple[DraftingResult, ...] = ()
    unused: tuple[Problem, ...] = ()
    """The unusable cards in the reply, each with its highlight and the reason."""
    steps: tuple[RunStep, ...] = ()
    read_again: int = 0
    """The number of pending drafts that the reply verified."""


def summarize_verdicts(read_count: int, objection_count: int) -> str:
    """Summarize a second reading of some pending cards."""
    if not read_count:
        return "it says nothing about the cards that wait"
    doubted = f"{objection_count:,} doubted" if objection_count else "none doubted"
    return f"{format_count(read_count, 'card')} read a second time: {doubted}"


def summarize_drafted_cards(
    drafted: Iterable[DraftingResult], *, asked: int, unanswered: int, unused: int
) -> str:
    """Summarize the cards in a chat's reply.

    Args:
        drafted: The highlights that the reply covers.
        asked: The number of highlights that the reply should cover.
        unanswered: The number of these that neither this reply nor an earlier one covers.
        unused: The number of unusable cards in the reply.
    """
    declined = drafted_count = 0
    for result in drafted:
        if result.drafts:
            drafted_count += 1
        else:
            declined += 1
    parts = [f"{drafted_count:,} of {asked:,} got a question"]
    if declined:
        parts.append(f"{declined:,} not worth one")
    if unanswered:
        parts.append(f"{unanswered:,} still without a question")
    if unused:
        parts.append(f"{format_count(unused, 'card')} not used")
    return "; ".join(parts)
