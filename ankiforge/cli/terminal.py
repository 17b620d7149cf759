"""`review --terminal`: decide on what waits with single keys, also over ssh.

A key decides on what was painted last. Keys pressed before that are dropped, because
`click.getchar` empties the input before it reads.

Tested by `tests/cli/test_terminal_review.py` and `tests/cli/test_terminal_chat.py`.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from msgspec.structs import replace
from rich.text import Text

from ankiforge.cli.chat import converse
from ankiforge.cli.output import Call, for_terminal
from ankiforge.cli.screen import Screen
from ankiforge.errors import ForgeError, RefusedError
from ankiforge.ledger import overview
from ankiforge.ledger.decide import undo
from ankiforge.ledger.desk import offers
from ankiforge.model import AGENT, Card, CardKind, Fields, Question, QuestionKind, Strings
from ankiforge.pipeline.chats import ask, offer, put_away
from ankiforge.pipeline.decide import BlockedError, as_typed
from ankiforge.reports.summary import proposals_of_highlights
from ankiforge.review import Decision, Item, Review, StaleError, sittings
from ankiforge.review.items import (
    ending_of,
    facts_seen,
    warning,
    why_waiting,
    with_each_gap,
)
from ankiforge.text import counted, occlusion, on_one_line, shortened
from ankiforge.text.cloze import (
    from_brackets,
    gaps,
    marked_gaps,
    plain,
    table_rows,
    to_brackets,
)
from ankiforge.text.passages import from_a_word, to_a_word

if TYPE_CHECKING:
    from ankiforge.pipeline.workspace import Workspace


MOST_CHOICES = 9
"""How many gaps or drafts have a digit."""
CUT = 60
_AROUND = 240
"""Characters of a passage around the sentence that is asked."""

HELP = """\
Enter, a   accept what is shown, and go on
x          reject it; a proposed card goes with all its gaps
X          reject all that is undecided of this passage
w          of new words for a card: make another card instead
1 2 3 4    hide other words, or take another draft of the same fact
e          edit it, and accept it in your words
q          ask instead: the hidden words are the answer
F          accept it although a check blocks it
m          questions from your chat window, for what waits
M          offer your chat no more
s          skip it for now
u          take back the last decision
v          view all of a long card
Esc        end; everything is stored already
"""

_ACTS = {
    **dict.fromkeys("\r\na", "accept"),
    "F": "force",
    "x": "reject",
    "X": "passage",
    "w": "another",
}
"""What the keys decide that need no words of the person."""
_SAID = {
    "reject": "rejected",
    "passage": "rejected",
    "edit": "edited",
    "instead": "asked",
}
"""What a decision has done; others accept."""

# What ends a review: Esc, Ctrl-C, Ctrl-D, and the loss of the terminal.
_END = "\x1b"


class Choice(NamedTuple):
    """One way to accept the drafts of an item: one of them, or one gap of a proposal."""

    card: Card
    """The draft, with this gap."""
    number: int
    """Which draft of the item, from 0."""
    gap: int
    """Which gap of the proposal, from 1; 1 for other drafts."""


class TerminalReview:
    """One person's review in a terminal."""

    def __init__(self, call: Call, workspace: Workspace, query: str = "") -> None:
        """Prepare a review; nothing is read yet.

        Args:
            call: the options of the command.
            workspace: where things wait.
            query: only what it matches is asked; "" for all.
        """
        self._query = query
        self._call = call
        self._workspace = workspace
        self._ledger = workspace.ledger
        self._review = Review(workspace)
        self._screen = Screen(color=call.color)
        self._queue: list[str] = []
        # What is shown: an item, its choices, and which of them.
        self._item = Item("")
        self._choices: list[Choice] = []
        self._place = 0
        # The decisions that can be taken back: (id for `undo`, item, what was done).
        self._done: list[tuple[str, str, str]] = []
        # The decisions since the person was asked last whether to go on.
        self._in_round = 0

    def run(self) -> None:
        """Show item after item, until none waits or the person ends."""
        self._fill()
        offered = offer(self._workspace)
        if not self._queue:
            self._call.print("nothing waits for you; ankiforge run PATH reads more")
            if offered or ask(self._workspace).texts:
                self._from_chat()
            if not self._queue:
                return
        with self._screen.opened():
            if offered:
                self._print(offered, "bold")
                self._print("Press m; M offers it no more.")
            self._decide_on_all()

        # what was decided, and the next command
        counts = Counter(decision for _, _, decision in self._done)
        parts = [f"{number:,} {decision}" for decision, number in counts.items()]
        decided = ", ".join(parts) or "nothing decided"
        left = len(self._queue)
        self._call.print(f"{decided}; {f'{left:,} left' if left else 'nothing is left'}")
        if not left:
            for line in _of_highlights(self._workspace):
                self._call.print(line)
        if self._done and overview.counts(self._ledger, "unsent")["unsent"].total():
            self._call.print("next: ankiforge build, to write the package for Anki")

    def _decide_on_all(self) -> None:
        """Show item after item, ten by ten."""
        while self._queue:
            item = self._review.item(self._queue[0])
            if item is None:  # it no longer waits: another decision has settled it
                self._queue.pop(0)
                continue
            if self._in_round >= sittings.TEN and not self._goes_on():
                break
            if not self._decide(item):
                break

    def _goes_on(self) -> bool:
        """Show the outcome of ten decisions; return whether the person wants more."""
        last = self._done[-self._in_round :]
        actions = [action or id for action, id, _ in last]
        first, *others = ending_of(self._ledger, actions, self._in_round).lines
        lines = [Text(), _text(first, "bold")]
        for line in (*others, *_of_highlights(self._workspace)):
            lines.append(_text(line))
        left = Text(f"{len(self._queue):,} left", "bold")
        self._screen.show(left, lines, ("Enter ten more", "Esc end"))
        self._in_round = 0
        key = ""
        while key not in ("\r", "\n", "a", " ", _END, "n"):
            key = self._key()
        return key not in (_END, "n")

    def _fill(self) -> None:
        """Put the open decisions in order."""
        self._ledger.read_journal()
        queue = sittings.queue(self._ledger, self._query)
        self._queue = queue[: self._call.limit]

    # --- one item ---------------------------------------------------------------------------

    def _decide(self, item: Item) -> bool:
        """Show an item until a key decides on it, or puts another one first.

        Returns:
            Whether the person goes on.
        """
        self._item = item
        self._place = 0
        self._choices = []
        for number, draft in enumerate(item.drafts):
            for gap, card in enumerate(with_each_gap(draft), 1):
                self._choices.append(Choice(card, number, gap))
        del self._choices[MOST_CHOICES:]
        keys = _keys_of(self._choices)
        self._show()
        while True:
            key = self._key()
            if key == _END:
                return False
            if key in keys and keys.index(key) != self._place:
                self._place = keys.index(key)
                self._show()
            elif key and self._on_key(key, keys):
                return True

    def _on_key(self, key: str, keys: Sequence[str]) -> bool:
        """Act on a key, which none of the `keys` of other choices is; return whether to go on."""
        match key:
            case "?":
                self._help(HELP)
            case "v":
                self._view()
            case "m":
                self._from_chat()
                return True
            case "M":
                put_away()
                self._print("your chat is offered no more; m still asks it")
                return False
            case "s":
                self._queue.append(self._queue.pop(0))
                return True
            case "u":
                return self._take_back()
            case "e" | "q" if self._choices:
                decision = self._in_own_words(asks=key == "q")
                if decision:
                    return self._carry_out(decision)
            case _ if key in _ACTS:
                return self._act(_ACTS[key])
            case _:
                self._print(_nothing(key, keys, len(self._choices)))
                return False
        self._show()
        return False

    def _act(self, act: str) -> bool:
        """Decide without words of the person; return whether the item was decided on."""
        if not self._screen.is_whole:
            self._print("v shows the rest first")
            return False
        if not self._choices:  # a question is answered with yes or no
            act = {"force": "accept"}.get(act, act)
            if act not in ("accept", "reject"):
                self._print("a question is answered with a or x")
                return False
        elif act == "another" and not self._choices[self._place].card.revises:
            self._print("this draft does not change a card; Enter accepts it")
            return False
        return self._carry_out(self._decision(act))

    def _decision(self, act: str) -> Decision:
        """Return a decision on the item and the choice that are shown."""
        decision = Decision(self._item.id, self._item.turn, act)
        if not self._choices:
            return decision
        choice = self._choices[self._place]
        return replace(decision, choice=choice.number, gap=choice.gap)

    def _carry_out(self, decision: Decision) -> bool:
        """Store a decision, which `u` takes back; return whether the item was decided on.

        If a check blocks the person's words, they are asked whether they insist.
        """
        try:
            decided = self._review.decide(decision)
        except BlockedError as error:
            self._print(f"{error.message}. Make the card anyway? y/N", "bold")
            if self._key() != "y":
                return False
            return self._carry_out(replace(decision, forced=True))
        except StaleError as error:  # the item is shown again, if it still waits
            self._print(error.message)
            return True
        except ForgeError as error:
            self._refuse(error)
            return False
        self._queue.pop(0)
        if decided.rest is not None:  # the next fact of the same passage
            self._queue.insert(0, decided.rest.id)
        if decided.later is not None:
            self._queue.append(decided.later.id)
        said = _SAID.get(decision.act, "accepted")
        self._done.append((decided.undo, decision.id, said))
        self._in_round += 1
        self._print(said, "green" if said != "rejected" else "red")
        return True

    def _take_back(self) -> bool:
        """Take back the last decision of this review; return whether there was one."""
        if not self._done:
            self._print("nothing to undo in this review; earlier ones: ankiforge undo")
            return False
        action, id, decision = self._done[-1]
        try:
            undone = undo(self._ledger, action or id).entries
        except RefusedError as error:
            self._refuse(error)
            return False
        self._done.pop()
        self._in_round = max(self._in_round - 1, 0)
        item = self._review.item(id)
        for each in item.drafts if item else ():
            for waiting in offers(self._ledger, [each.highlight.key]):
                if waiting[0].id in self._queue:
                    self._queue.remove(waiting[0].id)
        self._queue.insert(0, id)
        words = shortened(on_one_line(undone[0].text), CUT)
        self._print(f"taken back: {decision}{words and f': {words}'}")
        return True

    def _refuse(self, error: ForgeError) -> None:
        self._print(error.message, "bold")
        if error.hint:
            self._print(f"hint: {self._call.copyable(error.hint)}")

    def _from_chat(self) -> None:
        """Let a chat write the questions, twenty by twenty."""
        with self._screen.left():
            converse(self._call, self._workspace, self._screen.print)
        self._fill()

    # --- words of the person ----------------------------------------------------------------

    def _in_own_words(self, *, asks: bool) -> Decision | None:
        """Return a decision in the person's words; None if they typed none.

        They edit the fields of a draft, or type a question whose answer a cloze hides.
        """
        decision = self._decision("edit")
        card = self._choices[self._place].card
        if not asks:
            shown = card.fields
            if card.kind is CardKind.OCCLUSION:
                shown = as_typed(card.field(occlusion.FIELD))
            fields = self._edited(shown)
            if fields is None:
                self._print("nothing changed")
                return None
            return replace(decision, fields=dict(fields))
        answer = ", ".join(gap.answer for gap in gaps(card.field("Text")))
        if not answer:
            self._print("q is for a sentence with a gap; e edits this card")
            return None
        click.echo()
        question = self._typed("question", "")
        if not question:
            self._print("no question typed")
            return None
        fields_of_card = {"Front": question, "Back": answer}
        return replace(decision, act="instead", fields=fields_of_card)

    def _edited(self, fields: Fields) -> Fields | None:
        """Return the fields as the person changed them, in an editor or line by line.

        None: nothing was changed.
        """
        shown = tuple((name, for_terminal(text)) for name, text in fields if text)
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
        if editor or any("\n" in text for _, text in shown):
            edited = self._in_editor(shown)
        else:
            edited = self._line_by_line(shown)
        return None if edited == shown else edited or None

    def _in_editor(self, shown: Fields) -> Fields:
        """Return the fields as the person wrote them in an editor; () if it cannot be opened."""
        parts = [f"=== {name} ===\n{text}\n" for name, text in shown]
        try:
            with self._screen.left():
                written = click.edit("".join(parts), extension=".md") or ""
        except click.ClickException as error:
            self._print(error.message)
            return ()
        # lines above the first name are dropped
        names = "|".join(re.escape(name) for name, _ in shown)
        _, *named = re.split(rf"(?m)^[ \t]*=== ({names}) ===[ \t]*$", written)
        texts = dict(zip(named[::2], named[1::2], strict=True))
        return tuple((name, texts[name].strip()) for name, _ in shown if name in texts)

    def _line_by_line(self, shown: Fields) -> Fields:
        """Return the fields as the person typed them; () after Ctrl-C."""
        edited = []
        click.echo("\n Enter takes the line, Ctrl-C leaves it as it is")
        for name, text in shown:
            in_brackets = to_brackets(text) if name == "Text" else None
            typed = self._typed(name.lower(), in_brackets or text)
            if typed is None:
                return ()
            edited.append((name, from_brackets(typed, text) if in_brackets else typed))
        return tuple(edited)

    def _typed(self, label: str, text: str) -> str | None:
        """Return a line that the person typed, which begins as `text`; None after Ctrl-C."""
        line_editor: Any
        try:
            import readline as line_editor
        except ImportError:  # there is none on Windows
            line_editor = None
        if line_editor is not None:
            line_editor.set_startup_hook(lambda: line_editor.insert_text(text))
        elif text:
            click.echo(f"{label}: {text}")
        try:
            typed = input(f"{label}: ").strip()
        except (KeyboardInterrupt, EOFError):
            return None
        finally:
            if line_editor is not None:
                line_editor.set_startup_hook(None)
        if not typed and line_editor is None:
            return text
        return typed

    # --- the screen -------------------------------------------------------------------------

    def _key(self) -> str:
        """Wait for a key. Of several characters at once, the first counts."""
        self._screen.answered()
        try:
            pressed = click.getchar()
        except (KeyboardInterrupt, EOFError, OSError):
            return _END
        # an arrow, or the like
        return "" if (len(pressed) > 1 and pressed.startswith(_END)) else pressed[:1]

    def _print(self, text: str, style: str = "") -> None:
        """Print a message below the frame."""
        self._screen.say(text, style)

    def _help(self, text: str) -> None:
        """List the keys until one is pressed."""
        lines = [_text(line) for line in text.splitlines()]
        self._screen.show(Text("Keys", "bold"), lines, ("any key goes back",))
        if self._screen.is_whole:
            self._key()
        else:
            self._view()

    def _view(self) -> None:
        """Show all lines in the pager of the person."""
        with self._screen.left():
            click.echo_via_pager(self._screen.whole())

    def _show(self) -> None:
        """Show the item: its document and how far, the passage, the card, and the keys."""
        item, choices, place = self._item, self._choices, self._place
        # how many of the ten are decided, and how many wait
        left_of_ten = min(len(self._queue), sittings.TEN - self._in_round)
        told = [f"{self._in_round + 1} of {self._in_round + left_of_ten}"]
        told.append(counted(len(self._queue), "waits", "wait"))
        if item.drafts and not item.card:
            facts = facts_seen(self._ledger, item.drafts[0].highlight)
            if len(facts) > 1:
                this = sum(fact.decided for fact in facts) + 1
                told.append(f"fact {this} of {len(facts)}")
        head = Text(" ")
        if item.drafts:
            head.append(for_terminal(item.drafts[0].highlight.document.title), "bold")
        head = on_both_ends(head, " · ".join(told), self._screen.width)

        if item.question is not None:
            keys = ("a yes", "x no", "s skip", "? more", "Esc end")
            self._screen.show(head, _question_lines(item.question), keys)
            return
        passage = _passage_lines(choices[place].card)
        card = _card_lines(item, choices, place)
        self._screen.show(head, card, _keys_shown(item, choices), above=passage)


