"""`review --terminal`: decide on what waits with single keys, also over ssh.

A key decides on what was painted last. Keys pressed before that are dropped, because
`click.getchar` empties the input before it reads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from ankiforge.cli.output import Call, for_terminal
from ankiforge.errors import ForgeError, RefusedError
from ankiforge.model import (
    AGENT,
    CardKind,
    Fields,
    Question,
    QuestionKind,
    RemarkKind,
    Severity,
    Strings,
    Value,
    Waiting,
    is_question_id,
)
from ankiforge.pipeline.decide import BlockedError
from ankiforge.pipeline.figures import as_typed
from ankiforge.reports.cards import titled, why_waiting
from ankiforge.text import counted, occlusion, on_one_line, shortened
from ankiforge.text.cloze import gaps, marked_gaps, plain
from ankiforge.text.passages import from_a_word, to_a_word

if TYPE_CHECKING:
    from ankiforge.pipeline.workspace import Workspace

ROUND = 10
"""The number of decisions after which the person is asked whether to go on."""
WIDTH = 88
"""Columns of a passage; longer lines are hard to read."""
MOST_CHOICES = 9
"""How many gaps or drafts have a digit."""
_BAR = 20
_CUT = 60

HELP = """\
Enter, a   accept what is shown, and go on
x          reject it; a proposed card goes with all its gaps
1 2 3      hide other words, or take another draft of the same passage
e          edit it, and accept it in your words
q          ask a question instead; the hidden words are its answer
F          accept it although a check blocks it
s          skip it for now
u          take back the last decision
?          this list
Esc        end; everything is stored already
"""

# What ends a review: Esc, Ctrl-C, Ctrl-D, and the loss of the terminal.
_END = "\x1b"


class Choice(Value):
    """One way to accept an item: a draft, or one gap of a proposal."""

    waiting: Waiting
    fields: Fields
    """The Markdown of the card that would be made."""
    gap: int = 1
    """Which gap of the proposal, from 1; 1 for other drafts."""

    def field(self, name: str) -> str:
        """Return the Markdown of a field; "" if there is none."""
        return dict(self.fields).get(name, "")


class Item(Value):
    """What is decided on next: drafts of one passage, or a question."""

    id: str
    choices: tuple[Choice, ...] = ()
    question: Question | None = None

    @property
    def drafts(self) -> list[Waiting]:
        """The drafts among which to choose."""
        by_id = {choice.waiting.id: choice.waiting for choice in self.choices}
        return list(by_id.values())


class TerminalReview:
    """One person's review in a terminal."""

    def __init__(self, call: Call, workspace: Workspace) -> None:
        """Prepare a review; nothing is read yet."""
        self._call = call
        self._workspace = workspace
        self._ledger = workspace.ledger
        self._screen = Console(
            no_color=not call.color,
            highlight=False,
            emoji=False,
        )
        self._queue: list[str] = []
        # The decisions that can be taken back: (id for `undo`, item, what was done).
        self._done: list[tuple[str, str, str]] = []
        # The decisions since the person was asked last whether to go on.
        self._in_round = 0

    def run(self) -> None:
        """Show item after item, until none waits or the person ends."""
        order = self._ledger.order()
        everything = [*order.new, *order.changed, *order.questions]
        self._queue = everything[: self._call.limit]
        if not self._queue:
            self._call.print("nothing waits for you; ankiforge run PATH reads more")
            return
        while self._queue:
            item = self._item(self._queue[0])
            if item is None:  # it no longer waits: another decision has settled it
                self._queue.pop(0)
                continue
            if self._in_round >= ROUND and not self._goes_on():
                break
            if not self._decide(item):
                break
        self._tell_end()

    def _goes_on(self) -> bool:
        """Ask after a round whether the person goes on."""
        self._in_round = 0
        left = len(self._queue)
        self._print(f"\n{ROUND} decided, {left:,} left. Enter goes on, Esc ends.", "bold")
        while True:
            key = self._key()
            if key in ("\r", "\n", "a", " "):
                return True
            if key in (_END, "n"):
                return False

    def _tell_end(self) -> None:
        """Say what was decided, and the next command."""
        counts: dict[str, int] = {}
        for _, _, decision in self._done:
            counts[decision] = counts.get(decision, 0) + 1
        parts = [f"{number:,} {decision}" for decision, number in counts.items()]
        left = len(self._queue)
        decided = ", ".join(parts) or "nothing decided"
        self._print(
            f"\n{decided}; {left:,} left" if left else f"\n{decided}; nothing is left"
        )
        if self._done:
            unsent = self._ledger.counts("unsent")["unsent"].total()
            if unsent:
                self._call.print("next: ankiforge build, to write the package for Anki")

    # --- what waits -------------------------------------------------------------------------

    def _item(self, id: str) -> Item | None:
        """Return what an id stands for; None if it no longer waits."""
        if is_question_id(id):
            for question in self._ledger.questions():
                if question.id == id:
                    return Item(id, question=question)
            return None
        waiting = next(self._ledger.drafts([id]), None)
        if waiting is None:
            return None
        choices: list[Choice] = []
        for draft in self._beside(waiting):
            choices += _choices(draft)
        return Item(id, tuple(choices[:MOST_CHOICES]))

    def _beside(self, waiting: Waiting) -> list[Waiting]:
        """Return a draft and the others of the same fact, among which a person chooses."""
        drafts = [waiting]
        request = waiting.draft.origin.request
        if not request or waiting.revises or waiting.replaces:
            return drafts
        for other in self._ledger.drafts([waiting.highlight.key]):
            is_same_fact = other.draft.origin.request == request
            is_same_fact = is_same_fact and other.draft.intent == waiting.draft.intent
            is_new = not other.revises and not other.replaces
            if other.id != waiting.id and is_same_fact and is_new:
                drafts.append(other)
        return drafts

    # --- one item ---------------------------------------------------------------------------

    def _decide(self, item: Item) -> bool:
        """Show an item until a key decides on it, or puts another one first.

        Returns:
            Whether the person goes on.
        """
        place = 0
        self._show(item, place)
        while True:
            key = self._key()
            if key == _END:
                return False
            if key == "?":
                self._print(HELP)
                continue
            if key.isdecimal():
                place = self._chosen(item, place, key)
                continue
            if key == "s":
                self._queue.append(self._queue.pop(0))
                return True
            if key == "u":
                if self._take_back():
                    return True
                continue
            try:
                if self._act(key, item, place):
                    return True
            except ForgeError as error:
                self._refuse(error)

    def _chosen(self, item: Item, place: int, key: str) -> int:
        """Return the place of the choice that a digit names, and show it; else the present one."""
        wanted = int(key) - 1
        if not 0 <= wanted < len(item.choices):
            return place
        self._show(item, wanted)
        return wanted

    def _act(self, key: str, item: Item, place: int) -> bool:
        """Do what a key says. Return whether the item was decided on."""
        choice = item.choices[place] if item.choices else None
        if key in ("\r", "\n", "a", "F"):
            self._store(
                "accepted",
                item,
                lambda: self._accept(item, choice, forced=key == "F"),
            )
        elif key == "x":
            self._store("rejected", item, lambda: self._reject(item))
        elif key == "e" and choice:
            return self._edit(item, choice)
        elif key == "q" and choice:
            return self._ask(item, choice)
        else:
            return False
        return True

    def _accept(self, item: Item, choice: Choice | None, *, forced: bool) -> None:
        if choice is None:
            self._workspace.accept(item.id)
        else:
            self._workspace.accept(choice.waiting.id, gap=choice.gap, force=forced)

    def _reject(self, item: Item) -> None:
        ids = [draft.id for draft in item.drafts] or [item.id]
        self._workspace.reject(*ids)

    def _store(self, decision: str, item: Item, decide: Callable[[], object]) -> None:
        """Store a decision, which `u` takes back."""
        with self._ledger.action() as action:
            decide()
        self._queue.pop(0)
        self._done.append((action, item.id, decision))
        self._in_round += 1
        self._print(decision, "green" if decision != "rejected" else "red")

    def _take_back(self) -> bool:
        """Take back the last decision of this review; return whether there was one."""
        if not self._done:
            self._print("nothing to take back in this review; before it: ankiforge undo")
            return False
        action, id, decision = self._done[-1]
        try:
            self._workspace.undo(action)
        except RefusedError as error:
            self._refuse(error)
            return False
        self._done.pop()
        self._in_round = max(self._in_round - 1, 0)
        self._queue.insert(0, id)
        self._print(f"taken back: {decision}")
        return True

    def _refuse(self, error: ForgeError) -> None:
        self._print(error.message, "bold")
        if error.hint:
            self._print(f"hint: {self._call.copyable(error.hint)}")

    # --- words of the person ----------------------------------------------------------------

    def _edit(self, item: Item, choice: Choice) -> bool:
        """Let the person change the fields of a draft, which accepts it."""
        shown = choice.fields
        if choice.waiting.draft.kind is CardKind.OCCLUSION:
            shown = as_typed(choice.field(occlusion.FIELD))
        fields = self._edited(shown)
        if fields is None:
            self._show(item, item.choices.index(choice))
            return False
        changed = dict(fields)
        return self._insisting("edited", item, choice.waiting.id, changed)

    def _ask(self, item: Item, choice: Choice) -> bool:
        """Make a question of a cloze: the hidden words are its answer."""
        answers = [gap.answer for gap in gaps(choice.field("Text"))]
        answer = ", ".join(answers)
        if not answer:
            self._print("q is for a sentence with a gap; e edits this card")
            return False
        question = self._typed("question", "")
        if not question:
            self._show(item, item.choices.index(choice))
            return False
        fields = {"Front": question, "Back": answer}
        return self._insisting("asked", item, choice.waiting.highlight.key, fields)

    def _insisting(
        self,
        decision: str,
        item: Item,
        id: str,
        fields: dict[str, str],
    ) -> bool:
        """Make a card in the person's words; if a check blocks them, ask whether they insist."""
        edit = self._workspace.edit
        try:
            self._store(decision, item, lambda: edit(id, fields))
        except BlockedError as error:
            self._print(f"{error.message}. Make the card anyway? y/N", "bold")
            if self._key() != "y":
                return False
            self._store(decision, item, lambda: edit(id, fields, force=True))
        return True

    def _edited(self, fields: Fields) -> Fields | None:
        """Return the fields as the person changed them, in an editor or line by line.

        None: nothing was changed.
        """
        shown = [(name, for_terminal(text)) for name, text in fields if text]
        has_editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
        if has_editor or any("\n" in text for _, text in shown):
            try:
                written = click.edit(_as_file(shown), extension=".md")
            except click.ClickException as error:
                self._print(error.message)
                return None
            edited = _from_file(written or "", [name for name, _ in shown])
        else:
            edited = []
            for name, text in shown:
                typed = self._typed(name.lower(), text)
                if typed is None:
                    return None
                edited.append((name, typed))
        return None if not edited or edited == shown else tuple(edited)

    def _typed(self, label: str, text: str) -> str | None:
        """Return a line that the person typed, which begins as `text`; None after Ctrl-C."""
        line_editor = _line_editor()
        if line_editor is not None:
            line_editor.set_startup_hook(lambda: line_editor.insert_text(text))
        elif text:
            self._print(f"{label}: {text}")
        try:
            typed = input(f"{label}: ").strip()
        except (KeyboardInterrupt, EOFError):
            self._print("")
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
        try:
            pressed = click.getchar()
        except (KeyboardInterrupt, EOFError, OSError):
            return _END
        is_arrow_or_the_like = len(pressed) > 1 and pressed.startswith(_END)
        return "" if is_arrow_or_the_like else pressed[:1]

    def _print(self, text: str, style: str = "") -> None:
        """Print words of the program, or of a document that cannot steer the terminal."""
        self._screen.print(Text(for_terminal(text), style))

    def _show(self, item: Item, place: int) -> None:
        """Show an item: how far, the card, the other choices, the source, why, and the keys."""
        screen = self._screen
        screen.print()
        screen.rule(self._progress(), align="left", style="dim")
        width = min(WIDTH, screen.width)
        for line in self._lines(item, place):
            screen.print(Padding(line, (0, 0, 0, 1)), width=width)
        screen.print(Text(_keys(item), "dim"))

    def _progress(self) -> Text:
        """Return how many of the round are decided, as a bar, and how many wait."""
        left_in_round = min(len(self._queue), ROUND - self._in_round)
        of_round = self._in_round + left_in_round
        filled = _BAR * self._in_round // max(of_round, 1)
        bar = "━" * filled + "─" * (_BAR - filled)
        if self._screen.encoding.lower().replace("-", "") != "utf8":
            bar = "#" * filled + "-" * (_BAR - filled)
        waiting = counted(len(self._queue), "waits", "wait")
        return Text(f"{bar} {self._in_round + 1} of {of_round} · {waiting}")

    def _lines(self, item: Item, place: int) -> Iterator[Text]:
        """Yield the lines about an item."""
        if item.question is not None:
            yield from _question_lines(item.question)
            return
        choice = item.choices[place]
        draft = choice.waiting
        yield from self._now(draft)
        yield from _card_lines(choice)
        if len(item.choices) > 1:
            yield _other_choices(item.choices, place)
        yield from _source_lines(choice)
        for reason in _reasons(draft):
            yield Text(for_terminal(reason), "yellow")

    def _now(self, draft: Waiting) -> Iterator[Text]:
        """Yield the card that a draft would change or replace."""
        guid = draft.revises or draft.replaces
        if not guid:
            return
        yield Text("replaces your card:" if draft.replaces else "your card now:", "dim")
        for line in self._ledger.lines([guid]):
            for name, words in occlusion.readable(line.fields):
                words = for_terminal(on_one_line(words))
                yield Text(f"  {name.lower()}: {words}", "dim")
        yield Text("with the new words:", "dim")


