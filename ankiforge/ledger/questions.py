"""Questions: what holds back a card or a correction until a person answers.

They are computed from the tables each time; an answer is an event, and the question is
gone because its condition is. A question has no row of its own, and its id is made of
what it is about: only its id answers it. The kinds, with what each answer does in words,
are `model.QuestionKind`; here each has a function that asks, and one that answers behind it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from operator import attrgetter
from typing import NamedTuple

from ankiforge.errors import RefusedError
from ankiforge.language.vocabulary import term_of
from ankiforge.ledger import cards, chosen, decide, forms, offers, remarks
from ankiforge.ledger.events import MERGED, PERSON, Event, Passage
from ankiforge.ledger.store import Store
from ankiforge.ledger.tables import anki, highlights, journaled, passages, waiting
from ankiforge.ledger.tables import cards as card_rows
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.ledger.tables.waiting import decode_draft
from ankiforge.ledger.undo import REWORDING
from ankiforge.ledger.views import DELETED
from ankiforge.model import (
    QUESTION_PREFIX,
    WORD_AND_TRANSLATION,
    Conflict,
    Guid,
    Highlight,
    Question,
    QuestionKind,
    RemarkKind,
    Strings,
    Waiting,
    h16,
    is_card_id,
)
from ankiforge.text import counted, on_one_line, shortened
from ankiforge.text.cloze import numbers
from ankiforge.text.fold import for_finding

FORM_ASKED = 3
"""The number of lines of one form from which a person is asked about the form."""
BACKS_SHOWN = 5
"""The number of answers of one front that are shown as examples."""
BACK_SHOWN = 40
"""The length of an answer there."""
KEYS_SHOWN = 60
"""The length of the names of fields in a question."""
MISSING_SHOWN = 5
"""The number of missing notes that are shown as examples."""

Without = Collection[str] | None
"""The parts of a question that an answer leaves out; see `answer`."""


def open_questions(store: Store) -> list[Question]:
    """Return the questions that only a person can answer."""
    questions: list[Question] = []
    for ask in _ASKING:
        questions.extend(ask(store))
    return questions


def answer(
    store: Store,
    question_id: str,
    *,
    yes: bool,
    without: Collection[str] | None = None,
) -> None:
    """Answer a question; `model.QuestionKind` tells the effect of each answer.

    Args:
        store: the store.
        question_id: the id of an open question, or the beginning of it.
        yes: whether it is accepted.
        without: the drafts of a form that are no cards, which are rejected.

    Raises:
        RefusedError: there is no such open question.
    """
    with store.action():
        matching = []
        for question in open_questions(store):
            if question.id.startswith(question_id):
                matching.append(question)
        if len(matching) != 1:
            raise RefusedError(
                f"{question_id}: there is no such open question",
                hint="ankiforge list --view questions",
            )
        [question] = matching
        _ANSWERING[question.kind](store, question, yes, without)


def _named(kind: QuestionKind, *parts: str) -> tuple[str, QuestionKind]:
    """Return the id of a question about some things, and its kind."""
    return f"{QUESTION_PREFIX}{h16(kind.value, *parts)}", kind


# --- is this the card whose passage is gone? --------------------------------------------


def _ask_same(store: Store) -> Iterator[Question]:
    """Ask whether a new passage is one whose passage is gone, and that has cards."""
    pairs = []
    for key in passages.asking(store):
        pairs += remarks.asked(store, store.passage(key))
    # the drafts that repeat a card whose passage is gone
    for row in waiting.naming_another(store):
        if row["revises"]:
            continue
        passage = store.passage(row["key"])
        for finding in decode_draft(row["body"]).findings:
            if finding.check != "duplicate" or not is_card_id(finding.duplicate):
                continue
            card, lost = cards.state_of(store, finding.duplicate)
            if (
                card.live
                and not cards.present_row(store, lost)
                and not passage.decided
                and not passage.told_apart_from(lost)
            ):
                pairs.append((row["key"], lost.key))
                break
    for new_key, old_key in dict.fromkeys(pairs):
        yield _ask_whether_same(store, new_key, old_key)


def _ask_whether_same(store: Store, new_key: str, old_key: str) -> Question:
    """Return the question whether a passage is the one that is gone."""
    lost = store.passage(old_key)
    text = "Is this passage the one of a card whose passage is gone?"
    if new_key in store.passage(new_key).beside:
        text = "Is this passage the one of a card whose words are elsewhere now?"
    examples = []
    for key in (new_key, old_key):
        newest = store.passage(key).texts[:1]
        examples += [text.exact for text in newest if text.exact]
    return Question(
        *_named(QuestionKind.SAME, new_key, old_key),
        text=text,
        new=new_key,
        old=old_key,
        guids=tuple(Guid(card.guid) for card in lost.live),
        examples=tuple(examples),
        drafts=tuple(waiting.of_key(store, new_key)),
    )


def _repair_of(store: Store, guid: str) -> str:
    """Return the action of the repair that gave a card its words; "" if none did."""
    act = ""
    acts_of_repairs = set()
    for event in journaled.standing_kinds(store, *REWORDING):
        if event.body.get("guid") != guid:
            continue
        if event.what == "repair" and event.body["name"] != cards.LEFT:
            acts_of_repairs.add(event.act)
        act = event.act or ""
    return act if act in acts_of_repairs else ""


def waiting_beside(store: Store) -> set[str]:
    """Return the cards that one repair changed or added with another one that is in conflict.

    A repair goes to Anki as a whole, once its question is answered.
    """
    waiting: set[str] = set()
    in_conflict: set[str] = set()
    for question in _ask_about_conflicts(store):
        in_conflict.update(question.guids)
        for event in journaled.of_action(store, question.repair):
            waiting.add(event.body.get("guid", ""))
            waiting.update(new["guid"] for new in event.body.get("new", ()))
    return waiting - in_conflict


def _answer_same(store: Store, question: Question, yes: bool, _without: Without) -> None:
    """Record that two passages are one, or two."""
    store.add("same" if yes else "different", question.new, PERSON, {"old": question.old})


# --- is the passage of a card gone that nobody marked? ----------------------------------


def _ask_about_gone(store: Store) -> Iterator[Question]:
    """Ask, once for a document, about cards of chosen passages that stand in it no longer."""
    gone = defaultdict[str, list[Passage]](list)
    titles = {}
    for mark, keys in chosen.standing_marks(store):
        for key in keys:
            passage = store.passage(key)
            if not passage.live or passage.keeps_its_cards:
                continue
            known = highlights.with_key(store, key)
            is_gone = known is not None and known["state"] == "gone"
            if is_gone and not cards.present_row(store, passage):
                gone[mark.key].append(passage)
                titles[mark.key] = mark.body.get("title", "")
    for document, of_document in gone.items():
        number = counted(len(of_document), "chosen passage")
        their = "its card" if len(of_document) == 1 else "their cards"
        keys_of_all = [passage.key for passage in of_document]
        yield Question(
            *_named(QuestionKind.GONE, document, *keys_of_all),
            text=f"{number} no longer in “{titles[document]}”: keep {their}?",
            new=document,
            guids=tuple(Guid(card.guid) for each in of_document for card in each.live),
            examples=tuple(each.texts[0].exact for each in of_document),
        )


def _answer_gone(store: Store, question: Question, yes: bool, _without: Without) -> None:
    """Record that cards stay though their passages are gone, or that they go, too."""
    for guid in question.guids:
        _, passage = cards.state_of(store, guid)
        if yes:
            store.add("different", passage.key, PERSON, {"old": passage.key})
        else:
            decide.reject(store, guid, "its passage is gone")


# --- two equal cards --------------------------------------------------------------------


def _ask_about_duplicates(store: Store) -> Iterator[Question]:
    """Ask about live cards of different passages with equal words."""
    for pair in card_rows.equal_pairs(store):
        new_passage = store.passage(pair["new"])
        if new_passage.told_apart_from(store.passage(pair["old"])):
            continue
        guids = (Guid(pair["old_guid"]), Guid(pair["new_guid"]))
        yield Question(
            *_named(QuestionKind.DUPLICATE, *guids),
            text="Two cards ask and answer the same.",
            new=pair["new"],
            old=pair["old"],
            guids=guids,
            examples=(pair["words"],),
        )


def _ask_about_gaps_of_one_proposal(store: Store) -> Iterator[Question]:
    """Ask about cards of one proposal: two machines accepted different gaps of it.

    On one machine, accepting a gap decides the sentence.
    """
    for key in card_rows.with_proposals(store):
        passage = store.passage(key)
        if passage.keeps_its_cards:  # a person answered that both stay
            continue
        proposed = [card for card in passage.live if card.proposed]
        for card, other in combinations(sorted(proposed, key=attrgetter("guid")), 2):
            if card.quote != other.quote:
                continue
            guids = (card.guid, other.guid)
            yield Question(
                *_named(QuestionKind.DUPLICATE, *guids),
                text="Two cards hide words of one proposal.",
                new=passage.key,
                old=passage.key,
                guids=guids,
                examples=(card.field("Text"), other.field("Text")),
            )


def _merge(store: Store, guids: Sequence[Guid]) -> None:
    """Make one card of two: the one with more reviews stays, else the older one."""

    def worth(guid: Guid) -> tuple[int, int, str]:
        _, passage = cards.state_of(store, guid)
        accepts = journaled.of_kinds(store, [passage.key], "accept")
        accepted_at = min((event.n for event in accepts), default=0)
        return (-anki.reviews(store, guid), accepted_at, guid)

    first, *others = sorted(guids, key=worth)
    for guid in others:
        _, passage = cards.state_of(store, guid)
        body = {"guid": guid, "why": f"{MERGED}{first}"}
        store.add("retire", passage.key, PERSON, body)


def _answer_duplicate(
    store: Store, question: Question, yes: bool, _without: Without
) -> None:
    """Make two equal cards one, or leave both."""
    if yes:
        _merge(store, question.guids)
    else:
        store.add("different", question.new, PERSON, {"old": question.old})


# --- a card that a person and its source changed ----------------------------------------


_CHANGED_BY_BOTH = "You changed this card, and so did its source."
_EDITED_TWICE = "You changed this card here, and in Anki."
_REPAIRED = "You repaired this card here, and changed it in Anki."


def _ask_about_conflicts(store: Store) -> Iterator[Question]:
    """Ask about cards that both a person and the source changed, or a person twice."""
    for guid, conflicts in _conflicts(store).items():
        only_edits = all(conflict.edited_here for conflict in conflicts)
        repair = _repair_of(store, guid)
        text = _EDITED_TWICE if only_edits else _CHANGED_BY_BOTH
        if repair:
            text = _REPAIRED
        lost = sorted({number for each in conflicts for number in _numbers_lost(each)})
        if lost:
            cards_lost = ", ".join(f"c{number}" for number in lost)
            taken = "The words from here" if only_edits else "The source's words"
            text += (
                f" {taken} would leave {counted(len(lost), 'card')} empty: {cards_lost}."
            )
        yield Question(
            *_named(QuestionKind.CONFLICT, guid),
            text=text,
            new=guid,
            guids=(Guid(guid),),
            conflicts=tuple(conflicts),
            repair=repair,
        )


def _numbers_lost(conflict: Conflict) -> set[int]:
    """Return the gaps that the person's words have, and the others do not."""
    if conflict.field != "Text":
        return set()
    return set(numbers(conflict.mine)).difference(numbers(conflict.source))


