"""Wiring: open the ledger, the sources, the model and the job of a run from a workspace.

Checks, drafters and `run` are imported inside functions, because not every command needs them.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from ankiforge import extract
from ankiforge.config import (
    EXPORTS,
    Config,
    SourceEntry,
    is_loopback,
    source_name,
)
from ankiforge.config.workspace import Remembered, user_folder
from ankiforge.config.yamlfile import Location, typed
from ankiforge.errors import BusyError, ConfigError, ItemError, ServiceError, UsageError
from ankiforge.extract.discover import (
    FILE_BASED,
    UNAMBIGUOUS,
    FoundSource,
    discover,
    kind_of,
    resolve,
    why_nothing,
)
from ankiforge.model import (
    VERIFIED,
    Change,
    Draft,
    Highlight,
    Json,
    Memory,
    NoMemory,
    Problem,
    Severity,
    Source,
    Strings,
    Value,
    Waiting,
    h16,
)
from ankiforge.text import regex

if TYPE_CHECKING:
    from ankiforge.anki.connect import AnkiConnect
    from ankiforge.anki.plan import Planned
    from ankiforge.config.deckfiles import DeckRule
    from ankiforge.config.ownfiles import OwnPath
    from ankiforge.config.workspace import Workspace
    from ankiforge.draft.llm import Model
    from ankiforge.draft.prompt import Prompt
    from ankiforge.draft.server import ServerSettings, Usage
    from ankiforge.ledger import Ledger, Replies, Report
    from ankiforge.pipeline.deliver import CollectionScan, Published
    from ankiforge.pipeline.run import Job, Progress

# --- the files of a workspace ---------------------------------------------------------------

LOCK_SECONDS = 60.0
HOLDER_BYTES = 100
"""The length of a file with the number of a process."""


def open_ledger(workspace: Workspace, *, read_only: bool = False) -> Ledger:
    """Open the ledger of a workspace and read what is new in its journal.

    With `read_only`, everything happens in a copy in memory.

    Raises:
        LedgerError: database or journal cannot be used.
        UsageError: a folder cannot be written.
    """
    from ankiforge.ledger import Ledger

    if not read_only:
        workspace.prepare()
    machine = workspace.machine(user_folder(), make=not read_only)
    return Ledger(workspace.ledger, workspace.journal, machine, read_only=read_only)


def open_replies(workspace: Workspace) -> Replies:
    """Open the replies of models, which were paid for."""
    workspace.prepare()
    from ankiforge.ledger import REPLIES_FILE, Replies

    return Replies(workspace.folder / REPLIES_FILE)


def lock(
    workspace: Workspace, what: str, seconds: float = LOCK_SECONDS
) -> AbstractContextManager[object]:
    """Hold the lock `what` ("drafting", "publishing"); wait if another program holds it.

    Raises:
        BusyError: another program still holds it after `seconds`.
        UsageError: the file of the lock cannot be written.
    """
    from filelock import FileLock, Timeout

    path = workspace.folder / f"{what}.lock"
    path.is_there()  # refuses what is no file
    held = FileLock(path.path, timeout=seconds, mode=0o600)
    try:
        acquired = held.acquire()
    except Timeout as error:
        what = f"another ankiforge{_holder(path)} is {what} here"
        raise BusyError(what, hint="wait for it, or stop it: nothing is lost") from error
    except OSError as error:
        what = f"{path}: cannot be written: {error.strerror or error}"
        raise UsageError(what, hint="allow writing there") from error
    # for the message to programs that wait; the lock is the system's
    with suppress(OSError), path.open(os.O_WRONLY | os.O_TRUNC) as file:
        file.write(str(os.getpid()).encode())
    return acquired


def _holder(path: OwnPath) -> str:
    with suppress(OSError, UnicodeDecodeError):
        holder = path.read(HOLDER_BYTES).decode().strip()
        return f" (process {holder})" if holder.isdigit() else ""
    return ""


# --- which sources to read ------------------------------------------------------------------

COMMAND_LINE = Location("the command line")


class SelectedSource(Value):
    """A source to open, from the settings or found at a PATH."""

    entry: SourceEntry
    only: tuple[Path, ...] = ()
    """The files and folders below its root to read; () = everything."""


def select_sources(
    workspace: Workspace, paths: tuple[Path, ...] = ()
) -> tuple[list[SelectedSource], list[Problem], tuple[Remembered, ...]]:
    """Return the sources at the PATHs, or without PATHs all configured and remembered ones.

    Args:
        workspace: provides the settings and the remembered PATHs.
        paths: the arguments of the command line.

    Returns:
        The sources; a problem for each PATH that cannot be read; and all PATHs to remember from now on.

    Raises:
        UsageError: there is only one PATH, and it cannot be read.
    """
    known = list(workspace.remembered)
    selected = {}
    problems = []
    if not paths:
        for entry in workspace.config.sources:
            selected[entry.kind, entry.name] = SelectedSource(entry)
    for path in paths or tuple(Path(item.path) for item in known):
        found = _behind(workspace.config, known, path.absolute())
        if isinstance(found, Problem):
            if not paths:
                if _gave_way(path, known):
                    continue
                what = "this remembered source is missing; nothing counts as deleted"
                file = workspace.folder / "sources.yaml"
                hint = f"if it moved, write its new place in its lines in {file}; to forget it, delete them"
                found = Problem(found.where, what, hint, notice=True)
            elif len(paths) == 1:
                raise UsageError(f"{found.where}: {found.what}", hint=found.hint)
            problems.append(found)
            continue
        names: dict[str, str] = {}
        for one in found:
            key = (one.entry.kind, one.entry.name)
            selected[key] = _union(selected[key], one) if key in selected else one
            if one.entry not in workspace.config.sources:
                names.setdefault(one.entry.kind, one.entry.name)  # folders within come later
        where = str(resolve(path.absolute()))
        if names and not any(_remembers(item, where, names) for item in known):
            known.append(Remembered(where, names))
    return list(selected.values()), problems, tuple(known)


def _gave_way(path: Path, known: Iterable[Remembered]) -> bool:
    """Return whether another PATH has the names of a missing one, like the next export of an account."""
    names = [item.names for item in known if item.path == str(path)]
    return any(item.names in names and Path(item.path).exists() for item in known)


def _remembers(item: Remembered, where: str, names: dict[str, str]) -> bool:
    """Return whether plain `run` reads a place already: the remembered PATH or a part of it."""
    return _contains(Path(item.path), Path(where)) and names.items() <= item.names.items()


def names_in_use(config: Config, remembered: Iterable[Remembered]) -> frozenset[str]:
    """Return the names of all sources that plain `run` reads."""
    names = {entry.name for entry in config.sources}
    return frozenset(names | {name for item in remembered for name in item.names.values()})


def _behind(config: Config, known: list[Remembered], path: Path) -> list[SelectedSource] | Problem:
    """Return the sources at one PATH: the configured ones, else those discovered in it."""
    if not path.exists():
        if path.is_symlink():
            what = "a link to a missing file, or to itself"
            return Problem(str(path), what, "name the file or folder itself")
        return Problem(str(path), "there is no such file or folder", "check the spelling")
    path = resolve(path)
    kind = kind_of(path) if path.is_file() else ""
    configured = [e for e in config.sources if e.has_folder and _contains(e.path, path)]
    if kind in UNAMBIGUOUS:  # for example, an attachment in a folder of notes is not a note
        configured = [e for e in configured if e.kind == kind or e.kind not in FILE_BASED]
    if configured:
        return [SelectedSource(entry, _below(entry, path)) for entry in configured]
    before = {item.path: item for item in known}

    def roots(kind: str) -> Mapping[str, Path]:
        """Return the folders that are read as a kind of source, by name."""
        found = {
            entry.name: entry.path
            for entry in config.sources
            if entry.kind == kind and entry.has_folder
        }
        kept = {item.names[kind]: _root_of(item) for item in known if kind in item.names}
        return {**kept, **found}

    selected = []
    for found in discover(path, lambda kind: set(roots(kind).values())):
        same = [
            entry
            for entry in config.sources
            if entry.kind == found.kind and entry.has_folder and resolve(entry.path) == found.root
        ]
        if same:
            selected.append(SelectedSource(same[0], _below(same[0], *found.only)))
            continue
        name = next((one for one, root in roots(found.kind).items() if root == found.root), "")
        if not name and str(path) in before and (found.root == path or found.only):
            name = before[str(path)].names.get(found.kind, "")
        if not name and (own := source_name(found.root, found.kind)) in {
            item.names.get(found.kind) for item in known if _contains(found.root, Path(item.path))
        }:
            name = own  # a part of it is remembered
        selected.append(_unconfigured(found, name or _free_name(config, known, found)))
    hint = "a PDF, a note, clippings, an export, a folder with some, or a zotero.sqlite"
    return selected or Problem(str(path), why_nothing(path), hint)


def _root_of(item: Remembered) -> Path:
    """Return the folder that a remembered PATH is read from: of a file, the one it is in."""
    path = Path(item.path)
    return path if path.is_dir() else path.parent


def _free_name(config: Config, known: Iterable[Remembered], found: FoundSource) -> str:
    """Return the name of a new source: that of its folder, with a number if it is taken."""
    if found.kind in EXPORTS:
        return next((e.name for e in config.sources if e.kind == found.kind), found.kind)
    name = source_name(found.root, found.kind)
    taken = {entry.name for entry in config.sources if entry.kind == found.kind}
    taken |= {item.names[found.kind] for item in known if found.kind in item.names}
    number = 2
    free = name
    while free in taken:
        free, number = f"{name}-{number}", number + 1
    return free


def _unconfigured(found: FoundSource, name: str) -> SelectedSource:
    """Return a source that is not in the settings."""
    options: Json = {"path": str(found.root), "name": name}
    options |= {"exclude": found.exclude} if found.exclude else {}
    entry = SourceEntry(found.kind, name, found.root, options, COMMAND_LINE)
    return SelectedSource(entry, found.only)


def _below(entry: SourceEntry, *paths: Path) -> tuple[Path, ...]:
    """Rebase resolved paths onto the source's root as the settings spell it; omit the root itself."""
    root = resolve(entry.path)
    return tuple(entry.path / path.relative_to(root) for path in paths if path != root)