def _line_editor() -> Any:
    """Return the module that edits the lines of `input`; None where there is none (Windows)."""
    try:
        import readline
    except ImportError:
        return None
    return readline


# --- what is shown --------------------------------------------------------------------------


def _choices(waiting: Waiting) -> list[Choice]:
    """Return the ways to accept a draft: one, or one for each gap of a proposal."""
    draft = waiting.draft
    if not draft.gaps:
        return [Choice(waiting, draft.fields)]
    choices = []
    for number, text in enumerate(draft.gaps, 1):
        fields = tuple(
            (name, text if name == "Text" else old) for name, old in draft.fields
        )
        choices.append(Choice(waiting, fields, number))
    return choices


def _card_lines(choice: Choice) -> Iterator[Text]:
    """Yield the fields of a card, in plain text; its gaps are marked."""
    for name, words in choice.fields:
        if name == "Text":
            yield _with_gaps(words)
        elif name == occlusion.FIELD:
            yield from _mask_lines(words)
        elif words and name != "Image":
            label = {"Front": "Q", "Back": "A"}.get(name, name.lower())
            line = Text(f"{label}: ", "dim")
            line.append(
                plain(for_terminal(words)),
                "bold" if name == "Front" else "not dim",
            )
            yield line


def _mask_lines(field: str) -> Iterator[Text]:
    """Yield the labels that a figure hides, by the numbers of their masks."""
    masks = occlusion.parse(field)
    parts = []
    for mask in masks.shown:
        label = mask.label or "(drawn)"
        parts.append(f"{mask.number} {label}")
    if parts:
        line = Text("hides: ", "dim")
        line.append(for_terminal(" · ".join(parts)), "not dim")
        yield line
    yield Text("to see the picture and to draw masks: ankiforge review", "dim")


