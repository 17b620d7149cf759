"""`review --terminal`: decide on pending cards with single keys, for example over ssh.

Each screen shows a card below its passage, and the available keys at the bottom. If several key
presses arrive at once, they are handled in order, but those after a decision are discarded because
the user hasn't seen the next card yet. Keys pressed before a screen is drawn are lost, because
`click.getchar` flushes the input before reading.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import Enum, StrEnum, auto
from itertools import chain, islice
from typing import NamedTuple

import click
from msgspec.structs import replace
from rich.console import Console, Group, RenderableType
from rich.layout import Layout
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ankiforge.cli.output import Call, print_next_command, sanitize_for_terminal
from ankiforge.errors import ForgeError, RefusedError
from ankiforge.model import (
    CardKind,
    Highlight,
    NoteType,
    Pair,
    ShownCard,
    UserQuestion,
    UserQuestionKind,
)
from ankiforge.pipeline.decide import BlockedError
from ankiforge.pipeline.workspace import Workspace
from ankiforge.reports.cards import (
    format_passage_change,
    format_quote_in_passage,
    format_sides,
)
from ankiforge.reports.highlights import format_title
from ankiforge.reports.view import view_card
from ankiforge.review import Decision, Item, Review, StaleItemError, batches
from ankiforge.review.actions import (
    ACTIONS,
    ENTER,
    Action,
    Situation,
    Verb,
    find_situation,
    list_question_actions,
)
from ankiforge.review.decisions import (
    Accept,
    Edit,
    Postpone,
    Reject,
    ShowInAnki,
    WriteCard,
)
from ankiforge.review.items import expand_alternative_gaps
from ankiforge.text import format_counts, mark_bold, render_bold_marks, to_one_line
from ankiforge.text.cloze import to_plain_text, to_terminal_text
from ankiforge.text.differences import mark_differing_words
from ankiforge.text.passages import (
    is_truncated_context,
    remove_truncated_first_word,
    remove_truncated_last_word,
)

# The key that ends a review. Ctrl-C, Ctrl-D and a closed terminal are treated like this key.
_ESCAPE = "\x1b"
# Matches a single key press in the input: an escape sequence or a character.
_KEY = re.compile(r"(?s)\x1b(?:\[[\d;]*[A-Za-z~]|O[A-Za-z]|[^\x1b])|.")
# The maximum number of examples shown for a question.
_MAX_EXAMPLES = 10
_EDITABLE_FIELDS = ("Text", "Front", "Back", "Extra")
"""The fields that the user may add to a card in an editor."""
_NAVIGATION_KEYS = (("u", "undoes"), ("j", "later"), ("k", "back"))
_LABEL_WIDTH = 11

Keys = Sequence[tuple[str, str]]
"""The available keys, as (key, effect) pairs."""
Lines = Sequence[str | Pair]
"""The lines above a card. A (label, text) pair is shown in two columns, differences underlined."""


class Outcome(StrEnum):
    """What a decision did with an item, as a participle that is shown to the user."""

    KEPT = "kept"
    EDITED = "edited"
    REJECTED = "rejected"
    RETIRED = "retired"
    """A card that Anki has was given up, because its passage has changed."""
    ANSWERED = "answered"


class CardChoice(NamedTuple):
    """A card that the user can select, and the decision that accepts it."""

    accept: Accept | Edit | WriteCard
    card: ShownCard


class Screen(NamedTuple):
    """What to show for an item, and what each key decides."""

    title: str
    before: Lines
    decisions: Mapping[str, Decision]
    """Maps each key that decides on the item to its decision. Enter is `ENTER`."""
    keys: Keys
    cards: Sequence[CardChoice] = ()
    """The cards to choose from by digits. The first one is preselected. Empty for a question."""
    guid: str | None = None
    """The GUID of the card that can be shown in Anki, if there is one."""


@dataclasses.dataclass
class ShownItem:
    """The screen of an item, as keys have changed it since it was first drawn."""

    screen: Screen
    decisions: dict[str, Decision]
    """The decision of each key that decides on the item."""
    keys: Keys
    selected: CardChoice | None
    """The card that Enter accepts, or None for a question."""
    can_show_in_anki: bool

    def select(self, choice: CardChoice) -> None:
        """Select the card that is shown, and that Enter accepts."""
        self.selected = choice
        self.decisions[ENTER] = choice.accept


class KeyEffect(Enum):
    """What follows a key press."""

    NEXT_ITEM = auto()
    END = auto()
    REDRAW = auto()
    """The item stays, and is drawn again."""
    NOTHING = auto()


class UndoableDecision(NamedTuple):
    """A decision made in this review, with what is needed to undo it."""

    undo: Callable[[], object] | None
    id: str
    """The id of the item."""
    outcome: Outcome
    next_fact_id: str | None
    """The id of the next fact of the same passage, if the decision added one to the queue."""


class TerminalReview:
    """A terminal interface for deciding on pending items, one after another."""

    def __init__(self, call: Call, workspace: Workspace, query: str = "") -> None:
        """Prepare to review the items that match `query`. "" matches all items."""
        self._call = call
        self._workspace = workspace
        self._ledger = workspace.ledger
        self._review = Review(workspace)
        self._ledger.read_journal()
        self._sittings = batches.iter_sittings(
            self._ledger, self._review.load_item, query
        )
        if call.limit is not None:
            ids = islice(chain.from_iterable(self._sittings), call.limit)
            self._sittings = iter([tuple(ids)])
        self._console = Console(highlight=False)
        self._live = Live(console=self._console, screen=True, auto_refresh=False)
        self._message: str | None = None
        """A message about the effect of the last key, shown once above the keys."""
        self._queue: list[str] = []
        """The ids of the items that remain in the current sitting, the one on screen first."""
        self._passed_ids: list[str] = []
        """The ids of the items that the user skipped. They are shown again after all others."""
        self._shown_count = 0
        """The number of items shown so far."""
        self._pressed_keys: list[str] = []
        """Key presses that have been read but not handled yet."""
        self._decisions: list[UndoableDecision] = []
        """The decisions that can be undone, oldest first."""

    def run(self) -> None:
        """Show one item after another until none are left or the user quits."""
        page_only_count = 0
        try:
            while self._queue or self._start_next_sitting():
                item = self._review.load_item(self._queue[0])
                screen = self._make_screen(item) if item else None
                if screen is None:  # it was decided on, or only the page can show it
                    self._queue.pop(0)
                    page_only_count += item is not None
                    continue
                self._shown_count += 1
                if not self._handle_keys(screen):
                    break
        finally:
            self._live.stop()
        self._print_summary(page_only_count)

    def _print_summary(self, page_only_count: int) -> None:
        """Print what was decided, and the next command.

        `page_only_count` is the number of items that only the page can show.
        """
        say = dataclasses.replace(self._call, quiet=False).print_result
        if self._decisions:
            decided = Counter[str](done.outcome for done in self._decisions)
            decided["left for later"] = len(self._passed_ids)
            say(f"✓ {format_counts(decided)}")
            say("  to undo the last one: ankiforge undo")
        elif self._shown_count:
            say("nothing was decided")
        if page_only_count:
            say(
                f"  {page_only_count:,} can be decided on the page only: ankiforge review"
            )
        print_next_command(say, self._workspace)

    def _start_next_sitting(self) -> bool:
        """Start the next sitting or, after the last, show the skipped items again.

        Returns whether there are any items.
        """
        self._queue = [*next(self._sittings, ())]
        if not self._queue:
            self._queue, self._passed_ids = self._passed_ids, []
        return bool(self._queue)

    # --- screens ------------------------------------------------------------------------------

    def _make_screen(self, item: Item) -> Screen | None:
        """Return the screen for an item, or None if only the web page can show the item."""
        drafts, question = item.offered_drafts, item.question
        if drafts and drafts[0].kind is not CardKind.OCCLUSION:
            return self._make_draft_screen(item)
        if question and question.kind is UserQuestionKind.FORM:
            return _make_form_screen(item, question)
        if question and question.kind is UserQuestionKind.CONFLICT:
            return _make_conflict_screen(item, question)
        return None

    def _make_draft_screen(self, item: Item) -> Screen:
        """Return the screen that shows the first draft of an item, with its other cards."""
        drafts = item.offered_drafts
        situation = find_situation(drafts[0])
        decisions, keys = _bind_keys(item, ACTIONS[situation])
        cards = _list_card_choices(item)
        if situation is not Situation.NEW_CARD:
            cards = cards[:1]
        if len(cards) > 1:
            noun = "gaps" if len(drafts) == 1 else "drafts"
            keys.insert(1, (f"1-{len(cards)}", noun))
        return Screen(
            title=format_title(drafts[0].highlight),
            before=_list_passage_lines(item),
            decisions=decisions,
            keys=keys,
            cards=cards,
            guid=item.guid or None,
        )

    def _draw_screen(self, shown: ShownItem) -> None:
        """Draw the screen of an item with the selected card, or without one for a question.

        The message about the last key is shown once: it is removed when it is drawn.
        """
        header = self._render_header(shown.screen)
        lines = map(self._render_line, _list_screen_lines(shown))
        body = Padding(Group(*lines), (1, 2))
        footer = Group(self._to_text(self._message or ""), _render_legend(shown.keys))
        self._message = None
        if self._console.is_dumb_terminal:
            self._console.print(header, body, footer)
            return
        self._live.start()
        footer_height = len(self._console.render_lines(footer))
        layout = Layout()
        layout.split_column(
            Layout(header, size=1), Layout(body), Layout(footer, size=footer_height)
        )
        self._live.update(layout, refresh=True)

    def _render_header(self, screen: Screen) -> Table:
        """Render the first line: the progress on the left, and the title on the right."""
        outcomes = Counter(done.outcome for done in self._decisions)
        kept_count = outcomes[Outcome.KEPT] + outcomes[Outcome.EDITED]
        header = Table.grid(expand=True, padding=(0, 2))
        header.add_column(no_wrap=True)
        header.add_column(justify="right", no_wrap=True, overflow="ellipsis")
        progress = f"{len(self._queue)} left here · {kept_count} kept"
        title = self._to_text(mark_bold(to_one_line(screen.title)))
        header.add_row(Text(progress, "dim"), title)
        return header

    def _render_line(self, line: str | Pair) -> RenderableType:
        if isinstance(line, str):
            return self._to_text(line)
        row = Table.grid(padding=(0, 2))
        row.add_column(width=_LABEL_WIDTH)
        row.add_row(self._to_text(line[0]), self._to_text(line[1], "\x1b[4m", "\x1b[24m"))
        return row

    def _to_text(
        self, line: str, opening: str = "\x1b[1m", closing: str = "\x1b[22m"
    ) -> Text:
        """Convert a line with bold marks to rich text, removing all control characters."""
        line = sanitize_for_terminal(line)
        if self._console.is_dumb_terminal:
            return Text(render_bold_marks(line))
        return Text.from_ansi(render_bold_marks(line, opening, closing))

    # --- keys ---------------------------------------------------------------------------------

    def _handle_keys(self, screen: Screen) -> bool:
        """Show an item and handle key presses until the user decides, moves on, or ends the review.

        Returns whether to continue the review.
        """
        shown = self._open_screen(screen)
        self._draw_screen(shown)
        while True:
            match self._handle_key(shown, self._read_key()):
                case KeyEffect.NEXT_ITEM:
                    return True
                case KeyEffect.END:
                    return False
                case KeyEffect.REDRAW:
                    self._draw_screen(shown)

    def _open_screen(self, screen: Screen) -> ShownItem:
        guid = screen.guid
        can_show_in_anki = guid is not None and self._workspace.can_show_in_anki(guid)
        keys = [*screen.keys]
        if can_show_in_anki:
            keys.append(("b", "in Anki"))
        selected = screen.cards[0] if screen.cards else None
        return ShownItem(screen, dict(screen.decisions), keys, selected, can_show_in_anki)

    def _handle_key(self, shown: ShownItem, pressed: str) -> KeyEffect:
        """Do what a key does, or say why it can't be done."""
        try:
            return self._carry_out_key(shown, pressed)
        except BlockedError as error:
            self._message = f"{error.message}; {pressed} makes the card anyway"
            blocked = shown.decisions[pressed]
            if isinstance(blocked, Accept | Edit | WriteCard):
                shown.decisions[pressed] = replace(blocked, forced=True)
        except StaleItemError as error:
            self._message = error.message
            return KeyEffect.NEXT_ITEM  # if the item is still pending, it is shown again
        except ForgeError as error:
            self._message = error.full_message.replace("\n", "; ")
        return KeyEffect.REDRAW

    def _carry_out_key(self, shown: ShownItem, pressed: str) -> KeyEffect:
        """Do what a key does.

        Raises:
            BlockedError: it would accept a card that a check blocks.
            StaleItemError: the item has changed, or doesn't wait any more.
            ForgeError: it is refused.
        """
        if pressed in shown.decisions:
            self._apply_decision(shown.decisions[pressed])
            return KeyEffect.NEXT_ITEM
        selectable = _list_selectable_cards(shown.screen)
        if pressed in selectable:
            shown.select(selectable[pressed])
            return KeyEffect.REDRAW
        match pressed:
            case "b" if shown.can_show_in_anki:
                # every decision on the item holds the hash of what is shown
                content_hash = shown.decisions[ENTER].content_hash
                show = ShowInAnki(self._queue[0], content_hash)
                self._message = self._review.decide(show).message
                return KeyEffect.REDRAW
            case "u":
                self._undo_last()
                return KeyEffect.NEXT_ITEM
            case "j":
                self._put_off()
                return KeyEffect.NEXT_ITEM
            case "k" if self._passed_ids:
                self._queue.insert(0, self._passed_ids.pop())
                return KeyEffect.NEXT_ITEM
            case "e" if shown.selected is not None:
                edited = self._edit_card(shown.selected)
                if edited is not shown.selected:
                    shown.select(edited)
                    shown.keys = ((ENTER, "accepts"), *shown.keys[1:])
                return KeyEffect.REDRAW
        if pressed == _ESCAPE:
            return KeyEffect.END
        if self._pressed_keys:  # of several keys that do nothing, only the last is named
            return KeyEffect.NOTHING
        name = f"“{pressed}”" if pressed.strip() else "this key"
        self._message = f"{name} does nothing here"
        return KeyEffect.REDRAW

    def _read_key(self) -> str:
        """Wait for a key press and return its character.

        Returns `ENTER` for Enter, and "" for special keys such as arrows.
        """
        if not self._pressed_keys:
            try:
                pressed = click.getchar()
            except (KeyboardInterrupt, EOFError, OSError):
                return _ESCAPE
            # the terminal sends an escape sequence for a special key
            self._pressed_keys = _KEY.findall(pressed) or [""]
        key = self._pressed_keys.pop(0)
        if key in ("\r", "\n"):
            return ENTER
        return key if len(key) == 1 else ""

    def _put_off(self) -> None:
        """Move the item on screen behind all others."""
        self._passed_ids.append(self._queue.pop(0))

    def _apply_decision(self, decision: Decision) -> None:
        """Carry out a decision, and take the item off the queue."""
        self._pressed_keys.clear()
        if isinstance(decision, Postpone):
            self._put_off()
            return
        item = self._review.load_item(decision.id)
        result = self._review.decide(decision)
        outcome = _find_outcome(decision, item)
        next_fact_id = result.next_id or result.postponed_id or None
        self._decisions.append(
            UndoableDecision(result.undo, decision.id, outcome, next_fact_id)
        )
        self._queue.pop(0)
        self._message = outcome
        if result.next_id:
            self._queue.insert(0, result.next_id)
            self._message = f"{outcome}; another fact of the same passage"
        if result.postponed_id:
            self._passed_ids.append(result.postponed_id)

    def _undo_last(self) -> None:
        """Undo the last decision of this review, and show its item again."""
        if not self._decisions:
            raise RefusedError("nothing to undo in this review", hint="ankiforge undo")
        done = self._decisions[-1]
        if done.undo:
            done.undo()
        self._decisions.pop()
        # the next decision on the passage will add its next fact again
        decided = (done.id, done.next_fact_id)
        self._passed_ids = [each for each in self._passed_ids if each not in decided]
        self._queue = [done.id, *(each for each in self._queue if each not in decided)]
        self._message = f"undone: {done.outcome}"

    # --- the user's editor ------------------------------------------------------------------

    def _edit_card(self, choice: CardChoice) -> CardChoice:
        """Let the user edit a card in their editor.

        A cloze card becomes a question if the user replaces its `=== Text ===` section with
        `=== Front ===` and `=== Back ===`.

        Returns the edited card, or `choice` itself if the user changed nothing.
        """
        self._pressed_keys.clear()
        self._live.stop()
        old_fields = {
            name: sanitize_for_terminal(text) for name, text in choice.card.fields if text
        }
        sections = [f"=== {name} ===\n{text}\n" for name, text in old_fields.items()]
        try:
            edited_text = click.edit("".join(sections), extension=".md")
        except click.ClickException as error:
            raise RefusedError(error.message) from error
        if edited_text is None:  # the user saved nothing
            return choice
        new_fields = _parse_sections(edited_text, {*old_fields, *_EDITABLE_FIELDS})
        if not new_fields or new_fields == old_fields:
            return choice
        return self._replace_fields(choice, new_fields)

    def _replace_fields(self, choice: CardChoice, fields: dict[str, str]) -> CardChoice:
        """Return a card with other fields, and the decision that accepts it.

        It is an edit, or a new card if the fields are those of another note type.
        """
        accept, card = choice
        kind = CardKind.from_fields(fields)
        id, content_hash, number = accept.id, accept.content_hash, accept.choice
        if kind.note_type is card.note_type:
            edit = Edit(id, content_hash, choice=number, fields=fields)
            return CardChoice(edit, self._review.build_preview(edit))
        write = WriteCard(id, content_hash, choice=number, fields=fields, replaces=True)
        new_card = replace(card, kind=kind, fields=tuple(fields.items()))
        return CardChoice(write, new_card)


