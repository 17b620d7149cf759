"""The settings of a new workspace: `ankiforge.yaml` with sources that were discovered or read before.

Existing files are never overwritten. `ankiforge.yaml` is written last, because it turns the folder
into a workspace.
"""

from __future__ import annotations

import json
import re
import shutil
import unicodedata
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path

import yaml

from ankiforge.config import FILE_NAME, LlmSettings, shipped, source_name
from ankiforge.errors import UsageError
from ankiforge.reports.discover import FormCounts, Server, count_forms

_COUNTING_SECONDS = 5.0
"""The time limit for counting highlights in all vaults together."""


@dataclass(frozen=True, slots=True)
class ProposedSource:
    """A source for the settings of a new workspace."""

    kind: str
    path: Path
    forms: FormCounts | None = None
    """The highlights in a vault for each option, and the dialects found there."""
    name: str = ""
    """The name under which it was read before, which is part of its keys; "" = from the folder."""
    exclude: tuple[str, ...] = ()
    """Folders that are sources of their own."""
    as_before: bool = False
    """Whether it was read before with the default options, which must then be kept."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """The contents of a new `ankiforge.yaml`."""

    sources: tuple[ProposedSource, ...] = ()
    base_url: str = LlmSettings().base_url
    model: str = LlmSettings().model
    models: str = ""
    """The models of a local server, for a comment."""


# --- proposed sources and model -------------------------------------------------------------


def proposed_sources(
    here: tuple[Path, ...], zotero: tuple[Path, ...], before: tuple[ProposedSource, ...]
) -> tuple[ProposedSource, ...]:
    """Return the sources for the settings: those read before, then others that were discovered."""
    roots = {one.path for one in before if one.kind == "obsidian"}
    known = {one.path for one in before if one.kind == "zotero"}
    new = [path for path in here if roots.isdisjoint((path, *path.parents))]
    seconds = _COUNTING_SECONDS / max(len(new) + len(roots), 1)
    sources = []
    for one in before:
        vault = one.kind == "obsidian"
        sources.append(replace(one, forms=count_forms(one.path, seconds)) if vault else one)
    for path in new:
        inside = (one.relative_to(path).as_posix() for one in roots if path in one.parents)
        exclude, forms = tuple(f"{one}/" for one in inside), count_forms(path, seconds)
        sources.append(ProposedSource("obsidian", path, forms=forms, exclude=exclude))
    libraries = (path for path in zotero if known.isdisjoint((path, path / "zotero.sqlite")))
    return (*sources, *(ProposedSource("zotero", path) for path in libraries))


def with_model(proposal: Proposal, servers: tuple[Server, ...]) -> Proposal:
    """Set the model to one of a local server, preferably the default one."""
    server = next((one for one in servers if one.models), None)
    if server is None:
        return proposal
    model = proposal.model if proposal.model in server.models else server.models[0]
    offered = f"{server.program} with {', '.join(server.models[:8])}"
    return replace(proposal, base_url=server.base_url, model=model, models=offered)


# --- writing --------------------------------------------------------------------------------


def refuse_vault(root: Path) -> None:
    """Refuse a workspace inside a vault, which would read its files as notes and synchronise them.

    Raises:
        UsageError: `root` is in a vault.
    """
    for folder in (root, *root.parents):
        if (folder / ".obsidian").is_dir():
            what = f"{root} is inside the vault {folder}, where ankiforge never writes"
            raise UsageError(what, hint="a folder outside: ankiforge init ~/cards")


def write_workspace(root: Path, proposal: Proposal) -> tuple[Path, ...]:
    """Write the files of a workspace that do not exist yet; return their paths.

    Raises:
        UsageError: the folder cannot be written.
    """
    written = []
    try:
        root.mkdir(parents=True, exist_ok=True)
        for kind in ("prompts", "decks"):
            (root / kind).mkdir(exist_ok=True)
            for file in sorted(shipped(kind).iterdir()):
                copy = root / kind / file.name
                if file.is_file() and not copy.exists():
                    shutil.copyfile(file, copy)
                    written.append(copy)
        settings = root / FILE_NAME
        if not settings.exists():
            with settings.open("x", encoding="utf-8", newline="\n") as opened:
                opened.write(settings_text(root, proposal))
            written.append(settings)
    except OSError as error:
        what = f"{error.filename or root}: cannot be written: {error.strerror}"
        raise UsageError(what, hint="choose another folder: ankiforge init DIR") from error
    return tuple(written)


# --- the text of ankiforge.yaml -------------------------------------------------------------

_HEAD = """\
# ankiforge: what is read, who drafts, where the cards go.
# Every key and its default: docs/configuration.md.
# After a change: ankiforge doctor
"""

_EXAMPLES = {
    "obsidian": "  # - obsidian: {name: notes, path: ~/Vault}     # a vault\n",
    "pdf": "  # - pdf: {name: papers, path: ~/Papers}         # a folder of PDFs with marks\n",
    "zotero": "  # - zotero: {name: zotero, path: ~/Zotero}      # Zotero's data folder\n",
}

_REST = """  # also: kindle, readwise, hypothesis, tiddlywiki, markdown; docs/configuration.md#sources

