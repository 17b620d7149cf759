"""A server and its replies as tables: settings, prices, models, providers, errors, completions."""

import json
from pathlib import Path

import pytest

from ankiforge.draft.client import (
    Completion,
    _was_cut,
    extract_error_message,
    find_inner_error_status,
    find_refused_field,
)
from ankiforge.draft.server import (
    Budget,
    BudgetExceededError,
    Provider,
    ServerSettings,
    Usage,
    _iter_local_urls,
    find_providers_with_key,
    parse_model_size,
    read_providers,
)
from ankiforge.errors import ConfigError

HERE, ELSEWHERE = "http://127.0.0.1:11434/v1", "https://llm.example/v1"


@pytest.mark.parametrize(
    ("url", "settings", "message", "hint"),
    [
        (ELSEWHERE, {"model": " "}, "llm.model: no model is set", "for example qwen3:8b or gpt-5-mini"),
        (ELSEWHERE, {"model": "a\x00"}, "llm.model: no model has such a name", "type it again: ankiforge model list"),
        (ELSEWHERE, {"model": "a" * 201}, "llm.model: no model has such a name", "type it again: ankiforge model list"),
        (ELSEWHERE, {"extra_body": {"n": 2}}, "llm.extra_body: 'n' is set by the program", "remove it"),
        (ELSEWHERE, {"extra_body": {"stream": True}}, "llm.extra_body: 'stream' is set by the program", "remove it"),
        (ELSEWHERE, {"budget_usd": 1.0}, "llm.budget_usd: the price of 'm' at llm.example is not known", "set `llm.price_usd: [in, out]`, dollars per million tokens"),
        (HERE, {"model": "q:cloud"}, "q:cloud runs at ollama.com, not on this computer", "ankiforge model use https://ollama.com/v1 --model q --key-env OLLAMA_API_KEY"),
    ],
)  # fmt: skip
def test_a_setting_that_is_wrong_is_named(url, settings, message, hint):
    with pytest.raises(ConfigError) as caught:
        ServerSettings(**{"base_url": url, "model": "m", **settings})
    assert (caught.value.message, caught.value.hint) == (message, hint)


@pytest.mark.parametrize(
    ("url", "host", "is_local", "defaults", "price"),
    [
        (HERE, "127.0.0.1:11434", True, (600.0, 1, 1), (0.0, 0.0)),
        (ELSEWHERE, "llm.example", False, (120.0, 4, 5), None),
        ("https://a:b@c.example:8/v1", "c.example:8", False, (120.0, 4, 5), None),
        ("nonsense", "nonsense", False, (120.0, 4, 5), None),
    ],
)
def test_what_follows_from_the_address(url, host, is_local, defaults, price):
    server = ServerSettings(url, "m")
    assert (server.host, server.is_local) == (host, is_local)
    assert (server.silence_timeout, server.max_concurrent_requests, server.highlights_per_request) == defaults  # fmt: skip
    assert server.price_per_million_tokens == price
    given = ServerSettings(url, "m", concurrency=7, per_request=8, timeout_s=9.0, price_usd=(1.0, 2.0))  # fmt: skip
    assert (given.silence_timeout, given.max_concurrent_requests, given.highlights_per_request) == (9.0, 7, 8)  # fmt: skip
    assert given.price_per_million_tokens == (1.0, 2.0)
    assert given.compute_cost(3_000_000, 500_000) == 4.0
    assert server.compute_cost(3_000_000, 1) == (None if price is None else 0.0)


@pytest.mark.parametrize(
    ("url", "key", "result"),
    [
        (ELSEWHERE, "abc", "abc"),
        (ELSEWHERE, None, ConfigError("llm.key_env: the environment variable MY_KEY is not set", hint="export MY_KEY=… before the run")),
        (ELSEWHERE, "a\u00e9", ConfigError("the key in MY_KEY contains characters that no key has", hint="copy it again, without a line end")),
        (ELSEWHERE, "a\x07", ConfigError("the key in MY_KEY contains characters that no key has", hint="copy it again, without a line end")),
        (HERE, None, ""),
    ],
)  # fmt: skip
def test_a_key_is_there_if_it_is_needed(monkeypatch, url, key, result):
    monkeypatch.delenv("MY_KEY", raising=False)
    if key is not None:
        monkeypatch.setenv("MY_KEY", key)
    server = ServerSettings(url, "m", key_env="MY_KEY")
    if isinstance(result, str):
        assert server.require_key() == result
        return
    with pytest.raises(ConfigError) as caught:
        server.require_key()
    assert (caught.value.message, caught.value.hint) == (result.message, result.hint)


