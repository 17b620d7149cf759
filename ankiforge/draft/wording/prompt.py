"""Prompts: Markdown files with a YAML head and `{{ name }}` holes.

    ---
    name: cards
    version: 1
    kinds: [cloze, basic, two-way]
    variables: [schema, most, kinds, tags, title, remark, highlights]
    ---
    The rules, the same for every request …
    ---
    The document and its passages …

Above the second `---` stands the system message, below it the user's; without it all is the
user's. A value is put in as it is and never searched for holes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ankiforge.errors import ConfigError
from ankiforge.model import CardKind, Task, h16


class NoPromptError(ConfigError):
    """There is no prompt of a name that was given."""


VARIABLES = ("schema", "most", "kinds", "tags", "title", "remark", "highlights")
"""What a prompt may ask for; `docs/prompts.md` says what each holds."""
LARGEST = 200_000
"""Bytes of a prompt file."""
_NEEDED = ("highlights", "schema")
_KEYS = ("name", "version", "kinds", "variables")
_HOLE = re.compile(r"\{\{[ \t]*([A-Za-z_]\w*)[ \t]*\}\}")
_HEAD = re.compile(r"\ufeff?---[ \t]*\n(.*?\n)---[ \t]*\n", re.DOTALL)
_CUT = re.compile(r"^---[ \t]*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt, checked: every hole is declared, every declared variable is known and used."""

    name: str
    version: str
    kinds: tuple[CardKind, ...]
    system: str
    user: str

    @property
    def fingerprint(self) -> str:
        """`name@` and eight hex digits of its words, kept with every draft."""
        kinds = ",".join(self.kinds)
        return f"{self.name}@{h16(self.version, kinds, self.system, self.user)[:8]}"

    def of(self, task: Task) -> Prompt:
        """The prompt of a task: this one, whatever the task."""
        return self

    def messages(self, values: Mapping[str, str]) -> tuple[dict[str, str], ...]:
        """The chat messages, holes filled; an empty part is left out."""
        parts = (("system", self.system), ("user", self.user))
        filled = ((role, _fill(text, values).strip()) for role, text in parts)
        return tuple({"role": role, "content": text} for role, text in filled if text)


@dataclass(frozen=True, slots=True)
class Prompts:
    """All prompts a run may need, loaded before anything is sent."""

    usual: Prompt
    named: Mapping[str, Prompt]
    """Those that deck files ask for, by name."""

    def of(self, task: Task) -> Prompt:
        """The prompt that a task's deck file asks for, else the usual one."""
        name = task.brief.prompt
        return self.named[name] if name else self.usual


Wording = Prompt | Prompts
"""Has the prompt `of` any task."""


def _fill(text: str, values: Mapping[str, str]) -> str:
    return _HOLE.sub(lambda hole: values[hole[1]], text)


def load(name: str, folders: Iterable[Path]) -> Prompt:
    """The prompt of this name in the first folder that has it.

    Raises:
        NoPromptError: there is none.
        ConfigError: its file is wrong.
    """
    looked = tuple(folders)
    if not re.fullmatch(r"[\w-]+", name):
        raise NoPromptError(f"prompt {name!r}: a name has letters, digits and - only")
    for folder in looked:
        if (path := folder / f"{name}.md").is_file():
            return parse(_read(path), path)
    names = sorted({path.stem for folder in looked for path in folder.glob("*.md")})
    raise NoPromptError(f"no prompt called {name!r}", hint=f"there are: {', '.join(names)}")


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise ConfigError(f"{path}: larger than {LARGEST:,} bytes")
        return path.read_text(encoding="utf-8").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error


def parse(text: str, path: Path) -> Prompt:
    """Read a prompt from the text of its file.

    Raises:
        ConfigError: naming the file and the key or variable that is wrong.
    """
    match = _HEAD.match(text)
    if match is None:
        raise ConfigError(f"{path}:1: no head", hint="begin with ---, keys, ---; see prompts/")
    head = _head(match[1], path)
    body = text[match.end() :]
    _check_variables(body, head["variables"], path)
    system, cut, user = _split(body)
    return Prompt(
        name=str(head["name"]),
        version=str(head["version"]),
        kinds=_kinds(head["kinds"], path),
        system=system if cut else "",
        user=user if cut else body,
    )


def _split(body: str) -> tuple[str, bool, str]:
    cut = _CUT.search(body)
    return (body[: cut.start()], True, body[cut.end() :]) if cut else (body, False, "")


def _head(text: str, path: Path) -> dict[str, Any]:
    try:
        head = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 2 if mark else 1
        raise ConfigError(f"{path}:{line}: the head is no YAML: {error}") from error
    if not isinstance(head, dict):
        raise ConfigError(f"{path}:1: the head is no mapping", hint=f"keys: {', '.join(_KEYS)}")
    for key in head:
        if key not in _KEYS:
            raise ConfigError(f"{path}: {key}: unknown key", hint=f"known: {', '.join(_KEYS)}")
    for key in _KEYS:
        if key not in head:
            raise ConfigError(f"{path}: the key {key} is missing from the head")
    return head


def _kinds(value: object, path: Path) -> tuple[CardKind, ...]:
    known = ", ".join(CardKind)
    if (
        not isinstance(value, list)
        or not value
        or any(kind not in list(CardKind) for kind in value)
    ):
        raise ConfigError(f"{path}: kinds: expected a list out of {known}")
    return tuple(CardKind(kind) for kind in dict.fromkeys(value))


def _check_variables(body: str, declared: object, path: Path) -> None:
    if not isinstance(declared, list) or not all(isinstance(name, str) for name in declared):
        raise ConfigError(f"{path}: variables: expected a list of names")
    holes = set(_HOLE.findall(body))
    faults = (
        ([name for name in declared if name not in VARIABLES], "is no variable we know"),
        (sorted(holes - set(declared)), "stands in the text but not among the variables"),
        ([name for name in declared if name not in holes], "is declared but not in the text"),
        ([name for name in _NEEDED if name not in holes], "is needed in the text"),
    )
    for names, fault in faults:
        if names:
            hint = f"known: {', '.join(VARIABLES)}"
            raise ConfigError(f"{path}: variables: {names[0]!s} {fault}", hint=hint)
