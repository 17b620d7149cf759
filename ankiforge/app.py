"""Wiring: build the sources, the drafter and the job of a run from a workspace.

Checks, drafters and the pipeline are imported inside functions, because not every command needs
them.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ankiforge import extract
from ankiforge.config import (
    EXPORTS,
    AcceptPolicy,
    Config,
    DrafterName,
    SourceEntry,
    is_loopback,
    source_name,
)
from ankiforge.config.workspace import Place, Remembered
from ankiforge.config.yamlfile import Location, typed
from ankiforge.errors import ConfigError, UsageError
from ankiforge.extract.discover import (
    FILE_BASED,
    UNAMBIGUOUS,
    FoundSource,
    discover,
    resolve,
    why_nothing,
)
from ankiforge.model import (
    AGENT,
    Draft,
    Drafter,
    Highlight,
    Memory,
    NoMemory,
    Problem,
    Severity,
    Source,
)

if TYPE_CHECKING:
    from ankiforge.config.workspace import Workspace
    from ankiforge.draft.client import ServerSettings
    from ankiforge.draft.llm import Model
    from ankiforge.draft.probe import Probing
    from ankiforge.draft.prompt import Prompt, Prompts
    from ankiforge.ledger import Ledger
    from ankiforge.pipeline import Job


# --- which sources to read ------------------------------------------------------------------

COMMAND_LINE = Location("the command line")


@dataclass(frozen=True, slots=True)
class SelectedSource:
    """A source to open, from the settings or found at a PATH."""

    entry: SourceEntry
    only: tuple[Path, ...] = ()
    """The files and folders below its root to read; () = everything."""


def select_sources(
    workspace: Workspace, ledger: Ledger, paths: tuple[Path, ...]
) -> Iterator[SelectedSource | Problem]:
    """Yield the sources at the PATHs, or without PATHs all configured and remembered sources.

    Of several PATHs, one that cannot be read yields a problem.

    Args:
        workspace: provides the settings and the remembered PATHs.
        ledger: knows which folders were read before.
        paths: the arguments of the command line.

    Raises:
        UsageError: there is only one PATH, and it cannot be read.
    """
    known = workspace.remembered
    if not paths:
        yield from _all_sources(workspace, ledger)
        return
    results = [_behind(workspace.config, ledger, path.absolute(), known) for path in paths]
    problems = [one for one in results if isinstance(one, Problem)]
    if len(paths) == 1 and problems:
        raise UsageError(f"{problems[0].where}: {problems[0].what}", hint=problems[0].hint)
    yield from problems
    # Read a source once, even if several PATHs lead to it.
    merged: dict[tuple[str, str | Path], SelectedSource] = {}
    for one in results:
        for source in () if isinstance(one, Problem) else one:
            entry = source.entry
            key = (entry.kind, entry.name if entry.kind in EXPORTS else entry.path)
            merged[key] = _union(merged[key], source) if key in merged else source
    yield from merged.values()


def watched_sources(workspace: Workspace, ledger: Ledger) -> list[SelectedSource]:
    """Return the sources that `watch` follows, including remembered ones that are now absent."""
    found = _all_sources(workspace, ledger, absent_too=True)
    return [one for one in found if isinstance(one, SelectedSource)]


def _all_sources(
    workspace: Workspace, ledger: Ledger, *, absent_too: bool = False
) -> Iterator[SelectedSource | Problem]:
    """Yield the configured and the remembered sources, and a notice for each absent PATH.

    A source with an absent PATH is read as a partial selection, so that nothing in that PATH counts
    as deleted when the rest of the source, such as another file of the same export, is read.
    """
    config, known = workspace.config, workspace.remembered
    selected = {(entry.kind, entry.name): SelectedSource(entry) for entry in config.sources}
    absent: set[tuple[str, str]] = set()
    for item in known:
        found = _behind(config, ledger, Path(item.path), known)
        if isinstance(found, Problem):
            what = "this remembered source is missing; nothing counts as deleted"
            hint = f"if it was moved, write its new place in {workspace.remembered_file}; else delete its line"
            yield Problem(item.path, what, hint, notice=True)
            absent |= {(place.kind, place.name) for place in item.places}
            found = [_remembered_source(place) for place in item.places] if absent_too else []
        else:  # the settings may configure the same folder as a source of another kind
            kinds = {source.entry.kind for source in found}
            found += [_remembered_source(one) for one in item.places if one.kind not in kinds]
        for source in found:
            entry = source.entry
            named = entry in config.sources or entry.kind in EXPORTS
            key = (entry.kind, entry.name if named else str(entry.path))
            selected[key] = _union(selected[key], source) if key in selected else source
    for source in selected.values():
        entry = source.entry
        partial = not source.only and (entry.kind, entry.name) in absent
        yield replace(source, only=(entry.path,)) if partial else source


def _behind(
    config: Config, ledger: Ledger, path: Path, known: tuple[Remembered, ...]
) -> list[SelectedSource] | Problem:
    """Return the sources at one PATH: the configured ones, else those discovered in it."""
    if not path.exists():
        if path.is_symlink():
            what = "a link to a missing file, or to itself"
            return Problem(str(path), what, "name the file or folder itself")
        return Problem(str(path), "there is no such file or folder", "check the spelling")
    path = resolve(path)
    kind = extract.kind_of(path) if path.is_file() else ""
    configured = [e for e in config.sources if e.has_folder and _contains(e.path, path)]
    if kind in UNAMBIGUOUS:  # for example, an attachment in a folder of notes is not a note
        configured = [e for e in configured if e.kind == kind or e.kind not in FILE_BASED]
    if configured:
        return [SelectedSource(entry, _below(entry, path)) for entry in configured]
    places = [place for item in known for place in item.places]
    names = {(place.kind, place.root): place.name for place in places}
    papers = {Path(one.root) for one in places if one.kind == "pdf" and not one.only}
    selected = []
    for found in discover(path, ledger.roots.known, papers):
        same = (
            SelectedSource(entry, _below(entry, *found.only))
            for entry in config.sources
            if entry.kind == found.kind and entry.has_folder and resolve(entry.path) == found.root
        )
        name = names.get((found.kind, str(found.root))) or _export_name(config, found.kind)
        selected.append(next(same, None) or _unconfigured(found, name))
    hint = "a PDF, a note, clippings, an export, a folder with some, or a zotero.sqlite"
    return selected or Problem(str(path), why_nothing(path), hint)


def _unconfigured(found: FoundSource, name: str) -> SelectedSource:
    """Return a source that is not in the settings; its name defaults to that of its folder."""
    options: dict[str, Any] = {"path": str(found.root)}
    options |= {"name": name} if name else {}
    options |= {"exclude": found.exclude} if found.exclude else {}
    name = name or source_name(found.root, found.kind)
    entry = SourceEntry(found.kind, name, found.root, options, COMMAND_LINE)
    return SelectedSource(entry, found.only)


def _remembered_source(place: Place) -> SelectedSource:
    """Return the source that was stored when its PATH was remembered."""
    only = tuple(map(Path, place.only))
    return _unconfigured(FoundSource(place.kind, Path(place.root), only, place.exclude), place.name)


def _export_name(config: Config, kind: str) -> str:
    """Return the name of the configured source of an export, if it is the only one of its kind."""
    names = [entry.name for entry in config.sources if entry.kind == kind in EXPORTS]
    return names[0] if len(names) == 1 else ""


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


# --- remembered PATHs -----------------------------------------------------------------------


def remember_paths(
    workspace: Workspace,
    ledger: Ledger,
    paths: tuple[Path, ...],
    selected: Collection[SelectedSource],
) -> tuple[list[Remembered], list[Remembered]]:
    """Add PATHs to those that `run` reads when it is given none.

    A PATH inside a configured or remembered source is not added. A PATH that contains a remembered
    one replaces it; the keys of the highlights read there stay the same.

    Args:
        workspace: provides the remembered PATHs; nothing is written.
        ledger: knows which folders were read before.
        paths: the arguments of the command line.
        selected: the sources at the PATHs, with their final names.

    Returns:
        All PATHs to remember from now on, and the new ones among them.
    """
    config, known = workspace.config, workspace.remembered
    names = {(one.entry.kind, one.entry.path): one.entry.name for one in selected}
    kept, new = list(known), []
    for path in map(resolve, paths):
        found = _behind(config, ledger, path, known)
        if isinstance(found, Problem):
            continue
        places = tuple(
            Place(
                entry.kind,
                names.get((entry.kind, entry.path), entry.name),
                str(entry.path),
                tuple(map(str, source.only)),
                tuple(entry.options.get("exclude", ())),
            )
            for source in found
            if (entry := source.entry) not in config.sources
        )
        before = next((item for item in kept if item.path == str(path)), None)
        others = [item for item in kept if item.path != str(path)]
        if not places or any(item.covers(places) for item in others):
            continue
        item = Remembered(str(path), places)
        replaced = [one for one in others if item.covers(one.places) or _succeeds(item, one)]
        new += [] if before else [item]
        kept = [*(one for one in others if one not in replaced), item]
    return kept, [item for item in new if item in kept]


def _succeeds(new: Remembered, old: Remembered) -> bool:
    """Return whether `old` is absent and `new` has its sources, such as a newer export of one."""
    names = {(place.kind, place.name) for place in new.places}
    known = {(place.kind, place.name) for place in old.places} <= names
    return known and not Path(old.path).exists() and Path(old.path).parent.exists()


def sources_in_use(workspace: Workspace, ledger: Ledger) -> frozenset[str]:
    """Return the sources that `run` reads when it is given no PATH.

    Each is `kind:name`, with the name that is part of its keys.
    """
    config, found = workspace.config, []
    places = [place for item in workspace.remembered for place in item.places]
    for place in places:
        around = [one for one in config.sources if one.kind == place.kind and one.has_folder]
        if not all(any(_contains(one.path, at) for one in around) for at in place.targets):
            found.append((place.kind, _export_name(config, place.kind) or place.name))
    for entry in config.sources:
        fixed = entry.options.get("name") or not entry.has_folder or entry.kind in EXPORTS
        known = "" if fixed else ledger.roots.name_of(entry.kind, entry.path)
        found.append((entry.kind, known or entry.name))
    # The keys of a PDF do not contain the source's name, so every folder below counts.
    folders = [Path(place.root) for place in places if place.kind == "pdf"]
    folders += [entry.path for entry in config.sources if entry.kind == "pdf"]
    for name, root in ledger.roots.of("pdf").items():
        if any(root == folder or folder in root.parents for folder in folders):
            found.append(("pdf", name))
    return frozenset(f"{kind}:{name}" for kind, name in found)


# --- names of sources -----------------------------------------------------------------------

KEY_ORDER = ("zotero", "pdf", "obsidian")
"""The first kinds to be issued new keys, in this order; all others follow."""


def name_sources(
    workspace: Workspace,
    selected: list[SelectedSource],
    ledger: Ledger,
    say: Callable[[str], None],
) -> list[SelectedSource]:
    """Give sources their final names, and sort them in the order in which keys are issued.

    Args:
        workspace: provides the settings and the remembered PATHs.
        selected: the sources.
        ledger: knows the names of folders; stores new ones.
        say: called with a line for each folder that has another place than before.

    Raises:
        ConfigError: a kind is unknown, its settings are invalid, or a name belongs to another folder.
        UsageError: a folder may be a remembered one that is missing.
    """

    def rank(source: SelectedSource) -> int:
        kind = source.entry.kind
        return KEY_ORDER.index(kind) if kind in KEY_ORDER else len(KEY_ORDER)

    found = []
    lines: dict[str, None] = {}
    for one in sorted(selected, key=rank):
        open_source(workspace.config, one.entry)  # report invalid settings before storing the name
        found.append(replace(one, entry=_named(workspace, one.entry, ledger, lines.setdefault)))
    for line in lines:  # without duplicates: two sources of one folder give the same line
        say(line)
    return found


def _named(
    workspace: Workspace, entry: SourceEntry, ledger: Ledger, say: Callable[[str], None]
) -> SourceEntry:
    """Return the entry with its final name, and store which folder has that name.

    The name of a source is part of its keys, so a folder keeps the name under which it was first
    read. A PATH without a name of its own gets a number if another folder has its name. Sources
    without a folder have the name in the settings, and so do exports, because each export is a new
    file.

    Raises:
        ConfigError: the name in the settings belongs to another folder.
        UsageError: the name belongs to a remembered folder that is missing.
    """
    if not entry.has_folder or entry.kind in EXPORTS:
        return entry
    roots = ledger.roots
    name = str(entry.options.get("name") or roots.name_of(entry.kind, entry.path))
    if not name and entry.where.line:
        name = entry.name
    elif not name:
        first = roots.folder_of(entry.kind, entry.name)
        places = (place for item in workspace.remembered for place in item.places)
        known = any((one.kind, one.name) == (entry.kind, entry.name) for one in places)
        if first and known and not first.exists():
            what = f"the name {entry.name!r} belongs to {first}, which is missing"
            hint = f"if it was moved here, write its new place in {workspace.remembered_file}; else delete its line there"
            raise UsageError(f"{entry.path}: {what}", hint=hint)
        numbered = chain([entry.name], (f"{entry.name}-{n}" for n in count(2)))
        name = next(one for one in numbered if roots.folder_of(entry.kind, one) is None)
    before = roots.folder_of(entry.kind, name)
    if before and before != entry.path:
        if before.exists():
            what = f"{entry.path}: the name {name!r} already belongs to {before}"
            raise entry.where.at("name").error(what, "give this source another `name`")
        say(f"{entry.path} was {before} before; it keeps the name {name!r}")
    roots.remember(entry.kind, name, entry.path)
    return replace(entry, name=name)


# --- opening sources ------------------------------------------------------------------------


def open_sources(
    config: Config,
    selected: list[SelectedSource],
    ledger: Ledger,
    *,
    offline: bool = False,
    jobs: int = 1,
) -> tuple[Source, ...]:
    """Open sources that have their final names; so many files are read at a time."""
    return tuple(
        open_source(
            config,
            one.entry,
            one.only,
            memory=ledger.caches.of(f"{one.entry.kind}:{one.entry.name}"),
            offline=offline,
            jobs=jobs,
        )
        for one in selected
    )


def open_source(
    config: Config,
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
    try:
        module = extract.module(entry.kind)
    except ConfigError as error:
        raise entry.where.wrap(error) from error
    settings = typed(module.Settings, entry.options, entry.where)
    # Not `inspect.signature`: importing `inspect` takes as long as this whole function.
    code = module.open_source.__code__
    accepted = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    optional = {"memory": memory or NoMemory(), "offline": offline, "jobs": jobs}
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
        raise entry.where.wrap(error) from error


# --- language model -------------------------------------------------------------------------

CANDIDATES_TO_REVIEW = 3
"""The number of candidates of a card if a person picks one of them."""
SMALL_MODEL = 14.0
"""The size, in billions of parameters, up to which a model gets the short prompt."""
_SIZE = re.compile(r"(?<![a-z0-9.])(?:(\d+)x|e)?(\d+(?:\.\d+)?)([bm])(?![a-z0-9])")
_HOSTED = re.compile(r"(?:^|/)(?:gpt-\d|o\d|claude|gemini|grok)|-cloud$")


def language_model(
    workspace: Workspace,
    ledger: Ledger,
    notice: Callable[[str], None],
    *,
    offline: bool = False,
    jobs: int = 0,
    fresh: bool = False,
    accept: str = "",
    spent: float = 0.0,
) -> Model:
    """Return the configured language model; the ledger caches its replies.

    See `server_settings` for `jobs`, `accept` and `spent`, and `Model` for the others.
    """
    from ankiforge.draft.llm import Model

    settings = server_settings(workspace, jobs, accept, spent)
    return Model(
        settings,
        ledger.replies,
        load_prompts(workspace),
        repair=repair_hints(),
        probing=probing(workspace, settings),
        notice=notice,
        offline=offline,
        fresh=fresh,
    )


def server_settings(
    workspace: Workspace, jobs: int = 0, accept: str = "", spent: float = 0.0
) -> ServerSettings:
    """Return the model server's settings.

    Args:
        workspace: provides the `llm:` settings.
        jobs: the number of concurrent requests; 0 = as in the settings.
        accept: the policy of `--accept`; "" = as in the settings.
        spent: the part of the budget that is already spent, in dollars.

    Raises:
        ConfigError: the settings are invalid; with file, line and key.
    """
    from msgspec.structs import asdict

    from ankiforge.draft.client import ServerSettings

    options = asdict(workspace.config.llm)
    options["concurrency"] = jobs or options["concurrency"]
    if options["candidates"] is None:
        options["candidates"] = candidate_count(workspace.config, accept)
    if options["budget_usd"] is not None:
        options["budget_usd"] = max(options["budget_usd"] - spent, 0.0)
    for name in ("prompt", "verify", "verify_model"):
        del options[name]
    if not workspace.is_default:
        options["workspace"] = shlex.quote(str(workspace.root))
    if is_small_model(options["base_url"], options["model"]):
        options["per_request"] = 1  # a small model confuses several highlights
    try:
        return ServerSettings(**{name: one for name, one in options.items() if one is not None})
    except ConfigError as error:
        key, _, what = error.message.removeprefix("llm.").partition(": ")
        raise workspace.config.where.at("llm", key).error(what, error.hint) from error


def wants_probe(config: Config) -> bool:
    """Return whether the settings require that the answers of a model's drafts are probed."""
    return config.llm.verify == "probe"


