"""A workspace of strangers sends, reads and unlocks nothing before a person says so."""

from pathlib import Path

import pytest

from ankiforge.config.workspace import (
    Workspace,
    concerns,
    confirm,
    open_workspace,
    require_trust,
    resolve,
    unconfirmed,
    user_folder,
)
from ankiforge.errors import UsageError


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A user of our own."""
    return {"ANKIFORGE_HOME": str(tmp_path / "user")}


@pytest.fixture
def folders(environ):
    """That user's folders."""
    return user_folder(environ)


@pytest.fixture
def workspace(tmp_path: Path):
    """Make a workspace with these settings."""

    def made(text: str, name: str = "w") -> Workspace:
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "ankiforge.yaml").write_text(text)
        return open_workspace(tmp_path / name)

    return made


REMOTE = "llm:\n  base_url: https://api.example.org/v1\n"


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", []),
        ("llm: {base_url: 'http://localhost:1/v1'}\nanki: {connect: 'http://[::1]:1'}", []),
        (REMOTE, ["llm.base_url"]),
        ("anki: {connect: 'http://192.168.1.5:8765'}", ["anki.connect"]),
        ("llm: {key_env: AWS_SECRET}", ["llm.key_env"]),
        ("llm: {key_env: ZOTERO_API_KEY}", ["llm.key_env"]),
        ("anki: {key_env: OPENAI_API_KEY}", ["anki.key_env"]),
        ("sources:\n- pdf: {path: papers}", []),
        ("sources:\n- pdf: {path: x/../papers}", []),
        ("sources:\n- pdf: {path: ../papers}", ["sources.papers.path"]),
        ("sources:\n- pdf: {path: /etc, name: a}", ["sources.a.path"]),
        ("sources:\n- zotero: {path: z, key_env: ZOTERO_API_KEY}", []),
        ("sources:\n- zotero: {path: z, key_env: OTHER}", ["sources.z.key_env"]),
    ],
)
def test_what_reaches_beyond_machine_and_workspace_is_a_concern(workspace, text, keys):
    assert [concern.key for concern in concerns(workspace(text))] == keys


def test_a_link_in_the_workspace_that_leads_out_is_a_concern(workspace, tmp_path):
    got = workspace("sources:\n- pdf: {path: papers}")
    (tmp_path / "private").mkdir()
    (tmp_path / "w/papers").symlink_to(tmp_path / "private")

    [concern] = concerns(got)

    assert concern.says == (
        f"ankiforge.yaml:2: sources[0].pdf.path: {tmp_path / 'private'} would be read,"
        " which is outside this workspace"
    )


def test_without_a_terminal_every_concern_is_named_with_exit_2(workspace, folders):
    got = workspace(REMOTE + "  key_env: OTHER_KEY\n")

    with pytest.raises(UsageError) as caught:
        require_trust(got, None, folders, {})

    assert caught.value.exit_code == 2
    assert "ankiforge.yaml:2: llm.base_url: passages would be sent to https://" in str(caught.value)
    assert "ankiforge.yaml:3: llm.key_env: the environment variable OTHER_KEY" in str(caught.value)
    assert caught.value.hint.endswith(f"ankiforge init --trust {got.root}")


def test_a_person_is_asked_until_the_answer_is_yes(workspace, folders, tmp_path, environ):
    assert concerns(resolve(None, tmp_path, environ)) == [], "the default needs no word"
    asked: list[str] = []

    def yes(question: str) -> bool:
        asked.append(question)
        return True

    for _ in range(2):
        with pytest.raises(UsageError):
            require_trust(workspace(REMOTE), lambda _: False, folders, {})
    for _ in range(2):
        require_trust(workspace(REMOTE), yes, folders, {})
    [question] = asked
    assert "https://api.example.org/v1" in question


def test_a_changed_value_asks_again_and_another_workspace_a_moved_line_does_not(workspace, folders):
    got = workspace(REMOTE)
    confirm(got, concerns(got), folders)
    assert unconfirmed(got, folders, {}) == []
    assert unconfirmed(workspace("# a comment\n" + REMOTE), folders, {}) == []
    assert len(unconfirmed(workspace(REMOTE, "copy"), folders, {})) == 1
    [concern] = unconfirmed(workspace(REMOTE.replace("example", "evil")), folders, {})
    assert concern.value == "https://api.evil.org/v1"
    one, two = "- pdf: {path: /a}\n", "- pdf: {path: /b}\n"
    got = workspace("sources:\n" + one + two)
    confirm(got, concerns(got), folders)
    assert unconfirmed(workspace("sources:\n" + two + one), folders, {}) == []


def test_the_environment_may_vouch_for_one_workspace_and_only_this_time(
    workspace, folders, tmp_path
):
    got = workspace(REMOTE)

    require_trust(got, None, folders, {"ANKIFORGE_TRUST": str(tmp_path / "x/../w")})

    for other in ("", str(tmp_path), str(tmp_path / "w2")):
        with pytest.raises(UsageError):
            require_trust(got, None, folders, {"ANKIFORGE_TRUST": other})
