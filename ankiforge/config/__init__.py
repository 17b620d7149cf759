"""Read the settings of a workspace (`ankiforge.yaml`), and decide where API keys may be sent.

Every error names the file, line, key and expected value. All settings are described in
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
from ankiforge.config.yamlfile import Location, convert_to_type, read_yaml
from ankiforge.model import Strings, Texts, Value
from ankiforge.text.normalize import normalize_for_lookup

SETTINGS_FILE_NAME = "ankiforge.yaml"
"""The file that makes a directory a workspace."""
ZOTERO_WEB_URL = "https://api.zotero.org"
"""The URL of Zotero's web API, the only URL to which the default Zotero key is sent."""


# --- the settings -----------------------------------------------------------------------


class _Section(Value, forbid_unknown_fields=True, kw_only=True):
    """Base class for a mapping in the settings file; unknown keys are errors."""


_Dollars = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]


class LlmSettings(_Section):
    """Settings for the language model, which may run on any OpenAI-compatible server."""

    base_url: str = "http://127.0.0.1:11434/v1"
    model: str = "qwen3:8b"
    key_env: str = ""
    """The environment variable that contains the API key, or "" for the default variable, whose
    key is only sent to the URL it belongs to (see `find_api_key_variable`). The key itself is never
    stored in a file."""
    budget_usd: _Dollars | None = None
    """The maximum cost of one run in US dollars, or None for no limit."""
    price_usd: tuple[_Dollars, _Dollars] | None = None
    """(price of a million input tokens, price of a million output tokens) in US dollars, or None
    if it is unknown or the model runs locally."""
    prompt: str = ""
    """The name of the default prompt, or "" for `cards`."""
    second_reading: bool = True
    """Whether a sufficiently large model checks its own cards against their passages."""
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=64)] | None = None
    """The maximum number of parallel requests. None means 1 for a local server, and 4 for any
    other."""
    extra_body: dict[str, Any] = {}
    """Further parameters to add to the JSON body of every request."""


class MeaningSettings(_Section):
    """Settings for the embedding model that `search` uses to find passages by meaning."""

    base_url: str = ""
    """The URL of a server with `/v1/embeddings`, or "" to use the model that the extra `meaning`
    installs."""
    model: str = ""
    """The name of the model, or "none" to search only for words."""
    key_env: str = ""
    """The environment variable that contains the API key, as in `LlmSettings`."""


class AcceptSettings(_Section):
    """Settings that determine which drafts become cards without being reviewed."""

    rules: Literal["clean", "review"] = "clean"
    """With `clean`, cards that the user wrote are accepted unless a check warns or blocks. With
    `review`, no draft is accepted automatically."""


class AnkiSettings(_Section):
    """Settings for finding Anki's collection and connecting to a running Anki."""

    collection: str = "auto"
    """`auto` to search for the collection, `none` to ignore it, or the path of the collection,
    which `read_settings` makes absolute."""
    connect: str = "http://127.0.0.1:8765"
    key_env: str = ""


_FieldName = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class _GeneratedFields(_Section, rename="pascal"):
    """The fields of a user's note type for text that ankiforge adds to cards.

    Each attribute is named after a field of ankiforge's own note types. Its value is the
    corresponding field of the user's note type, or None if there isn't one.
    """

    extra: _FieldName | None = None
    source: _FieldName | None = None
    citation: _FieldName | None = None
    links: _FieldName | None = None
    open: _FieldName | None = None

    @property
    def names(self) -> dict[str, str]:
        """The field names in the user's note type, keyed and ordered by ankiforge's field names."""
        configured = msgspec.to_builtins(self)
        names = "Text Front Back Reverse Extra Source Citation Links Open".split()
        return {name: configured[name] for name in names if configured.get(name)}


class BasicFields(_GeneratedFields, rename="pascal", kw_only=True):
    """The fields of a user's note type for question-and-answer cards."""

    front: _FieldName
    back: _FieldName
    reverse: _FieldName | None = None


class ClozeFields(_GeneratedFields, rename="pascal", kw_only=True):
    """The fields of a user's note type for cloze cards."""

    text: _FieldName


