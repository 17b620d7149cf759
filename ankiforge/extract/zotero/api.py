"""Access to Zotero libraries through the local API or the web API, based on pyzotero.

By itself, pyzotero 1.16.0 retries only after status 429, waits for as long as the server requests,
and accepts a captive portal's login page as data. We therefore pass it a `ZoteroHttpClient`, which
handles waiting and retrying, and only returns JSON responses with status 200.
"""

from __future__ import annotations

import json
import re
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import httpx2
import msgspec
from pyzotero.errors import PyZoteroError
from pyzotero.zotero import Zotero

from ankiforge.config import is_loopback
from ankiforge.config.http import BoundedClient, ResponseTooLargeError, redact_secret
from ankiforge.errors import ItemError
from ankiforge.extract.zotero.database import (
    Account,
    ApiAddress,
    Collection,
    Collections,
    Library,
    SelectedGroups,
    ZoteroItem,
    find_collection_paths,
    remove_control_chars,
)
from ankiforge.model import Json, SourceCache

_RETRY_DELAYS = (1.0, 2.0, 4.0)
"""The delay before each retry, in seconds."""
_MAX_WAIT = 60.0
"""The maximum `Retry-After` or `Backoff` to accept, in seconds. For longer ones, the run gives up.
"""
MAX_KEYS_PER_REQUEST = 50
"""The maximum number of item keys per request."""
_MAX_PAGE_BYTES = 64_000_000
"""The maximum size of a response in bytes, twice the size of a hundred very long notes."""
_MAX_ROWS = 500_000
"""The maximum number of items, or collections, in a library."""
_MAX_PARENTS = 3
"""The maximum number of ancestors of an annotation or note. An annotation usually has two: the
attachment and the paper.
"""
_RETRY_HINT = "run again later; nothing was counted as deleted"
_LOCAL_API_HINT = (
    "start Zotero 8 or later, and tick there, under Settings, Advanced, “Allow other"
    " applications on this computer to communicate with Zotero”; or give `path:`, Zotero's"
    " data folder, without `api:`"
)
_KEY_HINT = (
    "a key is made at zotero.org/settings/keys; it must be allowed to read this library"
)
# The exceptions that pyzotero and this module may raise if a response isn't as documented.
_PARSE_ERRORS = (
    PyZoteroError,
    httpx2.InvalidURL,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    RecursionError,
)
_MIN_VERSION = 8
"""The first version of Zotero whose local API returns annotations."""
JsonRows = list[Json]
CachedLibrary = tuple[str, str, JsonRows, JsonRows]
"""(URL, version, items, collections) of a cached library."""


@dataclass(frozen=True, slots=True)
class RequestTiming:
    """The delays and timeouts of requests. Tests shorten them."""

    sleep: Callable[[float], None] = time.sleep
    read_timeout: float = 30.0
    request_timeout: float = 300.0
    """The maximum total duration of a request, in seconds."""
    total_timeout: float = 3600.0
    """The maximum total duration of all requests in a run, in seconds."""


class _Failure(NamedTuple):
    """Why a request failed."""

    error: ItemError
    is_temporary: bool
    """Whether to send the request again."""
    wait: float = 0.0
    """For how long the server asks to wait, in seconds."""


def _find_requested_wait(response: httpx2.Response) -> float:
    """Return for how long the server asks to wait, in seconds."""
    wait = 0.0
    for name in ("backoff", "retry-after"):
        seconds = response.headers.get(name, "")
        if re.fullmatch(r"\d{1,9}", seconds):
            wait = max(wait, float(seconds))
    return wait


