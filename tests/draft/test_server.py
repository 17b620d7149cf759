"""The faults of each kind of server, as it words them, and what becomes of each.

Rows come from the servers' own words: OpenAI, Ollama, llama.cpp, llama-cpp-python, LM Studio,
vLLM, Open WebUI, text-generation-webui, OpenRouter, Gemini's and Mistral's compatible endpoints.
"""

import gzip
import json
import re
import threading
from pathlib import Path

import pytest

from ankiforge.draft.server import ServerSettings
from ankiforge.errors import ServiceError
from ankiforge.model import DraftingStatus
from tests.limits import PATIENCE

CASES = Path(__file__).parent / "cases"
FACT = "Sleep has four stages."


def kinds_asked(server):
    return [
        request.get("response_format", {}).get("type", "text") for request in server.asked
    ]


FAULTS = [
    json.loads(line) for line in (CASES / "faults.jsonl").read_text("utf-8").splitlines()
]


def faults(then):
    """The faults of `cases/faults.jsonl` after which this happens."""
    rows = [one for one in FAULTS if one["then"] == then]
    return pytest.mark.parametrize("case", rows, ids=[one["case"] for one in rows])


def fault(name):
    return next(one for one in FAULTS if one["case"] == name)


def played(fake, case):
    """The answer of a server with a fault."""
    told = dict(case["reply"])
    if "body" in told:
        told["body"] = told["body"].encode()
    if "headers" in told:
        told["headers"] = tuple(map(tuple, told["headers"]))
    return fake.Reply(**told)


# --- what passes ----------------------------------------------------------------------------


def good(fake):
    """A reply with one card for FACT."""
    return fake.cards(fake.card(1, FACT)).body


@faults("asked again")
def test_what_passes_costs_a_retry_and_nothing_else(draft, task, server, fake, case):
    server.queue.append(played(fake, case))
    result = draft(task(FACT))
    assert len(result.drafts) == 1
    assert not result.problems
    assert kinds_asked(server) == ["json_schema"] * 2


@faults("asked once")
def test_an_answer_that_is_none_of_a_model_costs_one_request_and_is_told(
    model, task, server, fake, case
):
    def nonsense_about_the_second(request):
        (_, passage), *_ = fake.marked(request)
        is_second = passage == "Sleep heals the brain."
        return played(fake, case) if is_second else fake.obliging(request)

    server.otherwise = nonsense_about_the_second
    tasks = (task(one) for one in (FACT, "Sleep heals the brain.", "Sleep is long."))
    [first], [second], [third] = model(concurrency=1).draft(tasks)
    assert (len(first.drafts), len(second.drafts), len(third.drafts)) == (1, 0, 1)
    assert "did not answer like a language model" in second.problem.message
    assert "502" not in second.problem.message
    assert len(server.asked) == 3


@faults("told as nothing")
def test_an_answer_that_says_nothing_costs_one_request_and_is_told(
    draft, task, server, fake, case
):
    server.queue.append(played(fake, case))
    result = draft(task(FACT))
    assert kinds_asked(server) == ["json_schema"]
    [problem] = result.problems
    assert "the model answered nothing" in problem.message
    assert "or the context window is full" in problem.hint
    assert not draft(task(FACT)).problems
    assert kinds_asked(server) == ["json_schema"]


def test_retry_after_is_waited_for(draft, task, server, fake, monkeypatch):
    waited = []
    monkeypatch.setattr("openai._base_client.time.sleep", waited.append)
    server.queue.append(fake.error(429, "slow down", retry_after="17"))
    draft(task(FACT))
    assert 17 in waited


@pytest.mark.parametrize(
    ("status", "words", "times"), [(502, "boom", 4), (403, "Your input was flagged", 1)]
)
def test_a_fault_that_stays_fails_this_document_and_spares_the_next(
    model, task, server, fake, status, words, times
):
    server.queue.extend([fake.error(status, words)] * times)
    [first], [second] = model().draft(iter([task(FACT), task("Sleep heals the brain.")]))
    assert first.status is DraftingStatus.FAILED
    assert words in first.problem.message
    assert first.problem.location == "On Sleep"
    assert len(second.drafts) == 1


def test_a_server_that_fails_again_and_again_ends_the_run(model, task, server, fake):
    server.otherwise = lambda _: fake.error(503, "overloaded")
    with pytest.raises(ServiceError, match="503: overloaded"):
        list(model(retries=0).draft(iter([task(count=5)])))
    assert len(server.asked) <= 5


COUNTED = {"usage": {"prompt_tokens": 900, "completion_tokens": 80}}