# --- the lines of a screen -------------------------------------------------------------------


def _render_legend(keys: Keys) -> Text:
    """Render the last line: the keys with their effects, such as `j later  k back  Esc ends`."""
    parts = []
    for key, effect in (*keys, ("Esc", "ends")):
        parts.append(Text.assemble((key, "bold"), " ", (effect, "dim")))
    return Text("  ").join(parts)


def _list_screen_lines(shown: ShownItem) -> list[str | Pair]:
    """Return the lines of a screen: the passage, the selected card, and a warning about it."""
    lines = [*shown.screen.before]
    if shown.selected is None:
        return lines
    view = view_card(shown.selected.card)
    lines += format_sides(view)
    if len(shown.screen.cards) > 1:
        lines += ["", *_number_cards(shown.screen.cards)]
    if view.warning is not None:
        lines += ["", f"! {view.warning}"]
    return lines


def _keeps_text(item: Item) -> bool:
    """Return whether the item asks if a card still fits, without offering new text for it."""
    return bool(item.drafts) and item.drafts[0].keeps_text


def _list_passage_lines(item: Item) -> list[str | Pair]:
    """Return the lines above a draft: its passage, the comment, and the card that it changes.

    The passage is omitted if the draft contains the complete passage.
    """
    draft = item.offered_drafts[0]
    highlight = draft.highlight
    lines: list[str | Pair] = []
    passage = highlight.sentence or _join_with_context(highlight)
    card_text = to_plain_text(draft.get_field("Text"))
    if to_one_line(passage) != to_one_line(card_text):
        lines.append(format_quote_in_passage(passage, draft.quote))
    if highlight.comment:
        lines.append(("comment", to_one_line(highlight.comment)))
    if item.drafts:
        texts = format_passage_change(item.drafts[0])
        lines += zip(("it said", "it says now"), texts, strict=False)
    if item.card and not _keeps_text(item):
        for name, text in view_card(item.card).rows:
            lines.append((f"{name.lower()} now", to_one_line(to_terminal_text(text))))
    if lines:
        lines.append("")
    return lines


