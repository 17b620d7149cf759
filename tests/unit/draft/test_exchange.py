import json

import pytest

from ankiforge.draft.chat import export_chats, import_chat, label_for


def export_chat(tasks, prompt):
    return "".join(export_chats(tasks, prompt, most=100))


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
    assert text.startswith("You write flashcards")
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
    assert import_chat(export_chat(papers, prompt), papers, prompt) == []


def test_private_highlights_are_not_exported(task, highlight, prompt):
    private = highlight("Secret is this.", comment="#no-llm")
    text = export_chat([task(private, "Open is that.")], prompt)
    assert "Open is that." in text
    assert "Secret" not in text


def test_nothing_to_ask_is_no_text(task, highlight, prompt):
    assert export_chat([task(highlight("Secret.", comment="#no-llm"))], prompt) == ""


def test_what_an_answer_leaves_out_is_left_pending(papers, prompt, fake):
    text = json.dumps({"cards": reply_to(papers, fake, skip=("b",))})
    first, second = import_chat(text, papers, prompt)
    assert [one.key for one in first.task.highlights] == ["a"]
    assert len(second.drafts) == 1


def test_labels_hold_when_other_highlights_come_or_go(papers, prompt, fake):
    text = json.dumps({"cards": reply_to(papers, fake)})
    (result,) = import_chat(text, papers[1:], prompt)
    assert result.drafts[0].field("Front") == "Front c?"