@pytest.mark.parametrize(
    "reply",
    [
        {"choices": []},
        {"choices": [{}]},
        {"choices": [{"text": "Q: What heals the brain?"}]},
        {"output": [{"content": "Q: What heals the brain?"}], **COUNTED},
        {"error": None, **COUNTED},
        {"response": "Q: What heals the brain?", "done": True},
        {"detail": "ok"},
    ],
)
def test_a_reply_without_a_message_is_paid_for_once(model, task, server, fake, reply):
    server.otherwise = lambda _: fake.Reply(body=json.dumps(reply).encode())
    [[first]] = model().draft(iter([task(FACT)]))
    assert not first.drafts
    asked = len(server.asked)
    assert asked <= 2  # the second one asks for the JSON only
    [[again]] = model().draft(iter([task(FACT)]))
    assert not again.drafts
    assert len(server.asked) == asked  # it was kept


def test_a_server_that_was_silent_for_long_is_busy_and_not_asked_again(
    draft, task, server, fake
):
    given_up = threading.Event()

    def silent(request):
        given_up.wait(PATIENCE)
        return fake.obliging(request)

    server.otherwise = silent
    result = draft(task(FACT), timeout_s=0.2)
    given_up.set()
    assert "no answer within 0.2 s" in result.problems[0].message
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [200, 500])
def test_a_reply_that_drips_is_given_up_in_time_and_not_asked_again(
    draft, task, server, fake, status
):
    server.queue.append(fake.Reply(status, good(fake) + b" " * 200_000, drip_s=0.05))
    result = draft(task(FACT), reply_s=0.4)
    assert "took more than 0.4 s" in result.problems[0].message
    assert "what was answered is kept" in result.problems[0].hint
    assert len(server.asked) == 1
    assert len(draft(task(FACT)).drafts) == 1


@pytest.mark.parametrize(
    ("address", "silence"),
    [("http://127.0.0.1:1/v1", 600), ("https://llm.example/v1", 120)],
)
def test_a_server_on_this_machine_may_take_its_time(address, silence):
    assert ServerSettings(address, "m").silence_timeout == silence


# --- replies in unusual envelopes -----------------------------------------------------------


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
    counts = f'{{"prompt_tokens": {number}, "completion_tokens": {number}, "total_tokens": {number}}}'
    for usage in (counts, number):
        body = re.sub(rb'"usage": \{.*\}\}', f'"usage": {usage}}}'.encode(), good)
        server.queue.append(fake.Reply(body=body))
        running = model(fake.Memory(), price_usd=(1, 1), budget_usd=1)
        [[result]] = running.draft(iter([task(FACT)]))
        assert len(result.drafts) == 1
        assert 0 < running.usage.cost_usd < 0.01
        assert 0 < running.usage.tokens_out < 200
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("usage", "out"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}, 20),
        ({"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 130}, 120),
        ({"prompt_tokens": 10, "completion_tokens": 20}, 20),
    ],
)
def test_thoughts_are_paid_for_however_a_server_counts_them(
    model, task, server, fake, usage, out
):
    made = json.loads(fake.cards(fake.card(1, FACT)).body)
    server.queue.append(fake.Reply(body=json.dumps({**made, "usage": usage}).encode()))
    running = model(price_usd=(0, 1_000_000))
    list(running.draft(iter([task(FACT)])))
    assert (running.usage.tokens_out, running.usage.cost_usd) == (out, out)


def test_a_reply_that_is_packed_although_nobody_asked_for_it_is_read(
    draft, task, server, fake
):
    body = gzip.compress(fake.cards(fake.card(1, FACT)).body)
    server.queue.append(fake.Reply(200, body, (("content-encoding", "gzip"),)))
    assert len(draft(task(FACT)).drafts) == 1


@pytest.mark.parametrize("status", [200, 400])
def test_a_reply_that_unpacks_without_end_costs_one_request(
    draft, task, server, fake, status
):
    packed = (("content-encoding", "gzip"),)
    server.queue.append(fake.Reply(status, gzip.compress(b"0" * 9_000_000), packed))
    result = draft(task(FACT))
    told = "cut off" if status == 200 else "an answer of more than 8,000,000 bytes"
    assert told in result.problems[0].message
    assert len(server.asked) == 1
    assert len(draft(task(FACT)).drafts) == (
        status != 200
    )  # it was paid for: not asked again
    assert len(server.asked) == (1 if status == 200 else 2)
    assert server.headers[0]["accept-encoding"] == "identity"


@pytest.mark.parametrize("key", ["", "sk-0123456789abcdefgh"])
def test_without_a_key_no_header_pretends_that_there_is_one(
    draft, task, server, monkeypatch, key
):
    monkeypatch.setenv("MY_KEY", key)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-server")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    draft(task(FACT), key_env="MY_KEY")
    assert server.headers[0].get("authorization", "") == (f"Bearer {key}" if key else "")
    assert "secret" not in str(server.headers)