class ZoteroHttpClient(BoundedClient):
    """An HTTP client for a single server. It only returns JSON responses with status 200."""

    def __init__(self, address: ApiAddress, timing: RequestTiming) -> None:
        # certificates are only loaded for HTTPS, because that takes a while
        is_https = address.url.startswith("https:")
        seconds = timing.read_timeout
        super().__init__(
            trust_env=not is_loopback(address.url),
            timeout=httpx2.Timeout(seconds, connect=min(seconds, 10.0)),
            verify=is_https,
        )
        self._address = address
        self._timing = timing
        self._deadline = time.monotonic() + timing.total_timeout

    def request(
        self,
        method: str,
        url: httpx2.URL | str,
        **options: Any,
    ) -> httpx2.Response:
        """Send a request, and send it again if the failure may be temporary.

        Raises:
            ItemError: The server cannot be reached, takes too long, returns an error, or does not
                return JSON.
        """
        self._check_time_left()
        options["timeout"] = self.timeout
        for delay in _RETRY_DELAYS:
            result = self._try_request(method, url, options)
            if isinstance(result, httpx2.Response):
                return result
            if not result.is_temporary:
                raise result.error
            self._timing.sleep(result.wait or delay)
        result = self._try_request(method, url, options)
        if isinstance(result, httpx2.Response):
            return result
        raise result.error

    def _check_time_left(self) -> None:
        host = self._address.host
        if self.is_closed:
            raise ItemError(f"{host} took too long before", hint=_RETRY_HINT)
        if time.monotonic() > self._deadline:
            minutes = self._timing.total_timeout / 60
            message = f"{host} did not return all items in {minutes:g} minutes"
            raise ItemError(message, hint=_RETRY_HINT)

    def _try_request(
        self, method: str, url: httpx2.URL | str, options: dict[str, Any]
    ) -> httpx2.Response | _Failure:
        """Send a request once, and wait for as long as the server asks after its response.

        Raises:
            ItemError: The server asks to wait too long.
        """
        try:
            request = self.build_request(method, url, **options)
            response = self.fetch(request, self._timing.request_timeout, _MAX_PAGE_BYTES)
        except httpx2.HTTPError as error:
            return self._explain_no_response(error)
        wait = _find_requested_wait(response)
        if wait > _MAX_WAIT:
            message = f"{self._address.host} asks to wait {wait:,.0f} s"
            raise ItemError(message, hint=_RETRY_HINT)
        failure = self._check_response(response)
        if failure is not None:
            return failure._replace(wait=wait)
        response.headers.pop("backoff", None)  # or pyzotero would wait, too
        if wait:
            self._timing.sleep(wait)
        return response

    def _explain_no_response(self, error: httpx2.HTTPError) -> _Failure:
        message = redact_secret(str(error), self._address.key)
        reason = message or type(error).__name__
        host = self._address.host
        if self._address.is_local:
            text = f"Zotero does not answer at {host} ({reason})"
            return _Failure(ItemError(text, hint=_LOCAL_API_HINT), is_temporary=False)
        text = f"{host} cannot be reached ({reason})"
        is_late = isinstance(error, httpx2.TimeoutException | ResponseTooLargeError)
        return _Failure(ItemError(text, hint=_RETRY_HINT), is_temporary=not is_late)

    def _check_response(self, response: httpx2.Response) -> _Failure | None:
        """Return why a response can't be used, or None if it can."""
        host = self._address.host
        is_local = self._address.is_local
        status = response.status_code
        version = response.headers.get("x-zotero-version", "").partition(".")[0]
        if is_local and version.isdecimal() and int(version) < _MIN_VERSION:
            message = "the API of Zotero 7 lists no annotations"
            return _Failure(ItemError(message, hint=_LOCAL_API_HINT), is_temporary=False)
        content_type = response.headers.get("content-type", "")
        if status == 200 and content_type.startswith("application/json"):
            with suppress(ValueError, RecursionError):
                response.json()
                return None
            message = f"the response from {host} cannot be read"
            return _Failure(ItemError(message, hint=_RETRY_HINT), is_temporary=True)
        if status < 400:
            message = (
                f"something else answered in place of Zotero at {host} (a login page?)"
            )
            hint = "log in to this network with a browser first"
            return _Failure(ItemError(message, hint=hint), is_temporary=False)
        message = f"{host} returned {status}"
        if is_local:
            return _Failure(ItemError(message, hint=_LOCAL_API_HINT), is_temporary=False)
        if status in (401, 403, 404):
            hint = f"check `library:` and the key in {self._address.key_env}; {_KEY_HINT}"
            return _Failure(ItemError(message, hint=hint), is_temporary=False)
        return _Failure(ItemError(message, hint=_RETRY_HINT), is_temporary=True)

    def close(self) -> None:
        """Do nothing, because garbage-collected pyzotero objects close the client they share."""


# --- libraries --------------------------------------------------------------------------