def probing(workspace: Workspace, settings: ServerSettings) -> Probing | None:
    """Return the parameters of answer probes; None if the settings turn them off.

    Raises:
        ConfigError: there is a budget, and the price of `verify_model` is unknown.
    """
    from ankiforge.check import same_answer
    from ankiforge.config import shipped
    from ankiforge.draft.probe import Probing
    from ankiforge.draft.prompt import load

    llm = workspace.config.llm
    if not wants_probe(workspace.config):
        return None
    if llm.verify_model and llm.verify_model != settings.model:
        try:
            settings = replace(settings, model=llm.verify_model, price_usd=None)
        except ConfigError as error:
            what = error.message.removeprefix("llm.budget_usd: ")
            where = workspace.config.where.at("llm", "verify_model")
            raise where.error(what, "leave it out, or llm.budget_usd") from error
    ask, compare = (load(name, [shipped("prompts") / "probe"]) for name in ("ask", "compare"))
    return Probing(settings, ask, compare, same_answer)


def candidate_count(config: Config, accept: str = "") -> int:
    """Return the number of candidates to draft for a card: one if a policy accepts cards."""
    policy = AcceptPolicy(accept) if accept else config.accept.llm
    return CANDIDATES_TO_REVIEW if policy is AcceptPolicy.REVIEW else 1


