"""`review --terminal`: decide on the cards that wait with single keys, also over ssh.

Each card is printed below its passage. Enter accepts what was printed last: a card in other words
is printed before Enter takes it. Keys pressed before that are dropped, because `click.getchar`
empties the input before it reads.
"""

from __future__ import annotations

import codecs
import dataclasses
import os
import re
import sys
from collections.abc import Iterator, Sequence

import click
from msgspec.structs import replace

from ankiforge.cli.output import Call, for_terminal
from ankiforge.errors import ForgeError, RefusedError
from ankiforge.hooks import noticed
from ankiforge.ledger import overview
from ankiforge.ledger.decide import undo
from ankiforge.model import CardKind, Draft, Offered, Question, QuestionKind, Shown, Span
from ankiforge.pipeline.decide import BlockedError
from ankiforge.pipeline.workspace import Workspace
from ankiforge.reports.cards import quoted_in
from ankiforge.reports.summary import next_line, next_step
from ankiforge.review import Decision, Item, Review, StaleError, shelf
from ankiforge.review.items import warning, with_each_gap
from ankiforge.review.selection import sentence_of
from ankiforge.review.shelf import TEN
from ankiforge.text import bold, counted, on_one_line, regex, shortened
from ankiforge.text.cloze import gaps, plain, table_rows, with_brackets
from ankiforge.text.passages import from_a_word, to_a_word

# What ends a review: Esc, Ctrl-C, Ctrl-D, and the loss of the terminal.
_END = "\x1b"
# The lines of a question that are shown.
_EXAMPLES = 10
_RIGHT, _LEFT = "\x1b[C", "\x1b[D"
_WORD = regex(r"\w+(?:[-'’.]\w+)*")
_DRAFT_KEYS = (
    "Enter accept   x reject{others}   e edit   q ask   u undo   j k next, back   Esc end"
)
_PROPOSAL_KEYS = (
    "Enter make it{others}   → your own words   q ask   e edit"
    "   x reject   u undo   j k next, back   Esc end"
)
_WORD_KEYS = "← → word   Space hide   Enter make it   Esc back"

Choice = tuple[Decision, Shown]
"""A card that was printed, and the decision that accepts it."""