# Whose marks count in shared libraries; without it: those of the library's owner.
# me: [Ada]

# rules: cards from what you marked or wrote yourself; no model, no network.
# llm: a language model drafts as well.
drafter: rules

# Any OpenAI-compatible server. The key comes from the environment variable, never from here.
llm:
  base_url: {base_url}
  model: {model}{models}
  # key_env: MY_KEY               # a variable for this server; OPENAI_API_KEY goes to api.openai.com alone
  # budget_usd: 1.00              # what one run may spend; default: no limit
  # price_usd: [0.25, 2.00]       # per million tokens (in, out), for models without a known price

# clean: drafts without a warning become cards; review: they wait for you, as a model's always do.
accept: {{rules: clean, llm: review}}

output: .                         # the folder for packages

# collection: auto finds Anki's own (read only, from a copy); none: never look; or a path.
anki: {{collection: auto, connect: "http://127.0.0.1:8765", key_env: ANKICONNECT_KEY}}
"""


def settings_text(root: Path, proposal: Proposal) -> str:
    """Return the text of `ankiforge.yaml` for a new workspace."""
    taken = {source.name for source in proposal.sources}
    blocks = []
    for source in proposal.sources:
        name = source.name
        if not name:  # use the folder's name, numbered if it is taken
            folded = unicodedata.normalize("NFC", source_name(source.path)[:56])
            numbered = (f"{folded}-{number}" for number in count(2))
            name = next(free for free in chain([folded], numbered) if free not in taken)
            taken.add(name)
        blocks.append(_block(source, name, root))
    found = {source.kind for source in proposal.sources}
    examples = [line for kind, line in _EXAMPLES.items() if kind not in found]
    rest = _REST.format(
        base_url=_scalar(proposal.base_url),
        model=_scalar(proposal.model),
        models=f"    # here: {proposal.models}" if proposal.models else "",
    )
    return "".join([_HEAD, "\nsources:\n", *blocks, *examples, rest])


def _block(source: ProposedSource, name: str, root: Path) -> str:
    path, home = source.path, Path.home()
    if path.is_relative_to(root):
        shown = path.relative_to(root).as_posix()
    else:
        shown = f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else str(path)
    lines = [f"  - {source.kind}:", f"      name: {_scalar(name)}", f"      path: {_scalar(shown)}"]
    if source.exclude:
        lines.append(f"      exclude: {json.dumps(source.exclude, ensure_ascii=False)}")
    if source.kind == "obsidian":
        here, dialects = dict[str, str](), list[str]()
        if found := source.forms:
            dialects = [*found.dialects]
            for switch, figures in (("marks", found.marks), ("cards", found.cards)):
                words = ", ".join(f"{word} {number}" for word, number in figures.items())
                least = "" if found.complete else "at least "
                here[switch] = f"; here: {least}{words}" if words else ""
        cards, also = ", ".join([*dialects, "inline", "block", "cloze", "glossary"]), ""
        # without the key, `==x==` is no mark in notes in which a dialect reads it as a cloze
        all_marks = "# " if source.as_before or _HIGHLIGHTERS.intersection(dialects) else ""
        off = "# " if source.as_before else ""
        if source.as_before:  # keep the defaults
            cards = "inline, block, cloze, glossary"
            also = "".join(f"; also written here: {name}" for name in dialects)
        lines += [
            f"      {all_marks}marks: [==, mark]           # also: bold, callout{here.get('marks', '')}",
            f"      {off}cards: [{cards}]  # also: term{here.get('cards', '')}{also}",
        ]
        lines.append("      # include: ['**/*.md']")
        if not source.as_before:
            lines.append("      # exclude: [Templates/]")
    return "\n".join(lines) + "\n"


_HIGHLIGHTERS = frozenset({"osr", "o2a", "flashcards"})
"""The dialects in which `==x==` is a cloze, not a mark."""


def _scalar(text: str) -> str:
    """Return a YAML scalar, plain if that is read as the same text, else in double quotes."""
    if re.fullmatch(r"[~\w./][\w./:~-]*", text) and yaml.safe_load(f"[{text}]") == [text]:
        return text
    quoted = yaml.safe_dump(text, default_style='"', allow_unicode=True, width=2**20)
    return str(quoted).strip()
