"""The faults of each kind of server, as it words them, and what becomes of each.

Rows come from the servers' own words: OpenAI, Ollama, llama.cpp, llama-cpp-python, LM Studio,
vLLM, Open WebUI, text-generation-webui, OpenRouter, Gemini's and Mistral's compatible endpoints.
"""

import gzip
import json
import re
import threading
from dataclasses import replace

import pytest

from ankiforge.draft import client as faults
from ankiforge.draft.client import ServerSettings
from ankiforge.errors import ServiceError

FACT = "Sleep has four stages."
SERVER = ServerSettings("http://127.0.0.1:1/v1", "m", key_env="MY_KEY")


def kinds_asked(server):
    return [request.get("response_format", {}).get("type", "text") for request in server.asked]


def body(status, found, **headers):
    """An error as a server writes it."""
    from dataclasses import replace

    def made(fake):
        named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        plain = fake.Reply(status, json.dumps(found).encode())
        return replace(plain, headers=(*plain.headers, *named))

    return made


# --- what passes ----------------------------------------------------------------------------

PASSING = {
    "anthropic overloaded": body(529, {"error": {"type": "overloaded_error", "message": "Busy"}}),
    "timeout": body(408, {"error": {"message": "Timeout"}}),
    "openrouter 200, 429 inside": body(
        200, {"error": {"code": 429, "message": "Provider returned error",
                        "metadata": {"raw": "slow down", "provider_name": "X"}}}
    ),
    "openrouter 200, 502 inside": body(200, {"error": {"code": 502, "message": "no provider"}}),
    "openrouter error within the choice": body(
        200, {"choices": [{"message": {"content": ""}, "finish_reason": "error",
                           "error": {"code": 502, "message": "upstream reset"}}]}
    ),
    "gemini list, 503": body(
        503, [{"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}]
    ),
    "gemini 429 is a rate though it says quota": body(
        429, [{"error": {"code": 429, "message": "You exceeded your current quota, please check",
                         "status": "RESOURCE_EXHAUSTED",
                         "details": [{"@type": "t/RetryInfo", "retryDelay": "0.01s"}]}}]
    ),
    "llama.cpp still loads": body(503, {"error": {"code": 503, "message": "Loading model"}}),
    "vllm 500 with a bare detail": body(500, {"detail": "Internal Server Error"}),
    "no message": body(200, {"choices": [{"finish_reason": "stop"}]}),
}  # fmt: skip


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_costs_a_retry_and_nothing_else(draft, task, server, fake, name):
    server.queue.append(PASSING[name](fake))
    result = draft(task(FACT))
    assert len(result.drafts) == 1
    assert not result.problems
    assert len(server.asked) == 2


LOOSE = {
    "byte order mark": lambda good: b"\xef\xbb\xbf" + good,
    "half an emoji": lambda good: good.replace(b'"content": "', b'"content": "\\ud83d '),
    "a bare line break": lambda good: good.replace(b'"content": "', b'"content": "\n'),
}


@pytest.mark.parametrize("name", LOOSE)
def test_a_loose_envelope_is_a_reply_that_was_paid_for(draft, task, server, fake, name):
    server.otherwise = lambda request: fake.Reply(body=LOOSE[name](fake.obliging(request).body))
    assert len(draft(task(FACT)).drafts) == 1
    assert len(server.asked) == 1


def test_a_server_that_was_silent_for_long_is_busy_and_not_asked_again(draft, task, server, fake):
    server.otherwise = lambda request: replace(fake.obliging(request), hang_s=0.4)
    result = draft(task(FACT), timeout_s=0.2, total_s=0.3)
    assert "no answer within 0.2 s" in result.problems[0].what
    assert len(server.asked) == 1


def test_a_server_on_this_machine_may_take_its_time():
    assert ServerSettings("http://127.0.0.1:1/v1", "m").silence_s == 600
    assert ServerSettings("https://llm.example/v1", "m").silence_s == 120
    assert ServerSettings("http://127.0.0.1:1/v1", "m", timeout_s=3).silence_s == 3


WIRE = {
    "length says more": lambda fake, good: fake.Reply(body=good, length=len(good) + 50, cut=9999),
    "length says less": lambda fake, good: fake.Reply(body=good, length=40, cut=9999),
    "hangs": lambda fake, good: fake.Reply(body=good, hang_s=0.6),
    "not packed as it says": lambda fake, good: fake.Reply(
        body=good, headers=(("content-encoding", "gzip"),)
    ),
}


@pytest.mark.parametrize("name", WIRE)
def test_what_breaks_on_the_wire_is_asked_again(draft, task, server, fake, name):
    good = fake.cards(fake.card(1, FACT)).body
    server.queue.append(WIRE[name](fake, good))
    result = draft(task(FACT), timeout_s=0.3, total_s=9.0)
    assert len(result.drafts) == 1
    assert len(server.asked) == 2


def test_an_error_page_that_drips_is_given_up_in_time(draft, task, server, fake):
    server.queue.append(fake.Reply(500, b" " * 5_000, drip_s=0.1))
    assert "took more than 0.4 s" in draft(task(FACT), timeout_s=0.4).problems[0].what
    assert len(server.asked) == 1


ARGUMENTS = {
    "a tool call": lambda said: {"tool_calls": [{"function": {"name": "f", "arguments": said}}]},
    "an object": lambda said: {"tool_calls": [{"function": {"arguments": json.loads(said)}}]},
    "a function call": lambda said: {"function_call": {"name": "f", "arguments": said}},
}


@pytest.mark.parametrize("content", [None, "", " \n"])
@pytest.mark.parametrize("name", ARGUMENTS)
def test_the_arguments_of_the_only_tool_call_are_read(draft, task, server, fake, name, content):
    said = json.loads(fake.cards(fake.card(1, FACT)).body)["choices"][0]["message"]["content"]
    server.queue.append(fake.says(content, "tool_calls", **ARGUMENTS[name](said)))
    assert len(draft(task(FACT)).drafts) == 1
    assert len(server.asked) == 1


@pytest.mark.parametrize("label", [{"h": "deadbeef"}, {"h": 7}, {"h": None}, {}])
def test_where_one_highlight_was_asked_for_its_label_does_not_matter(
    draft, task, server, fake, label
):
    card = {**fake.card(1, FACT), **label}
    card = card if label else {name: value for name, value in card.items() if name != "h"}
    server.queue.append(fake.cards(card))
    assert len(draft(task(FACT)).drafts) == 1
    assert len(server.asked) == 1


def test_a_wrong_label_among_several_highlights_is_asked_for_singly(draft, task, server, fake):
    server.queue.append(fake.cards(fake.card("deadbeef", "Passage 1 says")))
    assert len(draft(task(count=2), per_request=2).drafts) == 2
    assert len(server.asked) == 3


NO_NUMBER = [
    "NaN",
    "-5",
    "1" + 30 * "0",
    '"many"',
    "12.5",
    "1e999",
    "9" * 5000,
    "[]",
    "true",
    "null",
]


@pytest.mark.parametrize("number", NO_NUMBER, ids=lambda number: number[:8])
def test_a_reply_with_unusable_usage_is_kept_and_its_cost_guessed(
    model, task, server, fake, number
):
    good = fake.cards(fake.card(1, FACT)).body
    counts = (
        f'{{"prompt_tokens": {number}, "completion_tokens": {number}, "total_tokens": {number}}}'
    )
    for usage in (counts, number):
        body = re.sub(rb'"usage": \{.*\}\}', f'"usage": {usage}}}'.encode(), good)
        server.queue.append(fake.Reply(body=body))
        running = model(fake.Memory(), price_usd=(1, 1), budget_usd=1)
        [result] = running.draft(iter([task(FACT)]))
        assert len(result.drafts) == 1
        assert 0 < running.usage.cost_usd < 0.01
        assert 0 < running.usage.tokens_out < 200
    assert len(server.asked) == 2


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_an_answer_that_a_server_takes_for_a_thought_is_read(draft, task, server, fake, field):
    said = json.loads(fake.cards(fake.card(1, FACT)).body)["choices"][0]["message"]["content"]
    server.queue.append(fake.says(None, **{field: said}))
    assert len(draft(task(FACT)).drafts) == 1
    assert len(server.asked) == 1


def test_thoughts_alone_are_no_answer(draft, task, server, fake):
    server.queue.append(fake.says("", reasoning_content="They want cards. Let me think."))
    assert len(draft(task(FACT)).drafts) == 1
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("usage", "out"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}, 20),
        ({"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 130}, 120),
        ({"prompt_tokens": 10, "completion_tokens": 20}, 20),
    ],
)
def test_thoughts_are_paid_for_however_a_server_counts_them(model, task, server, fake, usage, out):
    made = json.loads(fake.cards(fake.card(1, FACT)).body)
    server.queue.append(fake.Reply(body=json.dumps({**made, "usage": usage}).encode()))
    running = model(price_usd=(0, 1_000_000))
    list(running.draft(iter([task(FACT)])))
    assert (running.usage.tokens_out, running.usage.cost_usd) == (out, out)


def test_tokens_that_the_server_had_in_its_cache_are_cheaper(model, task, server, fake):
    usage = {"prompt_tokens": 100, "completion_tokens": 10,
             "prompt_tokens_details": {"cached_tokens": 80}}  # fmt: skip
    made = json.loads(fake.cards(fake.card(1, FACT)).body)
    server.queue.append(fake.Reply(body=json.dumps({**made, "usage": usage}).encode()))
    running = model(prices={"fake": (10e6, 20e6, 1e6)})
    list(running.draft(iter([task(FACT)])))
    assert running.usage.cost_usd == 20 * 10 + 80 * 1 + 10 * 20


def test_a_packed_reply_is_read(draft, task, server, fake):
    good = gzip.compress(fake.cards(fake.card(1, FACT)).body)
    server.queue.append(fake.Reply(body=good, headers=(("content-encoding", "gzip"),)))
    assert len(draft(task(FACT)).drafts) == 1
    assert server.headers[0]["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_reply_that_unpacks_without_end_costs_one_request(draft, task, server, fake, status):
    bomb = gzip.compress(b"0" * 9_000_000)
    server.queue.append(fake.Reply(status, bomb, (("content-encoding", "gzip"),)))
    result = draft(task(count=2))
    assert "more than 8,000,000 bytes" in result.problems[0].what
    assert len(result.drafts) == 1


# --- what ends the run ----------------------------------------------------------------------

FATAL = {
    "openrouter 200, no credit": (
        body(200, {"error": {"code": 402, "message": "Insufficient credits"}}), "credit"),
    "openrouter 200, no key": (body(200, {"error": {"code": 401, "message": "No auth"}}), "MY_KEY"),
    "openrouter, no such model": (
        body(400, {"error": {"code": 400, "message": "x/y is not a valid model ID"}}), "'fake'"),
    "gemini, bad key": (
        body(400, [{"error": {"code": 400, "message": "API key not valid.",
                              "status": "INVALID_ARGUMENT",
                              "details": [{"reason": "API_KEY_INVALID"}]}}]), "MY_KEY"),
    "anthropic, no credit": (
        body(400, {"error": {"message": "Your credit balance is too low to access"}}), "credit"),
    "ollama, no such model": (
        body(404, {"error": {"message": 'model "x" not found, try pulling it first'}}), "'fake'"),
    "lm studio, no model": (
        body(400, {"error": "No models loaded. Please load a model first."}), "'fake'"),
    "open webui wants a login": (body(401, {"detail": "Not authenticated"}), "MY_KEY"),
    "post is not served": (body(405, {"detail": "Method Not Allowed"}), "base_url"),
    "moved": (body(308, {}, location="https://b.example/v1/chat/completions"), "b.example/v1"),
    "a proxy asks who we are": (body(407, {}), "HTTPS_PROXY"),
}  # fmt: skip


@pytest.mark.parametrize("name", FATAL)
def test_what_every_request_would_meet_ends_the_run_at_once(draft, task, server, fake, name):
    made, hint = FATAL[name]
    server.otherwise = lambda _: made(fake)
    with pytest.raises(ServiceError) as caught:
        draft(task(count=2), key_env="MY_KEY")
    assert hint in caught.value.hint
    assert len(server.asked) == 1


def test_a_server_that_rejects_every_request_is_not_asked_for_ever(model, task, server, fake):
    server.otherwise = lambda _: fake.error(400, "unknown field 'verbosity'")
    with pytest.raises(ServiceError, match="verbosity") as caught:
        list(model().draft(iter([task(count=50)])))
    assert "llm.extra_body" in caught.value.hint
    assert len(server.asked) == 10


def test_a_login_page_is_named(draft, task, server, fake):
    server.otherwise = lambda _: fake.page(text="<html><title>Open WebUI</title></html>")
    with pytest.raises(ServiceError, match="a web page: Open WebUI"):
        draft(task(FACT))


# --- how it is asked ------------------------------------------------------------------------

REFUSED = {
    "llama-cpp-python": body(
        500, {"error": {"message": "[{'type': 'literal_error', 'loc': ('body', 'response_format',"
                        " 'type'), 'msg': \"Input should be 'text' or 'json_object'\"}]"}}),
    "llama.cpp": body(
        400, {"error": {"code": 400, "message": "Either json_schema or grammar can be specified"}}),
    "mistral": body(
        422, {"detail": [{"loc": ["body", "response_format", "type"], "type": "enum",
                          "msg": "unexpected value"}]}),
    "openrouter": body(
        404, {"error": {"code": 404, "message": "No endpoints found that can handle the requested"
                        " parameters."}}),
    "openrouter 200": body(
        200, {"error": {"code": 400, "message": "Provider returned error",
                        "metadata": {"raw": '{"error":{"message":"json_schema unsupported"}}'}}}),
    "vllm": body(501, {"object": "error", "message": "structured_outputs not available"}),
    "text-generation-webui": body(503, {"detail": "response_format is not implemented"}),
    "azure": body(415, {"error": {"message": "Invalid parameter: 'response_format'"}}),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_shape_that_is_refused_is_asked_for_in_another_way(draft, task, server, fake, name):
    server.queue.append(REFUSED[name](fake))
    assert len(draft(task(FACT)).drafts) == 1
    assert kinds_asked(server) == ["json_schema", "json_object"]


def test_a_server_that_says_what_it_takes_is_asked_for_just_that(model, task, server, fake):
    def lm_studio(request):
        if request.get("response_format", {}).get("type") == "json_object":
            return fake.Reply(
                400, b"""{"error":"'response_format.type' must be 'json_schema' or 'text'"}"""
            )
        return fake.says("Sure!") if "response_format" in request else fake.obliging(request)

    server.otherwise = lm_studio
    tasks = [task(FACT), task("Sleep heals the brain.")]
    results = [bool(result.drafts) for result in model().draft(iter(tasks))]
    assert results == [True, True]
    assert kinds_asked(server) == ["json_schema"] * 2 + ["json_object", "text", "text"]


def test_a_page_that_links_to_a_schema_is_no_word_about_ours(draft, task, server, fake):
    page = "<html><head><meta itemtype='http://schema.org/WebPage'></head><body>502</body></html>"
    server.queue.append(fake.page(502, page))
    assert len(draft(task(FACT)).drafts) == 1
    assert kinds_asked(server) == ["json_schema", "json_schema"]


def test_a_rung_that_was_only_tried_is_remembered_once_it_has_proved_right(
    model, task, server, fake
):
    def schemaless(request):
        strict = request["response_format"]["type"] == "json_schema"
        return fake.says("Sure!") if strict else fake.obliging(request)

    server.otherwise = schemaless
    many = [task(f"Fact {n} is this.") for n in range(4)]
    list(model().draft(iter(many)))
    asked = len(server.asked)
    list(model().draft(iter([task("Sleep heals.")])))
    assert kinds_asked(server)[asked:] == ["json_object"]


def test_two_bad_replies_by_chance_do_not_change_the_next_run(draft, task, server, fake):
    server.queue.extend([fake.says("Sure!"), fake.says("Sure!")])
    draft(task(FACT))
    draft(task("Sleep heals."))
    assert kinds_asked(server) == ["json_schema"] * 2 + ["json_object", "json_schema"]


def test_a_server_is_tried_again_with_what_it_refused_long_ago(memory):
    from datetime import date, timedelta

    from ankiforge.draft.cache import STALE_DAYS, load_form, save_form
    from ankiforge.draft.cache import RequestForm as Form
    from ankiforge.draft.prompt import Format

    day, form = date(2026, 1, 1), Form(Format.JSON_OBJECT, frozenset({"temperature"}))
    save_form(SERVER, memory, form, day)
    assert load_form(SERVER, memory, day + timedelta(STALE_DAYS)) == form
    assert load_form(SERVER, memory, day + timedelta(STALE_DAYS + 1)) == Form()
    (name,) = memory.kept
    memory.kept[name] = "2"  # as it was written before it had a day
    assert load_form(SERVER, memory, day) == Form(Format.JSON_OBJECT)


TEMPERATURE = {
    "openai": {"error": {"message": "Unsupported value: 'temperature' does not support 0 with this"
                         " model.", "param": "temperature", "code": "unsupported_value"}},
    "anthropic": {"error": {"message": "`temperature` is deprecated for this model."}},
    "pydantic": {"detail": [{"loc": ["body", "temperature"], "msg": "Extra inputs not permitted"}]},
}  # fmt: skip


@pytest.mark.parametrize("name", TEMPERATURE)
@pytest.mark.parametrize("status", [400, 422])
def test_a_temperature_that_is_refused_is_dropped_and_stays_so(
    draft, task, server, fake, name, status
):
    server.queue.append(body(status, TEMPERATURE[name])(fake))
    assert len(draft(task(FACT)).drafts) == 1
    assert len(draft(task("Sleep heals.")).drafts) == 1
    assert [request.get("temperature") for request in server.asked] == [0, None, None]
    assert kinds_asked(server) == ["json_schema"] * 3


def test_a_temperature_of_the_settings_is_sent_and_never_dropped(draft, task, server, fake):
    server.queue.append(body(400, TEMPERATURE["openai"])(fake))
    result = draft(task(FACT), extra_body={"temperature": 0.7})
    assert "temperature" in result.problems[0].what
    assert [request["temperature"] for request in server.asked] == [0.7]


def test_a_reply_is_found_again_in_whatever_form_it_was_asked(draft, task, server, fake, memory):
    server.queue.append(body(400, TEMPERATURE["openai"])(fake))
    server.queue.append(REFUSED["mistral"](fake))
    draft(task(FACT))
    memory.kept = {name: raw for name, raw in memory.kept.items() if "/" not in name}
    assert len(draft(task(FACT)).drafts) == 1
    assert len(server.asked) == 3


def test_a_reply_from_before_there_was_a_temperature_is_found(draft, task, server, memory, fake):
    from ankiforge.draft.prompt import request_hash

    draft(task(FACT))
    (sent,) = server.asked
    (raw,) = memory.replies
    plain = {name: value for name, value in sent.items() if name != "temperature"}
    memory.kept = {request_hash(plain): raw}
    assert len(draft(task(FACT)).drafts) == 1
    assert len(server.asked) == 1


def test_a_reply_is_kept_under_the_hash_of_what_was_sent(draft, task, server, memory):
    from ankiforge.draft.prompt import request_hash

    result = draft(task(FACT))
    assert result.drafts[0].origin.request == request_hash(server.asked[0])
    assert set(memory.kept) == {request_hash(server.asked[0])}


# --- too many at a time ---------------------------------------------------------------------


def test_where_there_are_too_many_requests_all_wait_and_fewer_go_in(model, task, server, fake):
    refused = threading.Event()

    def crowded(request):
        with server.lock:
            first = not refused.is_set()
            refused.set()
        return fake.error(429, "slow down", retry_after="0.3") if first else fake.obliging(request)

    server.otherwise = crowded
    slots = 4
    tasks = [task(f"Fact {n} is this.") for n in range(12)]
    results = list(model(concurrency=slots).draft(iter(tasks)))
    assert all(result.drafts for result in results)
    assert len(server.asked) == 13


# --- reading what they say ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('{"error": {"message": "no"}}', "no"),
        ('{"error": "no idea"}', "no idea"),
        ('{"message": "no", "type": "x"}', "no"),
        ('{"detail": [{"loc": ["body", "n"], "msg": "too many"}]}', "too many"),
        ('[{"error": {"message": "a list"}}]', "a list"),
        ('{"errors": ["one", "two"]}', "one: two"),
        ('"bare"', "bare"),
        ("plain words", "plain words"),
        ("<html><title>502 Bad\nGateway</title>", "a web page: 502 Bad Gateway"),
        ("<html><body>x</body></html>", "no reason given"),
        ("", "no reason given"),
        ("[" * 100_000, "[" * 300),
        ('{"error": null}', "no reason given"),
    ],
)
def test_an_error_says_what_it_says_in_whatever_shape(said, words):
    assert faults.message_of(said) == words


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2"}, 2),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0),
        ({"retry-after": "soon"}, 0),
        ({"retry-after": "-5"}, 0),
        ({"retry-after": "9" * 40}, 0),
        ({}, 0),
    ],
)
def test_how_long_to_wait_is_read_from_whatever_says_it(headers, seconds):
    assert faults.retry_after(headers) == seconds


def test_too_large_a_request_is_split():
    error = faults.refusal(SERVER, 413, '{"error": {"message": "Request too large"}}', {}, {})
    assert isinstance(error, faults.TooLongError)


@pytest.mark.parametrize("extra", [{}, {"a": 1}, {"z": {"b": 1, "a": "é"}}, {"temperature": 1}])
def test_every_form_of_a_request_has_the_hash_of_its_body(task, prompt, extra):
    from ankiforge.draft.cache import RequestForm as Form
    from ankiforge.draft.cache import hashes as names
    from ankiforge.draft.prompt import Format, chunks, request_body, request_hash

    settings = ServerSettings("http://127.0.0.1:1/v1", "m", extra_body=extra)
    [(chunk, _)] = chunks(task("Schlaf heilt."), 5)
    question = request_body(chunk, settings, prompt)
    forms = [Form(rung, frozenset(drop)) for rung in Format for drop in ((), ("temperature",))]
    known = {request_hash(form.apply(question, settings)) for form in forms}
    for form in forms:
        found = list(names(question, settings, form))
        assert set(found) == known
        assert found[0] == request_hash(form.apply(question, settings))