class TerminalReview:
    """One person's review in a terminal."""

    def __init__(self, call: Call, workspace: Workspace, query: str = "") -> None:
        """Put the waiting items in order; with a query, only those that match it."""
        self._say = dataclasses.replace(call, quiet=False).print
        self._workspace = workspace
        self._ledger = workspace.ledger
        self._review = Review(workspace)
        self._ledger.read_journal()
        self._queue = shelf.queue(self._ledger, query)[: call.limit]
        # after the waiting items, the best proposals, document by document
        self._proposed: Iterator[list[Item]] = iter(())
        if call.limit is None:
            self._proposed = shelf.proposed(self._ledger, self._review.item, query)
        self._sitting: list[str] = []
        """The ids of this sitting that are left; the queue comes after them."""
        self._ten: list[str] = []
        """The ids with which the sitting began, in their order."""
        self._size = 0
        self._done: list[tuple[str, str, str]] = []
        """The decisions that can be taken back: (id for `undo`, item, further fact)."""

    def run(self) -> None:
        """Show item after item, until none waits or the person ends."""
        on_the_page = 0
        has_asked = False
        while self._sitting or self._next_ten():
            item = self._review.item(self._sitting[0])
            has_asked = has_asked or item is not None
            if item and item.offered and item.offered[0].kind is not CardKind.OCCLUSION:
                if not self._decide(item):
                    break
            elif item and item.question and item.question.kind is QuestionKind.FORM:
                if not self._answer(item, item.question):
                    break
            else:  # another decision has settled it, or it is a question or a figure
                self._sitting.pop(0)
                on_the_page += item is not None
        if not has_asked:
            self._say_that_nothing_waits()
            return
        left = len(self._sitting) + len(self._queue)
        self._say(f"\n{counted(len(self._done), 'decision')}; {left:,} left")
        if self._done:
            self._say("to take the last one back: ankiforge undo")
        if on_the_page:
            self._say(f"{on_the_page:,} more on the page: ankiforge review")
        if self._done and overview.counts(self._ledger, "unsent")["unsent"].total():
            self._say("next: ankiforge build, to write the package for Anki")

    def _say_that_nothing_waits(self) -> None:
        """Say how many highlights have no proposal, and name the next command."""
        counts = overview.counts(self._ledger)
        without = counts["waiting"]["without"]
        if without:
            why = f"{counted(without, 'highlight')} without one: ankiforge list --no-card"
            self._say(f"nothing waits, and nothing can be proposed; {why}")
        else:
            self._say("nothing waits")
        step = next_step(self._workspace.folder, counts, noticed(self._ledger))
        self._say(next_line(*step))

    def _next_ten(self) -> bool:
        """Begin with the next ten waiting items, then proposals; return whether any are left."""
        if not self._queue:
            for items in self._proposed:
                self._queue += [item.id for item in items]
                if len(self._queue) >= TEN:
                    break
        self._sitting = self._queue[:TEN]
        del self._queue[:TEN]
        self._ten = [*self._sitting]
        self._size = len(self._ten)
        return bool(self._sitting)

    def _decide(self, item: Item) -> bool:
        """Show an item until a key decides on it; return whether the person goes on."""
        choices = list[Choice]()
        for number, draft in enumerate(item.offered):
            for gap, card in enumerate(with_each_gap(draft), 1):
                accept = Decision(item.id, item.turn, "accept", choice=number, gap=gap)
                choices.append((accept, card))
        del choices[9:]  # each has a digit
        shown = choices[0]
        self._print_passage(item)
        self._print_card(shown[1], choices)
        keys = _PROPOSAL_KEYS if item.proposal else _DRAFT_KEYS
        keys = keys.format(others=_keys_of_others(item, len(choices)))
        self._say(f"\n{keys}")
        while True:
            before = shown
            key = _key()
            try:
                match key:
                    case "\r" | "\n":
                        return self._carry_out(shown[0])
                    case "x":
                        return self._carry_out(replace(choices[0][0], act="reject"))
                    case "u":
                        return self._take_back()
                    case "j" | "k":
                        return self._turn(key)
                    case "e":
                        shown = self._edited(*shown)
                    case "q":
                        shown = self._asked(*shown)
                    case _ if key in (_RIGHT, _LEFT) and item.offered[0].gaps:
                        shown = self._chosen(choices[0][0], item.offered[0]) or shown
                    case _ if key in map(str, range(1, len(choices) + 1)):
                        shown = choices[int(key) - 1]
                    case _ if key in "123456789" and key:
                        self._say(f"only {counted(len(choices), 'choice')} here")
                    case _ if key == _END:
                        return False
            except BlockedError as error:
                self._say(f"{error.message}; Enter makes the card anyway")
                shown = replace(shown[0], forced=True), shown[1]
            except StaleError as error:  # it is shown again, if it still waits
                self._say(error.message)
                return True
            except ForgeError as error:
                self._say(error.told)
            if shown == before:
                self._say(keys)
            else:
                self._print_card(shown[1], ())

    def _answer(self, item: Item, question: Question) -> bool:
        """Show a question whose answer counts for many cards; return whether the person goes on."""
        self._say(f"\n{bold(question.text)}")
        for example in question.examples[:_EXAMPLES]:
            self._say(f"  {shortened(example, 76)}")
        if question.examples[_EXAMPLES:]:
            self._say(f"  … and {len(question.examples) - _EXAMPLES:,} more")
        self._say("Enter make cards   x none of them   u undo   Esc end\n")
        while True:
            try:
                match _key():
                    case "\r" | "\n":
                        return self._carry_out(Decision(item.id, item.turn, "accept"))
                    case "x":
                        return self._carry_out(Decision(item.id, item.turn, "reject"))
                    case "u":
                        return self._take_back()
                    case key if key == _END:
                        return False
            except StaleError as error:  # it is shown again, if it still waits
                self._say(error.message)
                return True
            except ForgeError as error:
                self._say(error.told)

    def _carry_out(self, decision: Decision) -> bool:
        decided = self._review.decide(decision)
        # the next fact of the same passage
        self._sitting[:1] = [decided.rest.id] if decided.rest else []
        self._queue += [decided.later.id] if decided.later else []
        further = decided.rest or decided.later
        self._done.append((decided.undo, decision.id, further.id if further else ""))
        self._say("rejected" if decision.act == "reject" else "accepted")
        return True

    def _turn(self, key: str) -> bool:
        """Go to the next item of the sitting (j), or back to the one before (k)."""
        if key == "j":
            self._sitting.append(self._sitting.pop(0))
        else:
            self._sitting.insert(0, self._sitting.pop())
        return True

    def _take_back(self) -> bool:
        """Take back the last decision of this review."""
        if not self._done:
            raise RefusedError("nothing to undo in this review", hint="ankiforge undo")
        action, id, further = self._done[-1]
        undo(self._ledger, action or id)
        self._done.pop()
        # the further fact comes again with the next decision
        self._queue = [each for each in self._queue if each != further]
        self._sitting = [
            id,
            *(each for each in self._sitting if each not in (id, further)),
        ]
        self._queue[:0] = self._sitting[TEN:]
        del self._sitting[TEN:]
        self._size = max(self._size, len(self._sitting))
        self._say("taken back")
        return True

    # --- words of the person ----------------------------------------------------------------

    def _edited(self, decision: Decision, card: Shown) -> Choice:
        """Return a card as the person changed it in their editor."""
        shown = {name: for_terminal(text) for name, text in card.fields if text}
        parts = [f"=== {name} ===\n{text}\n" for name, text in shown.items()]
        try:
            written = click.edit("".join(parts), extension=".md") or ""
        except click.ClickException as error:
            raise RefusedError(error.message) from error
        # lines above the first name are dropped
        names = "|".join(map(re.escape, shown))
        _, *named = re.split(rf"(?m)^[ \t]*=== ({names}) ===[ \t]*$", written)
        typed = dict(zip(named[::2], map(str.strip, named[1::2]), strict=True))
        if not typed or typed == shown:
            return decision, card
        decision = replace(decision, act="edit", fields=typed, forced=False)
        return decision, self._review.preview(decision)

    def _asked(self, decision: Decision, card: Shown) -> Choice:
        """Ask the person for a question whose answer is the hidden words of a cloze."""
        answer = ", ".join(gap.answer for gap in gaps(card.field("Text")))
        if not answer:
            raise RefusedError("q is for a sentence with a gap; e edits this card")
        question = _typed("your question")
        if not question:
            return decision, card
        fields = {"Front": question, "Back": answer}
        decision = replace(decision, act="instead", fields=fields, forced=False)
        return decision, replace(card, kind=CardKind.BASIC, fields=tuple(fields.items()))

    def _chosen(self, decision: Decision, draft: Offered) -> Choice | None:
        """Return a card that hides words of its sentence that the person chooses; None = Esc."""
        sentence = sentence_of(draft).text
        words = [match.span() for match in _WORD.finditer(sentence)]
        at = 0
        hidden: set[int] = set()
        while words:
            shown = ""
            done = 0
            for place, (start, end) in enumerate(words):
                word = (
                    f"[{sentence[start:end]}]" if place in hidden else sentence[start:end]
                )
                word = bold(f"›{word}‹") if place == at else word
                shown += sentence[done:start] + word
                done = end
            self._say(f"  {shown}{sentence[done:]}\n{_WORD_KEYS}\n")
            match _key():
                case key if key in (_RIGHT, _LEFT):
                    step = 1 if key == _RIGHT else -1
                    at = (at + step) % len(words)
                case " ":
                    hidden ^= {at}
                case "\r" | "\n":
                    spans = [words[place] for place in sorted(hidden or {at})]
                    chosen = ",".join(
                        f"{start}-{end}" for start, end in _joined(spans, sentence)
                    )
                    decision = replace(decision, act="make", spans=chosen, forced=False)
                    return decision, self._review.preview(decision)
                case key if key == _END:
                    break
        return None

    # --- what is shown ----------------------------------------------------------------------

    def _print_passage(self, item: Item) -> None:
        """Print how far the review is, the passage, and the card that would change.

        A passage that its card repeats whole is not printed.
        """
        highlight = item.offered[0].highlight
        number = self._size - len(self._sitting) + 1
        if item.id in self._ten:
            number = self._ten.index(item.id) + 1
        place = f"{number} of {self._size}"
        if any(item.id == further for _, _, further in self._done):
            place += ", a further fact"
        self._say(f"\n{place}   {bold(on_one_line(highlight.document.title))}")
        # what stands beside it in its paragraph: neither its heading nor half a word
        _, line_end, before = highlight.prefix.rpartition("\n")
        if not line_end and from_a_word(before) != before:
            before = f"…{from_a_word(before)}"
        after, line_end, _ = highlight.suffix.partition("\n")
        if not line_end and to_a_word(after) != after:
            after = f"{to_a_word(after).rstrip()}…"
        passage = highlight.sentence or f"{before}{highlight.exact}{after}"
        if on_one_line(passage) != on_one_line(plain(item.offered[0].field("Text"))):
            self._say(f"  {quoted_in(passage, item.offered[0].quote)}")
        if highlight.comment:
            self._say(f"  your comment: {on_one_line(highlight.comment)}")
        for name, words in item.card.fields if item.card else ():
            self._say(f"  {name.lower()} now: {on_one_line(with_brackets(words))}")

    def _print_card(self, card: Shown, choices: Sequence[Choice]) -> None:
        """Print a card with its warning, and the choices with their digits."""
        for name, words in card.fields:
            rows = "\n".join(table_rows(words)) or words
            shown = with_brackets(rows).replace("\n", "\n    ")
            label = "" if name == "Text" else f"{name.lower()}: "
            self._say(f"  {label}{bold(shown)}")
        for number, (_, other) in enumerate(choices if len(choices) > 1 else (), 1):
            hidden = " … ".join(gap.answer for gap in gaps(other.field("Text")))
            words = on_one_line(plain(hidden or other.field("Front")))
            self._say(f"    {number}  {shortened(words, 60)}")
        if isinstance(card, Draft) and warning(card):
            self._say(f"! {warning(card)}")