def _contains(root: Path, path: Path) -> bool:
    root = resolve(root)
    return path == root or root in path.parents


def _union(one: SelectedSource, other: SelectedSource) -> SelectedSource:
    """Join two selections of one source. The exports of one account may be in two folders."""
    roots = (one.entry.path, other.entry.path)
    if roots[0] == roots[1]:
        only = (*one.only, *other.only) if one.only and other.only else ()
        return SelectedSource(one.entry, tuple(dict.fromkeys(only)))
    only = (*(one.only or roots[:1]), *(other.only or roots[1:]))
    return SelectedSource(replace(one.entry, path=Path(os.path.commonpath(roots))), only)


def open_sources(
    workspace: Workspace,
    ledger: Ledger,
    selected: Iterable[SelectedSource],
    *,
    offline: bool = False,
    jobs: int = 0,
) -> tuple[Source, ...]:
    """Open sources, and remember their folders, from which pictures are read.

    Raises:
        ConfigError: a kind is unknown, or its settings are invalid; with file, line and key.
    """
    from ankiforge.ledger import CACHE_FILE, CacheFile
    from ankiforge.pipeline.deliver import remember_roots

    selected = list(selected)
    folders = {
        f"{one.entry.kind}:{one.entry.name}": str(one.entry.path)
        for one in selected
        if one.entry.has_folder
    }
    remember_roots(ledger, folders)
    caches = CacheFile(workspace.folder / CACHE_FILE)
    return tuple(
        open_source(
            workspace, one.entry, one.only,
            memory=caches.of(f"{one.entry.kind}:{one.entry.name}"), offline=offline,
            jobs=jobs or os.cpu_count() or 1,
        )
        for one in selected
    )  # fmt: skip


