"""The way of a highlight to Anki, read from top to bottom: `Workspace.run`.

    ingest ─▶ draft ─▶ check ─▶ waiting drafts ║ a person or the settings accept ║ cards ─▶ deliver

Between the two halves everything is in the ledger. A run that is interrupted is resumed by the next
one: each step writes what it has done, and no transaction is open while a source or a model works.

Checks, drafters and the formats of Anki are imported inside functions: not every command
needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from msgspec.structs import replace

from ankiforge.config import workspace as folders
from ankiforge.config.trust import confirm, remembered_concerns
from ankiforge.config.workspace import user_folder
from ankiforge.errors import ConfigError, ItemError, ServiceError, UsageError
from ankiforge.model import (
    CardHere,
    Finding,
    Guid,
    HighlightKey,
    Problem,
    Question,
    Strings,
    Texts,
    Waiting,
)
from ankiforge.pipeline.opened import Opened
from ankiforge.pipeline.result import (
    CollectionScan,
    Job,
    Progress,
    RunResult,
    accept_policy,
)

if TYPE_CHECKING:
    from ankiforge.config.workspace import Remembered
    from ankiforge.draft.llm import Estimate, Model
    from ankiforge.ledger import HighlightOutcome
    from ankiforge.model import Source


class DraftOptions(TypedDict, total=False):
    """How cards are drafted, as options of commands say it."""

    drafter: str
    """`rules` or `llm`; "" = as in the settings."""
    accept: str
    """`clean` or `review`, for the drafts of the rules; "" = as in the settings."""


class ReadOptions(DraftOptions, total=False):
    """How sources are read, and cards drafted."""

    deck: str
    """The deck for new cards; "" = as the deck files say."""
    marks: Strings
    """The marks that the notes at the PATHs read, too, from now on."""
    plugins: bool
    """Whether vaults are read by the plug-ins that are on now, from now on."""


class RunOptions(ReadOptions, total=False):
    """The arguments of `Workspace.run` that are options of commands, too."""

    output: str | None
    force: bool


class PackageOptions(TypedDict):
    """The arguments of `Workspace.push` and `build` that are options of both commands."""

    deck: str
    output: str
    force: bool


ShowProgress = Callable[
    [Sequence["Source"]], AbstractContextManager[Callable[[Progress], None]]
]
"""Begins to show the progress of reading sources; what it returns is called with each step."""


def show_nothing(
    sources: Sequence[Source],
) -> AbstractContextManager[Callable[[Progress], None]]:
    """Show no progress."""
    return nullcontext(lambda step: None)


class Workspace(Opened):
    """A workspace: a folder with settings, and the highlights, drafts and decisions there.

    Every command, the page and the watcher work through this class, and it is the library for other
    programs. Methods return values and print nothing; what goes wrong is an error of
    `ankiforge.errors`, or a problem in the result if the rest could be done without it.

    Use it in a `with` statement, so that the ledger is closed:

        with Workspace("~/cards") as workspace:
            result = workspace.run(["paper.pdf"])
            for draft in workspace.drafts():
                workspace.accept(draft.id)
            workspace.build()
    """

    # --- a run --------------------------------------------------------------------------------

    def run(
        self,
        paths: Iterable[Path | str] = (),
        *,
        output: Path | str | None = None,
        force: bool = False,
        limit: int | None = None,
        unmarked: bool = False,
        show: ShowProgress = show_nothing,
        **options: Unpack[ReadOptions],
    ) -> RunResult:
        """Turn highlights into cards, and accepted cards into a package for Anki.

        Args:
            paths: files and folders to read; () for the sources of the settings and all
                PATHs of former runs. They are remembered.
            output: the path of the package; None = a file in the output folder of the workspace.
            force: replace a file that ankiforge did not write.
            limit: as for `propose`.
            unmarked: read the paths even if nothing can be marked in them.
            show: shows the progress.
            options: see `ReadOptions`.

        Raises:
            UsageError: there is nothing to read, or the package cannot be written there.
        """
        from ankiforge.pipeline import deliver

        deck = options.get("deck", "")
        if deck:
            from ankiforge.anki.notes import deck_name

            deck = options["deck"] = deck_name(deck)
        result = RunResult()
        with self.locked("drafting"):
            path = self.package_path(deck, output or "", force=force)
            result.add_scan(self.read_collection())
            self.propose(
                result, paths, limit=limit, unmarked=unmarked, show=show, **options
            )
            if self.read_only:
                self.plan(result)
            else:
                deliver.publish(self.folder, self.ledger, result, path)
        return result

    def propose(
        self,
        result: RunResult,
        paths: Iterable[Path | str] = (),
        *,
        limit: int | None = None,
        unmarked: bool = False,
        in_progress: Callable[[str], bool] = lambda path: False,
        show: ShowProgress = show_nothing,
        **options: Unpack[ReadOptions],
    ) -> None:
        """Read the sources, draft, and accept as the settings allow.

        Notes of ours that only Anki knows are adopted on the way.

        If a service fails, its error is in the result, so that cards that are ready can still be
        written.

        Args:
            result: receives the result of each step.
            paths: files and folders to read; () for all known ones.
            limit: the number of highlights that the model drafts; None = all.
            unmarked: as for `run`.
            in_progress: returns whether a person is still writing the note at a path.
            show: shows the progress.
            options: see `ReadOptions`.

        Raises:
            UsageError: there is nothing to read.
        """
        from ankiforge.ledger.tables.cards import any_card
        from ankiforge.pipeline.collection import adopt_unknown
        from ankiforge.pipeline.decks import Decks
        from ankiforge.pipeline.draft import draft
        from ankiforge.pipeline.sources import (
            ingest,
            open_sources,
            select_sources,
            with_other_exports,
        )

        named_paths = tuple(Path(path) for path in paths)
        selection = select_sources(
            self.folder, named_paths, options.get("marks", ()), unmarked=unmarked
        )
        selected = selection.sources
        remembered = selection.remembered
        if not selected and not selection.problems:
            if any_card(self.ledger):  # whose notes in Anki are kept in step
                result.problems += self.journal_problems()
                return
            hint = "ankiforge run PATH, or ankiforge init"
            raise UsageError("there is nothing to read", hint=hint)
        result.problems += [*self.journal_problems(), *selection.problems]
        if named_paths:
            selected = with_other_exports(self.folder, remembered, selected)
        sources = open_sources(
            self.folder,
            self.ledger,
            selected,
            offline=self.offline,
            jobs=self.jobs,
        )
        result.remembered = self.remember(remembered)
        model = self.model(options.get("drafter", ""), spent=result.spent)
        result.problems += Decks(self.ledger, self.decks).use()
        job = replace(
            self.job(options.get("accept", "")),
            sources=sources,
            model=None if self.read_only else model,
            in_use=selection.in_use,
            missing=selection.missing,
            follows_plugins=options.get("plugins", False),
            deck=options.get("deck", ""),
            limit=limit,
            in_progress=in_progress,
        )

        def steps() -> Iterator[Progress]:
            read = ingest(job, self.ledger)
            yield read
            if read.report and read.report.moved_sources:
                self._forget_moved(result, read.report.moved_sources)
            # forget the files that this run was to remember and could not read
            problems = [problem for problem in result.problems if not problem.notice]
            failed = {Path(problem.where).name for problem in problems}
            unread = [path for path in result.remembered if Path(path).name in failed]
            if unread:
                kept = [
                    item for item in self.folder.remembered if item.path not in unread
                ]
                folders.store_remembered(self.folder.folder, kept)
                for path in unread:
                    result.remembered.remove(path)
            if result.scan and result.scan.viewed.unknown:
                result.problems += adopt_unknown(self.ledger, result.scan.viewed.unknown)
            # of PATHs, a model drafts only what lies there
            within = read.report.documents if named_paths and read.report else None
            yield from draft(replace(job, within=within), self.ledger)

        self.follow(result, steps(), model, partial(show, sources))

    def remember(self, remembered: tuple[Remembered, ...]) -> list[str]:
        """Remember PATHs, and trust them: the person just named them. Return the new ones."""
        before = self.folder.remembered
        if self.read_only or remembered == before:
            return []
        folders.store_remembered(self.folder.folder, remembered)
        confirm(self.folder, remembered_concerns(self.folder), user_folder())
        return [item.path for item in remembered if item not in before]

    def _forget_moved(self, result: RunResult, moved: Strings) -> None:
        """Remember no longer the missing PATHs whose passages are all in other sources."""
        kept = []
        for item in self.folder.remembered:
            if Path(item.path).exists() or not {*item.names.values()}.issubset(moved):
                kept.append(item)
                continue
            message = "it moved: what was read of it is in another source now, and its cards too"
            told = [each for each in result.problems if each.where != item.path]
            result.problems = [*told, Problem(item.path, message, notice=True)]
        if not self.read_only:
            folders.store_remembered(self.folder.folder, kept)

    def forget(self, path: Path) -> tuple[list[str], int]:
        """Read the remembered PATHs at a path or below it no longer.

        Their highlights are not selected any more: cards stay, and if they are read again,
        they keep their keys.

        Returns:
            The PATHs, and the number of their highlights.

        Raises:
            UsageError: there is none.
        """
        from ankiforge.ledger.ingest import unselect
        from ankiforge.pipeline.sources import divide_remembered, documents_to_forget

        with self.locked("drafting"):
            to_forget, to_keep = divide_remembered(self.folder, path)
            documents = documents_to_forget(
                self.folder.config,
                self.ledger,
                to_forget,
                to_keep,
            )
            folders.store_remembered(self.folder.folder, to_keep)
            count = unselect(self.ledger, documents)
            return [item.path for item in to_forget], count

    def read(self) -> Progress:
        """Read the changed documents of all sources; draft nothing."""
        from ankiforge.pipeline.sources import ingest, open_sources, select_sources

        with self.locked("drafting"):
            selection = select_sources(self.folder)
            sources = open_sources(
                self.folder,
                self.ledger,
                selection.sources,
                offline=self.offline,
            )
            read = ingest(replace(self.job(), sources=sources), self.ledger)
            return replace(read, problems=(*selection.problems, *read.problems))

    def draft(
        self,
        *,
        again: Iterable[HighlightKey] = (),
        remark: str = "",
        limit: int | None = None,
        passed_over: Iterable[HighlightKey] = (),
        show: ShowProgress = show_nothing,
        **options: Unpack[DraftOptions],
    ) -> RunResult:
        """Draft cards for highlights that have been read and have no card yet.

        Args:
            again: draft only these highlights; the new drafts wait beside what is there.
            remark: with `again`, what to do better.
            limit: as for `propose`.
            passed_over: highlights that the model is not asked about now.
            show: shows the progress.
            options: see `DraftOptions`.

        Raises:
            UsageError: the rules cannot follow a remark.
        """
        from ankiforge.pipeline.draft import draft

        only = frozenset(again)
        result = RunResult()
        with self.locked("drafting"):
            model = self.model(options.get("drafter", ""), fresh=bool(only))
            if remark and model is None:
                hint = "--drafter llm, or write the card yourself: ankiforge edit"
                raise UsageError("the rules cannot follow a remark", hint=hint)
            job = replace(
                self.job(options.get("accept", "")),
                model=model,
                only=only,
                remark=remark,
                limit=limit,
                passed_over=frozenset(passed_over),
            )
            self.follow(
                result,
                draft(job, self.ledger),
                model,
                partial(show, ()),
            )
        return result

    def draft_others(self, key: str) -> None:
        """Let the model draft other cards of a highlight, beside those that wait.

        Raises:
            ForgeError: it does not answer, or may not be asked.
        """
        from ankiforge.ledger import cards
        from ankiforge.pipeline.draft import draft

        result = RunResult()
        model = self.model("llm", fresh=True)
        only = frozenset([cards.highlight_of(self.ledger, key).key])
        job = replace(self.job(), model=model, only=only)
        try:
            for step in draft(job, self.ledger):
                result.add_step(step)
        finally:
            if model is not None:
                model.leave()
        if result.problems:
            first = result.problems[0]
            raise ItemError(first.what, hint=first.hint)

    def estimate(self, drafter: str = "", limit: int | None = None) -> Estimate:
        """Return size and cost of the next run's requests to the model; nothing is sent.

        What no run has read yet counts, too, so open the workspace with `read_only`.

        Raises:
            UsageError: the drafter is the rules, which cost nothing, or no model is chosen.
        """
        from ankiforge.pipeline.draft import draft, for_model

        model = self.model(drafter)
        self.read()
        job = replace(self.job(), limit=limit)
        for _ in draft(job, self.ledger):
            pass
        if model is None:
            hint = "ankiforge draft --drafter llm --estimate"
            raise UsageError("the rules cost nothing; only a model does", hint=hint)
        return model.estimate(for_model(job, self.ledger))

    def job(self, accept: str = "") -> Job:
        """Return the parameters of a run with the settings of the workspace.

        Args:
            accept: the policy of `--accept`; "" = as in the settings.

        Raises:
            ConfigError: a deck file contains an error.
        """
        config = self.folder.config
        return Job(
            accepts=accept_policy(config, accept),
            decks=self.decks,
            pictures=self.folder.pictures,
            proposals=config.proposals,
            figures=config.figures,
        )

    def follow(
        self,
        result: RunResult,
        steps: Iterable[Progress],
        model: Model | None,
        show: Callable[[], AbstractContextManager[Callable[[Progress], None]]],
    ) -> None:
        """Run the steps, and show the progress; the error of a service is added to the result."""
        with show() as show_step:
            try:
                for step in steps:
                    result.add_step(step)
                    show_step(step)
            except (ServiceError, UsageError) as error:
                result.error = error
            finally:  # stop the model's threads before the ledger is closed
                if model is not None:
                    result.usage = model.usage
                    model.leave()

    # --- what is there ------------------------------------------------------------------------

    def highlights(self) -> list[HighlightOutcome]:
        """Return all highlights, each with its outcome."""
        from ankiforge.ledger import overview

        return list(overview.fates(self.ledger))

    def drafts(self, query: str = "") -> list[Waiting]:
        """Return the drafts that wait for a decision.

        Args:
            query: as `ankiforge list` takes it, for example `deck:Biology membrane`; "" = all.

        Raises:
            UsageError: the query cannot be read.
        """
        from ankiforge.ledger import lists

        return list(
            lists.waiting_among(self.ledger, self._ids(f"verdict:waiting {query}"))
        )

    def cards(self, query: str = "") -> list[CardHere]:
        """Return the accepted cards that match a query.

        Raises:
            UsageError: the query cannot be read.
        """
        from ankiforge.ledger import cards

        guids = self._ids(f"verdict:accepted {query}")
        return [cards.card_of(self.ledger, guid) for guid in guids]

    def questions(self) -> list[Question]:
        """Return the questions that only a person can answer: `accept` says yes, `reject` no."""
        from ankiforge.ledger import questions

        return questions.open_questions(self.ledger)

    def _ids(self, query: str) -> list[str]:
        from ankiforge.pipeline.query import matching

        return matching(self.ledger, query.strip())

    # --- decisions ----------------------------------------------------------------------------

    def accept(self, *ids: str, gap: int = 1, force: bool = False) -> list[Guid]:
        """Accept drafts, or answer questions with yes; return the cards.

        Args:
            ids: of drafts and questions, or their beginnings; or keys of highlights, of
                whose proposals cards are made.
            gap: of a proposal: which of its gaps, from 1, the best one.
            force: overrule a check that blocks.

        Raises:
            UsageError: an id names nothing, or several things.
            RefusedError: one can't be accepted, or has no such gap; none is accepted then.
        """
        from ankiforge.ledger.decide import read_ahead
        from ankiforge.pipeline import proposals
        from ankiforge.pipeline.query import is_key

        guids: list[Guid] = []
        with self.ledger.action():
            for draft_id in read_ahead(self.ledger, self._named(ids)):
                if is_key(draft_id):
                    proposal = proposals.proposal_at(self.ledger, draft_id)
                    made = proposals.accept(self.ledger, proposal, self.decks, gap=gap)
                    guids.append(made)
                    continue
                guid = self.ledger.accept(draft_id, gap=gap, forced=force)
                if guid is not None:
                    guids.append(guid)
        return guids

    def reject(self, *ids: str, reason: str = "") -> None:
        """Reject drafts and cards for good, or answer questions with no.

        Args:
            ids: of drafts, cards and questions, or their beginnings; or keys of
                highlights, for which no card is made any more.
            reason: it is kept with the decision.

        Raises:
            UsageError: an id names nothing, or several things.
            RefusedError: one no longer waits.
        """
        from ankiforge.ledger.decide import read_ahead

        with self.ledger.action():
            for full_id in read_ahead(self.ledger, self._named(ids)):
                self.ledger.reject(full_id, reason)

    def edit(
        self,
        id: str,
        fields: Texts,
        *,
        force: bool = False,
    ) -> tuple[Guid, tuple[Finding, ...]]:
        """Reword a card or a draft, or make a card of a highlight; return it and its findings.

        Args:
            id: of a card or a draft, which is accepted; or the key of a highlight.
            fields: the Markdown of fields by name: Front, Back, Extra; or Text and Extra.
                Deck and Tags are those of the note.
            force: overrule a check that blocks.

        Raises:
            BlockedError: a check blocks the words.
            UsageError: a field or an id is wrong.
        """
        from ankiforge.ledger import cards
        from ankiforge.pipeline import decide
        from ankiforge.pipeline.decks import place
        from ankiforge.pipeline.query import is_key

        ledger = self.ledger
        with ledger.action():
            if is_key(id):
                highlight = cards.highlight_of(ledger, id)
                words = decide.new_fields(fields)
                made = decide.make(ledger, highlight, words, self.decks, forced=force)
            else:
                [line_id] = self._named([id])
                made = decide.edit(ledger, line_id, fields, forced=force)
            place(ledger, made[0], fields, self.decks)
        return made

    def undo(self, id: str = "", *, as_new: bool = False) -> str:
        """Take back a decision; return its id.

        Args:
            id: of a decision, a card or a highlight; "" for the last decision on this machine.
            as_new: what the source said last is another fact, which gets a card of its own.

        Raises:
            RefusedError: there is nothing, or a later decision stands on it.
        """
        from ankiforge.ledger.decide import undo

        return undo(self.ledger, id, as_new=as_new).id

    def _named(self, ids: Iterable[str]) -> list[str]:
        """Return the whole ids of which beginnings may be given; keys of highlights stay."""
        from ankiforge.pipeline.query import find, is_key

        full_ids = []
        for id in ids:
            full_ids.append(id if is_key(id) else find(self.ledger, id))
        return full_ids

    # --- Anki -----------------------------------------------------------------------------------

    def read_collection(self) -> CollectionScan:
        """Read the collection that has our notes, if the settings allow it and it has changed."""
        from ankiforge.pipeline.collection import read_collection

        return read_collection(self.folder.config.anki, self.ledger, Path.home())

    def plan(self, result: RunResult) -> None:
        """Plan every card that may have something to write; this finds conflicts with Anki.

        Args:
            result: what is planned is added, or the error if nothing can be shipped.
        """
        from ankiforge.pipeline.deliver import mapped_types, plan_cards

        try:
            mapped = mapped_types(self.folder.config, self.ledger)
        except ConfigError as error:
            result.error = result.error or error
            return
        result.add_plan(plan_cards(self.folder, self.ledger, self.decks, mapped))

    def build(
        self,
        *,
        deck: str = "",
        output: Path | str = "",
        full: bool = False,
        force: bool = False,
    ) -> RunResult:
        """Write the package of all accepted cards that Anki lacks.

        Args:
            deck: only the cards of this deck and the decks below it; "" = all.
            output: the path of the package; "" = a file in the output folder of the workspace.
            full: every accepted card, whatever Anki has.
            force: replace a file that ankiforge did not write.

        Raises:
            UsageError: the package cannot be written there, or no card is in the deck.
        """
        from ankiforge.pipeline import deliver

        result = RunResult()
        self._check_deck(deck)
        path = self.package_path(deck, output, force=force)
        result.add_scan(self.read_collection())
        scope = deliver.Scope(deck=deck, full=full)
        deliver.publish(self.folder, self.ledger, result, path, scope)
        return result

    def push(
        self,
        *,
        deck: str = "",
        output: Path | str = "",
        force: bool = False,
        sync: bool = False,
    ) -> RunResult:
        """Send the cards that Anki lacks to a running Anki.

        If Anki does not answer, the package is written, and the error is in the result.

        Args:
            deck: as for `build`.
            output: as for `build`.
            force: as for `build`.
            sync: let Anki sync before and after.

        Raises:
            UsageError: the package cannot be written there, or no card is in the deck.
        """
        from ankiforge.pipeline import deliver

        result = RunResult()
        self._check_deck(deck)
        path = self.package_path(deck, output, force=force)
        error = deliver.push(self, result, path, deck=deck, sync=sync)
        result.error = result.error or error
        return result

    def _check_deck(self, deck: str) -> None:
        """Refuse a deck that has no card, waiting or accepted; "" = all decks.

        Raises:
            UsageError: the hint names decks that are called nearly like it.
        """
        from ankiforge.ledger import QueryTerm, lists
        from ankiforge.ledger.tables.lines import facets
        from ankiforge.pipeline.decks import check_deck

        if deck and not lists.find(self.ledger, [QueryTerm("deck", deck)]):
            check_deck(deck, facets(self.ledger)["deck"])

    def package_path(
        self,
        deck: str = "",
        output: Path | str = "",
        *,
        force: bool = False,
    ) -> Path:
        """Return the path of a package, which may be written.

        Raises:
            UsageError: it has a file that is not ours (unless `force`), or cannot have a package.
        """
        from ankiforge.pipeline import deliver

        if output:
            path = Path(output).expanduser().absolute()
        else:
            path = deliver.package_path(self.folder.output, deck)
        if not self.read_only:
            deliver.refuse_foreign(path, self.ledger, force=force)
        return path