def _conflicts(store: Store) -> dict[str, list[Conflict]]:
    """Return the fields in conflict by card: edited here, or else in Anki."""
    conflicts: dict[str, list[Conflict]] = defaultdict(list)
    for card_row in card_rows.with_offers(store):
        passage = store.passage(card_row["passage"])
        card = passage.cards[card_row["guid"]]
        for field, text in card.edits.offered.items():
            mine = card.field(field)
            conflict = Conflict(card.guid, field, mine, text, h16(mine), h16(text))
            conflicts[card.guid].append(conflict)
    for card_row in anki.conflicts(store):
        of_card = conflicts[card_row["guid"]]
        if any(conflict.field == card_row["field"] for conflict in of_card):
            continue
        state, _ = cards.state_of(store, card_row["guid"])
        repaired = state.note.adopted.repaired if state.note.adopted else {}
        conflict = Conflict(
            guid=Guid(card_row["guid"]),
            field=card_row["field"],
            mine=card_row["mine"],
            source=card_row["source"],
            theirs=card_row["theirs"],
            ours=card_row["ours"],
            edited_here=card_row["field"] in (*state.edits.pinned, *repaired),
        )
        of_card.append(conflict)
    return conflicts


def in_conflict(store: Store) -> set[str]:
    """Return the guids of the cards about whose words an open question asks."""
    return set(_conflicts(store))