class BasicType(_Section):
    """A user's note type for question-and-answer cards."""

    name: Annotated[str, msgspec.Meta(min_length=1)]
    fields: BasicFields


class ClozeType(_Section):
    """A user's note type for cloze cards."""

    name: Annotated[str, msgspec.Meta(min_length=1)]
    fields: ClozeFields


class NoteTypes(_Section):
    """The user's note types for new cards, or None for ankiforge's own note types."""

    basic: BasicType | None = None
    cloze: ClozeType | None = None


class _Settings(_Section):
    """All settings except the sources, whose options are defined by the modules that read them."""

    me: Strings = ()
    drafter: Literal["rules", "llm"] = "rules"
    proposals: bool = True
    """Whether cards are proposed for highlights to which the user added no question or gap."""
    figures: bool = True
    """Whether a figure framed by the user becomes a card that hides the figure's labels."""
    file_links: bool = False
    """Whether cards link to PDFs outside vaults by their file paths on this device."""
    llm: LlmSettings = LlmSettings()
    meaning: MeaningSettings = MeaningSettings()
    accept: AcceptSettings = AcceptSettings()
    output: str = "."
    executor: Annotated[str, msgspec.Meta(pattern=r"^$|^(tcp|tls)://.+:\d+$")] = ""
    """The address of the Dask cluster that reads PDFs, or "" to read them on this computer."""
    journal: str = ""
    """The directory of the journal, which other devices may share, or "" for `journal` in the
    workspace."""
    anki: AnkiSettings = AnkiSettings()
    note_types: NoteTypes = NoteTypes()
    decks: DeckSetting | None = None
    """How to choose the deck of a new card if no deck file does. None means `one`."""


class _SettingsFile(_Settings):
    sources: tuple[dict[str, Any], ...] = ()


class SourceKinds(Protocol):
    """Information about the kinds of sources, which `extract.registry` implements.

    This is passed in as a parameter to avoid a circular import, since `extract` imports
    this package.
    """

    def get_default_name(self, kind: str, path: Path) -> str:
        """Return the default name for a source of this kind at `path`."""
        ...

    def list_path_alternatives(self) -> frozenset[str]:
        """Return the settings that some kinds of sources accept instead of `path`."""
        ...


class SourceEntry(Value):
    """An entry in the list of sources.

    The `options` are validated later, by the class for this kind of source (see
    `extract.registry.find_source_type`).
    """

    kind: str
    name: str
    """The configured name. By default, it is derived from the path, or is the kind of source if no
    path is configured."""
    path: Path
    """The absolute path. `~` is expanded, and a relative path is relative to the directory of the
    settings file."""
    options: dict[str, Any]
    """The whole mapping as written in the file, including `path` and `name`."""
    location: Location

    @property
    def has_path(self) -> bool:
        """Whether a path is configured. If false, ignore the value of `path`."""
        return "path" in self.options


class Config(_Settings):
    """A workspace's validated settings."""

    sources: tuple[SourceEntry, ...] = ()
    location: Location = Location(SETTINGS_FILE_NAME)
    """The top of the file, from which errors are located, as in
    `location.locate_nested("llm", "model").make_error(…)`."""


