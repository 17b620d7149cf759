"""The files of language models: which one is offered, which are here, and how one is downloaded.

A download goes on where it broke off, and is in its place only when it is whole. FILE.part is
what has arrived of it.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ankiforge.config import is_loopback, origin
from ankiforge.config.workspace import models_folder
from ankiforge.errors import ItemError, ServiceError, UsageError
from ankiforge.model import Value
from ankiforge.text import gigabytes

if TYPE_CHECKING:
    import httpx2

ENDING = ".gguf"
_MAGIC = b"GGUF"


class Offer(Value):
    """A model that can be downloaded."""

    name: str
    url: str
    size: int = 0
    """In bytes; 0 = not known."""
    sha256: str = ""
    """Hexadecimal; "" = not known."""
    licence: str = ""
    about: str = ""

    @property
    def path(self) -> Path:
        """Return where the file is, or will be."""
        return models_folder() / f"{self.name}{ENDING}"

    @property
    def part(self) -> Path:
        """Return where the part is that has arrived."""
        return self.path.with_name(f"{self.path.name}.part")


OFFERED = Offer(
    name="qwen2.5-1.5b",
    url="https://huggingface.co/Qwen/Qwen2.5-1.5B-Instruct-GGUF/resolve/"
    "91cad51170dc346986eccefdc2dd33a9da36ead9/qwen2.5-1.5b-instruct-q4_k_m.gguf",
    size=1_117_320_736,
    sha256="6a1a2eb6d15622bf3c96857206351ba97e1af16c30d7a74ee38970e434e9407e",
    licence="Apache-2.0",
    about="small and fast",
)
"""Pinned to a revision. Sources of the facts: docs/guides/models.md."""


def offered(name_or_url: str, sha256: str = "") -> Offer:
    """Return the model with the name of ours, or at a web address, named after its file.

    Args:
        name_or_url: what a person typed.
        sha256: what the file's hash must be; "" = not known.

    Raises:
        UsageError: there is none, or the address is not safe.
    """
    if name_or_url == OFFERED.name:
        return OFFERED
    if "://" not in name_or_url:
        hint = f"known: {OFFERED.name}; or the address of a {ENDING} file"
        raise UsageError(f"no model is called {name_or_url!r}", hint=hint)
    _check_address(name_or_url)
    file_name = PurePosixPath(unquote(urlsplit(name_or_url).path)).name
    stem = file_name.removesuffix(ENDING)
    is_file_name = all(sign.isalnum() or sign in "._-" for sign in stem)
    if stem in ("", file_name) or stem.startswith(".") or not is_file_name:
        hint = "a single file, as the page of the model offers it for download"
        raise UsageError(
            f"{name_or_url} is not the address of a {ENDING} file", hint=hint
        )
    return Offer(name=stem, url=name_or_url, sha256=sha256.lower())


def _check_address(url: str) -> None:
    """Refuse an address that is not encrypted, unless it is on this machine."""
    scheme = origin(url)[0]
    if scheme != "https" and not (scheme == "http" and is_loopback(url)):
        raise UsageError(f"{url}: a model is downloaded only from https://")


def here() -> list[Path]:
    """Return the models that were downloaded, by name."""
    return sorted(models_folder().glob(f"*{ENDING}"))


def model_file(name_or_path: str) -> Path:
    """Return the file of a downloaded model, or the file at a path.

    Raises:
        UsageError: there is none.
    """
    for file in here():
        if name_or_path in (file.stem, file.name):
            return file
    path = Path(name_or_path).expanduser().absolute()
    if path.suffix == ENDING and path.is_file():
        return path
    hint = f"ankiforge model list, or the path of a {ENDING} file"
    if name_or_path == OFFERED.name:
        hint = f"ankiforge model get {name_or_path}"
    raise UsageError(f"the model {name_or_path!r} is not here", hint=hint)


def size_of(file: Path) -> int:
    """Return the size of the file of a model in bytes.

    Raises:
        UsageError: it cannot be read, or is none of a model.
    """
    hint = "correct llm.model_file, or: ankiforge model list"
    try:
        with file.open("rb") as opened:
            is_model = opened.read(len(_MAGIC)) == _MAGIC
        size = file.stat().st_size
    except OSError as error:
        message = f"the model {file} cannot be read: {error.strerror}"
        raise UsageError(message, hint=hint) from error
    if not is_model:
        raise UsageError(f"{file} is not a model in the format GGUF", hint=hint)
    return size


# --- a download -----------------------------------------------------------------------

Show = Callable[[int, int], None]
"""Receives the bytes that have arrived, and the bytes of all; 0 = not known."""
TRIES = 5
"""How often in a row a connection may bring nothing."""
SILENCE_S = 60.0
WAIT_S = 1.0
"""How long to wait after a connection that brought nothing; each time as long again."""
_ROOM = 100 << 20
"""The bytes that stay free on the disk."""


class _BrokenError(Exception):
    """The connection brought not all; the part that has arrived is kept."""


def download(offer: Offer, show: Show = lambda done, of: None) -> str:
    """Download a model unless it is here; return the SHA-256 of the file.

    Raises:
        ServiceError: the server does not give it.
        ItemError: what it gives is not the file that was expected; nothing of it is kept.
        UsageError: an address is not safe, or the file cannot be written.
    """
    target = offer.path
    part = offer.part
    try:
        if target.exists():
            return _checked(offer, target)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not offer.sha256:  # nothing tells whether two parts are of one file
            part.unlink(missing_ok=True)
        _fetch(offer, part, show)
        sha256 = _checked(offer, part)
        part.replace(target)
    except OSError as error:
        what = f"{error.filename or target}: cannot be written: {error.strerror}"
        raise UsageError(what, hint="free space there, or allow writing") from error
    return sha256


def _fetch(offer: Offer, part: Path, show: Show) -> None:
    """Ask for the file, and for its rest while connections break."""
    import httpx2

    def check(request: httpx2.Request) -> None:
        _check_address(str(request.url))

    host = _host(offer)
    in_vain = 0
    with httpx2.Client(
        timeout=httpx2.Timeout(SILENCE_S, connect=10.0),
        trust_env=not is_loopback(offer.url),
        follow_redirects=True,
        max_redirects=5,
        event_hooks={"request": [check]},
    ) as client:
        while True:
            before = _size(part)
            try:
                _fetch_rest(client, offer, part, show)
                return
            except httpx2.TooManyRedirects as error:
                raise ServiceError(
                    f"{host} redirects without end", hint="try another address"
                ) from error
            except (_BrokenError, httpx2.HTTPError) as error:
                reason = str(error) or type(error).__name__
            in_vain = 0 if _size(part) > before else in_vain + 1
            if in_vain >= TRIES:
                arrived = f"{gigabytes(_size(part))} of {offer.name} have arrived"
                hint = "run the same command again"
                if offer.sha256:
                    hint = f"{hint}: it continues where it stopped"
                raise ServiceError(f"{host}: {reason}; {arrived}", hint=hint)
            time.sleep(WAIT_S * in_vain)


def _fetch_rest(client: httpx2.Client, offer: Offer, part: Path, show: Show) -> None:
    """Ask once for the missing part, and write it."""
    done = _size(part)
    headers = {"accept-encoding": "identity"}
    if done:
        headers["range"] = f"bytes={done}-"
    with client.stream("GET", offer.url, headers=headers) as answer:
        status = answer.status_code
        if status == 416:  # nothing is missing
            return
        if status == 429 or status >= 500:
            raise _BrokenError(f"it answers {status}")
        if status not in (200, 206):
            hint = "is the address right? ankiforge model list"
            if status in (401, 403):
                hint = (
                    "the file needs a login; download it in a browser, then:"
                    " ankiforge model use PATH"
                )
            message = f"{_host(offer)} answers {status} {answer.reason_phrase}"
            raise ServiceError(message.rstrip(), hint=hint)

        # whether it is the whole file, or the rest
        if status == 200:
            done = 0
            size = int(answer.headers.get("content-length", 0))
        else:
            place = answer.headers.get("content-range", "")
            rest = re.fullmatch(rf"bytes {done}-\d+/(\d+)", place)
            if rest is None:
                part.unlink(missing_ok=True)
                raise _BrokenError("it does not give the rest of the file")
            size = int(rest[1])

        # what speaks against it is told before it is downloaded
        if offer.size and size and size != offer.size:
            message = f"{_host(offer)} offers {size:,} bytes instead of {offer.size:,}"
            raise ItemError(message, hint="it is another file; nothing of it was kept")
        free = shutil.disk_usage(part.parent).free
        if size - done + _ROOM > free:
            room = f"{gigabytes(free)} free, and {gigabytes(size - done)} are to come"
            raise UsageError(
                f"{part.parent} has {room}", hint="free space there, then try again"
            )

        with part.open("ab" if done else "wb") as file:
            for piece in answer.iter_raw():
                file.write(piece)
                done += len(piece)
                show(done, size)


def _checked(offer: Offer, file: Path) -> str:
    """Return the SHA-256 of a file that is the one expected; delete another one.

    Raises:
        ItemError: it is another one.
    """
    with file.open("rb") as opened:
        is_model = opened.read(len(_MAGIC)) == _MAGIC
        opened.seek(0)
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    if is_model and offer.sha256 in ("", sha256):
        return sha256
    file.unlink()
    wrong = f"has the SHA-256 {sha256} instead of {offer.sha256}"
    if not is_model:
        wrong = "is not a model in the format GGUF"
    hint = "it was deleted; try again, or choose another: ankiforge model list"
    raise ItemError(f"what {_host(offer)} gave as {offer.name} {wrong}", hint=hint)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _host(offer: Offer) -> str:
    return urlsplit(offer.url).netloc.rpartition("@")[2]