def open_source(
    workspace: Workspace,
    entry: SourceEntry,
    only: tuple[Path, ...] = (),
    *,
    memory: Memory | None = None,
    offline: bool = False,
    jobs: int = 1,
) -> Source:
    """Open a source, passing only those of the other arguments that its kind accepts.

    Raises:
        ConfigError: the kind is unknown, or its settings are invalid; with file, line and key.
    """
    config = workspace.config
    try:
        module = extract.module(entry.kind)
    except ConfigError as error:
        raise entry.where.error(error.message, error.hint) from error
    settings = typed(module.Settings, entry.options, entry.where)
    # Not `inspect.signature`: importing `inspect` takes as long as this whole function.
    code = module.open_source.__code__
    accepted = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    optional = {"memory": memory or NoMemory(), "offline": offline, "jobs": jobs}
    if not workspace.is_default:
        optional["workspace"] = workspace.root
    if not offline or is_loopback(config.executor):
        optional["executor"] = config.executor
    optional = {name: value for name, value in optional.items() if name in accepted}
    try:
        return module.open_source(entry.name, entry.path, settings, only, config.me, **optional)
    except ConfigError as error:
        key, colon, what = error.message.partition(": ")
        if (
            colon and key in entry.options
        ):  # the message begins with the key: report the line of that key
            raise entry.where.at(key).error(what, error.hint) from error
        raise entry.where.error(error.message, error.hint) from error


