"""Download a large file: resumed, checked, and in its place only when it is whole.

FILE.part           what has arrived
FILE.part.json      where it comes from, so that the rest is asked of the same file
FILE                written by renaming, once size, format and hash are right

A connection that breaks is opened again, and asked for the rest (`Range`). A server that cannot
give it sends the whole file again.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import msgspec

from ankiforge.draft.catalogue import Offer, check_address
from ankiforge.draft.gguf import MAGIC
from ankiforge.errors import BusyError, ItemError, ServiceError, UsageError
from ankiforge.model import Value
from ankiforge.text import gigabytes

if TYPE_CHECKING:
    import httpx2

Show = Callable[[str, int, int], None]
"""Receives what is done, the bytes that are done, and the bytes of all; 0 = not known."""
TRIES = 5
"""How often in a row a connection may bring nothing."""
MOST_REDIRECTS = 5
SILENCE_S = 60.0
WAIT_S = 1.0
"""How long to wait after a connection that brought nothing; each time as long again."""
_PIECE = 1 << 20
_ROOM = 100 << 20
"""What stays free on the disk, in bytes."""
_REDIRECTS = (301, 302, 303, 307, 308)
_RANGE = re.compile(r"bytes (?:(?P<start>\d+)-\d+|\*)/(?P<size>\d+|\*)")
_AGAIN = "run the same command again: it continues where it stopped"


class _Broken(Exception):
    """The connection broke, or gave not all: what has arrived is kept."""


class _NoRange(_Broken):
    """The server gave another part than the rest: what has arrived is of no use."""


class _Origin(Value):
    """Where the beginning of a file comes from."""

    url: str
    etag: str = ""
    """What the server calls this version of the file."""
    size: int = 0
    """The size of the whole file in bytes; 0 = not known."""


def download(offer: Offer, show: Show = lambda what, done, of: None) -> str:
    """Download a model unless it is here; return the SHA-256 of the file.

    Raises:
        BusyError: another program downloads it.
        ServiceError: the server does not give it.
        ItemError: what it gives is not the file that was expected; nothing of it is kept.
        UsageError: an address is not safe, or the file cannot be written.
    """
    target = offer.path
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(part):
            if target.exists():
                return _checked(offer, target, show)
            _fetch(offer, part, show)
            sha256 = _checked(offer, part, show)
            part.replace(target)
            _origin_file(part).unlink(missing_ok=True)
            return sha256
    except OSError as error:
        what = f"{error.filename or target}: cannot be written: {error.strerror}"
        raise UsageError(what, hint="free space there, or allow writing") from error


@contextmanager
def _alone(part: Path) -> Iterator[None]:
    """Let no other program write the same file.

    Raises:
        BusyError: one does.
    """
    from filelock import FileLock, Timeout

    lock = part.with_name(f"{part.name}.lock")
    try:
        with FileLock(lock, timeout=0):
            yield
    except Timeout as error:
        raise BusyError(f"{part} is being downloaded by another program") from error
    finally:
        with suppress(OSError):  # it is held
            lock.unlink(missing_ok=True)


# --- fetching -------------------------------------------------------------------------------


def _fetch(offer: Offer, part: Path, show: Show) -> None:
    """Ask for the file, and for its rest while connections break."""
    import httpx2

    from ankiforge.config import is_loopback

    in_vain = 0
    highest_size = _size(part)
    timeout = httpx2.Timeout(SILENCE_S, connect=10.0)
    use_proxy = not is_loopback(offer.url)
    with httpx2.Client(timeout=timeout, trust_env=use_proxy) as client:
        while True:
            try:
                _fetch_once(client, offer, part, show)
                return
            except _NoRange as error:
                part.unlink(missing_ok=True)
                reason = str(error)
            except (_Broken, httpx2.HTTPError) as error:
                reason = str(error) or type(error).__name__
            has_grown = _size(part) > highest_size
            highest_size = max(highest_size, _size(part))
            in_vain = 0 if has_grown else in_vain + 1
            if in_vain >= TRIES:
                came = f"{gigabytes(_size(part))} of {offer.name} have arrived"
                raise ServiceError(f"{_host(offer.url)}: {reason}; {came}", hint=_AGAIN)
            time.sleep(WAIT_S * in_vain)


def _fetch_once(
    client: httpx2.Client,
    offer: Offer,
    part: Path,
    show: Show,
) -> None:
    """Ask once for what is missing, and write it."""
    origin = _origin_of(part, offer.url)
    done = _size(part) if origin.url else 0
    if done and done == origin.size:
        return
    headers = {"accept-encoding": "identity"}
    if done:
        headers["range"] = f"bytes={done}-"
        if origin.etag:
            headers["if-range"] = origin.etag
    with _answered(client, offer.url, headers) as answer:
        start, size = _offered_range(answer, done)
        if answer.status_code == 416:  # all of it is here
            return
        _refuse_other_size(offer, size)
        _refuse_full_disk(part, size - start)
        etag = answer.headers.get("etag", "")
        known = _Origin(offer.url, "" if etag.startswith("W/") else etag, size)
        _origin_file(part).write_bytes(msgspec.json.encode(known))
        with part.open("r+b" if start else "wb") as file:
            file.seek(start)
            file.truncate()
            done = start
            for piece in answer.iter_raw():
                file.write(piece)
                done += len(piece)
                if size and done > size:
                    raise ItemError(f"{_host(offer.url)} sends more than it announced")
                show("downloading", done, size)
    if size and done < size:
        raise _Broken("the connection was closed too early")


@contextmanager
def _answered(
    client: httpx2.Client,
    url: str,
    headers: dict[str, str],
) -> Iterator[httpx2.Response]:
    """Yield the answer of the server to which an address leads.

    Raises:
        ServiceError: it gives an error.
        UsageError: it leads to an address that is not safe.
    """
    host = _host(url)
    for _ in range(MOST_REDIRECTS + 1):
        check_address(url)
        with client.stream("GET", url, headers=headers) as answer:
            location = answer.headers.get("location")
            if answer.status_code not in _REDIRECTS or not location:
                _refuse_error(answer, host)
                yield answer
                return
            url = urljoin(url, location)
    raise ServiceError(f"{host} redirects without end")


def _refuse_error(answer: httpx2.Response, host: str) -> None:
    """Raise what an answer means that has no file: try again, or give up."""
    status = answer.status_code
    if status in (200, 206, 416):
        return
    if status == 429 or status >= 500:
        raise _Broken(f"it answers {status}")
    hint = "is the address right? ankiforge model list"
    if status in (401, 403):
        hint = "the file needs a login; download it in a browser, then: ankiforge model use PATH"
    raise ServiceError(
        f"{host} answers {status} {answer.reason_phrase}".rstrip(),
        hint=hint,
    )


def _offered_range(answer: httpx2.Response, done: int) -> tuple[int, int]:
    """Return where in the file an answer begins, and the size of the file; 0 = not known.

    Raises:
        _Broken: it begins elsewhere; the next attempt asks for the whole file.
    """
    if answer.status_code == 200:
        return 0, _number(answer.headers.get("content-length", ""))
    range_match = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    size = _number(range_match["size"]) if range_match else 0
    begins_at = range_match["start"] if range_match else ""
    is_partial = answer.status_code == 206
    if is_partial and begins_at and int(begins_at) == done:
        return done, size
    if answer.status_code == 416 and size == done:
        return done, size
    raise _NoRange("it does not give the rest of the file")


def _refuse_other_size(offer: Offer, size: int) -> None:
    """Refuse a file whose size is not that of the list, before it is downloaded."""
    if offer.size and size and size != offer.size:
        message = f"{_host(offer.url)} offers {size:,} bytes instead of {offer.size:,}"
        raise ItemError(message, hint="it is another file; nothing of it was kept")


def _refuse_full_disk(part: Path, size: int) -> None:
    """Refuse a file for which the disk has no room."""
    free = shutil.disk_usage(part.parent).free
    if size + _ROOM > free:
        message = (
            f"{part.parent} has {gigabytes(free)} free, and {gigabytes(size)} are to come"
        )
        raise UsageError(message, hint="free space there, then try again")


# --- checking -------------------------------------------------------------------------------


def _checked(offer: Offer, file: Path, show: Show) -> str:
    """Return the SHA-256 of a file that is the one expected; delete another one.

    Raises:
        ItemError: it is another one.
    """
    size = _size(file)
    digest = hashlib.sha256()
    done = 0
    begins_well = False
    with file.open("rb") as opened:
        while piece := opened.read(_PIECE):
            begins_well = begins_well or (not done and piece.startswith(MAGIC))
            digest.update(piece)
            done += len(piece)
            show("checking", done, size)
    sha256 = digest.hexdigest()
    wrong = ""
    if not begins_well:
        wrong = "is not a model in the format GGUF"
    elif offer.size and size != offer.size:
        wrong = f"has {size:,} bytes instead of {offer.size:,}"
    elif offer.sha256 and sha256 != offer.sha256:
        wrong = f"has the SHA-256 {sha256} instead of {offer.sha256}"
    if wrong:
        file.unlink()
        _origin_file(file).unlink(missing_ok=True)
        hint = "it was deleted; try again, or choose another: ankiforge model list"
        raise ItemError(
            f"what {_host(offer.url)} gave as {offer.name} {wrong}",
            hint=hint,
        )
    return sha256


# --- small helpers --------------------------------------------------------------------------


def _origin_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _origin_of(part: Path, url: str) -> _Origin:
    """Return where the beginning of a file comes from; an empty one if it is of no use."""
    with suppress(OSError, msgspec.MsgspecError):
        origin = msgspec.json.decode(_origin_file(part).read_bytes(), type=_Origin)
        if origin.url == url and _size(part):
            return origin
    return _Origin("")


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _number(text: str) -> int:
    """Return a number of bytes that a server names; 0 if it names none."""
    is_number = text.isascii() and text.isdigit()
    if not is_number or len(text) >= 16:
        return 0
    return int(text)


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]
