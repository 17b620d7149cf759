"""What the page gets of each kind of item: all of it but the card itself, without a browser."""

from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from ankiforge.check.rules_and_text import make_finding
from ankiforge.ledger import HighlightOutcome, Ledger
from ankiforge.model import (
    CardKind,
    Conflict,
    Document,
    DocumentKey,
    Highlight,
    HighlightKey,
    HighlightKind,
    PendingDraft,
    Proposal,
    Remark,
    RemarkKind,
    Severity,
    SourceChange,
    UserQuestion,
    UserQuestionKind,
    Verdict,
)
from ankiforge.review import Item
from ankiforge.review.batches import list_pending_ids
from ankiforge.web.items import ItemRenderer, selectable_text_to_json
from tests.cards import made
from tests.web.test_page_table import desk, workspace  # noqa: F401

MARK = Highlight(
    Document(DocumentKey("d"), "papers", "On Memory", path="Memory.pdf"),
    "pdf:papers", HighlightKind.HIGHLIGHT, "Tests help memory.",
    HighlightKey("pdf:papers/k"), page_label="3", uri="https://x.org", comment="why?",
)  # fmt: skip
BOTH = (("Front", "What helps?"), ("Back", "Tests"))
DRAFT = made(
    PendingDraft, kind=CardKind.BASIC, fields=BOTH, quote="Tests help", passages=(MARK,)
)
PROPOSAL = made(Proposal, kind=CardKind.BASIC, fields=BOTH, passages=(MARK,))
FIGURE = made(
    PendingDraft, kind=CardKind.OCCLUSION, passages=(MARK,),
    fields=(("Occlusion", "hide all\n1 .1 .2 .3 .4 Femur"), ("Image", "x")),
)  # fmt: skip


@pytest.fixture(scope="module")
def render(tmp_path_factory):
    """Render an item of a workspace in which nothing was decided."""
    folder = tmp_path_factory.mktemp("ledger")
    documents = SimpleNamespace(
        find_picture=lambda *_: None, register_document=lambda highlight: "doc"
    )
    pdf = {"label": "Open page 3", "href": "/paper/x.pdf#page=3"}
    with Ledger(folder / "l.db", folder, "a") as ledger:
        ledger.merge_journal()

        def rendered(item: Item, *, uses_model: bool = False, in_anki: str = "") -> dict:
            renderer = ItemRenderer(
                ledger,
                find_pdf_link=lambda highlight: [pdf],
                documents=documents,
                uses_model=uses_model,
                can_show_in_anki=lambda guid: guid == in_anki,
            )
            return renderer.render_item(item)

        yield rendered


def acts(item: dict) -> list[str]:
    """Return the actions of an item: act, label, key, look, message, and what else is in it."""
    told = []
    for action in item["actions"]:
        act = dict(action)
        names = [act.pop(name) for name in ("act", "label", "key", "look", "said")]
        becomes = {"accept": "card", "edit": "card", "ask": "card", "reject": "none"}
        assert act.pop("becomes") == becomes.get(names[0], act_of(names[0]))
        more = [f"{name}={value}" for name, value in act.items()]
        told.append(" | ".join([*names, *more]))
    return told


def act_of(name: str) -> str:
    return "later" if name == "later" else "card"


ACCEPT = "accept | Accept |  | filled | Accepted"
REJECT = "reject | Reject | x | outlined | Rejected"
EDIT = "edit | Edit | e | text | Saved and accepted | needs=edit | save=Save and accept"
CHANGE = "edit | Edit | e | text | Changed | needs=edit | save=Save"
LATER = "later | Later | s | more | Later"
ASK = "ask | Ask | q | text | "
AGAIN = "chat | Ask again | m | text | "
FORCE = "accept | Accept anyway |  | more | Accepted | sends={'forced': True}"
OTHERS = "others | Let the model draft others |  | more |  | stays=Asking the model …"
BROWSE = "browse | Show in Anki | b | text |  | stays=Asking Anki …"
BLOCKED = make_finding("malformed", "no gap", severity=Severity.BLOCK)
VAGUE = make_finding("vague", "has many answers", severity=Severity.WARN)
ODD = make_finding("number_altered", "“5 kg”", severity=Severity.WARN)
INFO = make_finding("vague", "has many answers", severity=Severity.INFO)
GAPS = ("{{c1::Tests}}", "{{c1::help}}")


