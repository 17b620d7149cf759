"""Ollama and LM Studio, as they answer: their lists, their errors, and the models of a cloud.

The answers are those of Ollama 0.13 and LM Studio 0.4, cut to what differs between servers.
"""

import json
from typing import Any

import pytest

from ankiforge.draft import server as model_server
from ankiforge.pipeline import models
from tests.fakes.llm_server import LlmServer, Reply, completion, obliging
from tests.limits import PATIENCE

NOTE = (
    "==The Treaty of Westphalia ended the Thirty Years' War in 1648.==\n\n"
    "==Photosynthesis turns light into chemical energy.==\n"
)
# of Ollama, in the order of its list: newest first; all but two run here and write
OLLAMA = {
    "gpt-oss:120b-cloud": "https://ollama.com:443",
    "deepseek-v4-flash:latest": "https://ollama.com:443",
    "glm-4.6:cloud": "https://ollama.com:443",
    "nomic-embed-text:latest": "",
    "paraphrase-multilingual:latest": "",
    "llama3.2:latest": "",
    "qwen3:8b": "",
}
STUDIO = (
    "text-embedding-nomic-embed-text-v1.5",
    "qwen/qwen3-4b-2507",
    "google/gemma-3-12b",
)


def tags() -> dict[str, Any]:
    """What Ollama says at `/api/tags`."""
    details = {"format": "gguf", "family": "llama", "parameter_size": "3.2B"}
    models = []
    for name, host in OLLAMA.items():
        row: dict[str, Any] = {"name": name, "model": name, "details": details}
        if host:
            row |= {"remote_host": host, "remote_model": name.partition(":")[0]}
        models.append(row)
    return {"models": models}


def ollamas(request: dict[str, Any]) -> Reply:
    """A chat completion, or Ollama's error: for a name that it has not, and one that cannot write."""
    name = request["model"]
    status, kind, message = 0, "", ""
    if f"{name}:latest" not in OLLAMA and name not in OLLAMA:
        status, kind, message = 404, "not_found_error", f"model '{name}' not found"
    elif "embed" in name:
        status, kind = 400, "invalid_request_error"
        message = f'"{name}" does not support chat'
    if status:
        error = {"message": message, "type": kind, "param": None, "code": None}
        return Reply(status, json.dumps({"error": error}).encode())
    written = json.loads(obliging(request).body)["choices"][0]["message"]["content"]
    # a model that thinks first; Ollama keeps the thoughts apart
    thought = "The reader marked a passage. I shall ask for its fact."
    return Reply(body=json.dumps(completion(written, reasoning=thought)).encode())


@pytest.fixture(autouse=True)
def patient(monkeypatch) -> None:
    """However busy the machine is, whoever runs here is heard."""
    monkeypatch.setattr(model_server, "LOCAL_STEP_TIMEOUT", PATIENCE)
    monkeypatch.setattr(model_server, "LOCAL_DISCOVERY_TIMEOUT", PATIENCE)
    monkeypatch.setattr(models, "LOCAL_DISCOVERY_TIMEOUT", PATIENCE)


@pytest.fixture
def note(forge):
    path = forge.folder / "history.md"
    path.write_text(NOTE, encoding="utf-8")
    forge.ok("run", path)
    return path


@pytest.fixture
def ollama(monkeypatch):
    with LlmServer(otherwise=ollamas, models=tuple(OLLAMA)) as running:
        running.pages = {"/api/tags": tags(), "/api/version": {"version": "0.13.3"}}
        monkeypatch.setenv("OLLAMA_HOST", running.base_url.removesuffix("/v1"))
        yield running


def settings_of(forge) -> str:
    file = forge.home / "ankiforge.yaml"
    return file.read_text("utf-8") if file.exists() else ""


def named(forge, server: str) -> list[str]:
    rows = forge.ok("model", "list", "--json").lines
    return [row["model"] for row in rows if row["name"] == server]