def _join_with_context(highlight: Highlight) -> str:
    """Return the highlighted text with the rest of its paragraph, as far as that is known.

    Left out are the heading above the paragraph, and words of which a part is missing.
    """
    text_before = remove_truncated_first_word(highlight.prefix).rpartition("\n")[2]
    text_after = remove_truncated_last_word(highlight.suffix).partition("\n")[0]
    if "\n" not in highlight.prefix and is_truncated_context(highlight.prefix):
        text_before = f"… {text_before}"
    if "\n" not in highlight.suffix and is_truncated_context(highlight.suffix):
        text_after = f"{text_after} …"
    return f"{text_before}{highlight.exact}{text_after}"


def _parse_sections(text: str, field_names: Collection[str]) -> dict[str, str]:
    """Return the texts of fields from sections with headings such as `=== Front ===`.

    The lines above the first section are ignored.
    """
    names = "|".join(map(re.escape, field_names))
    _, *names_and_texts = re.split(rf"(?m)^[ \t]*=== ({names}) ===[ \t]*$", text)
    texts = map(str.strip, names_and_texts[1::2])
    return dict(zip(names_and_texts[::2], texts, strict=True))


# --- what each key decides --------------------------------------------------------------------


def _find_outcome(decision: Decision, item: Item | None) -> Outcome:
    """Return what a decision did with an item."""
    if item and item.question:
        return Outcome.ANSWERED
    if isinstance(decision, Edit | WriteCard):
        return Outcome.EDITED
    if not isinstance(decision, Reject):
        return Outcome.KEPT
    if item and _keeps_text(item):
        return Outcome.RETIRED
    return Outcome.REJECTED