# --- language model -------------------------------------------------------------------------

SMALL_MODEL = 14.0
"""The size, in billions of parameters, up to which a model gets the short prompt."""
_SIZE = regex(r"(?<![a-z0-9.])(?:(\d+)x|e)?(\d+(?:\.\d+)?)([bm])(?![a-z0-9])")
_HOSTED = regex(r"(?:^|/)(?:gpt-\d|o\d|claude|gemini|grok)|-cloud$")


def language_model(
    workspace: Workspace,
    replies: Replies,
    notice: Callable[[str], None],
    *,
    offline: bool = False,
    jobs: int = 0,
    fresh: bool = False,
    spent: float = 0.0,
) -> Model:
    """Return the configured language model; `replies` caches what it answered.

    See `server_settings` for `jobs` and `spent`, and `Model` for the others.
    """
    from ankiforge.draft.llm import Model

    return Model(
        server_settings(workspace, jobs, spent),
        replies,
        load_prompt(workspace),
        repair=repair_hints(),
        notice=notice,
        offline=offline,
        fresh=fresh,
    )


def draft_others(workspace: Workspace, offline: bool, ledger: Ledger, key: str) -> None:
    """Let the model draft other cards of a highlight, beside those that wait.

    Raises:
        ForgeError: it does not answer, or may not be asked.
    """
    from ankiforge.pipeline.run import draft

    replies = open_replies(workspace)
    model = language_model(workspace, replies, lambda _: None, offline=offline, fresh=True)
    only = frozenset([ledger.highlight(key).key])
    try:
        steps = draft(make_job(workspace, (), model=model, only=only), ledger)
        problems = [problem for step in steps for problem in step.problems]
    finally:
        model.leave()
        replies.close()
    if problems:
        raise ItemError(problems[0].what, hint=problems[0].hint)


def server_settings(workspace: Workspace, jobs: int = 0, spent: float = 0.0) -> ServerSettings:
    """Return the model server's settings.

    Args:
        workspace: provides the `llm:` settings.
        jobs: the number of concurrent requests; 0 = as in the settings.
        spent: the part of the budget that is already spent, in dollars.

    Raises:
        ConfigError: the settings are invalid; with file, line and key.
    """
    from msgspec.structs import asdict

    from ankiforge.draft.server import ServerSettings

    options = asdict(workspace.config.llm)
    options["concurrency"] = jobs or options["concurrency"]
    if options["budget_usd"] is not None:
        options["budget_usd"] = max(options["budget_usd"] - spent, 0.0)
    del options["prompt"], options["verify"]
    if not workspace.is_default:
        options["workspace"] = shlex.quote(str(workspace.root))
    if is_small_model(options["base_url"], options["model"]):
        options["per_request"] = 1  # a small model confuses several highlights
    try:
        return ServerSettings(**{name: one for name, one in options.items() if one is not None})
    except ConfigError as error:
        key, _, what = error.message.removeprefix("llm.").partition(": ")
        raise workspace.config.where.at("llm", key).error(what, error.hint) from error


def load_prompt(workspace: Workspace, *, chat: bool = False) -> Prompt:
    """Load the prompt that the settings name, from the workspace or as shipped.

    With `chat`, the prompt is for a chat in a browser: never the short one for small models.

    Raises:
        ConfigError: the prompt is missing or invalid.
    """
    from ankiforge.draft.prompt import NoPromptError, load

    config = workspace.config
    small = not chat and is_small_model(config.llm.base_url, config.llm.model)
    name = config.llm.prompt or ("cards-small" if small else "cards")
    try:
        return load(name, workspace.root)
    except NoPromptError as error:
        raise config.where.at("llm", "prompt").error(error.message, error.hint) from error