@dataclass(frozen=True)
class ApiLibraries:
    """The libraries that the web API or the local API gives access to.

    The local API only gives access to the user's own library.
    """

    address: ApiAddress
    selected_groups: SelectedGroups
    cache: SourceCache
    client: ZoteroHttpClient

    @cached_property
    def _account_and_groups(self) -> tuple[Account, dict[int, str]]:
        """The account, and the names of the groups that its key gives access to, by number.

        The local API returns neither.
        """
        address = self.address
        if address.is_local:
            return Account(None, ()), {}
        if not address.key:
            message = f"{address.host} needs a key, in {address.key_env or 'a `key_env`'}"
            raise ItemError(message, hint=_KEY_HINT)
        headers = {"Zotero-API-Version": "3", "Authorization": f"Bearer {address.key}"}
        url = f"{address.url}/keys/current"
        response = self.client.request("GET", url, headers=headers)
        with self._wrap_parse_errors():
            owner = response.json()
            user_id = int(owner["userID"])
            names = (owner["username"], owner.get("displayName"))
            group_names = {}
            for row in self._fetch_all(self._create_client("user", user_id), "groups"):
                group_name = str(row["data"]["name"])
                group_names[int(row["id"])] = remove_control_chars(group_name)
            return Account(user_id, tuple(filter(None, names))), group_names

    @property
    def account(self) -> Account:
        """The account that owns the API key."""
        account, _ = self._account_and_groups
        return account

    @property
    def libraries(self) -> list[Library]:
        """The selected libraries, including those that don't exist.

        In `selected_groups`, None is the user's own library. An empty selection selects all.
        """
        _, group_names = self._account_and_groups
        has_own_library = True
        group_numbers: Iterable[int] = group_names
        if self.selected_groups:
            has_own_library = None in self.selected_groups
            group_numbers = [each for each in self.selected_groups if each is not None]
        libraries = []
        if has_own_library:
            libraries.append(Library(None))
        for number in sorted(group_numbers):
            libraries.append(Library(number, group_names.get(number, "")))
        return libraries

    def read_items(self, library: Library) -> list[ZoteroItem]:
        """Return all annotations and notes with their parents, including items in the trash.

        Libraries from the web API are cached until they change.

        Raises:
            ItemError: The library cannot be read, or changed while it was being read.
        """
        if self.address.is_local:
            if library.group is not None:
                hint = "give `path:`, Zotero's data folder, or `api: web`"
                raise ItemError("the local API gives your own library only", hint=hint)
            zotero = self._create_client("user", self.account.id or 0)
            return self._parse_items(*self._fetch_items(zotero))
        return self._parse_items(*self._fetch_unless_cached(library))

    def _fetch_unless_cached(self, library: Library) -> tuple[JsonRows, JsonRows]:
        """Return the (items, collections) of a library from the cache if it is up to date.

        Raises:
            ItemError: The library changed while it was being read.
        """
        kind = "user" if library.group is None else "group"
        zotero = self._create_client(kind, library.group or self.account.id or 0)
        origin = f"{self.address.url}/{kind}s/{zotero.library_id}"
        name = f"web/{library.namespace}"
        cached_library = self._load_cached(name)
        version = self._fetch_version(zotero)
        if cached_library is not None:
            cached_origin, cached_version, items, collections = cached_library
            if (cached_origin, cached_version) == (origin, version):
                return items, collections
        items, collections = self._fetch_items(zotero)
        version_afterwards = self._fetch_version(zotero)
        if version_afterwards != version:
            hint = "wait until Zotero has finished syncing, and run again"
            raise ItemError("the library kept changing while it was read", hint=hint)
        serialized = json.dumps((origin, version, items, collections))
        self.cache.update({name: zlib.compress(serialized.encode(), 1)})
        return items, collections

    def _load_cached(self, name: str) -> CachedLibrary | None:
        """Load a library from the cache, or return None if it is missing or damaged."""
        compressed = self.cache.load(name)
        if compressed is None:
            return None
        with suppress(zlib.error, ValueError, RecursionError):
            serialized = zlib.decompress(compressed)
            return msgspec.json.decode(serialized, type=CachedLibrary)
        return None

    def _fetch_version(self, zotero: Zotero) -> str:
        with self._wrap_parse_errors():
            return str(zotero.last_modified_version())

    def _fetch_items(self, zotero: Zotero) -> tuple[JsonRows, JsonRows]:
        """Return the (items, collections) of a library.

        The items are the annotations and notes, the attachments that they belong to, and so on up
        to the papers. Each round fetches the parents of the items before.
        """
        annotations_and_notes = self._fetch_all(
            zotero, "items", itemType="annotation || note"
        )
        with self._wrap_parse_errors():  # a row may lack a key
            by_key = {row["key"]: row for row in annotations_and_notes}
            for _ in range(_MAX_PARENTS):
                parents = {row["data"].get("parentItem") for row in by_key.values()}
                missing = sorted(map(str, filter(None, parents - by_key.keys())))
                for row in self._fetch_items_by_key(zotero, missing):
                    by_key[row["key"]] = row
        collections = self._fetch_all(zotero, "collections")
        return list(by_key.values()), collections

    def _fetch_items_by_key(self, zotero: Zotero, keys: Sequence[str]) -> Iterator[Json]:
        for start in range(0, len(keys), MAX_KEYS_PER_REQUEST):
            some_keys = keys[start : start + MAX_KEYS_PER_REQUEST]
            yield from self._fetch_all(zotero, "items", itemKey=",".join(some_keys))

    def _create_client(self, kind: str, number: int) -> Zotero:
        key, is_local = self.address.key or None, self.address.is_local
        zotero = Zotero(number, kind, key, local=is_local, client=self.client)
        zotero.endpoint = self.address.url
        return zotero

    def _fetch_all(self, zotero: Zotero, method: str, **params: Any) -> JsonRows:
        """Call a method of pyzotero until it has returned all rows, page by page.

        Args:
            zotero: The client for a library.
            method: The name of the method: `items`, `collections` or `groups`.
            params: The parameters of the request.

        Raises:
            ItemError: There are too many rows, or fewer than announced, or they are invalid.
        """
        if method == "items":
            params["includeTrashed"] = 1
        rows = JsonRows()
        with self._wrap_parse_errors():
            while True:
                page = getattr(zotero, method)(**params, start=len(rows))
                if not all(isinstance(row["data"], dict) for row in page):
                    raise TypeError("a row has no data")
                rows += page
                assert zotero.request is not None
                total = int(zotero.request.headers["total-results"])
                if total > _MAX_ROWS:
                    message = f"{self.address.host} has {total:,} {method}: too many"
                    raise ItemError(message, hint="narrow `library:`, or give `path:`")
                if not page or len(rows) >= total:
                    break
        if total != len(rows):
            message = f"{self.address.host} gave {len(rows)} of {total} items"
            raise ItemError(message, hint=_RETRY_HINT)
        return rows

    def _parse_items(self, rows: JsonRows, collections: JsonRows) -> list[ZoteroItem]:
        with self._wrap_parse_errors():
            by_key: Collections = {}
            for row in collections:
                data = row["data"]
                by_key[row["key"]] = Collection(
                    name=remove_control_chars(data["name"]),
                    parent=data.get("parentCollection"),
                    deleted=bool(data.get("deleted")),
                )
            return [_parse_item(row, by_key) for row in rows]

    @contextmanager
    def _wrap_parse_errors(self) -> Iterator[None]:
        try:
            yield
        except _PARSE_ERRORS as error:
            error_line = " ".join(str(error).split())
            message = redact_secret(error_line, self.address.key)
            reason = f"{type(error).__name__}: {message[:200]}"
            problem = f"the response from {self.address.host} cannot be read ({reason})"
            raise ItemError(problem, hint=_RETRY_HINT) from error


# --- responses --------------------------------------------------------------------------


def _parse_item(row: Json, collections: Collections) -> ZoteroItem:
    """Convert a row of the API to an item, as the database would give it.

    The bibliographic fields, which are beside the other values in `row["data"]`, become `fields`.
    """
    cleaned = _remove_control_chars(row["data"])
    data = {name: value for name, value in cleaned.items() if value is not None}
    meta = _remove_control_chars(row.get("meta") or {})
    maker = meta.get("createdByUser") or {}
    data["author"] = maker.get("id", 0)
    maker_name = maker.get("name") or maker.get("username")
    if maker_name:
        data["maker"] = maker_name
    file_name = data.get("filename")
    if file_name:
        data["path"] = f"storage:{file_name}"
    collection_keys = data.get("collections") or ()
    data["collections"] = find_collection_paths(collection_keys, collections)
    # msgspec ignores the values that are no attributes of an item, so all can be passed as fields
    return msgspec.convert({**data, "fields": data}, ZoteroItem, strict=False)


def _remove_control_chars(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _remove_control_chars(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_remove_control_chars(member) for member in value]
    if isinstance(value, str):
        return remove_control_chars(value)
    return value