def read_settings(path: Path, kinds: SourceKinds) -> Config:
    """Read and validate a workspace's settings file.

    Args:
        path: The path of the `ankiforge.yaml`.
        kinds: Information about the kinds of sources.

    Raises:
        ConfigError: A setting is invalid. The message starts with the file, line and key, e.g.
            `ankiforge.yaml:12: sources[0].obsidian.name: …`.
        OwnFileError: The file is not a regular file, or is too large.
    """
    data, location = read_yaml(path, path.name)
    settings_file = convert_to_type(_SettingsFile, data, location)
    folder = path.parent.absolute()

    # parse the sources, whose names must be unique
    sources: list[SourceEntry] = []
    sources_by_name: dict[str, SourceEntry] = {}
    for number, item in enumerate(settings_file.sources):
        source = _parse_source(
            item, folder, location.locate_nested("sources", number), kinds
        )
        first = sources_by_name.setdefault(
            unicodedata.normalize("NFC", source.name), source
        )
        if first is not source:
            holder = f"the source in line {first.location.line}"
            message = f"the name {source.name!r} is taken by {holder}"
            hint = "give each source a `name` of its own"
            raise source.location.locate_nested("name").make_error(message, hint)
        sources.append(source)

    # check the URL and key of the language model
    llm = settings_file.llm
    _check_service(llm.base_url, llm.key_env, "base_url", location.locate_nested("llm"))

    # check the URL and key of the embedding model
    meaning = settings_file.meaning
    if meaning.base_url:
        meaning_location = location.locate_nested("meaning")
        _check_service(meaning.base_url, meaning.key_env, "base_url", meaning_location)

    # check the URL and key of AnkiConnect, and make the path of the collection absolute
    anki = settings_file.anki
    _check_service(anki.connect, anki.key_env, "connect", location.locate_nested("anki"))
    if anki.collection not in ("auto", "none"):
        collection = expand_path(
            anki.collection, folder, location.locate_nested("anki", "collection")
        )
        anki = msgspec.structs.replace(anki, collection=str(collection))

    # check that no two of our fields are mapped to the same field of the user's note type
    types = {
        "basic": settings_file.note_types.basic,
        "cloze": settings_file.note_types.cloze,
    }
    for kind, note_type in types.items():
        first_uses: dict[str, str] = {}
        for our_field, name in note_type.fields.names.items() if note_type else ():
            if name in first_uses:
                message = f"{name!r} is also the field for {first_uses[name]}"
                field_location = location.locate_nested(
                    "note_types", kind, "fields", our_field
                )
                raise field_location.make_error(message, "give each a field of its own")
            first_uses[name] = our_field

    # copy the other settings as they are
    settings = {
        name: getattr(settings_file, name) for name in _Settings.__struct_fields__
    }
    settings["anki"] = anki
    return Config(**settings, sources=tuple(sources), location=location)


# --- sources ----------------------------------------------------------------------------


class _CommonOptions(Value):
    """The options shared by all kinds of sources; each kind's module defines the rest."""

    path: Annotated[str, msgspec.Meta(min_length=1)]
    name: Annotated[str, msgspec.Meta(max_length=64)] = ""


_SOURCE_EXAMPLE = "- obsidian: {name: notes, path: ~/Vault}"


def _parse_source(
    item: dict[str, Any], folder: Path, location: Location, kinds: SourceKinds
) -> SourceEntry:
    """Parse an item of the list `sources` in the settings.

    Raises:
        ConfigError: The item is not a mapping with a single kind of source, or its path or name is
            invalid.
    """
    if len(item) != 1:
        message = f"expected one kind of source, got {len(item)}"
        raise location.make_error(
            message, f"indent its keys below the kind, or write {_SOURCE_EXAMPLE}"
        )
    [(kind, options)] = item.items()
    location = location.locate_nested(kind)
    if not isinstance(options, dict):
        raise location.make_error("expected a mapping", f"such as {_SOURCE_EXAMPLE}")
    has_path = "path" in options
    if not has_path:
        _reject_misspelled_path(options, location)
    complete_options = options
    if not has_path and not kinds.list_path_alternatives().isdisjoint(options):
        # the option, such as the libraries of an API, says what to read instead
        complete_options = {"path": ".", **options}
    common = convert_to_type(_CommonOptions, complete_options, location)
    path = expand_path(common.path, folder, location.locate_nested("path"))
    name = common.name
    if not name:
        name = kinds.get_default_name(kind, path) if has_path else kind
    return SourceEntry(kind, name, path, options, location)


def _reject_misspelled_path(options: dict[str, Any], location: Location) -> None:
    """Reject a key such as `pth`, which hides that `path` is missing.

    Raises:
        ConfigError: There is such a key.
    """
    from difflib import get_close_matches

    for similar_key in get_close_matches("path", options, n=1):
        raise location.locate_nested(similar_key).make_error(
            "unknown key", "did you mean 'path'?"
        )


def make_default_source_name(path: Path) -> str:
    """Return the default name for a source, which is the normalized name of its directory."""
    return normalize_for_lookup(path.name) or "source"