# --- what is shown --------------------------------------------------------------------------


def _of_highlights(workspace: Workspace) -> Strings:
    """Return the line that says how few proposals there are, where others are to be asked for."""
    said = proposals_of_highlights(workspace.ledger)
    return (said,) if said else ()


def _keys_of(choices: Sequence[Choice]) -> list[str]:
    """Return the key of each choice: a digit."""
    return [str(number) for number in range(1, len(choices) + 1)]


def _keys_shown(item: Item, choices: Sequence[Choice]) -> Strings:
    """Return the keys for an item with drafts, the most important first."""
    keys = ["Enter accept", "x reject"]
    if item.card and not any(each.card.own for each in choices):
        keys = ["Enter the same card", "w another card", "x reject"]
    if len(choices) > 1:
        digits = [key for key in _keys_of(choices) if key.isdecimal()]
        keys.append(f"1-{digits[-1]} choose")
    keys.append("e edit")
    if any(choice.card.field("Text") for choice in choices):
        keys.append("q ask")
    return (*keys, "u undo", "m chat", "? more", "Esc end")


def _question_lines(question: Question) -> Iterator[Text]:
    """Yield the lines of a question: its examples, and the effects of its answers."""
    yield _text(question.text, "bold")
    for conflict in question.conflicts:
        field = conflict.field.lower()
        mine, source = (
            ("in Anki", "here") if conflict.edited_here else ("yours", "the source's")
        )
        yield _text(f"{field}, {mine}: {on_one_line(conflict.mine)}")
        yield _text(f"{field}, {source}: {on_one_line(conflict.source)}")
    for example in question.examples:
        yield _text(on_one_line(example), "dim")
    if question.kind is QuestionKind.FORM or question.pairs:
        yield _text("on the page you can choose single lines: ankiforge review", "dim")
    yield _text(f"a: {question.accept}   x: {question.reject}")