def _keys_of_others(item: Item, number: int) -> str:
    """Return the keys that choose other drafts or words; "" if there is one choice."""
    if number == 1:
        return ""
    if len(item.offered) == 1:
        return f"   {'2' if number == 2 else f'2-{number}'} other words"
    return "   2 another draft" if number == 2 else f"   2-{number} other drafts"


def _joined(spans: Sequence[Span], sentence: str) -> list[Span]:
    """Return spans of words; those with nothing but blanks between them are one."""
    joined: list[Span] = []
    for start, end in spans:
        if joined and not sentence[joined[-1][1] : start].strip():
            start, _ = joined.pop()
        joined.append((start, end))
    return joined


def _typed(label: str) -> str:
    """Return the line that a person types; "" if they leave it with Esc."""
    try:
        import termios
        import tty
    except ImportError:  # Windows has no modes of a terminal
        line: str = click.prompt(label, default="", show_default=False)
        return line.strip()
    terminal = sys.stdin.fileno()
    modes = termios.tcgetattr(terminal)
    utf8 = codecs.getincrementaldecoder("utf-8")("ignore")
    words = ""
    try:
        tty.setcbreak(terminal, termios.TCSADRAIN)
        click.echo(f"{label}: ", nl=False)
        while True:
            pressed = utf8.decode(os.read(terminal, 1024))
            if pressed == _END or "\x04" in pressed:
                return ""
            if pressed.startswith(_END):  # a key that is no character
                continue
            for sign in pressed:
                if sign in "\r\n":
                    return words.strip()
                if sign in "\x7f\b":
                    click.echo("\b \b" if words else "", nl=False)
                    words = words[:-1]
                elif sign.isprintable():
                    click.echo(sign, nl=False)
                    words += sign
    except (KeyboardInterrupt, OSError):
        return ""
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, modes)
        click.echo()


def _key() -> str:
    """Wait for a key. Of several characters at once, the first counts."""
    try:
        pressed = click.getchar()
    except (KeyboardInterrupt, EOFError, OSError):
        return _END
    if pressed in (_RIGHT, _LEFT):
        return pressed
    # another key that is no character
    return "" if (len(pressed) > 1 and pressed.startswith(_END)) else pressed[:1]
