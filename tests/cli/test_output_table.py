"""Lines for a terminal: where they break, what has a colour, and how problems are told."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

import ankiforge
from ankiforge.cli.commands import COMMANDS
from ankiforge.cli.output import (
    Call,
    add_colours,
    exit_if_failed,
    wrap_text,
)
from ankiforge.errors import (
    FREE_MEMORY_HINT,
    ItemError,
    UsageError,
    is_out_of_memory,
    wrap_item_errors,
    wrap_unexpected_errors,
    wrap_write_errors,
)
from ankiforge.model import Problem
from ankiforge.text import mark_bold


@pytest.mark.parametrize(
    ("line", "width", "lines"),
    [
        ("short", 40, "short"),
        ("one two three four five six seven eight nine", 39, "one two three four five six seven eight nine"),
        ("one two three four five six seven eight nine", 40, "one two three four five six seven eight|  nine"),
        # a command is copied, so it never breaks
        ("a long line that ends with: ankiforge run paper.pdf", 40, "a long line that ends with:|  ankiforge run paper.pdf"),
        ("to read it: ankiforge draft 'My vault/a file with  a long name.pdf'   now", 40,
         "to read it:|  ankiforge draft 'My vault/a file with  a long name.pdf'|  now"),
        # what follows stands below the text, not below its label
        ("  model      " + "word " * 8, 40, "  model      word word word word word|             word word word"),
        ("with ankiforge list shows ids; for a query: --all", 40, "with ankiforge list shows ids; for a|  query: --all"),
        ("✓ sources    vault: a folder of notes, remembered", 40, "✓ sources    vault: a folder of notes,|             remembered"),
        # of a row, the gap and the tail stay in sight, and the tail is on the right
        ("af5dv3 ✓ short\tp. 7", 40, f"af5dv3 ✓ short{' ' * 20}\tp. 7"),
        ("af5dv3 ✓ short\tp. 7", 140, f"af5dv3 ✓ short{' ' * 100}\tp. 7"),
        ("af5dv3 ✓ a question that is far too long\tp. 7", 40, "af5dv3 ✓ a question that is far t…\tp. 7"),
        ("af5dv3 ✓ a question that is far too long", 39, "af5dv3 ✓ a question that is far too long"),
        ("af5dv3 ✓ a question that is far too long for it", 40, "af5dv3 ✓ a question that is far too lon…"),
        ("af5dv3 ✓ a questionthatisfartoolongforaword", 40, "af5dv3 ✓ a questionthatisfartoolongfora…"),
        (f"dr5dv3 ○ {'word ' * 12}{mark_bold('[gap]')} and more\tp. 12", 60,
         f"dr5dv3 ○ …word word word word word {mark_bold('[gap]')} and more    \tp. 12"),
        (f"dr5dv3 ○ {'word ' * 12}{mark_bold('[gap]')} {'and ' * 12}", 60,
         f"dr5dv3 ○ …word word word {mark_bold('[gap]')} and and and and and and an…"),
        # a long reason has its own line
        (f"af5dv3 ✗ {'word ' * 9}\t{'reason ' * 6}", 40,
         "af5dv3 ✗ word word word word word word…|       \treason reason reason reason re…"),
        (f"{mark_bold('A title')}\tNetworking/  3 cards", 40, f"{mark_bold('A title')}{' ' * 11}\tNetworking/  3 cards"),
    ],
)  # fmt: skip
def test_a_line_breaks_at_blanks_but_within_no_command(line, width, lines):
    assert "|".join(wrap_text(line, width).split("\n")) == lines


# A command in a message, with its arguments, and the sign right after it.
SIGN_AFTER_COMMAND = re.compile(
    rf"\bankiforge (?:{'|'.join(COMMANDS)})(?: (?:export|import|list|use|--?[a-z][a-z-]*(?: [a-z]+(?=[,;]| -))?"
    r"|[A-Z][A-Z/_.a-z]*|\{[^{}\n]+\}|'[^'\n]+'|[\w~]*[./:][\w./]*\w))*[,;]"
    r"|\{_?[A-Z_]+_(?:STEP|COMMAND)\}(?: (?:--?[a-z-]+|[A-Z]+|\{[^{}\n]+\}))*[,;]"
)


@pytest.mark.parametrize(
    ("text", "is_wrong"),
    [
        ("ankiforge run, then: ankiforge review", True),
        ("ankiforge run PATH; or", True),
        ("ankiforge model use NAME, or", True),
        ("ankiforge edit {draft.id}, or", True),
        ("ankiforge list --view recent -v, then", True),
        ("{_EXPORT_STEP} --cards {cards}, then", True),
        ("ankiforge draft export ask.md, then", True),
        ("ankiforge run   then: ankiforge review", False),
        ("ankiforge run rebuilds it; if not", False),
        ("`ankiforge run`, `watch`", False),
    ],
)
def test_a_command_with_a_comma_or_semicolon_is_seen(text, is_wrong):
    assert bool(SIGN_AFTER_COMMAND.search(text)) is is_wrong


def test_no_message_has_a_comma_or_semicolon_after_a_command_because_it_would_be_pasted():
    root = Path(ankiforge.__file__).parent
    wrong = []
    for path in (*root.rglob("*.py"), *root.rglob("*.js")):
        text = path.read_text("utf-8")
        wrong += [(path.name, match[0]) for match in SIGN_AFTER_COMMAND.finditer(text)]
    assert wrong == []


@pytest.mark.parametrize(
    ("line", "coloured"),
    [
        ("✓ 12 highlights", "✓ 12"),
        ("! nothing", "!"),
        ("hint: ankiforge run", "hint:"),
        ("  next  ankiforge build   3 cards", "  next ankiforge build 3"),
        ("failed: a.md: no file", "failed:"),
        ("afaaaaaaaa  accepted  cloze", "afaaaaaaaa"),
        ("dr5dv3 ○ a question\tp. 7", "dr5dv3 ○ \tp. 7"),
        ("af5dv3 ✗ a question", "af5dv3 ✗"),
        ("✓ 5 notes", "✓ 5"),
        ("some words", ""),
    ],
)
def test_beginnings_and_states_have_a_colour(line, coloured):
    parts = re.findall(r"(?:\x1b\[\d+m)+(.*?)\x1b\[0m", add_colours(line))
    assert " ".join(parts) == coloured
    assert re.sub(r"\x1b\[\d+m", "", add_colours(line)) == line


A, B, C = (Problem(f"{name}.md", "no file", "look") for name in "abc")
OTHER = Problem("d.md", "no words")
NOTICE = Problem("e.md", "moved", is_notice=True, is_reported_once=True)


@pytest.mark.parametrize(
    ("problems", "limit", "quiet", "told"),
    [
        ([A], None, False, ["failed: a.md: no file (look)"]),
        ([A, A], None, False, ["failed: a.md: no file (look)"]),
        ([A, B], None, False, ["failed: a.md: no file (look)", "failed: b.md: no file (look)"]),
        ([A, B, C], 3, False, ["failed: a.md and 2 more: no file (look)"]),
        ([A, OTHER], 2, False, ["failed: a.md: no file (look)", "failed: d.md: no words"]),
        ([A, OTHER, Problem("f", "x")], 2, False, ["failed: a.md: no file (look)", "… and 2 more problems; -v names all"]),
        # notices come last; one that no later run repeats has a line anyhow
        ([NOTICE, A], None, False, ["failed: a.md: no file (look)", "note: e.md: moved"]),
        ([NOTICE, A, OTHER], 1, False, ["note: e.md: moved", "… and 2 more problems; -v names all"]),
        ([NOTICE, A], None, True, ["failed: a.md: no file (look)"]),
    ],
)  # fmt: skip
def test_problems_with_one_fault_share_a_line(capsys, problems, limit, quiet, told):
    call = Call(quiet=quiet)
    call.print_problems(problems, limit)
    assert capsys.readouterr().err.splitlines() == told
    call.print_problems([NOTICE])
    assert bool(capsys.readouterr().err) == (not quiet and NOTICE not in problems)


@pytest.mark.parametrize(("quiet", "out"), [(False, "words\n"), (True, "")])
def test_text_for_people_is_not_printed_if_they_want_quiet(capsys, quiet, out):
    assert Call(quiet=quiet).print_result("words")
    assert Call(quiet=quiet).print_raw("data")
    assert capsys.readouterr().out == f"{out}data\n"


@pytest.mark.parametrize(
    ("problems", "error", "code"),
    [
        ([], None, 0),
        ([NOTICE], None, 0),
        ([NOTICE, A], None, 1),
        ([], UsageError("no"), 2),
    ],
)
def test_a_command_fails_if_anything_but_a_notice_is_told(problems, error, code):
    ended = 0
    with click.Context(click.Command("run")):
        try:
            exit_if_failed(problems, error)
        except click.exceptions.Exit as stopped:
            ended = stopped.exit_code
        except UsageError as raised:
            ended = raised.exit_code
    assert ended == code


@pytest.mark.parametrize(
    ("terminals", "as_json", "yes", "asked"),
    [
        ("stdin stderr", False, False, True),
        ("stdin stderr", True, False, False),
        ("stdin", False, False, False),
        ("stderr", False, False, False),
        ("stdin stderr", False, True, False),
    ],
)
def test_a_person_is_asked_at_a_terminal_alone(
    monkeypatch, terminals, as_json, yes, asked
):
    questions: list[str] = []
    monkeypatch.setattr(click, "confirm", lambda text, **_: questions.append(text) or 1)
    for name in ("stdin", "stderr"):
        terminal = SimpleNamespace(isatty=lambda there=name in terminals: there)
        monkeypatch.setattr(sys, name, terminal)
    agrees = Call(as_json=as_json).confirm("Do it?", yes=yes)
    assert questions == ["Do it?"] * asked
    assert bool(agrees) == (asked or yes)


# --- errors ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "lacks"),
    [
        (MemoryError(), True),
        (OSError(12, "Cannot allocate memory"), True),
        (OSError(28, "No space left"), False),
        (SystemError("returned NULL without setting an exception"), True),
        (SystemError("bad argument"), False),
        (ValueError("x"), False),
    ],
)
def test_too_little_memory_is_known_in_each_of_its_forms(error, lacks):
    assert is_out_of_memory(error) == lacks
    if lacks:
        with pytest.raises(ItemError) as told, wrap_unexpected_errors():
            raise error
        assert told.value.hint == FREE_MEMORY_HINT


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(13, "Permission denied"), "a.txt: cannot be written: Permission denied"),
        (
            OSError(13, "Permission denied", "b"),
            "b: cannot be written: Permission denied",
        ),
        (OSError("odd"), "a.txt: cannot be written: odd"),
    ],
)
def test_what_cannot_be_written_is_named_with_the_reason(tmp_path, error, told):
    with pytest.raises(UsageError) as refused, wrap_write_errors("a.txt", hint="look"):
        raise error
    assert refused.value.full_message == f"{told}\nhint: look"


def test_a_fault_of_an_item_that_a_person_named_is_wrong_usage():
    with pytest.raises(UsageError) as refused, wrap_item_errors():
        raise ItemError("a.apkg: is no deck")
    assert (refused.value.full_message, refused.value.exit_code) == (
        "a.apkg: is no deck",
        2,
    )