def _nothing(key: str, keys: Sequence[str], choices: int) -> str:
    """Return why a key does nothing here.

    Args:
        key: the key.
        keys: the keys of the choices.
        choices: how many there are; 0 for a question.
    """
    if key in ("e", "q"):
        return "a question is answered with a or x"
    if key in keys:
        return "it is shown already" if choices > 1 else "there is only this one"
    if key.isdecimal() and choices:
        return counted(choices, "choice") + " here"
    return f"{key} is no key here; ? lists them"


def _passage_lines(draft: Card) -> Iterator[Text]:
    """Yield the place of a passage, and its words unless the card shows them all."""
    highlight = draft.highlight
    parts = [highlight.page] if highlight.page else []
    if highlight.heading not in ("", highlight.document.title):
        parts.append(highlight.heading)
    if parts:
        yield _text(on_one_line(" › ".join(parts)), "dim cyan")
    passage = _passage(draft)
    if passage is not None:
        yield passage
    if highlight.comment:
        yield _text(f"your comment: {on_one_line(highlight.comment)}", "dim")
    if parts or passage is not None or highlight.comment:
        yield Text()


def _card_lines(item: Item, choices: Sequence[Choice], place: int) -> Iterator[Text]:
    """Yield the card of one choice, the other choices, and the warnings."""
    draft = choices[place].card
    if item.card:
        title = "replaces your card:" if draft.replaces else "your card now:"
        yield _text(title, "dim")
        for name, words in occlusion.readable(item.card.fields):
            yield _text(f"  {name.lower()}: {on_one_line(words)}", "dim")
        yield _text("with the new words:", "dim")
    yield from _field_lines(draft)
    if len(choices) > 1:
        yield Text()
        yield _line_of_choices(choices, place)

    # why it needs a closer look; nothing of a proposal without warnings
    said = warning(draft)
    if draft.origin.drafter in ("llm", AGENT) and not said:
        said = why_waiting(draft)
    if said:
        yield Text()
        yield _text(said, "yellow")