def _answer_conflict(
    store: Store, question: Question, yes: bool, _without: Without
) -> None:
    """Let each field keep the source's words, or the person's.

    A repair is one thing: it is taken back with all its fields, and what is new beside it.
    """
    if question.repair and not yes:
        decide.undo(store, question.repair)
        anki.drop_conflicts(store, question.guids)
        return
    for conflict in question.conflicts:
        _, passage = cards.state_of(store, conflict.guid)
        body = {
            "guid": conflict.guid,
            "field": conflict.field,
            "choice": "source" if yes else "mine",
            "theirs": conflict.theirs,
            "ours": conflict.ours,
            "was": conflict.mine,
        }
        store.add("resolve", passage.key, PERSON, body)
        anki.drop_conflicts(store, [conflict.guid], conflict.field)


# --- notes that are missing in Anki -----------------------------------------------------


def _ask_about_absent(store: Store) -> Iterator[Question]:
    """Ask about live cards whose notes Anki no longer has.

    Those that were deleted with many others are a question of their own.
    """
    for asked in (False, True):
        absent = anki.absent(store, asked=asked)
        if not absent:
            continue
        guids = tuple(Guid(card_row["guid"]) for card_row in absent)
        is_one = len(guids) == 1
        were_missed = f"{'is' if is_one else 'are'} missing in Anki"
        were_deleted = f"{'was' if is_one else 'were'} deleted in Anki at once"
        yield Question(
            *_named(QuestionKind.ABSENT, *guids),
            text=(
                f"{counted(len(guids), 'note')} {were_deleted if asked else were_missed}."
                f" Did you delete {'it' if is_one else 'them'}?"
            ),
            guids=guids,
            examples=tuple(card_row["words"] for card_row in absent[:MISSING_SHOWN]),
        )


