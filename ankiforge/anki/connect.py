"""Client for AnkiConnect, the add-on that makes a running Anki controllable by HTTP.

Requests are never retried. Anki itself reads packages, so both programs must see the same
directories. What is in Anki is read from its collection (`anki.collection`). Text from Anki is
truncated, made printable, and stripped of the API key before it is shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import httpx2
import msgspec

from ankiforge.config.http import BoundedClient, ResponseTooLargeError, redact_secret
from ankiforge.errors import ServiceError
from ankiforge.model import CardId, Json, NoteId

_T = TypeVar("_T")
_API_VERSION = 6
_CONNECT_TIMEOUT = 3.0
# The timeout in seconds of imports and syncs, which may take Anki minutes.
_LONG_TIMEOUT = 600.0
# A reply with the ids of a million cards has 14 MB.
_MAX_REPLY_BYTES = 64_000_000
_MAX_MESSAGE_CHARS = 300
_ADD_ON_HINT = "its add-on AnkiConnect (Tools › Add-ons › Get Add-ons…, code 2055492159)"
_CONFIG_MENU = "Tools › Add-ons › AnkiConnect › Config"
_SAME_FOLDERS_HINT = (
    "Anki must run on this computer and see the same folders as ankiforge, so not in a sandbox"
    " (Flatpak, Snap)"
)
_CONNECTION_ERRORS = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.InvalidURL,
    httpx2.UnsupportedProtocol,
    UnicodeError,  # a host with an empty or very long part
)


class UnsupportedActionError(ServiceError):
    """Raised if the installed AnkiConnect is too old to support an action."""


class AnkiConnect:
    """A client for AnkiConnect. Every method raises ServiceError if its action fails.

    Args:
        url: The URL of AnkiConnect.
        key: The API key, or "" if AnkiConnect requires none. It is never shown.
        timeout: The time limit for an action, in seconds. Imports and syncs may take ten minutes
            regardless.
        key_env: The environment variable that holds the key, for error messages.
    """

    def __init__(
        self,
        url: str,
        key: str = "",
        timeout: float = 30.0,
        *,
        key_env: str = "",
    ) -> None:
        self.url = url
        self._key = key
        self._key_env = key_env
        self._timeout = timeout
        self._http = self._new_client()

    def _new_client(self) -> BoundedClient:
        """Create an HTTP client without proxies, redirects or an `Origin` header.

        If a request has an `Origin` header, AnkiConnect assumes that it comes from a web page.
        """
        return BoundedClient(
            trust_env=False,
            # check certificates only for https, because loading them takes longer than a request
            verify=self.url.startswith("https:"),
            headers={"Connection": "close"},
        )

    # --- actions ------------------------------------------------------------------------

    def check_access(self) -> None:
        """Raise ServiceError unless AnkiConnect grants us access.

        This succeeds even if no profile is open in Anki; in that case, the first search fails.
        """
        with suppress(UnsupportedActionError):
            reply = self._run_action("requestPermission", Json)
            if reply.get("permission") != "granted":
                origins = "ignoreOriginList and webCorsOriginList"
                raise ServiceError(
                    f"AnkiConnect at {self.url} denied permission",
                    hint=f"in Anki: {_CONFIG_MENU}, look at {origins}",
                )

    def get_api_version(self) -> int:
        """Return the version of AnkiConnect's API, or 0 if nothing answers at the URL.

        The version has been 6 since 2017.
        """
        try:
            return self._run_action("version", int)
        except ServiceError as error:
            if isinstance(error.__cause__, _CONNECTION_ERRORS):
                return 0
            raise

    def get_active_profile(self) -> str:
        """Return the name of the open profile."""
        return self._run_action("getActiveProfile", str)

    def start_sync(self) -> bool:
        """Start a sync with AnkiWeb, without waiting for it to finish.

        Returns:
            Whether Anki is logged in. Old versions of the add-on open the login dialog instead;
            the result is then True.
        """
        try:
            self._run_action("sync", object, seconds=_LONG_TIMEOUT)
        except ServiceError as error:
            if "auth" not in error.message.casefold():
                raise
            return False
        return True

    def import_package(self, path: Path) -> None:
        """Import a package, with note types merged and scheduling included.

        Anki may report success even if the import failed, so check the collection afterwards.
        """
        imported = self._run_action(
            "importPackage",
            bool,
            {"path": str(path.absolute())},
            seconds=_LONG_TIMEOUT,
            hint=_SAME_FOLDERS_HINT,
        )
        if not imported:
            raise ServiceError(f"Anki did not import {path}", hint=_SAME_FOLDERS_HINT)

    def suspend(self, cards: Iterable[CardId]) -> None:
        """Suspend cards, all of which must exist."""
        self._run_action("suspend", object, {"cards": list(cards)})

    def unsuspend(self, cards: Iterable[CardId]) -> None:
        """Unsuspend cards, ignoring any that don't exist or aren't suspended."""
        joined_ids = ",".join(map(str, cards))
        if not joined_ids:
            return
        suspended = self._search("findCards", f"cid:{joined_ids} is:suspended")
        if suspended:
            self._run_action("unsuspend", object, {"cards": suspended})

    def open_browser(self, note: NoteId) -> None:
        """Show a note in Anki's browser.

        Raises:
            ServiceError: The open profile does not have the note.
        """
        if not self._run_action("guiBrowse", object, {"query": f"nid:{note}"}):
            message = "the profile that is open in Anki does not have this note"
            raise ServiceError(message, hint="open the profile that has your cards")

    # --- one request --------------------------------------------------------------------

    def _search(self, action: str, query: str) -> tuple[int, ...]:
        return self._run_action(action, tuple[int, ...], {"query": query})

    def _run_action(
        self,
        action: str,
        result_type: type[_T],
        params: Json | None = None,
        seconds: float = 0.0,
        hint: str = "",
    ) -> _T:
        """Run an AnkiConnect action and convert the result to `result_type`.

        `seconds` overrides the client's timeout. `hint` tells the user what to do if Anki
        refuses.

        Raises:
            ServiceError: Anki cannot be reached, refuses the action, or sends an unusable
                reply.
        """
        request = {"action": action, "version": _API_VERSION, "params": params or {}}
        if self._key:
            request["key"] = self._key
        response = self._send(action, request, seconds or self._timeout)
        if response.status_code != httpx2.codes.OK:
            raise self._make_wrong_server_error(f"HTTP {response.status_code}")
        try:
            reply = json.loads(response.content)
        except (ValueError, RecursionError) as error:
            raise self._make_wrong_server_error("not JSON") from error
        if not isinstance(reply, dict) or not {"result", "error"} <= reply.keys():
            raise self._make_wrong_server_error("JSON of an unexpected shape")
        if reply["error"] is not None:
            raise self._make_refusal_error(
                action, self._to_one_line(reply["error"]), hint
            )
        try:
            result: _T = msgspec.convert(reply["result"], result_type)
        except msgspec.ValidationError as error:
            raise ServiceError(
                f"AnkiConnect at {self.url} gave an unusable answer to {action}",
                hint="is a profile open in Anki? then update the add-on: Tools › Add-ons",
            ) from error
        return result

    def _send(self, action: str, request: Json, seconds: float) -> httpx2.Response:
        """Send a request and return the response, even if its status is an error."""
        timeout = httpx2.Timeout(seconds, connect=_CONNECT_TIMEOUT)
        if self._http.is_closed:  # a timeout closes the client
            self._http = self._new_client()
        try:
            http_request = self._http.build_request(
                "POST", self.url, json=request, timeout=timeout
            )
            return self._http.fetch(http_request, seconds, _MAX_REPLY_BYTES)
        except _CONNECTION_ERRORS as error:
            raise ServiceError(
                f"Anki does not answer at {self.url}: {self._to_one_line(error)}",
                hint=f"open Anki; it needs {_ADD_ON_HINT}",
            ) from error
        except httpx2.TimeoutException as error:
            raise ServiceError(
                f"Anki at {self.url} did not finish {action} within {seconds:g} s",
                hint="it is busy or shows a dialog: check its window, then try again",
            ) from error
        except ResponseTooLargeError as error:
            raise self._make_wrong_server_error(str(error)) from error
        except httpx2.HTTPError as error:
            raise ServiceError(
                f"Anki at {self.url} closed the connection during {action}",
                hint="was it closed? open it and try again; or another program answers there:"
                f" see webBindPort in {_CONFIG_MENU}",
            ) from error

    def _make_refusal_error(self, action: str, refusal: str, hint: str) -> ServiceError:
        """Build the error for an action that Anki refused.

        AnkiConnect reports the reason only as text, so we look for keywords in it.
        """
        lowered = refusal.lower()
        if "unsupported action" in lowered:
            return UnsupportedActionError(
                f"AnkiConnect at {self.url} is too old: it does not know {action}",
                hint="in Anki: Tools › Add-ons › Check for Updates",
            )
        if "not available" in lowered:
            return ServiceError(
                f"no profile is open in Anki at {self.url}",
                hint="open your profile in Anki's window, close its dialogs, and try again",
            )
        if "valid api key" in lowered:
            return self._make_key_error()
        return ServiceError(f"Anki refuses {action}: {refusal}", hint=hint)

    def _make_key_error(self) -> ServiceError:
        """Build the error for a key that is missing or wrong."""
        if self._key:
            message = f"AnkiConnect at {self.url} rejects the key in {self._key_env}"
        else:
            message = f"AnkiConnect at {self.url} requires its key"
        if self._key_env:
            destination = f"into the environment variable {self._key_env}"
        else:
            destination = (
                "into an environment variable NAME, write `key_env: NAME` under `anki:` in"
                " ankiforge.yaml"
            )
        hint = f"put the apiKey of {_CONFIG_MENU} {destination}"
        return ServiceError(message, hint=hint)

    def _make_wrong_server_error(self, message: str) -> ServiceError:
        return ServiceError(
            f"the server at {self.url} is not AnkiConnect ({message})",
            hint="set anki.connect in ankiforge.yaml to the URL of AnkiConnect; its port is"
            f" webBindPort in {_CONFIG_MENU}",
        )

    def _to_one_line(self, message: object) -> str:
        text = redact_secret(str(message), self._key)
        if self._key:
            text = text.replace(self._key, "…")
        printable = "".join(char if char.isprintable() else " " for char in text)
        line = " ".join(printable.split())
        return re.sub(r"^\[Errno -?\d+\] ", "", line)[:_MAX_MESSAGE_CHARS]