def test_a_budget_ends_where_it_is_used_up():
    budget = Budget(ServerSettings(ELSEWHERE, "m", budget_usd=1.0, price_usd=(1.0, 2.0)))
    for characters in (5, 7):
        with budget.request_slot():
            budget.record_reply(250_000, 125_000, characters)
    budget.record_cached_reply()
    assert budget.usage == Usage(2, 1, 500_000, 250_000, 1.0, 12, is_local=False)
    with pytest.raises(BudgetExceededError, match=r"the budget of \$1 is used up"):
        budget.request_slot().__enter__()
    free = Budget(ServerSettings(HERE, "m"))
    free.record_reply(1, 1)
    assert free.usage == Usage(1, 0, 1, 1, 0.0, 0, is_local=True)
    unknown = Budget(ServerSettings(ELSEWHERE, "m"))
    with unknown.request_slot():
        unknown.record_reply(1, 1)
    assert unknown.usage.cost_usd is None


OPENAI = "https://api.openai.com/v1"


@pytest.mark.parametrize(
    ("url", "first"),
    [
        ("", (OPENAI, True)),
        ("https://x.example/v1/ ", ("https://x.example/v1", False)),
        ("https://api.openai.com/v2", (OPENAI, True)),
        ("no url", None),
        ("https://u:p@x.example/v1", None),
    ],
)
def test_the_providers_with_another_address_of_the_first(url, first):
    usual = [*read_providers({})]
    assert all(isinstance(each, Provider) and each.source for each in usual)
    [*providers] = read_providers({"OPENAI_BASE_URL": url})
    rest = providers[1:] if first else providers
    assert rest == usual[1:]
    if first:
        openai = providers[0]
        is_known = openai.price_usd is not None
        assert (openai.base_url, is_known) == first
        assert bool(openai.source) is is_known


def test_a_provider_is_there_if_its_key_is():
    keys = {"GROQ_API_KEY": "x", "MISTRAL_API_KEY": " "}
    assert [each.name for each in find_providers_with_key(keys)] == ["groq"]


@pytest.mark.parametrize(
    ("model", "size"),
    [
        ("qwen3:8b", 8.0),
        ("model-7B", 7.0),
        ("a1.5b-7b", 7.0),
        ("mixtral-8x7b", 56.0),
        ("gemma3n:e4b", 4.0),
        ("smollm:135m", 0.135),
        ("phi4", None),
        ("x8bit", None),
        ("v2b3", None),
    ],
)
def test_the_size_of_a_model_is_in_its_name(model, size):
    assert parse_model_size(model) == size


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("", "http://127.0.0.1:11434/v1"),
        ("1.2.3.4", "http://1.2.3.4:11434/v1"),
        ("0.0.0.0:99", "http://127.0.0.1:99/v1"),
        (" http://x:7 ", "http://x:7/v1"),
        ("https://h/", "http://h:11434/v1"),
        ("[::1]:5", "http://[::1]:5/v1"),
        ("a:b", ""),
    ],
)
def test_where_ollama_runs(tmp_path: Path, host, url):
    found = dict(_iter_local_urls({"OLLAMA_HOST": host}, tmp_path))
    assert found.pop("ollama", "") == url
    assert found == {
        "lmstudio": "http://127.0.0.1:1234/v1",
        "llama.cpp": "http://127.0.0.1:8080/v1",
    }


# --- errors ---------------------------------------------------------------------------------


FIELDS = {"model": "m", "temperature": 0, "response_format": {}}


@pytest.mark.parametrize(
    ("status", "body", "sent", "is_first", "field"),
    [
        (400, "temperature is not supported", FIELDS, False, "temperature"),
        (400, "mytemperature", FIELDS, False, ""),
        (401, "temperature is not supported", FIELDS, False, ""),
        (400, "temperature is not supported", {"model": "m"}, False, ""),
        (422, "json_schema is unknown", FIELDS, False, "response_format"),
        (400, "temperature and json_schema", FIELDS, False, "temperature"),
        (422, "json_schema is unknown", {"temperature": 0}, False, ""),
        (400, "something", FIELDS, True, ""),
        (500, "something", FIELDS, True, "response_format"),
        (501, "something", FIELDS, True, "response_format"),
        (503, "something", FIELDS, True, ""),
        (500, "something", FIELDS, False, ""),
        (500, "<html>", FIELDS, True, ""),
        (400, "[temperature]", FIELDS, False, "temperature"),
    ],
)
def test_which_field_a_server_refuses(status, body, sent, is_first, field):
    server = ServerSettings(ELSEWHERE, "m")
    assert find_refused_field(server, status, body, sent, is_first=is_first) == (
        field or None
    )
    if field:
        own = ServerSettings(ELSEWHERE, "m", extra_body={field: 1})
        assert find_refused_field(own, status, body, sent, is_first=is_first) != field


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"error": "x"}', "x"),
        ('{"error": {"message": "a\\nb \\"c\\"", "code": 5}}', 'a b "c"'),
        ('[{"message": "x"}]', "x"),
        ('{"detail": "y", "title": "z", "msg": "y"}', "y: z"),
        ('{"errors": ["e"]}', "e"),
        ('{"error": {"message": "x", "raw": "{\\"error\\": \\"deep\\"}"}}', "x: deep"),
        ('{"a": 1}', '{"a": 1}'),
        ("plain  text", "plain text"),
        ("a" * 301, "a" * 300),
        ("<html>", "a web page"),
        ("  <p>", "a web page"),
        ('{"a": "<p>"}', '{"a": "<p>"}'),
        (" " * 200 + "<p>", "<p>"),
        ("", ""),
    ],
)
def test_the_message_of_an_error(body, message):
    assert extract_error_message(body) == message


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"choices": []}', None),
        ('{"choices": [{"finish_reason": "error", "code": 502}]}', 502),
        ('{"choices": [{"finish_reason": "error", "code": 502, "message": {"content": "x"}}]}', None),
        ('{"choices": [{"code": 502}]}', None),
        ('{"error": {"code": 503}}', 503),
        ('{"choices": [], "error": {"status": "404"}}', 404),
        ('{"error": "{\\"code\\": 429}"}', 429),
        ('{"error": {"code": 4031}}', 200),
        ('{"error": "insufficient_quota"}', 400),
        ('{"error": "invalid_api_key"}', 400),
        ('{"error": "model_not_found"}', 400),
        ('{"error": "x"}', 200),
        ('{"a": 1}', None),
        ("[1]", 200),
        ("<html>", 200),
        ("", 200),
    ],
)  # fmt: skip
def test_an_error_in_a_reply_that_succeeded(body, status):
    assert find_inner_error_status(body) == status


