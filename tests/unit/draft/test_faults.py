"""What servers do wrong, and what becomes of it."""

import json
import shutil
import subprocess
import time
from dataclasses import replace

import pytest

from ankiforge.draft.client import ServerSettings
from ankiforge.errors import ServiceError

FACT = "Sleep has four stages."


def kinds_asked(server):
    return [request.get("response_format", {}).get("type", "text") for request in server.asked]


# --- faults that pass -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        lambda fake: fake.error(429, "slow down"),
        lambda fake: fake.error(500, "boom"),
        lambda fake: fake.page(503),
        lambda fake: fake.page(200),
        lambda fake: fake.Reply(body=b'{"choices": [{"mess'),
        lambda fake: fake.Reply(body=b"[1, 2]"),
        lambda fake: fake.Reply(body=b'{"error": {"message": "upstream failed"}}'),
        lambda fake: fake.Reply(body=b'{"choices": []}'),
        lambda fake: fake.Reply(body=fake.cards(fake.card(1, FACT)).body, cut=50),
        lambda fake: fake.Reply(reset=True),
    ],
)
def test_a_fault_that_passes_costs_a_retry_and_nothing_else(draft, task, server, fake, fault):
    server.queue.append(fault(fake))
    result = draft(task(FACT))
    assert len(result.drafts) == 1
    assert not result.problems
    assert len(server.asked) == 2


def test_retry_after_is_waited_for(draft, task, server, fake, monkeypatch):
    server.queue.append(fake.error(429, "slow down", retry_after="0.3"))
    before = time.monotonic()
    draft(task(FACT))
    assert time.monotonic() - before >= 0.3


def test_a_retry_after_beyond_the_limit_ends_the_run(draft, task, server, fake):
    server.queue.append(fake.error(429, "slow down", retry_after="3600"))
    with pytest.raises(ServiceError, match="3,600 s") as caught:
        draft(task(FACT))
    assert "kept" in caught.value.hint
    assert len(server.asked) == 1


def test_a_fault_that_stays_fails_this_document_and_spares_the_next(model, task, server, fake):
    server.queue.extend([fake.error(502, "boom")] * 4)
    first, second = model().draft(iter([task(FACT), task("Sleep heals the brain.")]))
    assert list(dict(first.failed)) == [first.task.highlights[0].key]
    assert "502" in first.problems[0].what
    assert first.problems[0].where == "On Sleep"
    assert len(second.drafts) == 1


def test_a_server_that_fails_again_and_again_ends_the_run(model, task, server, fake):
    server.otherwise = lambda _: fake.error(503, "overloaded")
    with pytest.raises(ServiceError, match="503: overloaded"):
        list(model(retries=0).draft(iter([task(count=5)])))
    assert len(server.asked) <= 5


@pytest.mark.parametrize("limit", [{"total_s": 0.4}, {"timeout_s": 0.4}])
def test_a_reply_that_drips_is_given_up_in_time_and_not_asked_again(
    draft, task, server, fake, limit
):
    body = fake.cards(fake.card(1, FACT)).body + b" " * 2000
    server.queue.append(fake.Reply(body=body, drip_s=0.05))
    began = time.monotonic()
    result = draft(task(FACT), **limit)
    assert time.monotonic() - began < 3
    assert "took more than 0.4 s" in result.problems[0].what
    assert "llm.total_s" in result.problems[0].hint
    assert len(server.asked) == 1
    assert len(draft(task(FACT), **limit).drafts) == 1


def test_a_slow_reply_has_ten_minutes_unless_the_settings_say_less():
    settings = ServerSettings("https://llm.example/v1", "m")
    assert (settings.silence_s, settings.reply_s) == (120, 600)
    assert replace(settings, timeout_s=5).reply_s == 5
    assert replace(settings, timeout_s=5, total_s=60).reply_s == 60


def test_a_silent_server_is_given_up(draft, task, server, fake):
    server.queue.append(fake.Reply(body=fake.cards(fake.card(1, FACT)).body, drip_s=0.6))
    assert len(draft(task(FACT), timeout_s=0.2).drafts) == 1