def test_no_redirect_is_followed_to_another_host(draft, task, server, fake):
    with fake.LlmServer() as other:
        there = (("location", f"{other.base_url}/chat/completions"),)
        server.queue.append(fake.Reply(307, b"{}", there))
        with pytest.raises(ServiceError) as caught:
            draft(task(FACT))
        assert other.base_url in caught.value.hint
        assert other.asked == []


# --- what ends the run ----------------------------------------------------------------------


@faults("ends the run")
def test_what_every_request_would_meet_ends_the_run_at_once(
    draft, task, server, fake, case
):
    server.otherwise = lambda _: played(fake, case)
    with pytest.raises(ServiceError) as caught:
        draft(task(count=2), key_env="MY_KEY")
    assert case["hint"] in caught.value.hint
    assert len(server.asked) == 1


def test_a_missing_key_a_dead_address_and_a_login_page_are_named(
    draft, task, server, fake
):
    server.queue.append(fake.error(401, "no"))
    with pytest.raises(ServiceError) as caught:
        draft(task(FACT))
    assert "write `key_env: NAME` under `llm:`" in caught.value.hint
    with pytest.raises(ServiceError, match=r"127\.0\.0\.1:9") as caught:
        draft(task(FACT), base_url="http://127.0.0.1:9/v1")
    assert "http://127.0.0.1:9/v1" in caught.value.hint
    server.otherwise = lambda _: fake.page(text="<html><title>Open WebUI</title></html>")
    with pytest.raises(ServiceError, match="a web page"):
        draft(task(FACT))


def test_a_server_that_rejects_every_request_is_not_asked_for_ever(
    model, task, server, fake
):
    server.otherwise = lambda _: fake.error(400, "unknown field 'verbosity'")
    with pytest.raises(ServiceError, match="verbosity") as caught:
        list(model().draft(iter([task(count=50)])))
    assert "llm.extra_body" in caught.value.hint
    assert len(server.asked) == 3


def test_a_server_that_is_gone_ends_the_run_though_it_had_answered(
    model, task, server, fake
):
    def dies_at_the_second(request):
        if FACT in str(request["messages"]):
            return fake.obliging(request)
        server.stop()
        return fake.Reply(reset=True)

    server.otherwise = dies_at_the_second
    results = model().draft(iter([task(FACT), task("Sleep heals the brain.")]))
    [first] = next(results)
    assert len(first.drafts) == 1
    with pytest.raises(ServiceError, match="no connection"):
        next(results)


def test_what_was_drafted_before_the_end_is_handed_on(model, task, server, fake):
    def second_fails(request):
        late = "Late" in str(request["messages"])
        return fake.error(401, "expired") if late else fake.obliging(request)

    server.otherwise = second_fails
    results = model().draft(iter([task(FACT), task("Late passage here.")]))
    [first] = next(results)
    assert len(first.drafts) == 1
    with pytest.raises(ServiceError):
        next(results)


# --- how it is asked ------------------------------------------------------------------------


@faults("another format")
def test_a_shape_that_is_refused_is_asked_for_in_another_way(
    draft, task, server, fake, case
):
    server.queue.append(played(fake, case))
    assert len(draft(task(FACT)).drafts) == 1
    assert kinds_asked(server) == ["json_schema", "json_object"]


REFUSALS = [
    (500, "Input should be 'text' or 'json_object' in response_format"),
    (400, "Either json_schema or grammar can be specified, but not both"),
    (400, "response_format is not supported"),
]


def test_a_server_that_refuses_each_shape_is_asked_in_plain_text(
    draft, task, server, fake
):
    server.queue.extend(fake.error(status, words) for status, words in REFUSALS[:2])
    result = draft(task(FACT))
    assert len(result.drafts) == 1
    assert kinds_asked(server) == ["json_schema", "json_object", "text"]
    assert [request["temperature"] for request in server.asked] == [0] * 3


@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_server_that_breaks_at_a_schema_is_asked_in_plain_text(
    draft, task, server, fake, concurrency
):
    def breaks(request):
        broken = "response_format" in request
        return (
            fake.error(500, "Internal Server Error") if broken else fake.obliging(request)
        )

    server.otherwise = breaks
    result = draft(task(count=3), per_request=1, concurrency=concurrency)
    assert len(result.drafts) == 3
    broken = len([kind for kind in kinds_asked(server) if kind != "text"])
    assert broken <= 8 * concurrency
    assert len(server.asked) == broken + 3


def test_a_server_that_breaks_at_everything_ends_the_run(model, task, server, fake):
    server.otherwise = lambda _: fake.error(500, "Internal Server Error")
    with pytest.raises(ServiceError):
        list(
            model().draft(
                iter([task(count=1), task("Two."), task("Three."), task("Four.")])
            )
        )
    assert len(server.asked) <= 24


