"""`review --terminal`: decide on pending cards with single keys, for example over ssh.

Each card is printed below its passage. Enter accepts the card printed last, so a card that the user
chooses or edits is printed first. Keys that arrive together all count, except those after a
decision, because nobody has seen the next card yet. Keys pressed earlier are dropped, because
`click.getchar` empties the input before it reads.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Sequence

import click
from msgspec.structs import replace

from ankiforge.cli.output import Call, sanitize_for_terminal, say_next_command
from ankiforge.errors import ForgeError, RefusedError
from ankiforge.ledger import pending_items
from ankiforge.model import CardKind, NoteType, ShownCard, UserQuestion, UserQuestionKind
from ankiforge.pipeline.decide import BlockedError
from ankiforge.pipeline.workspace import Workspace
from ankiforge.reports.cards import (
    format_quote_in_passage,
    format_sides,
    list_passage_texts,
)
from ankiforge.reports.view import view_card
from ankiforge.review import Decision, Item, Review, StaleItemError, batches
from ankiforge.review.batches import SITTING_SIZE
from ankiforge.review.decisions import Accept, Edit, Reject, ShowInAnki, WriteCard
from ankiforge.review.items import expand_gaps
from ankiforge.text import format_count, mark_bold, to_one_line, truncate
from ankiforge.text.cloze import to_plain_text, to_terminal_text
from ankiforge.text.differences import mark_differing_words
from ankiforge.text.passages import (
    remove_truncated_first_word,
    remove_truncated_last_word,
)

# The key that ends a review. It also stands for Ctrl-C, Ctrl-D and a closed terminal.
_ESCAPE = "\x1b"
# Matches one of several keys that arrived together: an escape sequence or a character.
_KEY = re.compile(r"(?s)\x1b(?:\[[\d;]*[A-Za-z~]|O[A-Za-z]|[^\x1b])|.")
# How many examples of a question are printed.
_MAX_EXAMPLES = 10
_EDITABLE_FIELDS = ("Text", "Front", "Back", "Extra")
"""The fields that the user may add to a card in an editor."""
_KEY_HELP = (
    "Enter {accept}{others}   x {reject}   e edits   u undoes   j k next, back   Esc ends"
)
_CONFLICT_KEY_HELP = "1 {mine}   2 {source}   u undoes   j k next, back   Esc ends"
_BROWSE_KEY_HELP = "   b shows it in Anki"
_QUESTION_KEY_HELP = "Enter makes cards   x none of them   u undoes   Esc ends\n"

Choice = tuple[Decision, ShownCard | None]
"""A decision that accepts a card or answers a question, and the card if there is one."""


class TerminalReview:
    """A terminal interface for deciding on pending items, one after another."""

    def __init__(self, call: Call, workspace: Workspace, query: str = "") -> None:
        """Queue the pending items that match `query`, or all of them if it's ""."""
        self._say = dataclasses.replace(call, quiet=False).print_result
        self._workspace = workspace
        self._ledger = workspace.ledger
        self._review = Review(workspace)
        self._ledger.read_journal()
        self._queue = batches.list_pending_ids(self._ledger, query)[: call.limit]
        # the proposals come after the pending items, grouped by document, the best first
        self._proposals: Iterator[list[Item]] = iter(())
        if call.limit is None:
            self._proposals = batches.iter_proposals(
                self._ledger, self._review.load_item, query
            )
        self._current_ids: list[str] = []
        """The ids of the remaining items in the current batch of ten."""
        self._batch_ids: list[str] = []
        """The ids of all items in the current batch, in their initial order."""
        self._passed_ids: list[str] = []
        """The ids of the items that the user passed over, which come again after all others."""
        self._pressed_keys: list[str] = []
        """The unhandled keys that arrived together with the last one."""
        self._decisions: list[tuple[Callable[[], object] | None, str, str]] = []
        """The decisions that can be undone: how to undo them, the id of the item, and the id of
        the next sentence of the same passage, which the decision added.
        """

    def run(self) -> None:
        """Show one item after another until none are left or the user quits."""
        page_only_count = 0
        has_shown_item = False
        while self._current_ids or self._start_next_batch():
            item = self._review.load_item(self._current_ids[0])
            has_shown_item = has_shown_item or item is not None
            drafts = item.offered_drafts if item else ()
            if item and drafts and drafts[0].kind is not CardKind.OCCLUSION:
                if not self._review_drafts(item):
                    break
            elif item and item.question and item.question.kind is UserQuestionKind.FORM:
                self._say(f"\n{mark_bold(item.question.text)}")
                for example in item.question.examples[:_MAX_EXAMPLES]:
                    self._say(f"  {truncate(example, 76)}")
                more_count = len(item.question.examples) - _MAX_EXAMPLES
                if more_count > 0:
                    self._say(f"  … and {more_count:,} more")
                accept = Accept(item.id, item.content_hash)
                if not self._handle_keys([(accept, None)], _QUESTION_KEY_HELP):
                    break
            elif (
                item and item.question and item.question.kind is UserQuestionKind.CONFLICT
            ):
                if not self._review_conflict(item.id, item.content_hash, item.question):
                    break
            else:  # another decision resolved the item, or only the page can show it
                self._current_ids.pop(0)
                page_only_count += item is not None
        if not has_shown_item:
            self._print_nothing_pending()
            return
        left_count = len([*self._current_ids, *self._queue, *self._passed_ids])
        decisions = format_count(len(self._decisions), "decision")
        self._say(f"\n{decisions}; {left_count:,} left")
        if self._decisions:
            self._say("to undo the last one: ankiforge undo")
        if page_only_count:
            self._say(f"{page_only_count:,} more on the page: ankiforge review")
        counts = pending_items.count_ledger(self._ledger, "unsent")
        if self._decisions and counts["unsent"].total():
            self._say("next: ankiforge build, to write the package for Anki")

    def _print_nothing_pending(self) -> None:
        counts = pending_items.count_ledger(self._ledger)
        without_card = counts["waiting"]["without"]
        if without_card:
            highlights = format_count(without_card, "highlight")
            details = f"{highlights} without one: ankiforge list --no-card"
            self._say(f"nothing waits, and nothing can be proposed; {details}")
        else:
            self._say("nothing waits")
        say_next_command(self._say, self._workspace, counts)

    def _start_next_batch(self) -> bool:
        """Start a batch of ten pending items, falling back to proposals and passed items.

        Returns whether the batch has any items.
        """
        if not self._queue:
            for items in self._proposals:
                self._queue += [item.id for item in items]
                if len(self._queue) >= SITTING_SIZE:
                    break
        if not self._queue:
            self._queue, self._passed_ids = self._passed_ids, []
        self._current_ids = self._queue[:SITTING_SIZE]
        del self._queue[:SITTING_SIZE]
        self._batch_ids = [*self._current_ids]
        return bool(self._current_ids)

    def _review_drafts(self, item: Item) -> bool:
        """Print an item's drafts and handle key presses until the user moves on.

        Returns whether to continue the review.
        """
        choices = list[Choice]()
        for index, draft in enumerate(item.offered_drafts):
            for gap, card in enumerate(expand_gaps(draft), 1):
                accept = Accept(item.id, item.content_hash, choice=index, gap=gap)
                choices.append((accept, card))
        del choices[9:]  # each choice is a digit
        self._print_passage(item)
        cards = [card for _, card in choices if card]
        self._print_card(cards[0], cards[1:] and cards)
        verb = "makes the card" if item.proposal else "accepts"
        reject = "rejects"
        if item.drafts and item.drafts[0].keeps_text:
            verb, reject = "keeps the card", "retires it"
        others = ""
        if len(choices) > 1:
            numbers = "2" if len(choices) == 2 else f"2-{len(choices)}"
            noun = "words" if len(item.offered_drafts) == 1 else "drafts"
            others = f"   {numbers} other {noun}"
        key_help = _KEY_HELP.format(accept=verb, reject=reject, others=others)
        return self._handle_keys(choices, f"\n{key_help}", item.guid)

    def _review_conflict(self, id: str, turn: str, question: UserQuestion) -> bool:
        """Print both texts of a card and handle key presses until the user moves on.

        Returns whether to continue the review.
        """
        front, title = map(to_one_line, question.examples)
        self._say(f"\n{mark_bold(title)}\n  {front}\n{question.text}")
        for conflict in question.conflicts:
            labels = (
                ("in Anki", "here")
                if conflict.is_edited_in_ankiforge
                else ("yours", "source")
            )
            texts = map(to_one_line, (conflict.user_text, conflict.source))
            for label, text in zip(labels, mark_differing_words(*texts), strict=True):
                self._say(f"  {conflict.field.lower()}, {label}: {text}")
        key_help = _CONFLICT_KEY_HELP.format(
            mine=question.reject_effect, source=question.accept_effect
        )
        choices: list[Choice] = [(Reject(id, turn), None), (Accept(id, turn), None)]
        return self._handle_keys(choices, f"\n{key_help}", question.guids[0])

    def _handle_keys(
        self, choices: Sequence[Choice], key_help: str, guid: str = ""
    ) -> bool:
        """Handle key presses until the user decides, moves on, or ends the review.

        Args:
            choices: the decisions to choose from, of which the first is preselected.
            key_help: the keys, as a line for the user.
            guid: the GUID of the card to show in Anki, or "".

        Returns:
            Whether to continue the review.
        """
        current = choices[0]
        can_browse = bool(guid) and self._workspace.can_show_in_anki(guid)
        key_help += _BROWSE_KEY_HELP if can_browse else ""
        self._say(key_help)
        while True:
            previous = current
            key = self._read_key()
            try:
                match key:
                    case "\r" | "\n" if current[1] or len(choices) == 1:
                        return self._apply_decision(current[0])
                    case "1" | "2" if not current[1] and len(choices) == 2:
                        return self._apply_decision(choices[int(key) - 1][0])
                    case "x" if current[1] or len(choices) == 1:
                        id, turn = current[0].id, current[0].content_hash
                        return self._apply_decision(Reject(id, turn))
                    case "b" if can_browse:
                        id, turn = current[0].id, current[0].content_hash
                        self._say(self._review.decide(ShowInAnki(id, turn)).message)
                    case "u":
                        return self._undo_last()
                    case "j":
                        self._passed_ids.append(self._current_ids.pop(0))
                        return True
                    case "k":
                        if self._passed_ids and self._passed_ids[-1] in self._batch_ids:
                            self._current_ids.insert(0, self._passed_ids.pop())
                        return True
                    case "e" if current[1]:
                        current = self._edit_card(current[0], current[1])
                    case _ if key in map(str, range(1, len(choices) + 1)):
                        current = choices[int(key) - 1]
                    case _ if key in "123456789" and key:
                        self._say(f"only {format_count(len(choices), 'choice')} here")
                    case _ if key == _ESCAPE:
                        return False
            except BlockedError as error:
                self._say(f"{error.message}; Enter makes the card anyway")
                decision = current[0]
                if isinstance(decision, Accept | Edit | WriteCard):
                    current = replace(decision, forced=True), current[1]
            except StaleItemError as error:
                self._say(error.message)
                return True  # if the item is still pending, it is shown again
            except ForgeError as error:
                self._say(error.full_message)
            if current != previous and current[1]:
                self._print_card(current[1])
            self._say(key_help.lstrip())

    def _read_key(self) -> str:
        """Wait for a key press and return its character, or "" for special keys such as arrows."""
        if not self._pressed_keys:
            try:
                pressed = click.getchar()
            except (KeyboardInterrupt, EOFError, OSError):
                return _ESCAPE
            # the terminal sends an escape sequence for a special key
            self._pressed_keys = _KEY.findall(pressed) or [""]
        key = self._pressed_keys.pop(0)
        return key if len(key) == 1 else ""

    def _apply_decision(self, decision: Decision) -> bool:
        self._pressed_keys.clear()
        item = self._review.load_item(decision.id)
        done = self._review.decide(decision)
        # go on with the next fact of the same passage
        self._current_ids[:1] = [done.next_id] if done.next_id else []
        self._queue += [done.postponed_id] if done.postponed_id else []
        next_fact_id = done.next_id or done.postponed_id
        self._decisions.append((done.undo, decision.id, next_fact_id))
        said = "rejected" if isinstance(decision, Reject) else "accepted"
        if item and item.question and item.question.kind is UserQuestionKind.CONFLICT:
            said = "answered"
        elif item and item.drafts and item.drafts[0].keeps_text:
            said = "retired" if isinstance(decision, Reject) else "kept"
        self._say(said)
        return True

    def _undo_last(self) -> bool:
        if not self._decisions:
            raise RefusedError("nothing to undo in this review", hint="ankiforge undo")
        take_back, id, next_fact_id = self._decisions[-1]
        if take_back:
            take_back()
        self._decisions.pop()
        # remove the next fact, because the new decision will add it again
        self._queue = [each for each in self._queue if each != next_fact_id]
        passed = (id, next_fact_id)
        self._passed_ids = [each for each in self._passed_ids if each not in passed]
        others = [each for each in self._current_ids if each not in (id, next_fact_id)]
        self._current_ids = [id, *others[: SITTING_SIZE - 1]]
        self._queue[:0] = others[SITTING_SIZE - 1 :]
        self._say("undone")
        return True

    # --- the user's editor ------------------------------------------------------------------

    def _edit_card(self, decision: Decision, card: ShownCard) -> Choice:
        """Let the user edit a card in their editor.

        A cloze card becomes a question if the user replaces its `=== Text ===` section with
        `=== Front ===` and `=== Back ===`.

        Returns:
            The decision to accept the edited card, and the card itself. If nothing was changed,
            these are the arguments.
        """
        self._pressed_keys.clear()
        old_fields = {
            name: sanitize_for_terminal(text) for name, text in card.fields if text
        }
        sections = [f"=== {name} ===\n{text}\n" for name, text in old_fields.items()]
        try:
            edited_text = click.edit("".join(sections), extension=".md") or ""
        except click.ClickException as error:
            raise RefusedError(error.message) from error
        # ignore the lines above the first section
        names = "|".join(map(re.escape, dict.fromkeys((*old_fields, *_EDITABLE_FIELDS))))
        _, *names_and_texts = re.split(
            rf"(?m)^[ \t]*=== ({names}) ===[ \t]*$", edited_text
        )
        new_fields = dict(
            zip(names_and_texts[::2], map(str.strip, names_and_texts[1::2]), strict=True)
        )
        if not new_fields or new_fields == old_fields:
            return decision, card
        kind = CardKind.from_fields(new_fields)
        id, turn, choice = decision.id, decision.content_hash, decision.choice
        if kind.note_type is card.note_type:
            edit = Edit(id, turn, choice=choice, fields=new_fields)
            return edit, self._review.preview(edit)
        decision = WriteCard(id, turn, choice=choice, fields=new_fields, replaces=True)
        return decision, replace(card, kind=kind, fields=tuple(new_fields.items()))

    # --- output -----------------------------------------------------------------------------

    def _print_passage(self, item: Item) -> None:
        """Print the progress, the item's passage, and any existing card that would change.

        The passage is omitted if the card repeats all of it.
        """
        draft = item.offered_drafts[0]
        highlight = draft.highlight
        size = max(len(self._batch_ids), len(self._current_ids))
        number = size - len(self._current_ids) + 1
        if item.id in self._batch_ids:
            number = self._batch_ids.index(item.id) + 1
        progress = f"{number} of {size}"
        if any(item.id == next_fact_id for _, _, next_fact_id in self._decisions):
            progress += ", another fact"
        self._say(f"\n{progress}   {mark_bold(to_one_line(highlight.document.title))}")
        # show only the rest of the paragraph, without the heading above it and cut-off words
        text_before = remove_truncated_first_word(highlight.prefix).rpartition("\n")[2]
        text_after = remove_truncated_last_word(highlight.suffix).partition("\n")[0]
        passage = highlight.sentence or f"{text_before}{highlight.exact}{text_after}"
        card_text = to_plain_text(draft.get_field("Text"))
        if to_one_line(passage) != to_one_line(card_text):
            self._say(f"  {format_quote_in_passage(passage, draft.quote)}")
        if highlight.comment:
            self._say(f"  your comment: {to_one_line(highlight.comment)}")
        texts = list_passage_texts(item.drafts[0]) if item.drafts else ()
        for label, text in zip(("it said", "it says now"), texts, strict=False):
            self._say(f"  {label}: {text}")
        has_new_text = not (item.drafts and item.drafts[0].keeps_text)
        for name, text in view_card(item.card).rows if item.card and has_new_text else ():
            self._say(f"  {name.lower()} now: {to_one_line(to_terminal_text(text))}")

    def _print_card(self, card: ShownCard, choices: Sequence[ShownCard] = ()) -> None:
        view = view_card(card)
        for line in format_sides(view):
            self._say(f"  {line}")
        for number, other in enumerate(map(view_card, choices), 1):
            is_cloze = other.card.note_type is NoteType.CLOZE
            text = other.answer if is_cloze else other.question
            self._say(f"    {number}  {truncate(text, 60)}")
        if view.warning:
            self._say(f"! {view.warning}")
