"""The settings of a workspace (`ankiforge.yaml`), and which API key may go where.

Errors name the file, line, key and what was expected. All settings are described in
`docs/reference/configuration.md`.
"""

from __future__ import annotations

import ipaddress
import os
import re
import sys
import unicodedata
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol
from urllib.parse import urlsplit

import msgspec

from ankiforge.config.deckfiles import DeckSetting
from ankiforge.config.ownfiles import own_file
from ankiforge.config.yamlfile import Location, read, typed
from ankiforge.model import Strings, Texts, Value
from ankiforge.text.fold import for_finding

FILE_NAME = "ankiforge.yaml"
"""The file that makes a folder a workspace."""
ZOTERO_WEB = "https://api.zotero.org"
"""The default address of Zotero's web API."""


# --- the settings -----------------------------------------------------------------------


class _Section(Value, forbid_unknown_fields=True, kw_only=True):
    """A mapping in the file. Unknown keys are errors."""


_Dollars = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]


class LlmSettings(_Section):
    """The language model: any OpenAI-compatible server."""

    base_url: str = "http://127.0.0.1:11434/v1"
    model: str = "qwen3:8b"
    key_env: str = ""
    """The environment variable that holds the key. "" for the default one, which is only sent to
    its own address (`key_for`). The key itself is never in a file."""
    budget_usd: _Dollars | None = None
    """The maximum cost of one run in US dollars. None for no limit."""
    price_usd: tuple[_Dollars, _Dollars] | None = None
    """US dollars per million tokens (in, out). None = unknown; on this machine, models are free."""
    prompt: str = ""
    """The name of the default prompt. "" for `cards`."""
    second_reading: bool | None = None
    """Whether the model reads its cards again, against their passages. None = no, but a person
    is asked once."""
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=64)] | None = None
    """The number of parallel requests. None for 1 on this machine, 4 elsewhere."""
    extra_body: dict[str, Any] = {}
    """Added to the body of every request."""


class MeaningSettings(_Section):
    """The model by which `search` finds passages in other words."""

    base_url: str = ""
    """A server with `/v1/embeddings`. "" for the model of the extra `meaning`, if it is there."""
    model: str = ""
    """"none" to compare words alone."""
    key_env: str = ""
    """As in `llm`."""


class AcceptSettings(_Section):
    """Which drafts become cards without review."""

    rules: Literal["clean", "review"] = "clean"
    """Those that a person wrote as a card, without a warning or block, or none."""


class AnkiSettings(_Section):
    """Where Anki's collection is, and how to reach a running Anki."""

    collection: str = "auto"
    """`auto`, `none` (do not look), or a path, which `load` makes absolute."""
    connect: str = "http://127.0.0.1:8765"
    key_env: str = ""


_FieldName = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class _MachineFields(_Section, rename="pascal"):
    """The fields of a note type of the user's for extra, source, citation and links."""

    extra: _FieldName | None = None
    source: _FieldName | None = None
    citation: _FieldName | None = None
    links: _FieldName | None = None
    open: _FieldName | None = None

    @property
    def names(self) -> dict[str, str]:
        """The given names, by our fields, in our order."""
        given = msgspec.to_builtins(self)
        names = {}
        for ours in "Text Front Back Reverse Extra Source Citation Links Open".split():
            if given.get(ours) is not None:
                names[ours] = given[ours]
        return names


class BasicFields(_MachineFields, rename="pascal", kw_only=True):
    """The same of a question and its answer."""

    front: _FieldName
    back: _FieldName
    reverse: _FieldName | None = None


class ClozeFields(_MachineFields, rename="pascal", kw_only=True):
    """The same of a text with gaps."""

    text: _FieldName


class BasicType(_Section):
    """A note type of the user's for questions."""

    name: Annotated[str, msgspec.Meta(min_length=1)]
    fields: BasicFields


class ClozeType(_Section):
    """A note type of the user's for texts with gaps."""

    name: Annotated[str, msgspec.Meta(min_length=1)]
    fields: ClozeFields


class NoteTypes(_Section):
    """The note types of the user's that cards are made in. None = ankiforge's own."""

    basic: BasicType | None = None
    cloze: ClozeType | None = None


class _Settings(_Section):
    """All settings except the sources, which their modules define."""

    me: Strings = ()
    drafter: Literal["rules", "llm"] = "rules"
    proposals: bool = True
    """Whether cards are proposed for plain highlights."""
    figures: bool = True
    """Whether framed figures become cards that hide their labels."""
    file_links: bool = False
    """Whether cards link to a PDF that lies in no vault, by its path on this computer."""
    llm: LlmSettings = LlmSettings()
    meaning: MeaningSettings = MeaningSettings()
    accept: AcceptSettings = AcceptSettings()
    output: str = "."
    executor: Annotated[str, msgspec.Meta(pattern=r"^$|^(tcp|tls)://.+:\d+$")] = ""
    """The address of the Dask cluster that reads PDFs. "" for this machine."""
    journal: str = ""
    """The folder of the journal, to share it with another machine.

    "" = `journal` in the workspace.
    """
    anki: AnkiSettings = AnkiSettings()
    note_types: NoteTypes = NoteTypes()
    decks: DeckSetting | None = None
    """The decks for new cards of what no deck file takes. None = `one`."""