def _answer_absent(
    store: Store, question: Question, yes: bool, _without: Without
) -> None:
    """Retire the cards whose notes were deleted, or ship their notes again."""
    for guid in question.guids:
        _, passage = cards.state_of(store, guid)
        if yes:
            store.add("retire", passage.key, PERSON, {"guid": guid, "why": DELETED})
        else:
            store.add("unseen", passage.key, PERSON, {"guid": guid})
        anki.forget(store, guid)


# --- a source that lost its documents ---------------------------------------------------


def _ask_about_emptied(store: Store) -> Iterator[Question]:
    """Ask about sources that suddenly list nothing, or far less."""
    for container, value in store.metas("emptied ").items():
        if not value.startswith("asked "):  # it was answered
            continue
        _, left, known, folder = value.split(" ", maxsplit=3)
        lost = int(known) - int(left)
        where = f"in {folder}" if folder else f"in {container}"
        documents = counted(int(known), "document")
        verb = "was" if lost == 1 else "were"
        live_cards = card_rows.number_live(store, container)
        come = "comes" if live_cards == 1 else "come"
        yield Question(
            *_named(QuestionKind.EMPTIED, container),
            text=(
                f"{lost:,} of {documents} {verb} not found {where}."
                f" {counted(live_cards, 'card')} {come} from this source."
                f" {verb.capitalize()} {'it' if lost == 1 else 'they'} deleted?"
            ),
            new=container,
        )