def _line_of_choices(choices: Sequence[Choice], place: int) -> Text:
    """Return the choices of the digits, the chosen one marked."""
    ids = {each.card.id for each in choices}
    line = Text("hide: " if len(ids) == 1 else "drafts: ", "dim")
    keys = _keys_of(choices)
    for number, each in enumerate(choices):
        answers = [gap.answer for gap in gaps(each.card.field("Text"))]
        words = " … ".join(answers) or each.card.field("Front")
        shown = shortened(on_one_line(plain(for_terminal(words))), CUT)
        style = "bold underline" if number == place else "dim"
        if number:
            line.append("   ")
        line.append(f"{keys[number]} {shown}", style)
    return line


def _passage(draft: Card) -> Text | None:
    """Return the passage of a draft, cut around the sentence; None if the card shows it all."""
    highlight = draft.highlight
    if draft.by_hand:
        return None
    before, after = from_a_word(highlight.prefix), to_a_word(highlight.suffix)
    passage = highlight.sentence or f"{before}{highlight.exact}{after}"
    lines = (table_rows(text) or [text] for _, text in draft.fields)
    shown = " ".join(plain(line) for field in lines for line in field)
    if _letters_of(passage) in _letters_of(shown):
        return None
    passage = _in_lines(passage)
    asked = _in_lines(draft.quote) or _in_lines(highlight.exact)
    if not asked or asked not in passage:
        return _text(shortened(passage, 2 * _AROUND), "dim")
    before, sentence, after = passage.partition(asked)
    after = shortened(after, _AROUND)
    if highlight.heading and highlight.heading in before:  # it stands above already
        before = before.rpartition(highlight.heading)[2].lstrip()
    elif len(before) > _AROUND:
        before = f"… {before[-_AROUND:].partition(' ')[2]}"
    elif before and highlight.prefix and not highlight.sentence:
        before = f"… {before}"
    if after and not after.endswith("…") and highlight.suffix and not highlight.sentence:
        after += " …"
    line = _text(before, "dim")
    line.append(for_terminal(sentence), "not dim")
    line.append(for_terminal(after), "dim")
    return line


