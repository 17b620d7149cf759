"""A workspace of strangers is trusted as a whole, by a person, with the settings of that day."""

from pathlib import Path

import pytest

from ankiforge.config.trust import (
    AGENTS_PERMISSION,
    explain_distrust,
    grant_permission,
    has_permission,
    require_trust,
    trust_workspace,
)
from ankiforge.config.workspace import (
    WorkspaceDirectory,
    find_user_directory,
    find_workspace,
    load_workspace,
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
    return find_user_directory(environ)


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


@pytest.mark.parametrize("made_here", [False, True])
def test_the_answer_is_for_one_place_and_its_settings_unless_it_was_made_here(
    workspace, folders, made_here
):
    trust_workspace(workspace(), folders, made_here=made_here)
    assert explain_distrust(workspace(), folders) is None
    changed = workspace(text="drafter: llm")
    assert (
        "than when you trusted it" in (explain_distrust(changed, folders) or "")
    ) is not made_here
    trust_workspace(changed, folders)
    assert explain_distrust(changed, folders) is None
    assert (explain_distrust(workspace(), folders) is None) is made_here
    assert "is new to ankiforge" in explain_distrust(workspace("copy"), folders)
    assert not has_permission(workspace(), folders, AGENTS_PERMISSION)
    grant_permission(workspace(), folders, AGENTS_PERMISSION)
    assert has_permission(workspace(), folders, AGENTS_PERMISSION)


def test_the_environment_may_vouch_for_one_workspace_and_only_this_time(
    workspace, folders, tmp_path, monkeypatch
):
    got = workspace()
    monkeypatch.setenv("ANKIFORGE_TRUST", str(tmp_path / "x/../w"))
    require_trust(got, None, folders)
    assert not has_permission(got, folders, AGENTS_PERMISSION)
    for other in ("", str(tmp_path), str(tmp_path / "w2")):
        monkeypatch.setenv("ANKIFORGE_TRUST", other)
        with pytest.raises(UsageError):
            require_trust(got, None, folders)