# --- paths and URLs ---------------------------------------------------------------------


def expand_path(text: str, folder: Path, location: Location) -> Path:
    """Expand `~` in a path from the settings, and resolve it relative to `folder`.

    Raises:
        ConfigError: The path starts with `~` and the name of an unknown user.
    """
    try:
        path = folder / Path(text).expanduser()
        return Path(os.path.normpath(path))
    except RuntimeError as error:
        raise location.make_error(
            f"{text!r}: there is no such home folder", "write the path in full"
        ) from error


_NO_ORIGIN = ("", "", 0)
_DEFAULT_PORTS = {"http": 80, "https": 443}


def parse_origin(url: str) -> tuple[str, str, int]:
    """Split a URL into (scheme, host, port). Return ("", "", 0) if it is invalid or unsafe.

    URLs with a user name, password, query or fragment are unsafe, because they may contain
    secrets.
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
    """Return whether a URL's host is this computer, i.e. 127.0.0.0/8, ::1 or localhost."""
    host = parse_origin(url)[1]
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# --- the user ---------------------------------------------------------------------------


def is_ssh_session() -> bool:
    """Return whether the user is logged in through SSH."""
    return bool(os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"))


def can_show_windows() -> bool:
    """Return whether the user would see a window that is opened on this computer."""
    if is_ssh_session():
        return False
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


# The key in a default variable (`DefaultKey`) is only sent to the URL that the variable belongs to.
# For any other URL, a key is only sent if `key_env` names its variable in the settings. No command
# runs in a workspace that the user doesn't trust (see `trust`).


def _check_service(url: str, key_env: str, name: str, location: Location) -> None:
    """Validate the URL and key variable of a service.

    Args:
        url: The service's URL.
        key_env: The environment variable that holds the key, or "" for the default variable.
        name: The name of the setting that contains the URL.
        location: The location of the service's section in the settings.

    Raises:
        ConfigError: The URL is invalid or unsafe, or `key_env` is not a valid variable name.
    """
    if not any(parse_origin(url)):
        message = "expected a URL without user name, password or query"
        raise location.locate_nested(name).make_error(
            message, "such as http://127.0.0.1:8765; a key is for key_env"
        )
    if key_env and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key_env):
        hint = f"a name such as {LLM_KEY.name}; never write the key itself into this file"
        raise location.locate_nested("key_env").make_error(
            "not the name of an environment variable", hint
        )


class DefaultKey(Value):
    """The default environment variable for an API key, and the only URL to which it is sent."""

    name: str
    url: str

    def can_be_sent_to(self, url: str) -> bool:
        """Return whether this key may be sent to `url`. The path of the URL doesn't matter."""
        return parse_origin(url) == parse_origin(self.url)


LLM_KEY = DefaultKey("OPENAI_API_KEY", "https://api.openai.com")
ZOTERO_KEY = DefaultKey("ZOTERO_API_KEY", ZOTERO_WEB_URL)
ANKI_KEY = DefaultKey("ANKICONNECT_KEY", "http://127.0.0.1:8765")


def find_api_key_variable(default: DefaultKey, url: str, key_env: str) -> str:
    """Return the environment variable that holds the API key for `url`, or "" if there is none.

    The variable `key_env` takes precedence. Without it, the default variable is used if its key
    may be sent to `url`.
    """
    if key_env:
        return key_env
    return default.name if default.can_be_sent_to(url) else ""


def find_api_key(
    default: DefaultKey, url: str, key_env: str, environ: Texts = os.environ
) -> str:
    """Return the API key to send to `url`, or "" if `environ` doesn't contain one."""
    variable = find_api_key_variable(default, url, key_env)
    return environ.get(variable, "").strip()


# --- shipped files ----------------------------------------------------------------------


def find_packaged_directory(kind: str) -> Path:
    """Return the directory of the "prompts" or "decks" (`kind`) that ship with ankiforge.

    It is inside an installed package, but next to the package in a checkout.
    """
    package = Path(__file__).parents[1]
    inside = package / kind
    return inside if inside.is_dir() else package.parent / kind