def is_small_model(base_url: str, model: str) -> bool:
    """Return whether a model needs the short prompt, judged by the size in its name.

    `qwen3:8b`, `gemma3n:e4b`, `llama-3.2-1B` are small; `qwen3:32b`, `mixtral-8x7b`,
    `gpt-oss-120b` are not. A model without a size in its name counts as small if the server runs on
    this machine, unless the name is that of a hosted service.
    """
    name = model.casefold()
    sizes = [
        int(times or 1) * float(size) / (1000 if unit == "m" else 1)
        for times, size, unit in _SIZE.findall(name)
    ]
    if sizes:
        return max(sizes) <= SMALL_MODEL
    return is_loopback(base_url) and _HOSTED.search(name) is None


# --- policy and job -------------------------------------------------------------------------


def repair_hints() -> Callable[[Draft, Highlight], Strings]:
    """Return a function that lists the findings that block a draft, for the model to repair it."""
    from ankiforge import check

    def hints(draft: Draft, highlight: Highlight) -> Strings:
        findings = check.check(draft, check.Context(highlight, check.DuplicateIndex()))
        return tuple(found.message for found in findings if found.severity is Severity.BLOCK)

    return hints


def accept_policy(config: Config, override: str = "") -> Callable[[Waiting], bool]:
    """Return a function that decides whether to accept a draft without findings and remarks.

    `override` is the policy of `--accept` for the rules. A model's draft ships only if a second look
    found it right, an agent's never.
    """
    rules = override or config.accept.rules
    verified = config.accept.llm == "verified" and override != "review"

    def accepts(one: Waiting) -> bool:
        drafter = one.draft.origin.drafter
        if drafter == "llm":
            return verified and any(found.check == VERIFIED for found in one.proposal.findings)
        return rules == "clean" and drafter.startswith("rules")

    return accepts


def load_rules(workspace: Workspace) -> tuple[DeckRule, ...]:
    """Return the rules of the deck files."""
    from ankiforge.config.deckfiles import load_decks

    return load_decks(workspace.root)


def make_job(
    workspace: Workspace, sources: tuple[Source, ...], *, accept: str = "", **options: Any
) -> Job:
    """Return the job of a run with the workspace's settings.

    Args:
        workspace: provides the settings.
        sources: the sources to read.
        accept: the policy of `--accept`; "" = as in the settings.
        options: other fields of `Job`.
    """
    from ankiforge.pipeline.run import Job

    policy = accept_policy(workspace.config, accept)
    options["verify"] = workspace.config.llm.verify
    return Job(sources, policy, load_rules(workspace), workspace.pictures, **options)


# --- what a run comes to --------------------------------------------------------------------


class RunResult(msgspec.Struct):
    """The totals of a run, collected step by step."""

    report: Report | None = None
    drafted: int = 0
    accepted: int = 0
    changes: list[Change] = []
    problems: list[Problem] = []
    scan: CollectionScan | None = None
    planned: list[Planned] = []
    published: list[Published] = []
    pushed: tuple[int, int] | None = None
    """(new, updated) notes that Anki had after a push."""
    usage: Usage | None = None
    remembered: list[str] = []
    """The PATHs that are remembered from now on."""

    def add(self, step: Progress) -> None:
        """Add one step of a run."""
        self.report = step.report or self.report
        self.drafted += step.drafted
        self.accepted += step.accepted
        self.changes += step.changes
        self.problems += [one for one in step.problems if one not in self.problems]

    def take(self, scan: CollectionScan) -> None:
        """Add what was seen in Anki."""
        self.scan = scan
        self.problems += [scan.problem] if scan.problem else []

    def take_again(self, scan: CollectionScan) -> None:
        """Add what was seen in Anki since the first look; one that failed tells nothing new."""
        if self.scan is None or scan.state != "taken":
            return
        before, now = self.scan.viewed, scan.viewed
        self.take(scan)
        for name in ("first", "deleted", "returned", "retired", "revived"):
            setattr(now, name, [*getattr(before, name), *getattr(now, name)])
        now.reviews += before.reviews

    def plan(self, planned: Iterable[Planned], published: Published | None) -> None:
        """Add what was planned, and the package that was written."""
        self.planned += planned
        if published:
            self.published.append(published)
            known = {one.where for one in self.problems}
            self.problems += [one for one in published.problems if one.where not in known]

    @property
    def failed(self) -> bool:
        """Whether there are problems other than notices."""
        return any(not problem.notice for problem in self.problems)

    @property
    def packages(self) -> list[Path]:
        """The packages to import."""
        return [one.path for one in self.published if one.notes and self.pushed is None]


