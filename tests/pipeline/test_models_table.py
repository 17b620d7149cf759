"""Which model a name stands for, what is said of a name that stands for none, and settings: rows."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ankiforge.config import LlmSettings
from ankiforge.config.caches import REPLIES_FILE, ReplyStore
from ankiforge.draft.server import ModelPurpose, ModelServer, ServerReplyError
from ankiforge.errors import ConfigError, ForgeError, ServiceError, UsageError
from ankiforge.pipeline import models
from ankiforge.pipeline.workspace import Workspace

OLLAMA = "http://127.0.0.1:11434/v1"
STUDIO = "http://127.0.0.1:1234/v1"
THERE = {OLLAMA: ("qwen3:8b", "gemma3:latest", "big:cloud"), STUDIO: ("phi-4",)}
ELSEWHERE = ("big:cloud",)
READING = ModelPurpose("reading", tuple, {"openai": "embed-1"})


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two servers on this computer, and no other; and one key."""

    def list_models(base_url: str, key: str) -> tuple[str, ...]:
        if base_url not in THERE:
            raise ServerReplyError("does not answer", 0)
        return THERE[base_url]

    def discover(*_: Any, **__: Any) -> Any:
        return lambda timeout: (
            ModelServer("ollama", "Ollama", OLLAMA, THERE[OLLAMA][:2]),
            ModelServer("lmstudio", "LM Studio", STUDIO, THERE[STUDIO]),
        )

    monkeypatch.setattr(models, "list_models", list_models)
    monkeypatch.setattr(models, "find_remote_models", lambda url, listed: ELSEWHERE)
    monkeypatch.setattr(models, "discover_servers", discover)
    for name in ("OPENAI_BASE_URL", "MISTRAL_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "k")


@pytest.mark.parametrize(
    ("named", "base_url", "model", "key_env"),
    [
        # programs on this computer, and their models
        (("ollama",), OLLAMA, "qwen3:8b", ""),
        (("ollama", "gemma3"), OLLAMA, "gemma3", ""),
        (("lmstudio",), STUDIO, "phi-4", ""),
        (("phi-4",), STUDIO, "phi-4", ""),
        (("gemma3",), OLLAMA, "gemma3:latest", ""),
        (("qwen3:8b",), OLLAMA, "qwen3:8b", ""),
        # a URL
        ((f"{STUDIO}/",), STUDIO, "phi-4", ""),
        ((STUDIO, "other"), STUDIO, "other", ""),
        (("https://a.example/v1", "m", "KEY"), "https://a.example/v1", "m", "KEY"),
        # a provider
        (("openai", "gpt-x"), "https://api.openai.com/v1", "gpt-x", "OPENAI_API_KEY"),
        (("openai", None, None, READING), "https://api.openai.com/v1", "embed-1", "OPENAI_API_KEY"),
    ],
)  # fmt: skip
def test_what_a_name_stands_for(servers, named, base_url, model, key_env):
    found = models.resolve_model(*named)
    assert (found.llm.base_url, found.llm.model) == (base_url, model)
    assert found.llm.key_env == key_env
    assert found.is_local == base_url.startswith("http://127")
    assert found.display_name == f"{model} at {base_url.partition('://')[2]}"
    assert found.server_models == (
        {OLLAMA: ("qwen3:8b", "gemma3:latest"), STUDIO: ("phi-4",)}.get(base_url, ())
        if named[:2] != ("ollama", "x")
        else ()
    )


@pytest.mark.parametrize(
    ("named", "error", "message", "hint"),
    [
        (("openay",), UsageError, "no model is called 'openay'", "did you mean openai? Or: ankiforge model list"),
        (("xyzzy",), UsageError, "no model is called 'xyzzy'", "ankiforge model list"),
        (("ada:secret@a.example",), UsageError, "there is no model of that name", "ankiforge model list; or give a URL without user name, password or query"),
        (("other:120b-cloud",), ConfigError, "other:120b-cloud runs at ollama.com, not on this computer", None),
        (("llama.cpp",), ServiceError, "llama.cpp does not answer, or has no model", "start llama.cpp's server, load a model there, and try again"),
        (("mistral",), UsageError, "the key, MISTRAL_API_KEY, is not set", "export MISTRAL_API_KEY=… in this terminal; it is stored nowhere"),
        (("mistral", None, None, READING), UsageError, "which model of mistral is for reading?", "ankiforge model use mistral --model MODEL --for reading"),
        (("ollama", "big:cloud"), ConfigError, "big:cloud runs at ollama.com, not on this computer", None),
        (("ollama", "none"), UsageError, "Ollama has no model 'none'; it has qwen3:8b, gemma3:latest", "ollama pull none"),
        (("https://a.example/v1",), UsageError, "which model of https://a.example/v1?", "ankiforge model use https://a.example/v1 --model MODEL [--key-env VARIABLE]"),
        (("https://ada:x@a.example/v1", "m"), UsageError, "give a URL without user name, password or query", ""),
        (("http://127.0.0.1:9/v1", "m"), ServiceError, "http://127.0.0.1:9/v1 does not answer", "start it (ollama serve), or choose another: ankiforge model list"),
    ],
)  # fmt: skip
def test_a_name_that_stands_for_none(servers, named, error, message, hint):
    with pytest.raises(ForgeError) as raised:
        models.resolve_model(*named)
    assert (type(raised.value), raised.value.message) == (error, message)
    assert hint is None or raised.value.hint == hint


@pytest.mark.parametrize("model", [None, "mine"])
def test_ollama_that_does_not_run_is_told_how_to_start(servers, monkeypatch, model):
    monkeypatch.setattr(models, "discover_servers", lambda *_, **__: lambda timeout: ())
    with pytest.raises(ServiceError) as raised:
        models.resolve_model("ollama", model)
    pulled = model or LlmSettings().model
    assert raised.value.hint == f"start it (ollama serve), then: ollama pull {pulled}"


@pytest.mark.parametrize(
    ("url", "error"),
    [("https://ada:x@a.example/v1", UsageError), ("https://a.example/v1", None)],
)
def test_another_server_may_stand_for_openai(servers, monkeypatch, url, error):
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    if error:
        with pytest.raises(error, match="OPENAI_BASE_URL: give a URL without"):
            models.resolve_model("openai")
        assert models.resolve_model("phi-4").llm.base_url == STUDIO
        return
    found = models.resolve_model("openai")
    assert (found.llm.base_url, found.llm.price_usd, found.price_source) == (
        url,
        None,
        "",
    )


@pytest.mark.parametrize(
    ("status", "key_env", "hint"),
    [
        (401, "", "name the environment variable of its key as llm.key_env"),
        (403, "", "name the environment variable of its key as llm.key_env"),
        (401, "KEY", "start it (ollama serve), or choose another: ankiforge model list"),
        (404, "", "start it (ollama serve), or choose another: ankiforge model list"),
    ],
)
def test_a_server_that_refuses_its_list(monkeypatch, status, key_env, hint):
    def refuse(base_url: str, key: str) -> None:
        raise ServerReplyError("refuses", status)

    monkeypatch.setattr(models, "list_models", refuse)
    with pytest.raises(ServiceError) as raised:
        models.list_server_models(STUDIO, None, key_env or None)
    assert (raised.value.message, raised.value.hint) == (f"{STUDIO} refuses", hint)


# --- the model of a workspace ----------------------------------------------------------------


def configured(workspace: Workspace, drafter: str = "llm", **llm: Any) -> Any:
    config = replace(workspace.folder.config, drafter=drafter, llm=LlmSettings(**llm))
    return replace(workspace.folder, config=config)


@pytest.mark.parametrize(
    ("drafter", "llm", "is_chosen"),
    [
        ("llm", {}, True),
        ("rules", {}, False),
        ("rules", {"model": "other"}, True),
        ("rules", {"base_url": STUDIO}, True),
        ("rules", {"budget_usd": 3.0}, False),
    ],
)
def test_a_model_has_to_be_chosen(workspace, drafter, llm, is_chosen):
    folder = configured(workspace, drafter, **llm)
    if is_chosen:
        models.require_model(folder)
        return
    with pytest.raises(UsageError, match="no model is chosen") as raised:
        models.require_model(folder)
    assert "ankiforge model use NAME" in raised.value.hint
    assert "ankiforge draft" in raised.value.hint


@pytest.mark.parametrize(
    ("llm", "options", "expected"),
    [
        ({}, {}, {"base_url": OLLAMA, "model": "qwen3:8b", "per_request": 1}),
        ({"model": "qwen3:32b"}, {}, {"model": "qwen3:32b"}),
        ({"concurrency": 3}, {}, {"concurrency": 3}),
        ({"concurrency": 3}, {"jobs": 5}, {"concurrency": 5}),
        ({}, {"jobs": 5}, {"concurrency": 5}),
        ({"budget_usd": 2.0}, {}, {"budget_usd": 2.0}),
        ({"budget_usd": 2.0}, {"spent": 0.5}, {"budget_usd": 1.5}),
        ({"budget_usd": 2.0}, {"spent": 3.0}, {"budget_usd": 0.0}),
        ({}, {"spent": 3.0}, {"budget_usd": None}),
        ({"extra_body": {"x": 1}}, {}, {"extra_body": {"x": 1}}),
    ],
)  # fmt: skip
def test_the_settings_for_a_server(workspace, llm, options, expected):
    settings = models.load_server_settings(configured(workspace, **llm), **options)
    assert {name: getattr(settings, name) for name in expected} == expected
    if "32b" in str(llm):
        assert settings.per_request == 0  # as many as fit


def test_a_wrong_setting_is_told_with_its_place(workspace):
    folder = configured(workspace, extra_body={"model": "x"})
    with pytest.raises(ConfigError) as raised:
        models.load_server_settings(folder)
    assert "llm.extra_body: 'model' is set by the program" in raised.value.message


@pytest.mark.parametrize(
    ("drafter", "llm", "told"),
    [
        ("rules", {}, ""),
        ("llm", {}, "qwen3:8b at 127.0.0.1:11434/v1, free (local)"),
        ("llm", {"base_url": "https://a.example/v1", "model": "m"}, "m at a.example/v1, price unknown (set llm.price_usd)"),
        ("llm", {"base_url": "https://a.example/v1", "model": "m", "price_usd": (1.0, 10.0)}, "m at a.example/v1, $32.00 so far"),
        ("llm", {"base_url": "https://a.example/v1", "model": "n", "price_usd": (1.0, 10.0)}, "n at a.example/v1, nothing so far"),
    ],
)  # fmt: skip
def test_what_is_told_of_a_model(workspace, drafter, llm, told):
    folder = configured(workspace, drafter, **llm)
    file = folder.state_directory / REPLIES_FILE
    assert models.describe_model(folder) == told.replace("$32.00", "nothing")
    assert not file.exists()
    replies = ReplyStore(file)
    replies.store_reply(
        "a", "x", model="m", prompt_fingerprint="p", tokens=(2_000_000, 3_000_000)
    )
    replies.close()
    assert models.describe_model(folder) == told


def test_a_prompt_that_is_not_there_is_told_with_its_place(workspace):
    assert models.load_prompt(configured(workspace)).fingerprint
    with pytest.raises(ConfigError) as raised:
        models.load_prompt(configured(workspace, prompt="none"))
    assert "llm.prompt: " in raised.value.message
    prompts = Path(workspace.folder.root, "prompts")
    assert not prompts.exists()