EDIT_FIRST = EDIT.replace("| text |", "| filled |")
SAME_WORDS = "You have a card with the same words."
OTHER_NUMBER = "The source has the number with another unit, sign or era: “5 kg”."
STOP = {
    "text": "The cloze would break in Anki: no gap. Edit it.",
    "tone": "stop",
    "details": "The cloze would break in Anki: no gap.",
}
EQUAL = (Remark(RemarkKind.EQUAL_CARD, "af2"),)
RUNS = [
    {"label": "It said", "runs": [[False, "Tests"], [False, " "], [True, "helped"]]},
    {"label": "It says now", "runs": [[False, "Tests"], [False, " "], [True, "help"]]},
]


@pytest.mark.parametrize(
    ("draft", "actions", "why", "more"),
    [
        ({}, [ACCEPT, REJECT, EDIT, LATER, OTHERS], None, {}),
        ({"findings": (INFO,)}, [ACCEPT, REJECT, EDIT, LATER, OTHERS], None, {}),
        # what cannot work in Anki is edited, or accepted against the check
        ({"findings": (BLOCKED,)}, [EDIT_FIRST, REJECT, LATER, FORCE, OTHERS], STOP, {}),
        # Enter accepts what is seen, with its doubts
        ({"findings": (VAGUE,)}, [ACCEPT, REJECT, EDIT, LATER, OTHERS],
         {"text": "Has several right answers: has many answers. Edit it.", "tone": "caution", "details": "Has several right answers: has many answers."}, {}),
        ({"findings": (ODD,)}, [ACCEPT, REJECT, EDIT, LATER, OTHERS],
         {"text": f"{OTHER_NUMBER} Compare it with the passage.", "tone": "caution", "details": OTHER_NUMBER}, {}),
        ({"remarks": EQUAL}, [ACCEPT, REJECT, EDIT, LATER, OTHERS], {"text": SAME_WORDS, "tone": "quiet", "details": ""}, {}),
        ({"remarks": EQUAL, "findings": (ODD,)}, [ACCEPT, REJECT, EDIT, LATER, OTHERS],
         {"text": SAME_WORDS, "tone": "caution", "details": f"{OTHER_NUMBER} {SAME_WORDS}"}, {}),
        ({"old_quote": "Tests helped"}, [ACCEPT, REJECT, EDIT, LATER, AGAIN, OTHERS], None, {"passages": RUNS}),
        ({"old_quote": "Tests help"}, [ACCEPT, REJECT, EDIT, LATER, OTHERS], None, {}),
    ],
)  # fmt: skip
def test_a_draft_has_its_buttons_and_a_warning(render, draft, actions, why, more):
    shown = render(Item("dr1", (replace(DRAFT, **draft),)), uses_model=True)
    assert (acts(shown), shown["why"]) == (actions, why)
    rest = {
        name: value
        for name, value in shown.items()
        if name not in ("turn", "cards", "source", "actions", "why")
    }
    assert rest == {
        "id": "dr1",
        "title": "What helps?",
        "question": "What helps?",
        **more,
    }
    without = render(Item("dr1", (replace(DRAFT, **draft),)))
    assert acts(without) == [action for action in actions if action != OTHERS]


def test_a_blocked_draft_among_others_is_marked_and_may_be_forced(render):
    blocked = replace(DRAFT, findings=(BLOCKED,))
    shown = render(Item("x", (DRAFT, blocked)))
    assert acts(shown) == [ACCEPT, REJECT, EDIT, LATER, FORCE]
    assert (shown["why"], shown["choose"]) == (None, True)
    marks = [(card["number"], card["why"]) for card in shown["cards"]]
    assert marks == [(1, None), (2, STOP)]
    shown = render(Item("x", (blocked, blocked)))
    assert acts(shown) == [EDIT_FIRST, REJECT, LATER, FORCE]


