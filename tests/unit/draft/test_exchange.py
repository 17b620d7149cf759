import json

import pytest

from ankiforge.draft.batch import export_jsonl, import_files, parts
from ankiforge.draft.chat import export_chats, import_chat, label_for
from ankiforge.draft.client import ServerSettings


def import_jsonl(lines, memory, where="batch"):
    return import_files([(where, lines)], memory)


def export_chat(tasks, prompt):
    return "".join(export_chats(tasks, prompt, most=100))


@pytest.fixture
def settings(server):
    return ServerSettings(base_url=server.base_url, model="fake", backoff_s=0.001, per_request=2)


@pytest.fixture
def lines(task, settings, prompt, memory):
    return list(export_jsonl([task(count=5)], settings, prompt, memory))


def answered(line, fake):
    """The line a batch service sends back for a request."""
    request = json.loads(line)
    body = json.loads(fake.obliging(request["body"]).body)
    response = {"status_code": 200, "request_id": "r", "body": body}
    return json.dumps(
        {"id": "b", "custom_id": request["custom_id"], "response": response, "error": None}
    )


# --- batch ----------------------------------------------------------------------------------


def test_a_batch_line_is_what_openai_documents(lines):
    first = json.loads(lines[0])
    assert len(lines) == 3
    assert first["method"] == "POST"
    assert first["url"] == "/v1/chat/completions"
    assert first["body"]["model"] == "fake"
    assert first["body"]["response_format"]["type"] == "json_schema"
    assert first["custom_id"].startswith("ak-")
    assert len({json.loads(line)["custom_id"] for line in lines}) == 3
    assert "\n" not in "".join(lines)


def test_the_same_highlights_give_the_same_bytes(lines, task, settings, prompt, memory):
    assert list(export_jsonl([task(count=5)], settings, prompt, memory)) == lines


def test_neither_host_nor_key_is_in_the_file(task, prompt, memory, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-very-secret")
    here = ServerSettings("https://one.example/v1", "m", key_env="MY_KEY")
    there = ServerSettings("https://two.example/v1", "m", key_env="OTHER")
    text = list(export_jsonl([task(count=2)], here, prompt, memory))
    assert text == list(export_jsonl([task(count=2)], there, prompt, memory))
    assert "secret" not in text[0]
    assert "example" not in text[0].partition('"messages"')[0]


def test_the_answers_in_any_order_cost_the_next_draft_nothing(
    lines, draft, task, server, fake, memory
):
    imported = import_jsonl([answered(line, fake) + "\n" for line in reversed(lines)], memory)
    assert (imported.replies, imported.problems) == (3, ())
    assert len(draft(task(count=5), per_request=2).drafts) == 5
    assert server.asked == []


def test_from_memory_only_the_answered_highlights_are_drafted(
    lines, model, task, server, fake, memory
):
    import_jsonl([answered(lines[1], fake)], memory)
    tasks = [task(count=5), task("Nobody was asked about this.")]
    (result,) = model(per_request=2).from_memory().draft(iter(tasks))
    assert [one.highlight for one in result.drafts] == ["pdf:p/3", "pdf:p/4"]
    assert [one.key for one in result.task.highlights] == ["pdf:p/3", "pdf:p/4"]
    assert (result.failed, result.problems) == ((), ())
    assert server.asked == []


def test_what_is_answered_is_not_exported_again(lines, task, settings, prompt, memory, fake):
    import_jsonl([answered(lines[0], fake)], memory)
    assert list(export_jsonl([task(count=5)], settings, prompt, memory)) == lines[1:]


def test_private_and_hand_written_highlights_are_not_exported(
    task, highlight, settings, prompt, memory
):
    private = highlight("Secret is this.", comment="#no-llm")
    text = "".join(export_jsonl([task(private, "Open is that.")], settings, prompt, memory))
    assert "Open is that." in text
    assert "Secret" not in text
    assert "Secret" not in export_chat([task(private, "Open is that.")], prompt)


@pytest.mark.parametrize("secret", ["itself", "a neighbour", ""])
def test_a_repair_tells_no_secret(
    task, highlight, settings, prompt, memory, draft, server, fake, secret
):
    server.queue.append(fake.cards(fake.card(1, "fact", "Bad?")))
    drafts = draft(task(highlight("A fact it is."))).drafts
    marked = highlight(
        "A fact it is.", prefix="Hush. ", comment="#no-llm" if secret == "itself" else ""
    )
    again = task(marked, discreet=secret == "a neighbour")
    asked = "".join(
        export_jsonl([], settings, prompt, memory, repair=lambda *_: ("is bad",),
                     blocked=[(again, drafts)])
    )  # fmt: skip
    assert ("is bad" in asked) is (secret != "itself")
    assert ("Hush" in asked) is (not secret)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("rubbish", "custom_id"),
        ("[1]", "custom_id"),
        ('{"custom_id": "ak-1"}', "custom_id"),
        ('{"custom_id": "ak-%s", "error": {"message": "expired"}}' % ("0" * 64), "expired"),
        ('{"custom_id": "ak-%s"}' % ("0" * 64), "no reply"),
        (
            '{"custom_id": "ak-%s", "response": {"status_code": 429, "body": {"error": '
            '{"message": "slow"}}}}' % ("0" * 64),
            "slow",
        ),
        (
            '{"custom_id": "ak-%s", "response": {"status_code": 200, "body": {}}}' % ("0" * 64),
            "no reply",
        ),
        ("[" * 99999, "custom_id"),
    ],
)
def test_a_line_that_failed_is_a_problem_with_its_number(memory, lines, fake, line, says):
    imported = import_jsonl([answered(lines[0], fake), "", line], memory, where="out.jsonl")
    assert imported.replies == 1
    (problem,) = imported.problems
    assert problem.where == "out.jsonl:3"
    assert says in problem.what


