"""Where a value is in a file, and how a value is written into it: rows."""

from typing import Literal

import msgspec
import pytest

from ankiforge.config.yamlfile import (
    Location,
    convert_to_type,
    set_values,
)
from ankiforge.errors import ConfigError


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