def test_of_ollama_the_models_that_write_and_run_here_are_listed_and_used(
    forge, note, ollama
):
    assert named(forge, "ollama") == ["qwen3:8b", "llama3.2:latest"]
    told = forge.ok("model", "use", "ollama", "--yes", "--offline").stderr
    assert "qwen3:8b at 127.0.0.1" in told
    assert "it stays on this computer" in told
    assert "cloud" not in told
    assert len(forge.ok("list", "drafter:llm", "--json").lines) == 2

    # as Ollama's own commands take the name; then without a model again
    forge.ok("model", "use", "llama3.2", "--yes")
    assert "model: 'llama3.2:latest'" in settings_of(forge)
    forge.ok("model", "off")
    sent = len(ollama.asked)
    note.write_text(
        f"{NOTE}\n==The Peace of Utrecht ended the War of the Spanish Succession in 1713.==\n",
        encoding="utf-8",
    )
    forge.ok("run")
    assert len(ollama.asked) == sent


def test_a_model_that_ollama_has_run_elsewhere_is_not_taken_for_one_of_this_machine(
    forge, note, ollama
):
    for call in (
        ("gpt-oss:120b-cloud",),
        ("ollama", "--model", "gpt-oss:120b-cloud"),
        ("ollama", "--model", "glm-4.6:cloud"),
        ("ollama", "--model", "deepseek-v4-flash:latest"),
    ):
        told = forge("model", "use", *call, "--yes", code=2).stderr
        assert "runs at ollama.com, not on this computer" in told, call
        assert "model use https://ollama.com/v1 --model" in told
        assert (ollama.asked, settings_of(forge)) == ([], "")


def test_settings_that_name_such_a_model_send_nothing(forge, ollama):
    (forge.folder / "history.md").write_text(NOTE, encoding="utf-8")
    forge.drafting(
        ollama.base_url, "{obsidian: {name: desk, path: .}}", model="glm-4.6:cloud"
    )
    assert "runs at ollama.com" in forge("run").stderr
    assert ollama.asked == []


def test_it_is_said_why_a_model_of_ollama_cannot_be_used(forge, note, ollama):
    for name, said in (
        ("qwen3:32b", "hint: ollama pull qwen3:32b"),
        ("nomic-embed-text", 'returned 400: "nomic-embed-text" does not support chat'),
    ):
        told = forge("model", "use", "ollama", "--model", name, "--yes").stderr
        assert said in told, told
        assert settings_of(forge) == ""


def test_ollama_may_load_its_model_before_it_answers(forge, note, ollama):
    ollama.queue.append(Reply(503, b'{"error": {"message": "loading model"}}'))
    told = forge.ok("model", "use", "ollama", "--yes").stderr
    assert "is loading its model; waiting for it" in told


def test_lm_studio_is_used_though_it_refuses_a_shape_and_has_no_tags(
    forge, note, monkeypatch, tmp_path
):
    def studio(request: dict[str, Any]) -> Reply:
        shape = request.get("response_format", {}).get("type", "text")
        if shape == "json_object":
            words = "'response_format.type' must be 'json_schema' or 'text'"
            return Reply(400, json.dumps({"error": words}).encode())
        return obliging(request)

    with LlmServer(otherwise=studio, models=STUDIO) as running:
        # each path that it does not know is answered so, with status 200
        unknown = {"error": "Unexpected endpoint or method. (GET /api/tags)"}
        running.pages = {"/api/tags": unknown}
        port = int(running.base_url.rpartition(":")[2].removesuffix("/v1"))
        settings = forge.home / ".lmstudio/.internal/http-server-config.json"
        settings.parent.mkdir(parents=True)
        settings.write_text(json.dumps({"port": port}), encoding="utf-8")
        assert named(forge, "lmstudio") == ["google/gemma-3-12b", "qwen/qwen3-4b-2507"]
        forge.ok("model", "use", "lmstudio", "--yes")

        # no model is loaded, and it loads none by itself
        words = "No models loaded. Please load a model in the developer page"
        error = {"message": words, "type": "invalid_request_error", "param": "model"}
        running.otherwise = lambda _: Reply(404, json.dumps({"error": error}).encode())
        note.write_text(
            f"{NOTE}\n==The Peace of Utrecht ended the War of the Spanish Succession in 1713.==\n",
            encoding="utf-8",
        )
        assert "No models loaded" in forge("run").stderr


def test_a_server_that_lists_no_models_is_used_if_its_model_is_named(forge, note):
    with LlmServer() as running:
        address = (
            running.base_url.removesuffix("v1") + "plain"
        )  # it lists them at /v1 alone
        asked = forge("model", "use", address, code=3).stderr
        assert "hint: start it (ollama serve), or choose another" in asked
        forge.ok("model", "use", address, "--model", "mine", "--yes")
        assert "model: mine" in settings_of(forge)