def _answer_emptied(
    store: Store, question: Question, yes: bool, _without: Without
) -> None:
    """Let the next run take the documents as gone, or wait for them."""
    store.set_meta(f"emptied {question.new}", "yes" if yes else "no")


# --- what may be no card: lines, and words with their translation -----------------------


def _ask_about_forms(store: Store) -> Iterator[Question]:
    """Yield a question for each form of lines of which several wait in one source."""
    rows = highlights.with_form_and_draft(store)
    fields = forms.Fields(store)
    doubtful_keys = []
    for highlight in map(decode_highlight, rows):
        if forms.asks_form(store, highlight, fields):
            doubtful_keys.append(highlight.key)
    lines: dict[tuple[str, str], list[Waiting]] = defaultdict(list)
    of_new = waiting.of_highlights(store, doubtful_keys, new=True)
    for draft in offers.each_waiting(store, of_new):
        highlight = draft.highlight
        written = forms.FIELD if not forms.is_doubtful(highlight) else highlight.written
        lines[highlight.document.source, written].append(draft)
    rejected: list[Highlight] = []
    if any(len(of_form) < FORM_ASKED for of_form in lines.values()):
        rows = highlights.with_form_and_no_card(store)
        rejected += filter(forms.is_doubtful, map(decode_highlight, rows))
    for (source, written), of_form in sorted(lines.items()):
        # with the lines of the form that a person rejected
        count = len(of_form)
        if count < FORM_ASKED and written != forms.FIELD:
            count += sum(
                line.written == written and line.document.source == source
                for line in rejected
            )
            if count < FORM_ASKED:
                continue
        lines_counted = counted(len(of_form), "line")
        text = f"{lines_counted} like `{written}` in {source}: are they cards?"
        if written == forms.FIELD:
            keys = dict.fromkeys(draft.field("Front") for draft in of_form)
            names = shortened(", ".join(map(on_one_line, keys)), KEYS_SHOWN)
            text = f"{lines_counted} in {source} may be fields ({names}): are they cards?"
        if written == WORD_AND_TRANSLATION:
            words = counted(len(of_form), "word")
            text = f"{words} with your translation in {source}: make cards?"
        yield Question(
            *_named(QuestionKind.FORM, source, written),
            text=text,
            new=source,
            old=written,
            examples=tuple(grouped.text for grouped in lines_by_front(of_form)),
            drafts=tuple(draft.id for draft in of_form),
        )


class LinesOfFront(NamedTuple):
    """Lines that may be no cards, with one front; of fields, also with one folder."""

    front: str
    backs: Strings
    """In Markdown, each once."""
    folder: str
    """"" if the lines are no fields, or stand in the root of the source."""
    drafts: tuple[Waiting, ...]

    @property
    def text(self) -> str:
        """The lines as one: `rating::1 · 2 · 5 (12 lines in Books)`."""
        highlight = self.drafts[0].highlight
        if highlight.written == WORD_AND_TRANSLATION:
            return on_one_line(f"{term_of(highlight)} = {self.backs[0]}")
        if len(self.drafts) == 1:
            return on_one_line(highlight.exact)
        backs = [
            shortened(on_one_line(back), BACK_SHOWN) for back in self.backs[:BACKS_SHOWN]
        ]
        if self.backs[BACKS_SHOWN:]:
            backs.append("…")
        colons = "::" if forms.key_of_field(highlight) else " :: "
        where = f" in {self.folder}" if self.folder else ""
        shown = f"{on_one_line(self.front)}{colons}{' · '.join(backs)}"
        return f"{shown} ({len(self.drafts)} lines{where})"