def test_a_server_that_has_answered_with_a_schema_does_not_break_at_it(
    model, task, server, fake
):
    def breaks_at_the_second(request):
        broken = FACT in str(request["messages"])
        return fake.error(500, "boom") if broken else fake.obliging(request)

    server.otherwise = breaks_at_the_second
    tasks = iter([task("Sleep heals the brain."), task(FACT)])
    assert [len(result.drafts) for [result] in model().draft(tasks)] == [1, 0]
    assert "text" not in kinds_asked(server)


@faults("without temperature")
def test_a_temperature_that_is_refused_is_dropped_and_stays_so(
    draft, task, server, fake, case
):
    server.queue.append(played(fake, case))
    assert len(draft(task(FACT, "Sleep heals."), per_request=1).drafts) == 2
    assert [request.get("temperature") for request in server.asked] == [0, None, None]
    assert kinds_asked(server) == ["json_schema"] * 3


def test_a_temperature_of_the_settings_is_sent_and_never_dropped(
    draft, task, server, fake
):
    server.queue.append(played(fake, fault("openai 400")))
    result = draft(task(FACT), extra_body={"temperature": 0.7})
    assert "temperature" in result.problems[0].message
    assert [request["temperature"] for request in server.asked] == [0.7]


def test_a_reply_is_found_again_in_whatever_form_it_was_asked(
    draft, task, server, fake, memory
):
    server.queue.append(played(fake, fault("openai 400")))
    server.queue.append(played(fake, fault("mistral")))
    draft(task(FACT))
    memory.kept = {name: raw for name, raw in memory.kept.items() if "/" not in name}
    assert len(draft(task(FACT)).drafts) == 1
    assert len(server.asked) == 3


def test_a_reply_is_kept_under_the_request_about_its_highlight_alone(
    draft, task, server, memory
):
    result = draft(task(count=3), per_request=3)
    assert len(server.asked) == 1
    assert {one.origin.request for one in result.drafts} == set(memory.kept)
    again = draft(task(count=3), per_request=2)
    assert [one.fields for one in again.drafts] == [one.fields for one in result.drafts]
    assert len(server.asked) == 1


# --- replies that say too little ------------------------------------------------------------


UNREADABLE = {
    "prose": ("Sure!", "stop"),
    "nothing": (None, "stop"),
    "cut off": ('{"cards": [{"h": "1", "fro', "length"),
}


@pytest.mark.parametrize("said", UNREADABLE)
@pytest.mark.parametrize("per_request", [1, 3])
def test_what_stayed_unreadable_is_asked_again_only_if_a_person_asks(
    draft, task, server, fake, said, per_request
):
    server.otherwise = lambda _: fake.says(*UNREADABLE[said])
    first = draft(task(count=3), per_request=per_request)
    assert not first.failed
    assert first.problems
    asked = len(server.asked)
    for _ in range(3):
        again = draft(task(count=3), per_request=per_request)
        assert not again.problems
        reasons = {none.highlight.key: none.reason for none in again.no_cards}
        assert set(reasons) == {"pdf:p/1", "pdf:p/2", "pdf:p/3"}
        assert "ankiforge draft --again pdf:p/2" in reasons["pdf:p/2"]
    assert len(server.asked) == asked
    server.otherwise = fake.obliging
    assert len(draft(task(count=3), fresh=True).drafts) == 3


@pytest.mark.parametrize("said", ['{"cards": []}', '```json\n{"cards": []}\n```', "[]"])
@pytest.mark.parametrize("per_request", [1, 3])
def test_an_empty_list_of_cards_is_a_reason_and_not_asked_again(
    draft, task, server, fake, said, per_request
):
    server.otherwise = lambda _: fake.says(said)
    result = draft(task(count=3), per_request=per_request)
    assert {none.reason for none in result.no_cards} == {
        "the model answered with an empty list of cards"
    }
    assert not result.problems
    assert len(server.asked) == (
        3 if per_request == 1 else 4
    )  # of several, each is asked alone
    draft(task(count=3), per_request=per_request)
    assert len(server.asked) == (3 if per_request == 1 else 4)


def test_a_server_that_fails_after_an_unreadable_reply_is_asked_the_rest(
    draft, task, server, fake
):
    server.queue.extend([fake.says("Sure!"), *[fake.error(502, "boom")] * 4])
    assert draft(task(FACT)).failed
    assert len(draft(task(FACT)).drafts) == 1
    assert len(server.asked) == 6


def test_too_large_a_request_is_split(draft, task, server, fake):
    server.queue.append(fake.error(413, "Request too large"))
    assert len(draft(task(count=2), per_request=2).drafts) == 2
    assert [len(fake.marked(request)) for request in server.asked] == [2, 1, 1]
