"""Where a value is in a file, and how a value is written into it: rows."""

from typing import Literal

import msgspec
import pytest

from ankiforge.config.yamlfile import (
    Location,
    convert_to_type,
    format_scalar,
    parse_yaml,
    set_values,
    suggest_word,
)
from ankiforge.errors import ConfigError

TEXT = """\
# settings
me: [a, b]
sources:
- pdf:
    path: x
- obsidian: {name: n}
"""


@pytest.mark.parametrize(
    ("steps", "shown"),
    [
        ((), "f.yaml:1"),
        (("me",), "f.yaml:2: me"),
        (("me", 1), "f.yaml:2: me[1]"),
        (("sources",), "f.yaml:3: sources"),
        (("sources", 0), "f.yaml:4: sources[0]"),
        (("sources", 0, "pdf", "path"), "f.yaml:5: sources[0].pdf.path"),
        (("sources", 1, "obsidian", "name"), "f.yaml:6: sources[1].obsidian.name"),
        # the line of what is around it
        (("sources", 0, "pdf", "name"), "f.yaml:4: sources[0].pdf.name"),
        (("llm", "model"), "f.yaml:1: llm.model"),
        (("a  b\nc",), "f.yaml:1: a b c"),
        (("x" * 80,), f"f.yaml:1: {'x' * 60}"),
    ],
)
def test_a_value_has_a_file_a_line_and_a_key(steps, shown):
    data, location = parse_yaml(TEXT, "f.yaml")
    assert data["me"] == ["a", "b"]
    nested = location.locate_nested(*steps)
    assert str(nested) == shown
    error = nested.make_error("is wrong", "mend it")
    assert (error.message, error.hint) == (f"{shown}: is wrong", "mend it")


def test_without_lines_a_location_is_its_file_and_key():
    assert str(Location("f.yaml", ("me", 0))) == "f.yaml: me[0]"
    assert str(Location("f.yaml")) == "f.yaml"
    assert Location("f.yaml").line == 0


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("drfter", ["me", "drafter", ""], "did you mean 'drafter'?"),
        ("zzz", ["me", "drafter", ""], "known: drafter, me"),
        ("drafter" + "x" * 100, ["drafter"], "known: drafter"),
    ],
)
def test_the_nearest_word_is_suggested(word, known, hint):
    assert suggest_word(word, known) == hint


class Inner(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    size: int = 3
    mode: Literal["one", "two"] = "one"


class Outer(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    name: str
    inner: Inner = Inner()
    ratio: float | None = None
    flags: tuple[bool, ...] = ()
    modes: dict[Literal["left", "right"], Literal["near", "far"]] = {}


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ({"name": "a"}, Outer("a")),
        ({"name": "a", "inner": None, "ratio": None}, Outer("a")),
        (
            {"name": "a", "inner": {"size": None, "mode": "two"}},
            Outer("a", Inner(3, "two")),
        ),
        ({"name": "a", "flags": [True]}, Outer("a", flags=(True,))),
        ({"name": "a", "modes": {"left": "far"}}, Outer("a", modes={"left": "far"})),
    ],
)
def test_plain_data_becomes_a_value_and_what_is_empty_its_default(data, value):
    assert convert_to_type(Outer, data, Location("f")) == value


def test_an_empty_file_is_an_empty_mapping():
    assert convert_to_type(Inner, None, Location("f")) == Inner()
    assert convert_to_type(tuple[Inner, ...], [{"size": 2}], Location("f")) == (Inner(2),)