def test_a_draft_with_gaps_may_become_a_question_and_a_figure_has_masks(render):
    cloze = replace(
        DRAFT, kind=CardKind.CLOZE, fields=(("Text", "{{c1::Tests}} help."),),
        gaps=("{{c1::Tests}}", "{{c1::help}}"), quote="Tests help.",
    )  # fmt: skip
    shown = render(Item("x", (cloze,)))
    assert acts(shown) == [ACCEPT, REJECT, EDIT, ASK, LATER]
    [card] = shown["cards"]
    assert card["gaps"] == ("Tests", "help")
    assert len(card["views"]) == 2
    figure = render(Item("x", (FIGURE,)), uses_model=True)
    assert acts(figure) == [ACCEPT, REJECT, LATER]
    assert (figure["masks"], figure["why"]) == (True, None)


def test_a_suggestion_is_accepted_and_a_passage_gets_a_card_of_its_words(render):
    shown = render(Item("x", proposal=PROPOSAL), uses_model=True)
    assert acts(shown) == [ACCEPT, REJECT, EDIT, ASK, LATER, OTHERS]
    assert (shown["suggested"], shown["title"]) == (True, "What helps?")
    nothing = "reject | No card | x | outlined | No card for"
    write = EDIT.replace("edit | Edit", "write | Write a card", 1)
    write = write.replace("| text |", "| more |")
    make = f"{ACCEPT.replace('accept', 'make', 1)} | needs=words"
    for words, title, actions in (
        ({}, "Tests help memory.", [make, nothing, ASK, write, LATER, OTHERS]),
        ({"exact": "a " * 99}, "a " * 44 + "a…", [make, nothing, ASK, write, LATER, OTHERS]),
        ({"exact": ""}, "why?", [write.replace("| more |", "| filled |"), nothing, LATER]),
        ({"exact": "", "comment": ""}, "On Memory", [write.replace("| more |", "| filled |"), nothing, LATER]),
    ):  # fmt: skip
        passage = replace(MARK, **words)
        outcome = HighlightOutcome(passage, "no_card", "a list: of names")
        shown = render(Item("x", outcome=outcome), uses_model=True)
        assert (shown["title"], acts(shown)) == (title, actions)
        assert shown["why"] == {"text": "A list: of names.", "tone": "quiet"}
        assert shown["blank"] == [["Front", "Question", []], ["Back", "Answer", []]]
        assert bool(shown["compose"]) is bool(passage.exact)
        assert "question" not in shown


def test_the_source_of_an_item_has_its_links_and_what_is_asked(render):
    source = render(Item("x", (DRAFT,)))["source"]
    assert source == {
        "key": "pdf:papers/k",
        "document": "doc",
        "lang": "",
        "asked": "Tests help",
        "said": "why?",
        "links": [
            {"label": "Open page 3", "href": "/paper/x.pdf#page=3"},
            {"label": "x.org", "href": "https://x.org"},
        ],
    }
    text = selectable_text_to_json(replace(MARK, namespace="vault:n", exact="`a` is $x$"))
    assert [part for part, _ in text["parts"]] == ["`a` is ", "$x$"]
    assert text["code"] == [[0, 3]]
    plain = selectable_text_to_json(replace(MARK, exact="it is $x$"))
    assert plain["parts"] == [("it is $x$", "")]


# --- cards and questions --------------------------------------------------------------------


@pytest.fixture
def accepted(workspace):  # noqa: F811
    """A card, and a renderer of its items."""
    guid = workspace.ledger.accept(list_pending_ids(workspace.ledger)[0])
    [card] = workspace.cards()
    documents = SimpleNamespace(
        find_picture=lambda *_: None, register_document=lambda highlight: "doc"
    )
    renderer = ItemRenderer(
        workspace.ledger,
        find_pdf_link=lambda highlight: [],
        documents=documents,
        uses_model=True,
        can_show_in_anki=lambda shown: shown == guid,
    )
    return card, renderer.render_item


