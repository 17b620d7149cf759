"""A new workspace: a commented `ankiforge.yaml`, `prompts/` and `decks/` to edit.

Nothing that exists is ever overwritten. `ankiforge.yaml` is written last: only then is the
folder a workspace.
"""

from __future__ import annotations

import json
import re
import shutil
import unicodedata
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

import yaml

from ankiforge.config import FILE_NAME, LlmSettings, source_name
from ankiforge.config.deckfiles import DECK_OF_FIRST
from ankiforge.config.resources import shipped
from ankiforge.errors import UsageError


@dataclass(frozen=True, slots=True)
class ProposedSource:
    """A source that was found."""

    kind: str
    path: Path
    counts: tuple[tuple[str, str], ...] = ()
    """(switch, what each of its words would give here): a comment beside the switch."""
    dialects: tuple[tuple[str, dict[str, Any]], ...] = ()
    """Those of other tools that a vault is written in, and what those tools were told."""
    name: str = ""
    """Under which it was read before: part of its keys; "" = made of its folder's."""
    exclude: tuple[str, ...] = ()
    """What of it is read as a source of its own."""
    as_before: bool = False
    """It was read already: what counts there stays as it was, by the defaults."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a new `ankiforge.yaml` is to say."""

    sources: tuple[ProposedSource, ...] = ()
    base_url: str = LlmSettings().base_url
    model: str = LlmSettings().model
    models: str = ""
    """What local servers offer: a comment."""


def refuse_vault(root: Path) -> None:
    """A workspace within a vault would have its texts read as notes, and be synced.

    Raises:
        UsageError: `root` lies in a vault.
    """
    root = root.absolute()
    for folder in (*(root, *root.parents), *(root.resolve(), *root.resolve().parents)):
        if (folder / ".obsidian").is_dir():
            what = f"{root} lies in the vault {folder}, where nothing may be written"
            raise UsageError(what, hint="a folder outside: ankiforge init ~/cards")


def scaffold(root: Path, proposal: Proposal) -> tuple[Path, ...]:
    """Write a workspace.

    Args:
        root: an existing folder, or one to be made.
        proposal: what its `ankiforge.yaml` is to say.

    Returns:
        The files written; those that were there already are left as they are.

    Raises:
        UsageError: the folder cannot be written.
    """
    settings = root / FILE_NAME
    try:
        root.mkdir(parents=True, exist_ok=True)
        copies = [_copies(shipped(kind), root / kind) for kind in ("prompts", "decks")]
        written = [path for paths in copies for path in paths]
        if not settings.exists():
            _write_new(settings, settings_text(root, proposal))
            written.append(settings)
    except OSError as error:
        what = f"{error.filename or root}: cannot be written: {error.strerror}"
        raise UsageError(what, hint="choose another folder: ankiforge init DIR") from error
    return tuple(written)


DECK_FILE = "decks/reading.yaml"
"""The shipped deck file, below a workspace."""


def keep_first_deck(file: Path) -> None:
    """Give the copied deck file the deck of the first generation of defaults: one a document.

    For a workspace whose cards, taken over from the default one, lie in such decks already.
    """
    text = file.read_text(encoding="utf-8")
    file.write_text(
        re.sub(r"(?m)^deck: .*$", f'deck: "{DECK_OF_FIRST}"', text), encoding="utf-8", newline="\n"
    )