def _with_gaps(markdown: str) -> Text:
    """Return a cloze text as plain text; a gap is in brackets, in case there are no colours."""
    line = Text()
    for before, answer in marked_gaps(for_terminal(markdown)):
        line.append(before)
        if answer:
            line.append(f"[{answer}]", "bold reverse")
    return line


def _other_choices(choices: Sequence[Choice], place: int) -> Text:
    """Return what the digits choose, the chosen one marked."""
    line = Text()
    drafts = {choice.waiting.id for choice in choices}
    line.append("hide: " if len(drafts) == 1 else "drafts: ", "dim")
    for number, choice in enumerate(choices):
        text = choice.field("Text")
        answers = [gap.answer for gap in gaps(text)]
        words = " … ".join(answers) or choice.field("Front")
        shown = shortened(on_one_line(plain(for_terminal(words))), _CUT)
        if number:
            line.append("   ")
        line.append(
            f"{number + 1} {shown}",
            "bold underline" if number == place else "dim",
        )
    return line


def _source_lines(choice: Choice) -> Iterator[Text]:
    """Yield where a passage comes from, and what of it the card does not show."""
    highlight = choice.waiting.highlight
    place = titled(highlight)
    if highlight.heading not in ("", highlight.document.title):
        place += f" › {highlight.heading}"
    yield Text(for_terminal(on_one_line(place)), "dim cyan")
    passage = highlight.sentence or highlight.exact
    card = " ".join(plain(text) for _, text in choice.fields)
    says_passage = _squeezed(passage) in _squeezed(card)
    is_shown = says_passage or choice.waiting.draft.by_hand
    if not is_shown:
        words = passage
        if not highlight.sentence:
            words = (
                f"{from_a_word(highlight.prefix)}{passage}{to_a_word(highlight.suffix)}"
            )
        yield Text(for_terminal(f"“{on_one_line(words)}”"), "dim")
    if highlight.comment:
        yield Text(for_terminal(f"your comment: {on_one_line(highlight.comment)}"), "dim")