def lines_by_front(drafts: Iterable[Waiting]) -> list[LinesOfFront]:
    """Return the lines of a question by their fronts, in reading order."""
    groups: dict[tuple[str, str], list[Waiting]] = defaultdict(list)
    for draft in drafts:
        highlight = draft.highlight
        folder = forms.folder_of(highlight) if forms.key_of_field(highlight) else ""
        groups[folder, for_finding(draft.field("Front"))].append(draft)
    lines = []
    for (folder, _), of_front in groups.items():
        backs = dict.fromkeys(draft.field("Back") for draft in of_front)
        front = of_front[0].field("Front")
        lines.append(LinesOfFront(front, tuple(backs), folder, tuple(of_front)))
    return lines


def _answer_form(store: Store, question: Question, yes: bool, without: Without) -> None:
    """Accept the waiting drafts of a form, or leave their passages out.

    `without`: the drafts that are no cards; they are rejected. Fields of a key, or of a key
    in a folder, of which all are without, are no cards from now on.
    """
    no_cards = without or ()
    in_order = waiting.in_reading_order(store, question.drafts)
    drafts = list(offers.each_waiting(store, in_order))
    by_form: dict[str, list[Waiting]] = defaultdict(list)
    for draft in drafts:
        for name in forms.names_of_form(draft.highlight):
            by_form[name].append(draft)
    choices: dict[str, str] = {}
    for name, of_form in by_form.items():
        choices[name] = forms.NEVER
        if yes and any(draft.id not in no_cards for draft in of_form):
            choices[name] = forms.ACCEPTED
    answers: dict[str, Event] = {}
    for name, of_form in by_form.items():
        broadest = forms.names_of_form(of_form[0].highlight)[-1]
        if name == broadest or choices[name] != choices[broadest]:
            key = forms.form_key(question.new, name)
            answers[name] = store.add("form", key, PERSON, {"choice": choices[name]})
    for draft in drafts:
        if forms.form_choice(store, draft.highlight) == forms.NEVER:  # it is no card
            names = forms.names_of_form(draft.highlight)
            answered = next(answers[name] for name in names if name in answers)
            waiting.put_away(store, [draft.id], answered)
            reason = forms.why_left_out(draft.highlight)
            highlights.leave_out(store, draft.highlight.key, reason)
        elif draft.id in no_cards:
            decide.reject(store, draft.id)
        elif draft.clean and all(
            remark.kind in (RemarkKind.FORM, RemarkKind.TAKEN_BACK)
            for remark in draft.remarks
        ):
            here, _ = decide.draft_here(store, draft.id)
            decide.make_card(store, here, draft)


# --- all kinds --------------------------------------------------------------------------

_ASKING = (
    _ask_same,
    _ask_about_gone,
    _ask_about_duplicates,
    _ask_about_gaps_of_one_proposal,
    _ask_about_conflicts,
    _ask_about_absent,
    _ask_about_emptied,
    _ask_about_forms,
)
"""The functions that ask, in the order in which their questions are listed."""
_ANSWERING: Mapping[QuestionKind, Callable[[Store, Question, bool, Without], None]] = {
    QuestionKind.SAME: _answer_same,
    QuestionKind.GONE: _answer_gone,
    QuestionKind.DUPLICATE: _answer_duplicate,
    QuestionKind.CONFLICT: _answer_conflict,
    QuestionKind.ABSENT: _answer_absent,
    QuestionKind.EMPTIED: _answer_emptied,
    QuestionKind.FORM: _answer_form,
}
"""The functions that record an answer, by the kind of the question."""
