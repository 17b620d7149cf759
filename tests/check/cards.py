"""Drafts and highlights for the tests of the checks, and the examples of `cases.txt`."""

import re

from msgspec.structs import replace

from ankiforge.check import CheckContext, DuplicateIndex, check_draft
from ankiforge.model import (
    LONG_COMMENT_DRAFTER,
    CardKind,
    Document,
    DocumentKey,
    Draft,
    Finding,
    Highlight,
    HighlightForm,
    HighlightKey,
    HighlightKind,
    Origin,
    hints,
)
from ankiforge.text.cloze import find_clozes, reveal_answers
from tests.cards import made

DOCUMENT = Document(DocumentKey("vault:notes/0"), "notes", "Deep learning")


def passage(exact: str, **changes: object) -> Highlight:
    """A highlight in a vault note."""
    plain = Highlight(
        DOCUMENT,
        "vault:notes",
        HighlightKind.HIGHLIGHT,
        exact,
        HighlightKey("vault:notes/a"),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def question(front: str, back: str, quote: str = "", **changes: object) -> Draft:
    fields = (("Front", front), ("Back", back))
    return _draft(CardKind.BASIC, fields, quote or f"{front} {back}", **changes)


def cloze(text: str, quote: str = "", **changes: object) -> Draft:
    return _draft(
        CardKind.CLOZE, (("Text", text),), quote or reveal_answers(text), **changes
    )


def figure(*masks: str) -> Draft:
    """A card that hides the labels of a figure: a line for each mask."""
    field = "\n".join(["hide all", *masks])
    return _draft(CardKind.OCCLUSION, (("Occlusion", field), ("Image", "![](a.png)")), "")


def _draft(
    kind: CardKind, fields: tuple[tuple[str, str], ...], quote: str, **changes: object
) -> Draft:
    plain = made(
        Draft, key=HighlightKey("vault:notes/a"), kind=kind, fields=fields, quote=quote
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def findings(
    draft: Draft, highlight: Highlight | None = None, twins: DuplicateIndex | None = None
) -> tuple[Finding, ...]:
    """What the checks say of a draft; its own quote is the passage unless one is given."""
    about = highlight or passage(draft.quote)
    context = CheckContext(about, twins or DuplicateIndex(), find_picture_problem=_fault)
    return check_draft(draft, context)


def _fault(path: str) -> str:
    """What is wrong with a picture of an example."""
    return f"{path}: cannot be read" if path == "missing.png" else ""


def named(draft: Draft, highlight: Highlight | None = None) -> dict[str, str]:
    """The ids of the findings with their severity."""
    return {found.check: str(found.severity) for found in findings(draft, highlight)}


# --- the examples of cases.txt ------------------------------------------------------------------------

_EXAMPLE = re.compile(
    r"^(?:\((?P<form>[a-z-]+)(?: \^(?P<note>\d+))?(?P<schedule> SR)?\) )?(?P<card>.*?)(?: « (?P<passage>.*?))?(?: ¶ (?P<quote>.*?))?"
    r"(?: ~ (?P<twin>.*?))?$",
    re.DOTALL,
)
_HAND_FORMS = {
    HighlightForm.INLINE,
    HighlightForm.INLINE_FIELD,
    HighlightForm.TERM,
    HighlightForm.GLOSSARY,
    HighlightForm.BLOCK,
}


def example(text: str) -> tuple[Finding, ...]:
    """What the checks say of an example in the signs of `cases.txt`."""
    repeated = re.sub(r"(\w+)×(\d+)", lambda m: " ".join([m[1]] * int(m[2])), text)
    for sign, meant in (
        ("␉", "\t"),
        ("⏎", "\n"),
        ("¦", "|"),
        ("†", "```"),
        ("‹", "`"),
        ("›", "`"),
    ):
        repeated = repeated.replace(sign, meant)
    parts = _EXAMPLE.match(repeated)
    assert parts is not None
    draft = _card(parts["card"])
    source = parts["passage"] or draft.quote
    source, around = _cut(source)
    draft = replace(draft, quote=parts["quote"] or f"{around['prefix']}{source}")
    twins = DuplicateIndex()
    if parts["twin"]:
        twins.add("twin", HighlightKey("vault:notes/b"), _card(parts["twin"]))
    if not parts["form"]:
        return check_draft(draft, CheckContext(passage(source, **around), twins))
    if parts["form"] == "comment":
        draft = replace(draft, origin=Origin(LONG_COMMENT_DRAFTER))
        return findings(draft, passage(source, **around), twins)
    if parts["form"] == "asked":  # the reader's own question, its answer from the passage
        draft = replace(draft, origin=Origin("rules:comment"))
        return findings(draft, passage(source, **around), twins)
    open_end = parts["form"] == "open-end"
    draft, highlight = _marked(
        draft, HighlightForm.BLOCK if open_end else HighlightForm(parts["form"])
    )
    highlight = replace(highlight, may_continue=open_end)
    known = (hints.make_anki_note_hint(parts["note"]),) if parts["note"] else ()
    schedule = "!2026-03-01,12,250" if parts["schedule"] else ""
    return findings(draft, replace(highlight, hints=known, tool_schedule=schedule), twins)


def _cut(source: str) -> tuple[str, dict[str, str]]:
    """What was marked of a passage, and the text around it."""
    before, mark, rest = source.partition("⟦")
    exact, _, after = rest.partition("⟧")
    return (
        (exact, {"prefix": before, "suffix": after}) if mark else (source, {"prefix": ""})
    )


def _card(text: str) -> Draft:
    if " ⇄ " in text:
        front, _, back = text.partition(" ⇄ ")
        return replace(question(front, back), kind=CardKind.TWO_WAY)
    front, arrow, back = text.partition(" » ")
    return question(front, back) if arrow else cloze(text)


def _marked(draft: Draft, form: HighlightForm) -> tuple[Draft, Highlight]:
    """The draft as the rules make it of that form, and the highlight it comes from."""
    if form in _HAND_FORMS:
        origin = Origin(f"rules:{form.value}")
        kind = HighlightKind.CARD
        sides = (draft.get_field("Front"), draft.get_field("Back"))
        return replace(draft, is_card_in_source=True, origin=origin), passage(
            draft.quote, form=form, kind=kind, markdown=sides
        )
    words = find_clozes(draft.get_field("Text"))[0].answer
    start = draft.quote.index(words)
    highlight = passage(draft.quote, form=form, gaps=((start, start + len(words)),))
    if form is HighlightForm.MARK:
        highlight = replace(highlight, exact=words, gaps=(), sentence=draft.quote)
        highlight = replace(highlight, namespace="pdf:0123456789abcdef")
    return replace(draft, origin=Origin("rules:phrase")), highlight