KEEPS = {"text": "The card keeps its schedule.", "tone": "quiet"}
KEEP_MINE = "reject | Keep mine | 1 | filled | Your words stay"
TAKE_NEW = "accept | Take the new | 2 | outlined | Changed"
BOTH_RUNS = [
    {"label": "It said", "runs": [[True, "old"]]},
    {"label": "It says now", "runs": [[True, "new"]]},
]
NEW_WORDS = "The passage has changed. Which words stay?"
ANOTHER = "accept | Another | 3 | outlined | Accepted | sends={'another': True}"


def rest_of(shown: dict) -> dict:
    hidden = ("id", "turn", "title", "question", "source", "cards", "actions")
    return {name: value for name, value in shown.items() if name not in hidden}


@pytest.mark.parametrize(
    ("draft", "actions", "rest"),
    [
        ({"revised_guid": "", "keeps_text": True},
         ["accept | Keep mine | 1 | filled | Kept", "reject | Retire it | x | outlined | Retired", CHANGE, AGAIN, LATER],
         {"ask": "The passage has changed. Does the card still fit?", "why": {"text": "The text for your chat asks about it, too.", "tone": "quiet"}}),
        ({"revised_guid": ""}, [KEEP_MINE, TAKE_NEW, ANOTHER, CHANGE, LATER],
         {"ask": NEW_WORDS, "beside": True, "why": KEEPS, "edits": 1}),
        ({"revised_guid": "", "user_text_number": 0}, [KEEP_MINE, TAKE_NEW, CHANGE, LATER],
         {"ask": NEW_WORDS, "beside": True, "why": KEEPS, "edits": 1}),
        ({"revised_guid": "", "user_text_number": 0, "remarks": EQUAL}, [KEEP_MINE, TAKE_NEW, CHANGE, LATER],
         {"ask": NEW_WORDS, "beside": True, "why": {"text": SAME_WORDS, "tone": "quiet", "details": ""}, "edits": 1}),
        ({"replaced_guid": ""}, [KEEP_MINE, TAKE_NEW, CHANGE, LATER],
         {"ask": "The passage has another form now. Which card stays?", "beside": True, "why": None, "edits": 1}),
        ({"revised_guid": "", "findings": (BLOCKED,)}, [KEEP_MINE, CHANGE, LATER, FORCE],
         {"ask": NEW_WORDS, "beside": True, "why": KEEPS, "edits": 1}),
    ],
)  # fmt: skip
def test_a_change_of_a_card_is_asked_about_beside_the_card(
    accepted, draft, actions, rest
):
    card, show = accepted
    changes = {
        name: card.guid if name.endswith("_guid") else value
        for name, value in draft.items()
    }
    same = replace(DRAFT, passages=card.passages, fields=card.fields, **changes)
    shown = show(Item("x", (replace(same, quote="new", old_quote="old"),), card))
    assert acts(shown) == [*actions, BROWSE]
    assert rest_of(shown) == {**rest, "passages": BOTH_RUNS}
    assert shown["title"] == shown["question"] == "What is a ribosome?"
    labels = [card.get("label") for card in shown["cards"]]
    assert labels == (["Mine", "New"] if rest.get("beside") else [None])
    if rest.get(
        "beside"
    ):  # words that differ are marked, unless the note type is another
        other = replace(same, fields=(("Front", "What is a ribosome?"), ("Back", "x")))
        cards = show(Item("x", (other,), card))["cards"]
        assert ["<ins>" in shown["back"] for shown in cards] == [True, True]
        cloze = replace(other, kind=CardKind.CLOZE, fields=(("Text", "{{c1::x}}"),))
        cards = show(Item("x", (cloze,), card))["cards"]
        assert ["<ins>" in shown["back"] for shown in cards] == [False, False]


@pytest.mark.parametrize(
    ("changed", "actions", "why"),
    [
        ({}, ["edit | Edit | e | filled | Edited | needs=edit | save=Save", REJECT], None),
        ({"verdict": Verdict.REJECTED, "verdict_reason": "too easy"}, ["restore | Undo this |  | filled | Undone"], "Too easy."),
        ({"source_changes": (SourceChange.SOURCE_GONE,)},
         ["edit | Edit | e | filled | Edited | needs=edit | save=Save", REJECT], "Its passage is gone from the source, or is no longer marked there."),
    ],
)  # fmt: skip
def test_a_card_can_be_edited_or_what_was_decided_undone(accepted, changed, actions, why):
    card, show = accepted
    shown = show(Item("x", card=replace(card, **changed)))
    assert acts(shown) == [*actions, BROWSE]
    remark = {"text": why, "tone": "quiet"} if why else None
    assert rest_of(shown) == {"masks": False, "why": remark}
    assert len(shown["cards"]) == 1