class _SettingsFile(_Settings):
    """The content of the file."""

    sources: tuple[dict[str, Any], ...] = ()


class SourceKinds(Protocol):
    """The kinds of sources, as far as the settings need them; `extract.registry` is one.

    It is a parameter, because the sources know the settings and not the other way round.
    """

    def default_name(self, kind: str, path: Path) -> str:
        """Return the name of a source of this kind without a name."""
        ...

    def keys_instead_of_path(self) -> frozenset[str]:
        """Return the keys of settings with which some source needs no `path`."""
        ...


class SourceEntry(Value):
    """One source. The class of its kind (`extract.registry.source_type`) validates `options`."""

    kind: str
    name: str
    """The given name, otherwise the folded folder name, or the kind if there is no folder."""
    path: Path
    """Absolute. `~` is expanded, and relative paths start at the file's folder."""
    options: dict[str, Any]
    """The whole mapping, including `path` and `name`."""
    where: Location

    @property
    def has_folder(self) -> bool:
        """Whether a path is given. Without one, `path` is meaningless."""
        return "path" in self.options


class Config(_Settings):
    """All settings of a workspace."""

    sources: tuple[SourceEntry, ...] = ()
    where: Location = Location(FILE_NAME)
    """The top of the file, for error messages: `config.where.at("llm", "model").error(…)`."""


def read_settings(path: Path, kinds: SourceKinds) -> Config:
    """Read an `ankiforge.yaml`.

    Args:
        path: the file.
        kinds: the kinds of sources.

    Raises:
        ConfigError: `ankiforge.yaml:12: sources[0].obsidian.name: …`, with a hint.
        OwnFileError: it is a link, no regular file, or too large.
    """
    data, where = read(own_file(path), path.name)
    written = typed(_SettingsFile, data, where)
    folder = path.parent.absolute()

    # sources, each with a name of its own
    sources: list[SourceEntry] = []
    by_name: dict[str, SourceEntry] = {}
    for number, item in enumerate(written.sources):
        source = _source(item, folder, where.at("sources", number), kinds)
        first = by_name.setdefault(unicodedata.normalize("NFC", source.name), source)
        if first is not source:
            taken_by = f"the source in line {first.where.line}"
            message = f"the name {source.name!r} is taken by {taken_by}"
            hint = "give each source a `name` of its own"
            raise source.where.at("name").error(message, hint)
        sources.append(source)

    # the model
    llm = written.llm
    _check_service(llm.base_url, llm.key_env, "base_url", where.at("llm"))

    # the model that compares meanings
    meaning = written.meaning
    if meaning.base_url:
        of_meaning = where.at("meaning")
        _check_service(meaning.base_url, meaning.key_env, "base_url", of_meaning)

    # Anki
    anki = written.anki
    _check_service(anki.connect, anki.key_env, "connect", where.at("anki"))
    if anki.collection not in ("auto", "none"):
        collection = expanded(anki.collection, folder, where.at("anki", "collection"))
        anki = msgspec.structs.replace(anki, collection=str(collection))

    # note types: no two of our fields go into one field
    types = {"basic": written.note_types.basic, "cloze": written.note_types.cloze}
    for kind, note_type in types.items():
        first_use: dict[str, str] = {}
        for ours, name in note_type.fields.names.items() if note_type else ():
            if name in first_use:
                message = f"{name!r} is also the field for {first_use[name]}"
                place = where.at("note_types", kind, "fields", ours)
                raise place.error(message, "give each a field of its own")
            first_use[name] = ours

    # the other settings are used as they are written
    settings = {name: getattr(written, name) for name in _Settings.__struct_fields__}
    settings["anki"] = anki
    return Config(**settings, sources=tuple(sources), where=where)


# --- sources ----------------------------------------------------------------------------


class _Common(Value):
    """The keys of every source. The others are defined by its module."""

    path: Annotated[str, msgspec.Meta(min_length=1)]
    name: Annotated[str, msgspec.Meta(max_length=64)] = ""


_EXAMPLE = "- obsidian: {name: notes, path: ~/Vault}"