def _list_card_choices(item: Item) -> list[CardChoice]:
    """Return the cards that an item offers, at most nine, because each is selected by a digit."""
    choices = list[CardChoice]()
    for index, draft in enumerate(item.offered_drafts):
        for gap, card in enumerate(expand_alternative_gaps(draft), 1):
            accept = Accept(item.id, item.content_hash, choice=index, gap=gap)
            choices.append(CardChoice(accept, card))
    return choices[:9]


def _bind_keys(
    item: Item, actions: Iterable[Action]
) -> tuple[dict[str, Decision], list[Pair]]:
    """Return the decision of each key that decides on an item, and the keys to show."""
    decisions: dict[str, Decision] = {}
    shown: list[Pair] = []
    for action in actions:
        if action.legend is None:  # no key does it
            continue
        shown.append((action.keys[0], action.legend))
        decision = _make_decision(item, action.verb)
        if decision is not None:
            decisions |= dict.fromkeys(action.keys, decision)
    return decisions, [*shown, *_NAVIGATION_KEYS]


def _make_decision(item: Item, verb: Verb) -> Decision | None:
    """Return the decision on an item, or None if the user is asked for more first."""
    ids = item.id, item.content_hash
    match verb:
        case Verb.ACCEPT:
            return Accept(*ids)
        case Verb.MAKE_ANOTHER:
            return Accept(*ids, another=True)
        case Verb.REJECT:
            return Reject(*ids)
        case Verb.POSTPONE:
            return Postpone(*ids)
        case _:
            return None