def test_the_masks_of_a_card_can_be_changed_while_it_is_live(accepted):
    card, show = accepted
    figure = replace(card, kind=CardKind.OCCLUSION, fields=FIGURE.fields)
    masks = "masks | Save the masks |  | filled | Masks changed | needs=drawing"
    shown = show(Item("x", card=figure))
    assert (acts(shown), shown["masks"]) == ([masks, REJECT, BROWSE], True)
    gone = show(Item("x", card=replace(figure, verdict=Verdict.REJECTED)))
    assert (acts(gone)[0][:7], gone["masks"]) == ("restore", False)


SCHEDULE = "The card keeps its schedule either way."
MINE = [KEEP_MINE, TAKE_NEW]
OTHER_ASKED = "You and the source both changed this card. Which words stay?"


@pytest.mark.parametrize(
    ("more", "actions", "ask", "labels"),
    [
        ({}, MINE, OTHER_ASKED, ["Mine", "New"]),
        ({"here": True}, ["reject | Keep Anki’s | 1 | filled | Anki’s words stay", "accept | Take those from here | 2 | outlined | The words from here taken"],
         "You changed this card here and in Anki. Which words stay?", ["In Anki", "Here"]),
    ],
)  # fmt: skip
def test_both_texts_of_a_conflict_are_shown_with_their_answers(
    accepted, more, actions, ask, labels
):
    card, show = accepted
    here = more.get("here", False)
    conflict = Conflict(
        card.guid, "Back", "mine of proteins", "theirs of proteins", "", "", here
    )
    question = UserQuestion(
        "q", UserQuestionKind.CONFLICT, "Was it?", guids=(card.guid,), conflicts=(conflict,)
    )  # fmt: skip
    shown = show(Item("q", question=question))
    assert acts(shown) == [*actions, LATER, CHANGE, BROWSE]
    remark = {"text": SCHEDULE, "tone": "quiet"}
    assert rest_of(shown) == {"ask": ask, "why": remark, "beside": True}
    assert [view["label"] for view in shown["cards"]] == labels
    assert [view["answer"] for view in shown["cards"]] == [
        "mine of proteins",
        "theirs of proteins",
    ]
    assert "<ins>mine</ins>" in shown["cards"][0]["back"]
    assert "<ins>theirs</ins>" in shown["cards"][1]["back"]


YES = ["accept | Yes, the same |  | filled | One card", "reject | No, a new card | x | outlined | Kept apart"]  # fmt: skip
KEEP = ["reject | Keep both | 1 | filled | Two cards", "accept | Keep one | 2 | outlined | One card"]  # fmt: skip
BRING = ["reject | Bring back | 1 | filled | Will be sent again", "accept | I deleted it | 2 | outlined | Retired"]  # fmt: skip
EMPTIED = ["reject | Nothing happened | 1 | filled | Every card stays as it is", "accept | Deleted | 2 | outlined | Taken as deleted"]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "text", "number", "actions", "rest", "labels"),
    [
        ("SAME", "Is it: this?", 1, YES, {"ask": "Is this the card that you already have?", "beside": False}, [("Your card", "not in Anki yet")]),
        ("DUPLICATE", "Two are the same.", 2, KEEP, {"ask": "Two are the same. Keep one?", "beside": True},
         [("Card 1", "not in Anki yet · Cells"), ("Card 2", "not in Anki yet · Cells")]),
        ("ABSENT", "1 note is missing in Anki. Did you delete it?", 1, BRING, {"ask": "1 card is missing in Anki. Bring it back?"}, [(None, "")]),
        ("EMPTIED", "notes is empty. Was it deleted?", 0, EMPTIED, {"ask": "notes is empty. Was it deleted?"}, []),
    ],
)  # fmt: skip
def test_a_question_has_its_cards_its_answers_and_what_they_do(
    accepted, kind, text, number, actions, rest, labels
):
    card, show = accepted
    asked = UserQuestionKind[kind]
    guids = (card.guid,) * number
    shown = show(
        Item("q", question=UserQuestion("q", asked, text, card.key, guids=guids))
    )
    browse = [BROWSE] if number == 1 else []
    assert acts(shown) == [*actions, LATER, *browse]
    told = rest_of(shown)
    assert told.pop("why")["tone"] == "quiet"
    assert told == rest
    views = shown.get("cards", [])
    assert [(view.get("label"), view["note"]) for view in views] == labels


