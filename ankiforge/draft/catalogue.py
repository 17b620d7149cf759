"""Language models that a person may download: small, openly licensed, for instructions."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from ankiforge.config import is_loopback, origin
from ankiforge.config.workspace import models_folder
from ankiforge.errors import UsageError
from ankiforge.model import Value

ENDING = ".gguf"


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


_HUB = "https://huggingface.co"
OFFERS = (
    Offer(
        name="qwen2.5-1.5b",
        url=f"{_HUB}/Qwen/Qwen2.5-1.5B-Instruct-GGUF/resolve/"
        "91cad51170dc346986eccefdc2dd33a9da36ead9/qwen2.5-1.5b-instruct-q4_k_m.gguf",
        size=1_117_320_736,
        sha256="6a1a2eb6d15622bf3c96857206351ba97e1af16c30d7a74ee38970e434e9407e",
        licence="Apache-2.0",
        about="the smallest and fastest",
    ),
    Offer(
        name="smollm3-3b",
        url=f"{_HUB}/ggml-org/SmolLM3-3B-GGUF/resolve/"
        "4965cb60b150737b68a0408c36aeefb65078f894/SmolLM3-Q4_K_M.gguf",
        size=1_915_305_312,
        sha256="8334b850b7bd46238c16b0c550df2138f0889bf433809008cc17a8b05761863e",
        licence="Apache-2.0",
        about="made for six European languages",
    ),
    Offer(
        name="qwen3-4b",
        url=f"{_HUB}/bartowski/Qwen_Qwen3-4B-Instruct-2507-GGUF/resolve/"
        "ae44f08e1392f39c0e474af10c3ff8355c8b6688/Qwen_Qwen3-4B-Instruct-2507-Q4_K_M.gguf",
        size=2_497_280_736,
        sha256="2fde00ce69dd4899c70d020845e2638353015bba0fdf161b3eb965f2bca4464e",
        licence="Apache-2.0",
        about="the largest of these",
    ),
)
"""Pinned to a revision each, from the smallest. Sources of the facts: docs/guides/models.md."""


def offered(name_or_url: str, sha256: str = "") -> Offer:
    """Return the model with a name in the list, or at a web address.

    Args:
        name_or_url: what a person typed.
        sha256: what the file's hash must be; "" = as in the list, or not known.

    Raises:
        UsageError: there is none, or the address is not safe.
    """
    if "://" in name_or_url:
        return _linked(name_or_url, sha256.lower())
    for offer in OFFERS:
        if offer.name == name_or_url:
            return offer
    names = ", ".join(offer.name for offer in OFFERS)
    hint = f"known: {names}; or the address of a {ENDING} file"
    raise UsageError(f"no model is called {name_or_url!r}", hint=hint)


def _linked(url: str, sha256: str) -> Offer:
    """Return the model at an address, named after its file."""
    check_address(url)
    file_name = PurePosixPath(unquote(urlsplit(url).path)).name
    stem = file_name.removesuffix(ENDING)
    if stem == file_name or not stem or stem.startswith(".") or not _is_plain(stem):
        hint = "a single file, as the page of the model offers it for download"
        raise UsageError(f"{url} is not the address of a {ENDING} file", hint=hint)
    return Offer(name=stem, url=url, sha256=sha256)


def check_address(url: str) -> None:
    """Refuse an address that is not encrypted, unless it is on this machine.

    Raises:
        UsageError: it is refused.
    """
    scheme = origin(url)[0]
    if scheme == "https" or (scheme == "http" and is_loopback(url)):
        return
    raise UsageError(f"{url} is not an address that begins with https://")


def _is_plain(stem: str) -> bool:
    """Return whether a name is one of a file, on any system."""
    return all(sign.isalnum() or sign in "._-" for sign in stem)


def here() -> list[Path]:
    """Return the models that were downloaded, by name."""
    folder = models_folder()
    if not folder.is_dir():
        return []
    files = []
    for file in folder.iterdir():
        if file.suffix == ENDING and file.is_file():
            files.append(file)
    return sorted(files)


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
    known = {offer.name for offer in OFFERS}
    if name_or_path in known:
        hint = f"ankiforge model get {name_or_path}"
    else:
        hint = f"ankiforge model list, or the path of a {ENDING} file"
    raise UsageError(f"the model {name_or_path!r} is not here", hint=hint)