@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        ({}, "f: 'name' is missing", ""),
        ({"name": 1}, "f: name: expected text, got a whole number", "put text in quotes"),
        ({"name": "a", "nmae": 1}, "f: nmae: unknown key", "did you mean 'name'?"),
        (
            {"name": "a", "zzz": 1},
            "f: zzz: unknown key",
            "remove it; known: flags, inner, modes, name, ratio",
        ),
        ({"name": "a", "inner": {"siz": 1}}, "f: inner.siz: unknown key", "'size'"),
        ({"name": "a", "inner": {"mode": "tow"}}, "f: inner.mode: 'tow' is not", "'two'"),
        (
            {"name": "a", "inner": {"size": "3"}},
            "f: inner.size: expected a whole number, got text",
            "write digits, without quotes",
        ),
        (
            {"name": "a", "ratio": "x"},
            "f: ratio: expected a number or null, got text",
            "write digits, without quotes",
        ),
        (
            {"name": "a", "flags": [1]},
            "f: flags[0]: expected true or false, got a whole number",
            "write true or false, without quotes",
        ),
        ({"name": "a", "flags": 1}, "f: flags: expected a list, got", "in [brackets]"),
        ({"name": "a", "inner": [1]}, "f: inner: expected a mapping, got", "write {name"),
        ({"name": "a", "modes": {"lft": "far"}}, "f: modes: 'lft' is not", "'left'"),
        ({"name": "a", "modes": {"left": "nera"}}, "f: modes: 'nera' is not", "'near'"),
    ],
)
def test_a_value_that_does_not_fit_is_named_in_the_words_of_users(data, message, hint):
    with pytest.raises(ConfigError) as caught:
        convert_to_type(Outer, data, Location("f"))
    assert caught.value.message.startswith(message)
    assert hint in caught.value.hint
    assert bool(caught.value.hint) is bool(hint)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("a: b", "'a: b'"),
        ("a, b", "'a, b'"),
        ("{x}", "'{x}'"),
        ("true", "'true'"),
        ("é" * 200, "é" * 200),
        (True, "true"),
        (1.5, "1.5"),
        (["a", "b, c"], "[a, 'b, c']"),
        (None, "null"),
        ("", "''"),
    ],
)
def test_a_value_is_written_on_a_line_and_may_stand_in_braces(value, text):
    assert format_scalar(value) == text


@pytest.mark.parametrize(
    ("before", "path", "value", "after"),
    [
        ("", "drafter", "llm", "drafter: llm\n"),
        ("me: [a]", "drafter", "llm", "me: [a]\ndrafter: llm\n"),
        (
            "drafter: rules # mine\nme: [a]\n",
            "drafter",
            "llm",
            "drafter: llm # mine\nme: [a]\n",
        ),
        ("", "llm.model", "x", "\nllm:\n  model: x\n"),
        ("me: [a]", "llm.model", "x", "me: [a]\n\nllm:\n  model: x\n"),
        ("llm:\nme: [a]\n", "llm.model", "x", "llm:\n  model: x\nme: [a]\n"),
        (
            "llm:  # local\n    key_env: K\n",
            "llm.model",
            "x",
            "llm:  # local\n    model: x\n    key_env: K\n",
        ),
        (
            "llm: {key_env: K}\n",
            "llm.model",
            "x: y",
            "llm: {model: 'x: y', key_env: K}\n",
        ),
        ("llm: {}\n", "llm.model", "x", "llm: {model: x}\n"),
        ("llm: {model: a}\n", "llm.model", "b", "llm: {model: b}\n"),
        # nothing to do
        ("drafter: llm\n", "drafter", "llm", "drafter: llm\n"),
        ("", "drafter", "", ""),
        ("llm: {}\n", "llm.model", None, "llm: {}\n"),
        ("drafter: llm\n", "drafter", "", "drafter: ''\n"),
        # what cannot be set
        ("llm: [a]\n", "llm.model", "x", None),
        ("llm: text\n", "llm.model", "x", None),
        ("drafter: [\n", "drafter", "llm", None),
        ("llm: &a {model: x}\nb: *a\n", "llm.model", "y", None),
    ],
)
def test_a_setting_is_set_and_everything_else_stays(before, path, value, after):
    assert set_values(before, {tuple(path.split(".")): value}) == after


def test_several_settings_are_set_one_after_another():
    values = {("llm", "model"): "x", ("llm", "key_env"): "K", ("me",): ["a"]}
    text = set_values("drafter: llm\n", values)
    assert parse_yaml(text, "f")[0] == {
        "drafter": "llm",
        "llm": {"model": "x", "key_env": "K"},
        "me": ["a"],
    }