def test_several_cards_that_anki_lacks_are_lines_and_a_question_has_a_title(accepted):
    card, show = accepted
    text = "2 notes are missing in Anki. Did you delete them?"
    question = UserQuestion("q", UserQuestionKind.ABSENT, text, guids=(card.guid,) * 2)
    shown = show(Item("q", question=question))
    line = {"id": "", "question": "What is a ribosome?", "answer": "a maker of proteins"}
    assert shown["lines"] == [line, line]
    assert shown["ask"] == "2 cards are missing in Anki. Bring them back?"
    assert shown["title"] == "2 cards are missing in Anki"
    asked = [act.replace("| filled |", "| outlined |") for act in BRING]
    assert acts(shown) == [LATER.replace("| more |", "| filled |"), *asked]
    many = replace(question, guids=(card.guid,) * 302)
    assert len(show(Item("q", question=many))["lines"]) == 300


@pytest.mark.parametrize(
    ("old", "rest"),
    [
        ("A :: B", {"title": "0 lines like A :: B", "ask": "0 lines in v look like “A :: B”. Are they cards?"}),
        ("word = translation", {"title": "0 words with your translation", "ask": "You noted in v what 0 words mean. Make cards of them?"}),
    ],
)  # fmt: skip
def test_a_form_is_asked_about_in_its_words(accepted, old, rest):
    _, show = accepted
    question = UserQuestion("q", UserQuestionKind.FORM, "Was it?", new="v", old=old)
    shown = show(Item("q", question=question))
    assert {name: shown[name] for name in rest} == rest
    assert acts(shown) == [
        LATER.replace("| more |", "| filled |"),
        "accept | Make 0 cards | 1 | outlined | Cards made",
        "reject | No card | x | outlined | No cards made",
    ]


def test_the_only_line_of_a_form_is_made_by_enter(accepted):
    _, show = accepted
    question = UserQuestion(
        "q", UserQuestionKind.FORM, "Was it?", new="v", old="A :: B", drafts=("dr1",)
    )
    assert acts(show(Item("q", question=question))) == [
        "accept | Make the card |  | filled | Card made",
        "reject | No card | x | outlined | No cards made",
        LATER,
    ]


@pytest.mark.parametrize(("number", "noun"), [(1, "1 line"), (2, "2 lines")])
def test_the_lines_of_a_form_are_listed(workspace, number, noun):  # noqa: F811
    ids = list_pending_ids(workspace.ledger)[:number]
    renderer = ItemRenderer(
        workspace.ledger,
        find_pdf_link=lambda highlight: [],
        documents=SimpleNamespace(
            find_picture=lambda *_: None, register_document=lambda highlight: "doc"
        ),
        uses_model=True,
        can_show_in_anki=lambda guid: False,
    )
    question = UserQuestion(
        "q", UserQuestionKind.FORM, "?", new="v", old="a :: b", drafts=tuple(ids)
    )
    shown = renderer.render_item(Item("q", question=question))
    lines = [
        {"question": "What is a ribosome?", "answer": "a maker of proteins"},
        {"question": "What is a nucleus?", "answer": "the home of the genes"},
    ]
    assert shown["lines"] == [
        {"id": id, **line, "at": "Cells.md", "note": ""}
        for id, line in zip(ids, lines[:number], strict=True)
    ]
    assert shown["title"] == f"{noun} like a :: b"
    assert shown["ask"] == f"{noun} in v look like “a :: b”. Are they cards?"
