"""Whatever is marked and whatever is answered: every highlight has an outcome, nothing raises."""

import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankiforge.draft.chat import make_label, parse_chat_reply
from ankiforge.draft.client import ModelClient
from ankiforge.draft.llm import ModelDrafter
from ankiforge.draft.privacy import PrivacyFilter
from ankiforge.draft.prompt import format_highlight, load_prompt_file
from ankiforge.draft.reply_cards import convert_to_markdown
from ankiforge.draft.server import ServerSettings
from ankiforge.model import (
    Document,
    DocumentKey,
    DraftingStatus,
    DraftingTask,
    Highlight,
    HighlightKey,
    HighlightKind,
)
from tests.examples import examples
from tests.fakes import llm_server as fake

PROMPT = load_prompt_file("cards")
DOCUMENT = Document(DocumentKey("d"), source="s", title="T")
WORDS = st.text(st.characters(exclude_categories=()), max_size=80)
ITEM = st.dictionaries(
    st.sampled_from(["h", "kind", "quote", "front", "back", "text", "why_none", "cards"]),
    st.one_of(
        WORDS,
        st.sampled_from(["1", "2", "cloze", "basic", "none", "{{c1::x}}"]),
        st.integers(),
    ),
)
REPLY = st.one_of(
    WORDS,
    st.lists(ITEM, max_size=4).map(lambda items: json.dumps({"cards": items})),
    st.builds(
        lambda text, at: text[:at],
        st.just(json.dumps({"cards": [{"h": "1"}]})),
        st.integers(0, 30),
    ),
    st.recursive(
        st.none() | st.booleans() | st.floats() | WORDS,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3)
        ),
        max_leaves=8,
    ).map(json.dumps),
)


def task_of(*texts, **fields):
    given_fields = {"namespace": "pdf:d", "kind": HighlightKind.HIGHLIGHT, **fields}
    highlights = tuple(
        Highlight(
            document=DOCUMENT, exact=text, key=HighlightKey(f"k{n}"), **given_fields
        )
        for n, text in enumerate(texts)
    )
    return PrivacyFilter(()).make_sendable_task(DraftingTask(DOCUMENT, highlights))


def settle(results, task):
    """Each highlight is drafted, has no card, or failed; cards can be stored."""
    assert [one.highlight for one in results] == list(task.highlights)
    for one in results:
        assert bool(one.drafts) != bool(one.reason)
        assert bool(one.drafts) == (one.status is DraftingStatus.DRAFTED)
        is_unread = "ankiforge draft --again" in (one.reason or "")
        is_failed = one.status is DraftingStatus.FAILED
        assert bool(one.problem) == (is_failed or is_unread)
        for draft in one.drafts:
            json.dumps([draft.fields, draft.quote, draft.answer], ensure_ascii=False)
            assert draft.fields


@pytest.fixture(scope="module")
def server():
    with fake.LlmServer() as running:
        yield running


@examples(20)
@given(replies=st.lists(REPLY, min_size=1, max_size=3))
def test_any_content_gives_drafts_reasons_or_problems(server, replies):
    server.queue.extend(fake.says(reply) for reply in replies)
    server.otherwise = lambda _: fake.says("")
    chosen = ServerSettings(server.base_url, "fake", per_request=2)
    model = ModelDrafter(ModelClient(chosen, fake.Memory()), PROMPT)
    task = task_of("One fact.", "Two facts.")
    settle([one for results in model.draft(iter([task])) for one in results], task)
    model.stop()
    server.queue.clear()


@examples(60)
@given(reply=REPLY)
def test_any_pasted_answer_gives_drafts_reasons_or_problems(reply):
    task = task_of("One fact.", "Two facts.")
    text = reply.replace('"1"', f'"{make_label(task.task.highlights[0].key)}"')
    results = parse_chat_reply(text, [task], PROMPT).results
    settle(results, task.select_highlights(*(one.highlight for one in results)))


@given(text=st.text(st.sampled_from('<>/highlightmarked ="1 x'), max_size=60))
def test_no_text_closes_its_markers(text):
    sendable = PrivacyFilter(()).make_sendable_highlight(task_of(text).task.highlights[0])
    shown = format_highlight("1", sendable)
    assert shown.count("</highlight>") == 1


@given(text=st.text(st.sampled_from("<>/scriptimg[](){}$`&;=\\! ab"), max_size=60))
def test_cleaned_text_opens_no_tag_outside_code_and_maths(text):
    import re

    from ankiforge.text.normalize import map_outside_literal_spans

    runs = []
    map_outside_literal_spans(
        convert_to_markdown(text), lambda run: runs.append(run) or run
    )
    assert not any(re.search(r"(?<!\\)<[a-z/!]", run) for run in runs)


def test_no_thread_stays_behind(server):
    server.otherwise = fake.obliging
    chosen = ServerSettings(server.base_url, "fake", concurrency=3)
    model = ModelDrafter(ModelClient(chosen, fake.Memory()), PROMPT)
    list(model.draft(iter([task_of("One.", "Two.", "Three.")])))
    model.stop()
    assert not [
        thread for thread in threading.enumerate() if thread.name.startswith("draft")
    ]