def load_prompts(workspace: Workspace, *, chat: bool = False) -> Prompts:
    """Load the prompts that the settings and deck files name, from the workspace or as shipped.

    With `chat`, the prompt is for a chat in a browser: never the short one for small models.

    Raises:
        ConfigError: a prompt is missing or invalid.
    """
    from ankiforge.config.deckfiles import load_decks
    from ankiforge.draft.prompt import Prompts

    config = workspace.config
    named = {
        name: _load_prompt(workspace, name, config.where.at("decks"), f"the deck {rule.deck!r}: ")
        for rule in load_decks(workspace.root)
        if (name := rule.prompt)
    }
    small = not chat and is_small_model(config.llm.base_url, config.llm.model)
    name = config.llm.prompt or ("cards-small" if small else "cards")
    return Prompts(_load_prompt(workspace, name, config.where.at("llm", "prompt")), named)


def _load_prompt(workspace: Workspace, name: str, where: Location, user: str = "") -> Prompt:
    from ankiforge.config import shipped
    from ankiforge.draft.prompt import NoPromptError, load

    try:
        return load(name, (workspace.prompts, shipped("prompts")))
    except NoPromptError as error:
        raise where.error(f"{user}{error.message}", error.hint) from error


def is_small_model(base_url: str, model: str) -> bool:
    """Return whether a model needs the short prompt, judged by the size in its name.

    `qwen3:8b`, `gemma3n:e4b`, `llama-3.2-1B` are small; `qwen3:32b`, `mixtral-8x7b`,
    `gpt-oss-120b` are not. A model without a size in its name counts as small if the server runs on
    this machine, unless the name is that of a hosted service.
    """
    from ankiforge.draft.budget import known_price

    name = model.casefold()
    sizes = [
        int(times or 1) * float(size) / (1000 if unit == "m" else 1)
        for times, size, unit in _SIZE.findall(name)
    ]
    if sizes:
        return max(sizes) <= SMALL_MODEL
    hosted = known_price(model) is not None or _HOSTED.search(name) is not None
    return is_loopback(base_url) and not hosted