def _in_lines(text: str) -> str:
    """Return a text whose lines stay lines, with single blanks in them."""
    return "\n".join(filter(None, map(on_one_line, text.splitlines())))


def on_both_ends(left: Text, right: str, width: int) -> Text:
    """Return a line with a text at its beginning, which is cut, and one at its end."""
    room = max(width - len(right) - 3, 0)
    left.truncate(room, overflow="ellipsis", pad=True)
    return left.append(f"  {right}", "dim")


def _field_lines(card: Card) -> Iterator[Text]:
    """Yield the fields of a card in plain text; a gap is in brackets, in case of no colours."""
    for name, words in card.fields:
        if name == "Text":
            line = Text()
            shown = "\n".join(table_rows(words)) or words
            for before, answer in marked_gaps(for_terminal(shown)):
                line.append(before)
                if answer:
                    line.append(f"[{answer}]", "bold reverse")
            yield line
        elif name == occlusion.FIELD:
            masks = occlusion.parse(words).shown
            labels = [f"{mask.number} {mask.label or '(drawn)'}" for mask in masks]
            if labels:
                yield _labelled("hides", " · ".join(labels))
            yield _text("to see the picture and to draw masks: ankiforge review", "dim")
        elif words and name != "Image":
            label = {"Front": "Q", "Back": "A"}.get(name, name.lower())
            style = "bold" if name == "Front" else "not dim"
            yield _labelled(label, plain(for_terminal(words)), style)


def _text(words: str, style: str = "") -> Text:
    """Return words that cannot steer the terminal."""
    return Text(for_terminal(words), style)


def _labelled(label: str, words: str, style: str = "not dim") -> Text:
    """Return words behind a label."""
    line = Text(f"{label}: ", "dim")
    line.append(for_terminal(words), style)
    return line


def _letters_of(text: str) -> str:
    """Return a text without blanks, case, and the signs between the cells of a table."""
    return "".join(text.translate({ord("|"): " ", ord("·"): " "}).split()).casefold()
