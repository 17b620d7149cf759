"""An API key reaches only the server it belongs to, or one it was written and confirmed for."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ankiforge.config import ANKI_KEY, LLM_KEY, ZOTERO_KEY, find_api_key
from tests.fakes.loopback import Handler, serving

KEY = "sk-real-openai-999"


class Recorder:
    """A server on loopback that answers every request alike, and keeps what was sent."""

    def __init__(self, status: int, answer: object) -> None:
        kept: list[str] = []
        self.kept = kept

        class Answering(Handler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                kept.append(f"{self.headers} {body.decode()}")
                raw = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST

        self.handler = Answering
        self.url = ""

    @property
    def has_key(self) -> bool:
        """Whether the key came, in whatever place; what was kept is forgotten."""
        assert self.kept, "it was never asked"
        found = any(KEY in one for one in self.kept)
        self.kept.clear()
        return found


@pytest.fixture
def locked() -> Iterator[Recorder]:
    """A server that wants a key."""
    server = Recorder(401, {"error": {"message": "no key", "code": "invalid_api_key"}})
    with serving(server.handler) as server.url:
        yield server


@pytest.fixture
def anki() -> Iterator[Recorder]:
    """An AnkiConnect that wants its key."""
    server = Recorder(200, {"result": None, "error": "valid api key must be provided"})
    with serving(server.handler) as server.url:
        yield server


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "OPENAI_CUSTOM_HEADERS", f"Authorization: Bearer {KEY}\nX-Key: {KEY}"
    )
    for name in ("OPENAI_API_KEY", "ANKICONNECT_KEY", "ZOTERO_API_KEY", "MY_KEY"):
        monkeypatch.setenv(name, KEY)


def settings(forge: Any, **sections: Any) -> None:
    (forge.folder / "notes").mkdir(exist_ok=True)
    (forge.folder / "notes/a.md").write_text("==We should all sleep more than we do.==\n")
    usual = {
        "sources": [{"obsidian": {"name": "notes", "path": "notes"}}],
        "anki": {"collection": "none"},
    }
    forge.settings(json.dumps(usual | sections))


def drafting(forge: Any, url: str, **llm: str) -> None:
    settings(forge, drafter="llm", llm={"base_url": f"{url}/v1", "model": "m-70b", **llm})


# --- the default variables belong to one address each -----------------------------------------

OWN = [
    (LLM_KEY, "https://api.openai.com/v1"),
    (LLM_KEY, "https://API.OpenAI.com:443/v1"),
    (LLM_KEY, "https://api.openai.com"),
    (ZOTERO_KEY, "https://api.zotero.org"),
    (ZOTERO_KEY, "https://api.zotero.org/"),
    (ANKI_KEY, "http://127.0.0.1:8765"),
    (ANKI_KEY, "http://127.0.0.1:8765/"),
]
FOREIGN = [
    (LLM_KEY, url)
    for url in (
        "http://api.openai.com/v1", "https://api.openai.com:444/v1", "https://api.openai.com./v1",
        "https://api.openai.com.evil.example/v1", "https://evil.example/api.openai.com/v1",
        "https://evil.example\\@api.openai.com/v1", "https://api.openai.com\\.evil.example/v1",
        "https://api.openai.com@evil.example/v1", "https://x:y@api.openai.com/v1",
        "https://api.openai.com:443@evil.example/", "https://api.openai.com#@evil.example/",
        "https://api.openai.com?@evil.example/", "https://api.openaı.com/v1",
        "https://api.openai.com\t.evil.example/v1", "https://apiXopenai.com/v1",
        "https://eu.api.openai.com/v1", "https://openai.com/v1", " https://api.openai.com/v1",
        "http://127.0.0.1:11434/v1", "http://localhost/v1", "https://openrouter.ai/api/v1", "",
    )
] + [
    (ZOTERO_KEY, "http://api.zotero.org"), (ZOTERO_KEY, "https://api.zotero.org:8443"),
    (ZOTERO_KEY, "http://127.0.0.1:23119/api"), (ZOTERO_KEY, "https://zotero.example.org"),
    (ANKI_KEY, "http://127.0.0.1:8766"), (ANKI_KEY, "http://127.0.0.1"), (ANKI_KEY, "http://localhost:8765"),
    (ANKI_KEY, "http://[::1]:8765"), (ANKI_KEY, "http://127.0.0.1:87650"), (ANKI_KEY, "http://127.1:8765"),
    (ANKI_KEY, "http://127.0.0.1:8765@evil.example/"), (ANKI_KEY, "https://127.0.0.1:8765"),
]  # fmt: skip


def test_a_default_variable_is_read_for_its_own_address_alone():
    environ = {one.name: KEY for one in (LLM_KEY, ZOTERO_KEY, ANKI_KEY)} | {
        "MY_KEY": "mine"
    }
    assert [
        url for default, url in OWN if find_api_key(default, url, "", environ) != KEY
    ] == []
    assert [
        url for default, url in FOREIGN if find_api_key(default, url, "", environ)
    ] == []
    for default, url in OWN + FOREIGN:
        assert find_api_key(default, url, "MY_KEY", environ) == "mine"


# --- a model ----------------------------------------------------------------------------------


def test_a_local_server_gets_no_key_that_nobody_wrote(forge, locked):
    drafting(forge, locked.url)
    said = forge("run", code=3).stderr
    assert not locked.has_key
    assert "`key_env: NAME` under `llm:`" in said
    for command in (["doctor"], ["doctor", "--draw"], ["draft"]):
        forge(*command)
        assert not any(KEY in one for one in locked.kept)
    locked.kept.clear()
    said = forge("doctor", code=3).stdout
    assert "llm.key_env" in said


def test_a_key_that_the_settings_name_is_sent(forge, anki, no_retries):
    drafting(forge, anki.url, key_env="MY_KEY")
    forge("run")
    assert anki.has_key


# --- AnkiConnect ------------------------------------------------------------------------------


def test_another_port_gets_no_key_of_ankis(forge, anki):
    settings(forge, anki={"connect": anki.url})
    said = forge("push", code=3).stderr
    assert not anki.has_key
    assert "`key_env: NAME` under `anki:`" in said
    settings(forge, anki={"connect": anki.url, "key_env": "ANKICONNECT_KEY"})
    forge("push", code=3)
    assert anki.has_key


# --- Zotero -----------------------------------------------------------------------------------


def test_another_web_api_gets_no_key_of_zoteros(forge, locked):
    source = {"name": "z", "api": "web", "url": locked.url}
    settings(forge, sources=[{"zotero": source}])
    assert "key_env" in forge("run", code=1).stderr
    settings(forge, sources=[{"zotero": source | {"key_env": "ZOTERO_API_KEY"}}])
    forge("run", code=1)
    assert locked.has_key