def _squeezed(text: str) -> str:
    """Return a text without blanks and case, to compare it."""
    return "".join(text.split()).casefold()


def _reasons(waiting: Waiting) -> Strings:
    """Return why a draft needs a closer look; nothing of a proposal without warnings."""
    findings = waiting.proposal.findings
    reasons = []
    for finding in findings:
        if finding.severity is not Severity.INFO:
            reasons.append(f"look closely: {finding.message}")
    for remark in waiting.remarks:
        if remark.kind is not RemarkKind.REVISION:
            reasons.append(remark.text)
    if waiting.draft.origin.drafter in ("llm", AGENT) and not reasons:
        reasons.append(why_waiting(waiting))
    return tuple(dict.fromkeys(reasons))


def _question_lines(question: Question) -> Iterator[Text]:
    """Yield a question, what it is about, and what its answers do."""
    from ankiforge.anki.render import unrender

    yield Text(for_terminal(question.text), "bold")
    for conflict in question.conflicts:
        mine = conflict.words or unrender(conflict.theirs)
        field = conflict.field.lower()
        yield Text(for_terminal(f"{field}, yours: {on_one_line(mine)}"))
        source = on_one_line(unrender(conflict.ours))
        yield Text(for_terminal(f"{conflict.field.lower()}, the source's: {source}"))
    for example in question.examples:
        yield Text(for_terminal(on_one_line(example)), "dim")
    if question.kind is QuestionKind.FORM:
        yield Text("on the page you can choose single lines: ankiforge review", "dim")
    yield Text(for_terminal(f"a: {question.accept}   x: {question.reject}"))


