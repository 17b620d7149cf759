"""Laws of the checks and of QUERY: any text is judged, none breaks them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankiforge.check import RULES, CheckContext, DuplicateIndex, check_draft
from ankiforge.check.source import NO_LABEL
from ankiforge.errors import UsageError
from ankiforge.model import (
    CardContent,
    CardKind,
    Document,
    DocumentKey,
    Draft,
    Highlight,
    HighlightForm,
    HighlightKey,
    HighlightKind,
    Origin,
    Severity,
)
from ankiforge.pipeline.query import QUERY_FIELDS, parse_query
from tests.cards import made
from tests.examples import examples
from tests.limits import no_hang

SIGNS = [
    "{{c1::",
    "{{c2,3::",
    "}}",
    "::",
    "$",
    "\\",
    "`",
    "**",
    "[x](y)",
    "\ue0007\ue001",
    "```\n",
]
WORDS = [
    "This paper",
    "What is",
    "II",
    "10^3",
    "½",
    "1,000",
    "état",
    "机器",
    "\t",
    "\x00",
    "\ud800",
]
TEXT = st.one_of(
    st.text(st.characters(), max_size=80),
    st.lists(st.sampled_from([*SIGNS, *WORDS, " ", "a", "7"]), max_size=25).map("".join),
)

KNOWN = {rule.id for rule in RULES} | {NO_LABEL}


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    kind = draw(st.sampled_from(CardKind))
    fields = tuple((name, draw(TEXT)) for name in kind.note_type.content_fields)
    origin = Origin(
        draw(st.sampled_from(["llm", "rules:phrase", "rules:comment", "person"]))
    )
    key = HighlightKey("vault:notes/a")
    return made(
        Draft,
        key=key,
        kind=kind,
        fields=fields,
        origin=origin,
        quote=draw(TEXT),
        is_card_in_source=draw(st.booleans()),
    )


@st.composite
def highlights(draw: st.DrawFn) -> Highlight:
    exact = draw(TEXT)
    start = draw(st.integers(0, len(exact)))
    return Highlight(
        Document(DocumentKey("vault:notes/0"), "notes", draw(TEXT)),
        draw(st.sampled_from(["vault:notes", "pdf:0123456789abcdef"])),
        HighlightKind.HIGHLIGHT,
        exact,
        HighlightKey("vault:notes/a"),
        form=draw(st.sampled_from(HighlightForm)),
        gaps=((start, len(exact)),),
        prefix=draw(TEXT),
        sentence=draw(TEXT),
        comment=draw(TEXT),
    )


@examples(50)
@given(drafts(), highlights(), drafts())
def test_any_draft_is_judged_alike_each_time_and_only_by_known_rules(
    draft, highlight, other
):
    twins = DuplicateIndex()
    twins.add("other", HighlightKey("vault:notes/b"), other)
    context = CheckContext(highlight, twins)

    found = check_draft(draft, context)

    assert found == check_draft(draft, context)
    assert {finding.check for finding in found} <= KNOWN


@given(drafts(), highlights())
def test_what_a_person_wrote_is_blocked_only_where_it_would_break(draft, highlight):
    authored = CardContent(draft.key, draft.kind, draft.fields, Origin("person"))

    found = check_draft(authored, CheckContext(highlight, DuplicateIndex()))

    blocked = {f.check for f in found if f.severity is Severity.BLOCK}
    assert blocked <= {"empty_side", "malformed", "gap_is_all", "maths", NO_LABEL}


QUERIES = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            [
                *(f"{field}:" for field in QUERY_FIELDS),
                "-",
                '"',
                "a",
                "*",
                "?",
                " ",
                "none",
            ]
        ),
        max_size=12,
    ).map("".join),
)


@given(QUERIES)
def test_any_text_is_a_query_or_an_error_that_says_what_to_do(text):
    try:
        query = parse_query(text)
    except UsageError as error:
        query = None
        hint = error.hint
    else:
        hint = "none needed"

    assert query is None or query == parse_query(text)
    assert hint


RUNS = ["7", "7,", "777 ", "type İ I ", "* a", "a, ", "what and ", "{{c1::a}} ", "$a "]


@pytest.mark.parametrize("sign", [*SIGNS, *WORDS, *RUNS])
def test_a_long_run_of_one_sign_is_judged_to_its_end(sign):
    text = (sign * 1500)[:3900]
    key, fields = HighlightKey("vault:notes/a"), (("Text", text), ("Extra", ""))
    draft = CardContent(key, CardKind.CLOZE, fields, Origin("llm"), text[:100])
    document = Document(DocumentKey("vault:notes/0"), "notes", "Title")
    highlight = Highlight(document, "vault:notes", HighlightKind.HIGHLIGHT, text)
    twins = DuplicateIndex()
    twins.add("other", HighlightKey("vault:notes/b"), draft)

    with no_hang():
        assert check_draft(draft, CheckContext(highlight, twins))
