"""URLs, keys, names of sources and paths of the settings: rows."""

from pathlib import Path

import pytest

from ankiforge import config
from ankiforge.config import (
    can_show_windows,
    expand_path,
    is_ssh_session,
)
from ankiforge.config.yamlfile import Location
from ankiforge.errors import ConfigError


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