def test_the_same_results_again_are_known(lines, memory, fake):
    answers = [answered(line, fake) for line in lines]
    assert import_jsonl(answers, memory).replies == 3
    again = import_jsonl([*answers, answers[0]], memory)
    assert (again.replies, again.known, again.problems) == (0, 3, ())


def test_what_failed_in_one_file_and_was_answered_in_another_is_answered(lines, memory, fake):
    name = json.loads(lines[0])["custom_id"]
    late = json.dumps({"custom_id": name, "error": {"message": "expired"}, "response": None})
    found = import_files([("err", [late]), ("out", [answered(lines[0], fake)])], memory)
    assert (found.replies, found.problems) == (1, ())


def test_many_lines_that_fail_alike_are_one_problem(memory):
    (problem,) = import_jsonl(["rubbish"] * 40, memory, where="out").problems
    assert problem.where == "out:1"
    assert "39 more" in problem.what


def test_what_is_too_much_for_one_file_goes_into_several(monkeypatch):
    monkeypatch.setattr("ankiforge.draft.batch.MOST_LINES", 3)
    assert [len(part) for part in parts(["x"] * 7)] == [3, 3, 1]
    monkeypatch.setattr("ankiforge.draft.batch.MOST_BYTES", 10)
    assert [len(part) for part in parts(["äää", "bbb", "c", "d" * 50])] == [1, 2, 1]


# --- chat -----------------------------------------------------------------------------------


@pytest.fixture
def papers(task, highlight):
    return [
        task(
            highlight("Sleep has four stages.", key="a"), highlight("Dreams come in REM.", key="b")
        ),
        task(highlight("Memory is made at night.", key="c"), remark="shorter please"),
    ]


def reply_to(tasks, fake, skip=()):
    marked = [one for one_task in tasks for one in one_task.highlights if one.key not in skip]
    return [fake.card(label_for(one.key), one.exact, f"Front {one.key}?") for one in marked]


def test_a_chat_text_holds_rules_passages_and_labels(papers, prompt):
    text = export_chat(papers, prompt)
    assert text.startswith("You draft flashcards")
    for one_task in papers:
        for one in one_task.highlights:
            assert f'<highlight h="{label_for(one.key)}">' in text
            assert one.exact in text
    assert "shorter please" in text


@pytest.mark.parametrize(
    "wrap",
    [
        lambda items: json.dumps({"cards": items}),
        lambda items: "Here you go:\n\n```json\n" + json.dumps({"cards": items}) + "\n```\nEnjoy!",
        lambda items: "\n".join(f"{n}. {json.dumps(item)}" for n, item in enumerate(items, 1)),
        lambda items: "\n\n".join("```json\n" + json.dumps([item]) + "\n```" for item in items),
    ],
)
def test_an_answer_is_read_between_fences_prose_and_numbers(papers, prompt, fake, wrap):
    results = list(import_chat(wrap(reply_to(papers, fake)), papers, prompt))
    assert [result.task for result in results] == papers
    fronts = [one.field("Front") for result in results for one in result.drafts]
    assert fronts == ["Front a?", "Front b?", "Front c?"]
    assert results[0].drafts[0].origin.model == "chat"
    assert results[0].drafts[0].quote == "Sleep has four stages."


def test_the_answer_below_the_question_in_one_file_is_read(papers, prompt, fake):
    text = export_chat(papers, prompt) + json.dumps({"cards": reply_to(papers, fake)})
    results = list(import_chat(text, papers, prompt))
    assert [len(result.drafts) for result in results] == [2, 1]


def test_an_exported_text_alone_answers_nothing(papers, prompt):
    results = list(import_chat(export_chat(papers, prompt), papers, prompt))
    assert [len(result.failed) for result in results] == [2, 1]
    assert not any(result.drafts or result.no_cards for result in results)


def test_nothing_to_ask_is_no_text(task, highlight, prompt):
    assert export_chat([task(highlight("Secret.", comment="#no-llm"))], prompt) == ""


def test_what_an_answer_leaves_out_is_asked_again(papers, prompt, fake):
    text = json.dumps({"cards": reply_to(papers, fake, skip=("b",))})
    first, second = import_chat(text, papers, prompt)
    assert list(dict(first.failed)) == ["b"]
    assert "says nothing" in first.problems[0].what
    assert len(second.drafts) == 1


def test_labels_hold_when_other_highlights_come_or_go(papers, prompt, fake):
    text = json.dumps({"cards": reply_to(papers, fake)})
    (result,) = import_chat(text, papers[1:], prompt)
    assert result.drafts[0].field("Front") == "Front c?"