def _source(
    item: dict[str, Any],
    folder: Path,
    where: Location,
    kinds: SourceKinds,
) -> SourceEntry:
    """Return the source that an item of the list names.

    Raises:
        ConfigError: it has another form, or a wrong path or name.
    """
    if len(item) != 1:
        message = f"expected one kind of source, got {len(item)}"
        raise where.error(message, f"indent its keys below the kind, or write {_EXAMPLE}")
    [(kind, options)] = item.items()
    where = where.at(kind)
    if not isinstance(options, dict):
        raise where.error("expected a mapping", f"such as {_EXAMPLE}")
    has_path = "path" in options
    if not has_path:
        from difflib import get_close_matches

        for near in get_close_matches("path", options, n=1):
            raise where.at(near).error("unknown key", "did you mean 'path'?")
    with_path = options
    if not has_path and not kinds.keys_instead_of_path().isdisjoint(options):
        with_path = {"path": ".", **options}
    common = typed(_Common, with_path, where)
    path = expanded(common.path, folder, where.at("path"))
    name = common.name
    if not name:
        name = kinds.default_name(kind, path) if has_path else kind
    return SourceEntry(kind, name, path, options, where)


def source_name(path: Path) -> str:
    """Return the usual name of a source in a folder: the folded name of the folder."""
    return for_finding(path.name) or "source"


# --- paths and addresses ----------------------------------------------------------------


def expanded(text: str, folder: Path, where: Location) -> Path:
    """Return an absolute path. `~` is expanded, and a relative path starts at `folder`.

    Raises:
        ConfigError: it names the home of an unknown user.
    """
    try:
        path = folder / Path(text).expanduser()
        return Path(os.path.normpath(path))
    except RuntimeError as error:
        raise where.error(f"{text!r}: no such home", "write the path in full") from error


_NO_ORIGIN = ("", "", 0)
_DEFAULT_PORTS = {"http": 80, "https": 443}


def origin(url: str) -> tuple[str, str, int]:
    """Return (scheme, host, port) of a web address; ("", "", 0) if it is none, or is in doubt.

    One with a name, a password or a query is in doubt: a secret is never a part of an address.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return _NO_ORIGIN
    host = parts.hostname
    if port is None:
        port = _DEFAULT_PORTS.get(parts.scheme)
    if re.search(r"[\s\\@#?]", url) or not host or not port:
        return _NO_ORIGIN
    return parts.scheme, host, port


def is_loopback(url: str) -> bool:
    """Return whether an address is on this machine: 127.0.0.0/8, ::1, localhost."""
    host = origin(url)[1]
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# --- the person ---------------------------------------------------------------------------


def is_remote() -> bool:
    """Return whether the person sits at another computer, which shows no window of this one."""
    return bool(os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"))


def has_screen() -> bool:
    """Return whether a person sees the windows that open here."""
    if is_remote():
        return False
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


# --- services and their keys ------------------------------------------------------------
# A default variable belongs to one address and is sent only there. Any other address gets
# a key only if its `key_env` is set and a person has confirmed that, without which no
# command runs (`trust`).


def _check_service(url: str, key_env: str, name: str, where: Location) -> None:
    """Check the settings of a service.

    Args:
        url: its address.
        key_env: the environment variable with its key; "" for the default one.
        name: what the setting of the address is called.
        where: the section of the service.

    Raises:
        ConfigError: one of them cannot be meant.
    """
    if not any(origin(url)):
        message = "expected a web address, without a name, password or query"
        raise where.at(name).error(
            message, "such as http://127.0.0.1:8765; a key is for key_env"
        )
    if key_env and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key_env):
        hint = f"a name such as {LLM.name}; never write the key itself into this file"
        raise where.at("key_env").error("not the name of an environment variable", hint)


class DefaultKey(Value):
    """The default variable for a key, and the address it belongs to."""

    name: str
    address: str

    def owns(self, url: str) -> bool:
        """Return whether the key belongs to this address."""
        return origin(url) == origin(self.address)


LLM = DefaultKey("OPENAI_API_KEY", "https://api.openai.com")
ZOTERO = DefaultKey("ZOTERO_API_KEY", ZOTERO_WEB)
ANKI = DefaultKey("ANKICONNECT_KEY", "http://127.0.0.1:8765")


def key_variable(default: DefaultKey, url: str, written: str) -> str:
    """Return the environment variable whose key may be sent to `url`. "" if there is none.

    `written` is the setting `key_env`.
    """
    if written:
        return written
    return default.name if default.owns(url) else ""


def key_for(
    default: DefaultKey,
    url: str,
    written: str,
    environ: Texts = os.environ,
) -> str:
    """Return the key that may be sent to `url`. "" if there is none."""
    variable = key_variable(default, url, written)
    return environ.get(variable, "").strip()


# --- shipped files ----------------------------------------------------------------------


def shipped(kind: str) -> Path:
    """Return the folder of shipped files: `kind` is "prompts" or "decks".

    A wheel contains them inside the package, a checkout next to it.
    """
    package = Path(__file__).parents[1]
    inside = package / kind
    return inside if inside.is_dir() else package.parent / kind