def _make_form_screen(item: Item, question: UserQuestion) -> Screen:
    """Return the screen that asks whether lines of a document are cards."""
    examples = question.examples[:_MAX_EXAMPLES]
    if len(question.examples) > _MAX_EXAMPLES:
        more_count = len(question.examples) - _MAX_EXAMPLES
        examples = (*examples, f"… and {more_count:,} more")
    decisions, keys = _bind_keys(item, list_question_actions(question))
    return Screen("", (mark_bold(question.text), *examples), decisions, keys)


def _make_conflict_screen(item: Item, question: UserQuestion) -> Screen:
    """Return the screen that shows both versions of a card that was changed in two places.

    The examples of such a question are the front of the card and the title of its document.
    """
    front, title = map(to_one_line, question.examples)
    lines: list[str | Pair] = [mark_bold(front), question.text]
    for conflict in question.conflicts:
        user_label, source_label = "yours", "source"
        if conflict.is_edited_in_ankiforge:
            user_label, source_label = "in Anki", "here"
        user_text, source_text = mark_differing_words(
            to_one_line(conflict.user_text), to_one_line(conflict.source)
        )
        lines += ["", f"{conflict.field}:"]
        lines += [(f"1  {user_label}", user_text), (f"2  {source_label}", source_text)]
    decisions, keys = _bind_keys(item, list_question_actions(question))
    return Screen(title, tuple(lines), decisions, keys, guid=question.guids[0])


def _list_selectable_cards(screen: Screen) -> dict[str, CardChoice]:
    """Map each digit to the card that it selects, if there are several cards."""
    if len(screen.cards) < 2:
        return {}
    return {str(number): choice for number, choice in enumerate(screen.cards, 1)}


def _number_cards(choices: Sequence[CardChoice]) -> list[str]:
    """Return a numbered line for each card: its gap, or its question."""
    lines = []
    for number, choice in enumerate(choices, 1):
        view = view_card(choice.card)
        is_cloze = choice.card.note_type is NoteType.CLOZE
        text = view.answer if is_cloze else view.question
        lines.append(f"{number}  {to_one_line(text)}")
    return lines