# --- faults that end the run ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "hint"),
    [
        (401, "invalid_api_key", "write `key_env: NAME` under `llm:`"),
        (403, "forbidden", "write `key_env: NAME` under `llm:`"),
        (404, "model_not_found", "'fake'"),
        (402, "", "credit"),
        (429, "insufficient_quota", "credit"),
        (307, "", "llm.base_url"),
    ],
)
def test_a_fault_that_every_request_would_meet_ends_the_run_at_once(
    draft, task, server, fake, status, code, hint
):
    server.otherwise = lambda _: fake.error(status, "no", code, location="http://127.0.0.1:1/v1")
    with pytest.raises(ServiceError, match=str(status)) as caught:
        draft(task(count=1))
    assert hint in caught.value.hint
    assert len(server.asked) == 1


def test_nobody_there_is_a_service_error_that_names_the_address(draft, task):
    with pytest.raises(ServiceError) as caught:
        draft(task(FACT), base_url="http://127.0.0.1:9/v1")
    assert "127.0.0.1:9" in caught.value.message
    assert "http://127.0.0.1:9/v1" in caught.value.hint


def test_a_server_that_is_gone_ends_the_run_though_it_had_answered(model, task, server, fake):
    def dies_at_the_second(request):
        if FACT in str(request["messages"]):
            return fake.obliging(request)
        server.stop()
        return fake.Reply(reset=True)

    server.otherwise = dies_at_the_second
    results = model().draft(iter([task(FACT), task("Sleep heals the brain.")]))
    assert len(next(results).drafts) == 1
    with pytest.raises(ServiceError, match="no connection"):
        next(results)


def test_a_moderator_that_dislikes_a_passage_spares_the_next(model, task, server, fake):
    server.queue.append(fake.error(403, "Your input was flagged by moderation"))
    first, second = model().draft(iter([task(FACT), task("Sleep heals the brain.")]))
    assert "flagged" in first.problems[0].what
    assert len(second.drafts) == 1


def test_each_highlight_that_failed_has_its_own_reason(draft, task, server, fake):
    server.queue.extend([fake.error(422, "too rude"), fake.error(422, "too long a word")])
    result = draft(task(count=2))
    reasons = list(dict(result.failed).values())
    assert [reason.rpartition(": ")[2] for reason in reasons] == ["too rude", "too long a word"]


def test_a_web_page_instead_of_a_model_is_a_service_error(draft, task, server, fake):
    server.otherwise = lambda _: fake.page()
    with pytest.raises(ServiceError, match="no chat completion"):
        draft(task(FACT))


def test_what_was_drafted_before_the_end_is_handed_on(model, task, server, fake):
    def second_fails(request):
        late = "Late" in str(request["messages"])
        return fake.error(401, "expired") if late else fake.obliging(request)

    server.otherwise = second_fails
    results = model().draft(iter([task(FACT), task("Late passage here.")]))
    assert len(next(results).drafts) == 1
    with pytest.raises(ServiceError):
        next(results)


# --- certificates ---------------------------------------------------------------------------


@pytest.fixture
def certified(tmp_path, fake):
    """A server that speaks TLS, with a certificate of its own making."""
    file, openssl = tmp_path / "server.pem", shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    name = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", file, "-out"]
    certificate = tmp_path / "certificate.pem"
    subprocess.run([openssl, "req", *made, certificate, *name], check=True, capture_output=True)
    file.write_bytes(file.read_bytes() + certificate.read_bytes())
    with fake.LlmServer(certificate=file) as running:
        yield running


def test_a_certificate_that_is_not_trusted_ends_the_run_with_its_own_hint(
    draft, task, certified, monkeypatch
):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    began = time.monotonic()
    with pytest.raises(ServiceError, match="certificate is not trusted: self") as caught:
        draft(task(FACT), base_url=certified.base_url, backoff_s=5)
    assert time.monotonic() - began < 5, "it is not tried again"
    assert "SSL_CERT_FILE" in caught.value.hint
    assert not certified.asked


