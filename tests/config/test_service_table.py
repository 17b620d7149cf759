"""URLs, keys, names of sources and paths of the settings: rows."""

from pathlib import Path

import pytest

from ankiforge import config
from ankiforge.config import (
    ANKI_KEY,
    LLM_KEY,
    ZOTERO_KEY,
    SourceEntry,
    can_show_windows,
    expand_path,
    find_api_key,
    find_api_key_variable,
    find_packaged_directory,
    is_ssh_session,
    make_default_source_name,
    parse_origin,
)
from ankiforge.config.yamlfile import Location
from ankiforge.errors import ConfigError

NO_ORIGIN = ("", "", 0)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.openai.com/v1", ("https", "api.openai.com", 443)),
        ("http://Example.org", ("http", "example.org", 80)),
        ("http://x:8080/a/b", ("http", "x", 8080)),
        ("http://[::1]:8", ("http", "::1", 8)),
        ("ftp://x:21", ("ftp", "x", 21)),
        # unsafe or invalid
        ("http://a:b@x", NO_ORIGIN),
        ("http://x/?key=1", NO_ORIGIN),
        ("http://x/#1", NO_ORIGIN),
        ("http://x/a b", NO_ORIGIN),
        ("http://x\\y", NO_ORIGIN),
        ("http://x:0", NO_ORIGIN),
        ("http://x:70000", NO_ORIGIN),
        ("ftp://x", NO_ORIGIN),
        ("http://", NO_ORIGIN),
        ("localhost:1", NO_ORIGIN),
        ("", NO_ORIGIN),
    ],
)
def test_the_origin_of_a_url(url, origin):
    assert parse_origin(url) == origin


@pytest.mark.parametrize(
    ("default", "url", "key_env", "variable"),
    [
        (LLM_KEY, "https://api.openai.com/v1", "", "OPENAI_API_KEY"),
        (LLM_KEY, "https://api.openai.com:443", "", "OPENAI_API_KEY"),
        (LLM_KEY, "http://api.openai.com/v1", "", ""),
        (LLM_KEY, "https://api.openai.com.example.org", "", ""),
        (LLM_KEY, "https://api.openai.com:444", "", ""),
        (LLM_KEY, "http://127.0.0.1:11434/v1", "", ""),
        (LLM_KEY, "http://127.0.0.1:11434/v1", "MINE", "MINE"),
        (LLM_KEY, "https://api.openai.com/v1", "MINE", "MINE"),
        (ZOTERO_KEY, "https://api.zotero.org/", "", "ZOTERO_API_KEY"),
        (ANKI_KEY, "http://127.0.0.1:8765", "", "ANKICONNECT_KEY"),
        (ANKI_KEY, "http://localhost:8765", "", ""),
    ],
)
def test_a_default_key_is_for_one_origin_only(default, url, key_env, variable):
    assert find_api_key_variable(default, url, key_env) == variable
    assert find_api_key(default, url, key_env, {variable: " secret\n", "": ""}) == (
        "secret" if variable else ""
    )
    assert find_api_key(default, url, key_env, {"other": "secret"}) == ""


@pytest.mark.parametrize(
    ("path", "name"),
    [("/a/Papers", "papers"), ("/a/Mes Notés", "mesnotés"), ("/", "source")],
)
def test_a_source_is_named_by_its_folder(path, name):
    assert make_default_source_name(Path(path)) == name


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("notes", "/w/notes"),
        ("../notes/./x", "/notes/x"),
        ("/data", "/data"),
        ("~/notes", "/home/ada/notes"),
        (".", "/w"),
    ],
)
def test_a_path_is_relative_to_the_settings(monkeypatch, text, path):
    monkeypatch.setenv("HOME", "/home/ada")
    assert expand_path(text, Path("/w"), Location("f")) == Path(path)


def test_a_home_of_nobody_is_a_mistake_of_the_settings():
    with pytest.raises(
        ConfigError, match=r"f: llm: '~nobody-at-all/x': there is no such"
    ):
        expand_path("~nobody-at-all/x", Path("/w"), Location("f", ("llm",)))


@pytest.mark.parametrize(
    ("platform", "environ", "is_remote", "has_screen"),
    [
        ("linux", {}, False, False),
        ("linux", {"DISPLAY": ":0"}, False, True),
        ("linux", {"WAYLAND_DISPLAY": "w"}, False, True),
        ("linux", {"DISPLAY": ":0", "SSH_CONNECTION": "x"}, True, False),
        ("darwin", {}, False, True),
        ("win32", {}, False, True),
        ("win32", {"SSH_TTY": "/dev/pts/1"}, True, False),
    ],
)
def test_a_window_is_seen_on_the_screen_of_this_computer(
    monkeypatch, platform, environ, is_remote, has_screen
):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(config.sys, "platform", platform)
    assert (is_ssh_session(), can_show_windows()) == (is_remote, has_screen)


@pytest.mark.parametrize(("kind", "file"), [("prompts", "cards.md"), ("decks", "*.yaml")])
def test_prompts_and_decks_come_with_the_program(kind, file):
    folder = find_packaged_directory(kind)
    assert folder.name == kind
    assert [*folder.glob(file)]


@pytest.mark.parametrize(
    ("options", "has_path"), [({"path": "x"}, True), ({"api": "web"}, False), ({}, False)]
)
def test_a_source_may_have_no_path(options, has_path):
    entry = SourceEntry("zotero", "z", Path("/w"), options, Location("f"))
    assert entry.has_path is has_path
