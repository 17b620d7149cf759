"""A workspace of strangers sends, reads and unlocks nothing before a person says so."""

from pathlib import Path

import pytest

from ankiforge.config.trust import concerns, confirm, require_trust, unconfirmed
from ankiforge.config.workspace import WorkspaceFolder, load, resolve, user_folder
from ankiforge.errors import UsageError
from ankiforge.extract import registry


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

    def made(text: str, name: str = "w") -> WorkspaceFolder:
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "ankiforge.yaml").write_text(text)
        return load(tmp_path / name, registry)

    return made


REMOTE = "llm:\n  base_url: https://api.example.org/v1\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", []),
        (
            "llm: {base_url: 'http://localhost:1/v1'}\nanki: {connect: 'http://[::1]:1'}",
            [],
        ),
        (REMOTE, ["passages would be sent to https://api.example.org/v1"]),
        (
            "anki: {connect: 'http://192.168.1.5:8765'}",
            ["cards would be sent to http://192.168.1.5:8765"],
        ),
        (
            "llm: {key_env: AWS_SECRET}",
            [
                "variable AWS_SECRET would be used as a key, sent to http://127.0.0.1:11434"
            ],
        ),
        ("llm: {key_env: ZOTERO_API_KEY}", ["variable ZOTERO_API_KEY would be used"]),
        ("anki: {key_env: OPENAI_API_KEY}", ["variable OPENAI_API_KEY would be used"]),
        (
            "executor: tcp://127.0.0.1:8786",
            ["tcp://127.0.0.1:8786 would read PDFs, and can run programs here"],
        ),
        ("executor: tcp://localhost:1", ["can run programs here"]),
        ("sources:\n- pdf: {path: papers}", []),
        ("sources:\n- pdf: {path: x/../papers}", []),
        (
            "sources:\n- pdf: {path: ../papers}",
            ["/papers would be read, which is outside"],
        ),
        (
            "sources:\n- pdf: {path: /etc, name: a}",
            ["/etc would be read, which is outside"],
        ),
        ("sources:\n- zotero: {path: z, key_env: ZOTERO_API_KEY}", []),
        (
            "sources:\n- zotero: {path: z, key_env: OTHER}",
            ["variable OTHER would be used"],
        ),
    ],
)
def test_what_reaches_beyond_machine_and_workspace_is_a_concern(workspace, text, says):
    found = [concern.says for concern in concerns(workspace(text))]

    assert len(found) == len(says)
    assert all(part in one for part, one in zip(says, found, strict=True))


def test_a_link_in_the_workspace_that_leads_out_is_a_concern(workspace, tmp_path):
    got = workspace("sources:\n- pdf: {path: papers}")
    (tmp_path / "private").mkdir()
    (tmp_path / "w/papers").symlink_to(tmp_path / "private")

    [concern] = concerns(got)

    assert str(concern) == (
        f"ankiforge.yaml:2: sources[0].pdf.path: {tmp_path / 'private'} would be read,"
        " which is outside this workspace"
    )


def test_a_person_is_asked_until_the_answer_is_yes(workspace, folders, tmp_path, environ):
    assert concerns(resolve(None, tmp_path, registry, environ)) == [], (
        "the default needs no word"
    )
    asked: list[str] = []

    def yes(question: str) -> bool:
        asked.append(question)
        return True

    for _ in range(2):
        with pytest.raises(UsageError):
            require_trust(workspace(REMOTE), lambda _: False, folders)
    for _ in range(2):
        require_trust(workspace(REMOTE), yes, folders)
    [question] = asked
    assert "https://api.example.org/v1" in question


def test_a_changed_value_asks_again_and_another_workspace_a_moved_line_does_not(
    workspace, folders
):
    got = workspace(REMOTE)
    confirm(got, concerns(got), folders)
    assert unconfirmed(got, folders) == []
    assert unconfirmed(workspace("# a comment\n" + REMOTE), folders) == []
    assert len(unconfirmed(workspace(REMOTE, "copy"), folders)) == 1
    [concern] = unconfirmed(workspace(REMOTE.replace("example", "evil")), folders)
    assert concern.says == "passages would be sent to https://api.evil.org/v1"
    one, two = "- pdf: {path: /a}\n", "- pdf: {path: /b}\n"
    got = workspace("sources:\n" + one + two)
    confirm(got, concerns(got), folders)
    assert unconfirmed(workspace("sources:\n" + two + one), folders) == []


def test_the_environment_may_vouch_for_one_workspace_and_only_this_time(
    workspace, folders, tmp_path, monkeypatch
):
    got = workspace(REMOTE)
    monkeypatch.setenv("ANKIFORGE_TRUST", str(tmp_path / "x/../w"))
    require_trust(got, None, folders)
    for other in ("", str(tmp_path), str(tmp_path / "w2")):
        monkeypatch.setenv("ANKIFORGE_TRUST", other)
        with pytest.raises(UsageError):
            require_trust(got, None, folders)