def _keys(item: Item) -> str:
    """Return the keys that an item takes."""
    if item.question is not None:
        return "a yes · x no · s skip · u undo · ? help · Esc ends"
    keys = ["Enter accept", "x reject", "e edit"]
    if any(choice.field("Text") for choice in item.choices):
        keys.append("q question")
    if len(item.choices) > 1:
        numbers = [str(number) for number in range(1, len(item.choices) + 1)]
        keys.append(f"{' '.join(numbers)} choose")
    return " · ".join([*keys, "s skip", "u undo", "? help", "Esc ends"])


# --- fields in an editor --------------------------------------------------------------------


def _as_file(fields: Sequence[tuple[str, str]]) -> str:
    """Return fields as a text for an editor, each below a line with its name."""
    parts = [f"=== {name} ===\n{text}\n" for name, text in fields]
    return "".join(parts)


def _from_file(text: str, names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the fields of a text from an editor; what is above the first name is dropped."""
    heads = {f"=== {name} ===": name for name in names}
    words: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        name = heads.get(line.strip())
        if name is None:
            lines.append(line)
        else:
            lines = words.setdefault(name, [])
    fields = []
    for field_name in names:
        if field_name in words:
            text = "\n".join(words[field_name])
            fields.append((field_name, text.strip()))
    return fields