def _write_new(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.write(text)


def _copies(source: Path, target: Path) -> list[Path]:
    target.mkdir(exist_ok=True)
    pairs = [(file, target / file.name) for file in sorted(source.iterdir()) if file.is_file()]
    missing = [(file, copy) for file, copy in pairs if not copy.exists()]
    for file, copy in missing:
        shutil.copyfile(file, copy)
    return [copy for _, copy in missing]


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

# rules: what you marked or wrote as a card already; no model, no network.
# llm: a language model drafts as well.
drafter: rules
# rules: all                      # also what only may be a definition or a fact; it waits for you

# Any OpenAI-compatible server. The key comes from the environment variable, never from here.
llm:
  base_url: {base_url}
  model: {model}{models}
  # key_env: MY_KEY               # a variable for this server; OPENAI_API_KEY goes to api.openai.com alone
  # budget_usd: 1.00              # what one run may spend; default: no limit
  # price_usd: [0.25, 2.00]       # per million tokens (in, out), for models without a known price

# clean: drafts without a warning become cards; review: none does without you.
accept: {{rules: clean, llm: review}}

decks: [decks/*.yaml]
output: .                         # the folder for packages
package: one                      # or per-deck

# collection: auto finds Anki's own (read only, from a copy); none: never look; or a path.
anki: {{collection: auto, connect: "http://127.0.0.1:8765", key_env: ANKICONNECT_KEY}}
"""


def settings_text(root: Path, proposal: Proposal) -> str:
    """The whole `ankiforge.yaml` of a new workspace."""
    names = _names(proposal.sources)
    blocks = [
        _block(source, name, root) for source, name in zip(proposal.sources, names, strict=True)
    ]
    found = {source.kind for source in proposal.sources}
    examples = [line for kind, line in _EXAMPLES.items() if kind not in found]
    sources = "".join(["\nsources:\n", *blocks, *examples])
    rest = _REST.format(
        base_url=_scalar(proposal.base_url),
        model=_scalar(proposal.model),
        models=f"    # here: {proposal.models}" if proposal.models else "",
    )
    return _HEAD + sources + rest


def _names(sources: tuple[ProposedSource, ...]) -> list[str]:
    """Those they have; else folded folder names, numbered where two are the same."""
    names: list[str] = []
    taken = {source.name for source in sources}
    for source in sources:
        if source.name:
            names.append(source.name)
            continue
        name = unicodedata.normalize("NFC", source_name(source.path)[:56])
        numbered = (f"{name}-{number}" for number in count(2))
        names.append(next(free for free in chain([name], numbered) if free not in {*names, *taken}))
    return names


def _block(source: ProposedSource, name: str, root: Path) -> str:
    lines = [f"  - {source.kind}:", f"      name: {_scalar(name)}"]
    lines.append(f"      path: {_scalar(_shown(source.path, root))}")
    if source.exclude:
        lines.append(f"      exclude: {json.dumps(source.exclude, ensure_ascii=False)}")
    if source.kind == "obsidian" and source.as_before:
        counts = dict(source.counts)
        also = "".join(f"; also written here: {name}" for name, _ in source.dialects)
        lines += [  # by the defaults, as it was read before
            f"      # marks: [==, mark]           # also: bold, callout{_here(counts, 'marks')}",
            f"      # cards: [inline, block, cloze, glossary]  # also: term{_here(counts, 'cards')}{also}",
            "      # include: ['**/*.md']",
        ]
    elif source.kind == "obsidian":
        counts, names = dict(source.counts), [name for name, _ in source.dialects]
        marks = "[mark]    " if _HIGHLIGHTERS.intersection(names) else "[==, mark]"
        cards = ", ".join([*names, "inline", "block", "cloze", "glossary"])
        lines += [
            f"      marks: {marks}           # also: bold, callout{_here(counts, 'marks')}",
            f"      cards: [{cards}]  # also: term{_here(counts, 'cards')}",
            *(f"      {name}: {json.dumps(told)}" for name, told in source.dialects if told),
            "      # include: ['**/*.md']",
            "      # exclude: [Templates/]",
        ]
    return "\n".join(lines) + "\n"


_HIGHLIGHTERS = frozenset({"osr", "o2a", "flashcards"})
"""The dialects in which `==x==` is a cloze, not a mark."""


def _here(counts: dict[str, str], switch: str) -> str:
    return f"; here: {counts[switch]}" if counts.get(switch) else ""


def _shown(path: Path, root: Path) -> str:
    """Relative within the workspace, `~/…` within the home, else in full."""
    if path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    home = Path.home()
    return f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else str(path)


def _scalar(text: str) -> str:
    """A YAML scalar: bare where that reads as the same text, else in double quotes."""
    if re.fullmatch(r"[~\w./][\w./:~-]*", text) and yaml.safe_load(f"[{text}]") == [text]:
        return text
    quoted = yaml.safe_dump(text, default_style='"', allow_unicode=True, width=2**20)
    return str(quoted).strip()