# --- to Anki --------------------------------------------------------------------------------


def publish(
    workspace: Workspace,
    ledger: Ledger,
    tally: RunResult,
    path: Path,
    *,
    deck: str = "",
    full: bool = False,
    push: bool = False,
) -> None:
    """Plan all cards and write the package, unless Anki is there and could not be read."""
    from ankiforge.pipeline import deliver

    if tally.scan and tally.scan.state in ("same", "taken") and not push:
        # what was deleted in Anki while the sources were read does not come back
        again = deliver.read_collection(workspace.config.anki, ledger, Path.home())
        tally.take_again(again)
    if tally.scan and tally.scan.blind and not full:
        return
    decks = load_rules(workspace)
    pictures = workspace.pictures
    settings = "" if push or full else h16(deck, repr(decks))
    with lock(workspace, "publishing"):
        kept = deliver.kept(ledger, path, settings)
        planned = []
        if not kept:
            planned = deliver.plan_cards(ledger, decks, pictures, deck=deck, push=push, full=full)
        try:
            tally.plan(planned, kept or deliver.publish(ledger, planned, path, settings))
        except ItemError as error:
            tally.plan(planned, None)
            what = error.message.removeprefix(f"{path}: ")
            tally.problems.append(Problem(str(path), what, error.hint))


def push(
    workspace: Workspace,
    ledger: Ledger,
    tally: RunResult,
    path: Path,
    connect: Callable[[], AnkiConnect],
    *,
    deck: str = "",
    sync: bool = False,
) -> ServiceError | None:
    """Look at a running Anki, import our package there, and look again.

    If Anki does not answer, the package is written, and the error is returned.
    """
    from ankiforge.pipeline import deliver

    try:
        anki = connect()
        synced = sync and anki.sync()
        if sync and not synced:
            what, hint = "is not logged in to a sync account", "press Sync in Anki and log in"
            tally.problems.append(Problem("Anki", what, hint))
        tally.take(found := deliver.read_running_anki(anki, ledger))
        if found.blind:
            told = found.problem or Problem("Anki", "was not read")
            raise ServiceError(told.what, hint=told.hint)
    except ServiceError as error:
        if tally.scan is None:
            tally.take(deliver.read_collection(workspace.config.anki, ledger, Path.home()))
        publish(workspace, ledger, tally, path, deck=deck)
        return error
    if is_loopback(anki.address):
        profile = anki.active_profile()
        viewed = deliver.look_at_graves(workspace.config.anki, ledger, Path.home(), profile)
        found.viewed.deleted.extend(viewed.deleted)
    publish(workspace, ledger, tally, path, deck=deck, push=True)
    if not tally.packages:
        tally.pushed = (0, 0)
        return None
    known = {one.guid: next(ledger.notes(one.guid), None) for one in tally.planned}
    try:
        anki.import_package(path)
        live = [known[one.guid] for one in tally.planned if one.live]
        anki.unsuspend(deliver.suspended(ledger, [note for note in live if note]))
        deliver.read_running_anki(anki, ledger)
        if synced:
            anki.sync()
    except ServiceError as error:
        return error
    arrived = [(known[one.guid], came) for one, came in deliver.arrived(ledger, tally.planned)]
    added = sum(came and before is None for before, came in arrived)
    tally.pushed = (added, sum(came for _, came in arrived) - added)
    if refused := sum(not came for _, came in arrived):
        what = f"{refused:,} of the notes did not arrive"
        tally.problems.append(Problem("Anki", what, f"import {path} by hand"))
    else:
        path.unlink(missing_ok=True)
    return None