# --- checks, policy, job --------------------------------------------------------------------


def repair_hints() -> Callable[[Draft, Highlight], tuple[str, ...]]:
    """Return a function that lists the findings that block a draft, for the model to repair it."""
    from ankiforge import check

    def hints(draft: Draft, highlight: Highlight) -> tuple[str, ...]:
        findings = check.check(draft, check.Context(highlight, check.DuplicateIndex()))
        return tuple(found.message for found in findings if found.severity is Severity.BLOCK)

    return hints


def accept_policy(config: Config, override: str = "") -> Callable[[Draft], bool]:
    """Return a function that decides whether to accept a draft that has no findings.

    A draft of a model is accepted only if its answer was probed. `override` is the policy of
    `--accept`, which applies to every drafter.
    """
    rules = AcceptPolicy(override) if override else config.accept.rules
    llm = AcceptPolicy(override) if override else config.accept.llm

    def accepts(draft: Draft) -> bool:
        if draft.origin.drafter.startswith("rules"):
            return rules is AcceptPolicy.CLEAN
        return llm is AcceptPolicy.CLEAN and draft.origin.drafter != AGENT and draft.probed

    return accepts


def make_job(
    workspace: Workspace,
    sources: tuple[Source, ...],
    drafter: Drafter | None,
    *,
    accept: str = "",
    **options: Any,
) -> Job:
    """Return the job of a run with the workspace's settings.

    Args:
        workspace: provides the settings.
        sources: the sources to read.
        drafter: the language model; None = the offline rules.
        accept: the policy of `--accept`; "" = as in the settings.
        options: other fields of `Job`.
    """
    from ankiforge.config.deckfiles import load_decks
    from ankiforge.draft import Rules
    from ankiforge.pipeline import Job

    config = workspace.config
    if drafter is not None:
        name = config.llm.model
    else:
        drafter, name = Rules(), DrafterName.RULES.value
    decks = load_decks(workspace.root)
    if wants_probe(config):
        prober = getattr(drafter, "prober", None)
        options = {"probing": True, "prober": prober, **options}
    options = {"consent": accept != AcceptPolicy.REVIEW, **options}
    return Job(sources, drafter, name, accept_policy(config, accept), decks, **options)