def complete(message=None, usage=None, **fields):
    return json.dumps({"choices": [{"message": message or {}, **fields}], "usage": usage})


@pytest.mark.parametrize(
    ("raw", "completion", "is_empty"),
    [
        (complete({"content": "a", "reasoning": "r"}, finish_reason="stop"), Completion("a", "stop"), False),
        (complete({"content": [{"text": "a"}, {"text": "b"}, {"x": 1}, "c"]}), Completion("ab"), False),
        (complete({"content": "a\ud800"}), Completion("a?"), False),
        (complete({"content": " "}), Completion(" "), True),
        (complete({"refusal": "no"}), Completion(refusal="no"), True),
        (complete({"reasoning": "r"}), Completion(has_only_reasoning=True), False),
        (complete({"reasoning": "r", "reasoning_content": "s"}), Completion(has_only_reasoning=True), False),
        # the answer, given as reasoning
        (complete({"reasoning": '{"cards": []}'}, finish_reason="stop"), Completion('{"cards": []}', "stop"), False),
        (complete({"reasoning": '{"cards": []}'}, finish_reason="length"), Completion("", "length", has_only_reasoning=True), False),
        (complete({"reasoning": "cards"}, finish_reason="stop"), Completion("", "stop", has_only_reasoning=True), False),
        # tokens, with those of the reasoning
        (complete(usage={"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 10}), Completion(tokens_in=5, tokens_out=5), True),
        (complete(usage={"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 7}), Completion(tokens_in=5, tokens_out=3), True),
        (complete(usage={"completion_tokens": 3, "total_tokens": 10}), Completion(tokens_out=3), True),
        (complete(usage={"prompt_tokens": 10_000_000, "completion_tokens": 10_000_001}), Completion(tokens_in=10_000_000), True),
        (complete(usage={"prompt_tokens": True, "completion_tokens": -1}), Completion(), True),
        (complete(usage={"completion_tokens": int("9" * 30)}), Completion(), True),
        ('{"usage": {"completion_tokens": 3}}', Completion(tokens_out=3), True),
        ('{"choices": [1], "model": "m"}', Completion(model="m"), True),
        ('{"choices": []}', Completion(), True),
        ('{"choices": [], "error": "x"}', None, None),
        ('{"choices": [], "error": "x", "usage": {"completion_tokens": 3}}', Completion(tokens_out=3), True),
        ('{"choices": "x"}', None, None),
        ('{"usage": {"prompt_tokens": 3}}', None, None),
        ("nonsense", None, None),
        ("[]", None, None),
    ],
)  # fmt: skip
def test_what_is_read_of_a_completion(raw, completion, is_empty):
    parsed = Completion.parse(raw)
    assert parsed == completion
    assert (parsed and parsed.is_empty) == is_empty


@pytest.mark.parametrize(
    ("tokens_in", "character_count", "was_cut"),
    [
        (0, 30_000, False),  # unknown
        (10, 30_000, False),  # no true count
        (2_050, 29_000, True),
        (4_096, 29_000, True),
        (4_096, 24_000, False),
        (7_500, 30_000, False),
        (1_300, 5_800, False),  # a request about marked highlights
    ],
)
def test_a_request_was_cut_if_far_too_few_tokens_were_read(
    tokens_in, character_count, was_cut
):
    assert _was_cut(tokens_in, character_count) is was_cut