def test_a_certificate_that_is_named_is_trusted(draft, task, certified, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    assert len(draft(task(FACT), base_url=certified.base_url).drafts) == 1


# --- the ladder -----------------------------------------------------------------------------

REFUSALS = [
    (500, "Input should be 'text' or 'json_object' in response_format"),
    (400, "Either json_schema or grammar can be specified, but not both"),
    (400, "response_format is not supported"),
]


def test_a_server_that_refuses_each_shape_is_asked_in_plain_text(draft, task, server, fake):
    server.queue.extend(fake.error(status, words) for status, words in REFUSALS)
    result = draft(task(FACT))
    assert len(result.drafts) == 1
    assert kinds_asked(server) == ["json_schema", "json_object", "json_object", "text"]
    assert "schema" in server.asked[1]["response_format"]
    assert "schema" not in server.asked[2]["response_format"]
    assert [request["temperature"] for request in server.asked] == [0] * 4


@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_server_that_breaks_at_a_schema_is_asked_in_plain_text(
    draft, task, server, fake, concurrency
):
    def breaks(request):
        broken = "response_format" in request
        return fake.error(500, "Internal Server Error") if broken else fake.obliging(request)

    server.otherwise = breaks
    result = draft(task(count=3), per_request=1, concurrency=concurrency)
    assert len(result.drafts) == 3
    broken = len([kind for kind in kinds_asked(server) if kind != "text"])
    assert broken <= 4 * concurrency
    assert len(draft(task(FACT)).drafts) == 1
    assert kinds_asked(server).count("text") == 4
    assert len(server.asked) == broken + 4, "and it is remembered"


def test_a_server_that_breaks_at_everything_is_asked_once_more_at_most(model, task, server, fake):
    server.otherwise = lambda _: fake.error(500, "Internal Server Error")
    with pytest.raises(ServiceError):
        list(model().draft(iter([task(count=1), task("Two."), task("Three."), task("Four.")])))
    assert kinds_asked(server).count("text") == 1
    assert len(server.asked) <= 13


def test_a_server_that_has_answered_with_a_schema_does_not_break_at_it(model, task, server, fake):
    def breaks_at_the_second(request):
        broken = FACT in str(request["messages"])
        return fake.error(500, "boom") if broken else fake.obliging(request)

    server.otherwise = breaks_at_the_second
    tasks = iter([task("Sleep heals the brain."), task(FACT)])
    assert [len(result.drafts) for result in model().draft(tasks)] == [1, 0]
    assert "text" not in kinds_asked(server)


def test_what_a_server_takes_is_remembered_for_the_next_run(draft, task, server, fake):
    server.queue.append(fake.error(500, REFUSALS[0][1]))
    draft(task(FACT))
    draft(task("Sleep heals the brain."))
    assert len(server.asked) == 3


def test_replies_of_every_rung_are_found_again(draft, task, server, fake, memory):
    server.queue.append(fake.error(500, REFUSALS[0][1]))
    draft(task(FACT))
    for name in [name for name in memory.kept if "/" in name]:
        del memory.kept[name]  # even if nobody knows on which rung it was asked
    assert len(draft(task(FACT)).drafts) == 1
    assert len(server.asked) == 2


def test_two_unreadable_replies_in_a_row_lead_a_rung_down(model, task, server, fake):
    server.queue.extend([fake.says("Sure!"), fake.says("Sure!")])
    results = list(model().draft(iter([task(FACT), task("Sleep heals the brain.")])))
    assert kinds_asked(server) == ["json_schema"] * 2 + ["json_object"] * 2
    assert "schema" in server.asked[2]["response_format"]
    assert all(result.drafts for result in results), "the first passage is asked there once more"


def test_an_error_of_this_request_alone_is_its_problem(draft, task, server, fake):
    server.queue.append(fake.error(400, "bad words"))
    result = draft(task(count=2))
    assert len(result.drafts) == 1
    assert len(result.failed) == 1
    assert "bad words" in result.problems[0].what


def test_an_error_that_is_a_mere_string_is_read(draft, task, server, fake):
    server.queue.append(fake.Reply(400, b'{"error": "no idea"}'))
    assert "no idea" in draft(task(FACT)).problems[0].what


# --- replies that say too little ------------------------------------------------------------


def test_what_does_not_fit_the_context_is_halved(draft, task, server, fake):
    def small_context(request):
        too_long = len(fake.marked(request)) > 1
        words = "This model's maximum context length is 2048 tokens"
        return (
            fake.error(400, words, "context_length_exceeded")
            if too_long
            else fake.obliging(request)
        )

    server.otherwise = small_context
    result = draft(task(count=3), per_request=3)
    assert [one.highlight for one in result.drafts] == ["pdf:p/1", "pdf:p/2", "pdf:p/3"]


def test_one_passage_too_long_for_the_context_is_a_problem(draft, task, server, fake):
    server.queue.append(fake.error(400, "the prompt exceeds the context window"))
    result = draft(task(FACT))
    assert len(result.failed) == 1
    assert "context window" in result.problems[0].what


def test_a_highlight_the_reply_leaves_out_is_asked_alone(draft, task, server, fake):
    server.queue.append(fake.cards(fake.card(2, "Passage 2 says that sleep has 2 stages.")))
    result = draft(task(count=3), per_request=3)
    assert [one.highlight for one in result.drafts] == ["pdf:p/1", "pdf:p/2", "pdf:p/3"]
    assert [len(fake.marked(request)) for request in server.asked] == [3, 1, 1]


def test_a_reply_cut_off_by_length_keeps_its_whole_cards(draft, task, server, fake):
    whole = json.loads(
        fake.cards(*(fake.card(n, f"Passage {n} says that") for n in (1, 2, 3))).body
    )
    content = whole["choices"][0]["message"]["content"]
    server.queue.append(fake.says(content[:-30], "length"))
    result = draft(task(count=3), per_request=3)
    assert len(result.drafts) == 3
    assert len(server.asked) == 3  # the second card stands last: another of its own may be lost


def test_a_single_reply_cut_off_says_what_to_do(draft, task, server, fake):
    server.queue.append(fake.says('{"cards": [{"h": "1", "fro', "length"))
    result = draft(task(FACT))
    assert "cut off" in result.problems[0].what
    assert "max_completion_tokens" in result.problems[0].hint


def test_an_unreadable_reply_is_asked_once_more_with_the_reason(draft, task, server, fake):
    server.queue.append(fake.says("Sure! Here are your cards."))
    result = draft(task(FACT))
    assert len(result.drafts) == 1
    assert [m["role"] for m in server.asked[1]["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
    ]


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
        reasons = {none.highlight: none.reason for none in again.no_cards}
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
    assert len(server.asked) == (3 if per_request == 1 else 4)  # of several, each is asked alone
    draft(task(count=3), per_request=per_request)
    assert len(server.asked) == (3 if per_request == 1 else 4)


def test_an_empty_list_of_choices_is_a_fault_of_the_server_and_ends_the_run(
    model, task, server, fake
):
    server.otherwise = lambda _: fake.Reply(body=b'{"choices": []}')
    with pytest.raises(ServiceError, match="its list of choices is empty"):
        list(model().draft(iter([task(count=50)])))
    assert len(server.asked) == 12  # four times each, for three passages


def test_a_server_that_fails_after_an_unreadable_reply_is_asked_the_rest(draft, task, server, fake):
    server.queue.extend([fake.says("Sure!"), *[fake.error(502, "boom")] * 4])
    assert draft(task(FACT)).failed
    assert len(draft(task(FACT)).drafts) == 1
    assert len(server.asked) == 6


def test_the_readable_reply_of_another_form_is_found_and_costs_nothing(draft, task, server, fake):
    server.queue.extend([fake.says("Sure!"), fake.says("Sure!")])
    assert len(draft(task(FACT)).drafts) == 1  # a rung down
    assert len(draft(task(FACT)).drafts) == 1
    assert len(server.asked) == 3


@pytest.mark.parametrize("extra", [{"refusal": "I cannot."}, {"finish": "content_filter"}])
def test_a_refusal_is_a_reason_and_spares_the_neighbours(draft, task, server, fake, extra):
    def refuses_two(request):
        if "Passage 2" in str(request["messages"]):
            return fake.says(None, **extra)
        return fake.obliging(request)

    server.otherwise = refuses_two
    result = draft(task(count=3), per_request=3)
    assert [one.highlight for one in result.drafts] == ["pdf:p/1", "pdf:p/3"]
    assert "refused" in result.no_cards[0].reason


def test_none_is_an_answer_with_its_reason(draft, task, server, fake):
    server.queue.append(fake.cards({"h": "1", "kind": "none", "why_none": "a joke"}))
    result = draft(task(FACT))
    assert result.no_cards[0].reason == "a joke"
    assert len(server.asked) == 1


# --- what a check blocks --------------------------------------------------------------------


def blocks_yes_no(one, _highlight):
    return ("yes or no",) if one.field("Front").startswith("Is ") else ()


def test_a_blocked_card_goes_back_once_with_the_reason(draft, task, server, fake):
    server.queue.append(fake.cards(fake.card(1, FACT, "Is sleep staged?", "yes")))
    result = draft(task(FACT), repair=blocks_yes_no)
    assert [one.field("Front") for one in result.drafts] == ["What says passage Sleep has fo?"]
    assert "yes or no" in server.asked[1]["messages"][-1]["content"]
    assert "Is sleep staged?" in server.asked[1]["messages"][-2]["content"]


def test_a_card_blocked_twice_is_shown_as_it_is(draft, task, server, fake):
    server.otherwise = lambda _: fake.cards(fake.card(1, FACT, "Is sleep staged?", "yes"))
    result = draft(task(FACT), repair=blocks_yes_no)
    assert len(result.drafts) == 1
    assert len(server.asked) == 2


def test_a_good_card_stays_while_its_sibling_is_mended(draft, task, server, fake, memory):
    good = fake.card(1, FACT, "How many stages has sleep?", "four")
    server.queue.append(fake.cards(good, fake.card(1, FACT, "Is sleep staged?", "yes")))
    result = draft(task(FACT), repair=blocks_yes_no)
    fronts = [one.field("Front") for one in result.drafts]
    assert fronts == ["How many stages has sleep?", "What says passage Sleep has fo?"]
    assert [one.intent for one in result.drafts] == [0, 1]
    assert "How many stages" in memory.kept[result.drafts[0].origin.request]
    assert result.drafts[0].origin.request != result.drafts[1].origin.request


def test_a_blocked_card_may_end_as_none(draft, task, server, fake):
    server.queue.append(fake.cards(fake.card(1, FACT, "Is sleep staged?", "yes")))
    server.queue.append(fake.cards({"h": "1", "kind": "none", "why_none": "too thin"}))
    result = draft(task(FACT), repair=blocks_yes_no)
    assert not result.drafts
    assert "yes or no" in result.no_cards[0].reason
    assert result.no_cards[0].reason.endswith("too thin")


def test_a_mended_card_is_remembered_too(draft, task, server, fake):
    server.queue.append(fake.cards(fake.card(1, FACT, "Is sleep staged?", "yes")))
    first = draft(task(FACT), repair=blocks_yes_no)
    assert draft(task(FACT), repair=blocks_yes_no) == first
    assert len(server.asked) == 2


def test_if_mending_fails_the_first_card_is_kept(draft, task, server, fake):
    server.queue.append(fake.cards(fake.card(1, FACT, "Is sleep staged?", "yes")))
    server.queue.append(fake.error(400, "no"))
    assert len(draft(task(FACT), repair=blocks_yes_no).drafts) == 1
