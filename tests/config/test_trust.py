"""A workspace of strangers is trusted as a whole, by a person, once."""

from pathlib import Path

import pytest

from ankiforge.config.trust import (
    AGENTS_PERMISSION,
    is_trusted,
    require_trust,
    trust_workspace,
)
from ankiforge.config.workspace import (
    WorkspaceDirectory,
    find_workspace,
    load_workspace,
    user_directory,
)
from ankiforge.errors import UsageError
from ankiforge.extract import registry


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A user of our own."""
    return {"ANKIFORGE_HOME": str(tmp_path / "user")}


@pytest.fixture
def folders(environ):
    """That user's folders."""
    return user_directory(environ)


@pytest.fixture
def workspace(tmp_path: Path):
    """Make a workspace."""

    def made(name: str = "w", text: str = "") -> WorkspaceDirectory:
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "ankiforge.yaml").write_text(text)
        return load_workspace(tmp_path / name, registry)

    return made


def test_a_person_is_asked_until_the_answer_is_yes(workspace, folders, tmp_path, environ):
    require_trust(find_workspace(None, tmp_path, registry, environ), None, folders)
    asked: list[str] = []

    def yes(question: str) -> bool:
        asked.append(question)
        return True

    for _ in range(2):
        with pytest.raises(UsageError):
            require_trust(workspace(), lambda _: False, folders)
    for _ in range(2):
        require_trust(workspace(), yes, folders)
    [question] = asked
    assert str(tmp_path / "w") in question


def test_the_answer_is_for_one_place_whatever_its_settings_say_later(workspace, folders):
    trust_workspace(workspace(), folders)
    assert is_trusted(workspace(text="drafter: llm"), folders)
    assert not is_trusted(workspace("copy"), folders)
    assert not is_trusted(workspace(), folders, AGENTS_PERMISSION)


def test_the_environment_may_vouch_for_one_workspace_and_only_this_time(
    workspace, folders, tmp_path, monkeypatch
):
    got = workspace()
    monkeypatch.setenv("ANKIFORGE_TRUST", str(tmp_path / "x/../w"))
    require_trust(got, None, folders)
    assert not is_trusted(got, folders, AGENTS_PERMISSION)
    for other in ("", str(tmp_path), str(tmp_path / "w2")):
        monkeypatch.setenv("ANKIFORGE_TRUST", other)
        with pytest.raises(UsageError):
            require_trust(got, None, folders)
