"""Doctor names every part that is ill, says what to do, and ends with its code."""

import socket
from pathlib import Path

import pytest

from ankiforge.config import is_loopback
from ankiforge.config.trust import trust_workspace
from ankiforge.config.workspace import (
    RememberedPath,
    WorkspaceDirectory,
    find_user_directory,
    find_workspace,
    load_workspace,
    store_remembered_paths,
)
from ankiforge.errors import UsageError
from ankiforge.extract import registry
from ankiforge.model import Problem
from ankiforge.pipeline.selection import MISSING_SOURCE_MESSAGE
from ankiforge.reports.doctor import (
    CheckState,
    DoctorCheck,
    Environment,
    choose_exit_code,
    format_checks,
    run_checks,
    run_part_checks,
)
from tests.fakes import llm_server as fake
from tests.fakes.anki_connect import serving


@pytest.fixture
def machine(tmp_path: Path) -> Environment:
    """An empty machine with only us installed."""
    return Environment(tmp_path / "home", {"ANKIFORGE_HOME": str(tmp_path / "user")})


@pytest.fixture
def workspace(tmp_path: Path):
    """Make a workspace with these settings."""

    def made(text: str, *, trusted: bool = True) -> WorkspaceDirectory:
        (tmp_path / "w/papers").mkdir(parents=True, exist_ok=True)
        (tmp_path / "w/ankiforge.yaml").write_text(text)
        found = load_workspace(tmp_path / "w", registry)
        if trusted:
            trust_workspace(found, tmp_path / "user")
        return found

    return made


PAPERS = "sources:\n- pdf: {path: papers}\n"


def checks(found: WorkspaceDirectory, machine: Environment) -> list[DoctorCheck]:
    return list(run_checks(lambda: found, machine))


def ill(found: WorkspaceDirectory, machine: Environment) -> list[DoctorCheck]:
    return [check for check in checks(found, machine) if check.state is not CheckState.OK]


def test_all_is_well_in_a_plain_and_in_the_default_workspace(
    workspace, machine, tmp_path
):
    got = checks(workspace(PAPERS), machine)
    assert {check.state for check in got} == {CheckState.OK}
    names = [check.name for check in got]
    assert names == ["program", "settings", "source papers", "ledger", "model", "Anki"]
    assert choose_exit_code(got) == 0
    environ = {"ANKIFORGE_HOME": str(tmp_path / "user")}
    assert ill(find_workspace(None, tmp_path, registry, environ), machine) == []
    path = tmp_path / "home/.local/share/Anki2/Ada/collection.anki2"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    assert checks(workspace(PAPERS), machine)[-1].message == f"collection {path}"


@pytest.mark.parametrize(
    ("lacks", "state", "says"),
    [
        ((), CheckState.OK, "version 6 at"),
        (("version",), CheckState.WARN, "is too old"),
    ],
)
def test_the_add_on_of_a_running_anki_is_asked_for_its_version(
    workspace, machine, tmp_path, lacks, state, says
):
    with serving(tmp_path / "profile", lacks=lacks) as anki:
        found = workspace(f"{PAPERS}anki: {{connect: '{anki.address}'}}\n")
        add_on = checks(found, machine)[-1]
    assert (add_on.name, add_on.state) == ("AnkiConnect", state)
    assert says in add_on.message


@pytest.mark.parametrize(
    ("host", "offline", "is_asked"),
    [
        ("127.0.0.1", False, True),
        ("127.0.0.1", True, True),
        ("0.0.0.0", False, True),
        ("0.0.0.0", True, False),
    ],
)
def test_offline_the_add_on_of_this_computer_is_asked(
    workspace, machine, tmp_path, host, offline, is_asked
):
    with serving(tmp_path / "profile") as anki:
        address = anki.address.replace("127.0.0.1", host)
        found = workspace(f"{PAPERS}anki: {{connect: '{address}'}}\n")
        got = [*run_checks(lambda: found, machine, offline=offline)]
    messages = [check.message for check in got if check.name == "AnkiConnect"]
    assert messages == ([f"version 6 at {address}"] if is_asked else [])


def test_a_mistake_in_the_settings_ends_the_examination_with_2(tmp_path, machine):
    (tmp_path / "ankiforge.yaml").write_text("oops: 1")
    got = list(run_checks(lambda: load_workspace(tmp_path, registry), machine))
    assert (got[-1].name, got[-1].message) == (
        "settings",
        "ankiforge.yaml:1: oops: unknown key",
    )
    assert choose_exit_code(got) == 2


@pytest.mark.parametrize(
    ("settings", "name", "says", "code"),
    [
        ("", "settings", "", 1),
        (f"{PAPERS}journal: gone", "ledger", "gone is not a folder, so decisions could not be kept", 2),
        ("sources:\n- pfd: {path: papers}", "source papers", "ankiforge.yaml:2: sources[0].pfd: there is no source called 'pfd'", 2),
        ("sources:\n- pdf: {path: papers, incl: []}", "source papers", "ankiforge.yaml:2: sources[0].pdf.incl: unknown key", 2),
        ("sources:\n- pdf: {path: gone, name: papers}", "source papers", "gone: it is not there", 1),
        (f"{PAPERS}anki: {{collection: gone.anki2}}", "Anki", "gone.anki2 cannot be read", 1),
    ],
)  # fmt: skip
def test_what_is_ill_is_named_with_its_place_and_code(
    workspace, machine, settings, name, says, code
):
    [check] = ill(workspace(settings), machine)

    assert (check.name, check.exit_code) == (name, code)
    assert says in check.message


def test_a_mistake_in_a_deck_file_is_one_in_the_settings(workspace, machine):
    found = workspace(PAPERS)
    (found.root / "decks").mkdir()
    (found.root / "decks/a.yaml").write_text("dekc: x")
    [check] = ill(found, machine)
    assert "a.yaml:1: dekc: unknown key" in check.message
    assert check.exit_code == 2


def test_what_nobody_confirmed_is_a_failure_with_the_way_to_confirm(workspace, machine):
    found = workspace(PAPERS, trusted=False)

    [check] = ill(found, machine)

    assert (check.name, check.exit_code) == ("trust", 2)
    assert (
        f"if you wrote it yourself, or have read it: ankiforge init --trust {found.root}"
        in check.advice
    )
    trust_workspace(found, find_user_directory(machine.environ))
    assert ill(found, machine) == []


def test_the_ledger_is_asked_only_where_there_is_one(workspace, machine):
    found = workspace(PAPERS)
    assert ill(found, machine) == []
    found.create_directories()
    found.ledger_path.write_bytes(b"no database" * 1000)

    [check] = ill(found, machine)

    assert (check.name, check.state, check.exit_code) == ("ledger", CheckState.FAIL, 4)


def test_a_remembered_path_that_is_gone_is_told_as_by_a_run(workspace, machine):
    found = workspace(PAPERS)
    path = found.root / "gone.pdf"
    found.create_directories()
    store_remembered_paths(
        found.state_directory, [RememberedPath(str(path), "pdf", "gone")]
    )
    [check] = ill(found, machine)
    assert (check.name, check.state, check.exit_code) == ("source", CheckState.WARN, 1)
    assert check.message == f"{path}: {MISSING_SOURCE_MESSAGE}"
    assert f"ankiforge forget {path}" in check.advice


# --- the model ------------------------------------------------------------------------------


@pytest.fixture
def server():
    """A model server that draws well."""
    with fake.LlmServer(models=("good", "other")) as running:
        yield running


def llm(url: str, model: str) -> str:
    return f"{PAPERS}drafter: llm\nllm: {{base_url: '{url}', model: {model}}}\n"


def model_check(
    found: WorkspaceDirectory, machine: Environment, *, offline=False
) -> DoctorCheck:
    got = run_checks(lambda: found, machine, offline=offline)
    return next(check for check in got if check.name == "model")


@pytest.mark.parametrize("listed", ["good", "good:latest", "models/good"])
def test_a_model_that_its_server_lists_is_sound(workspace, machine, server, listed):
    server.models = (listed,)
    check = model_check(workspace(llm(server.base_url, "good")), machine)
    place = server.base_url.removeprefix("http://")
    assert (check.state, check.message) == (
        CheckState.OK,
        f"good at {place}, free (local)",
    )


def test_a_model_that_its_server_lacks_is_a_warning_that_names_others(
    workspace, machine, server
):
    [check] = ill(workspace(llm(server.base_url, "bad")), machine)

    assert (check.state, check.exit_code) == (CheckState.WARN, 1)
    assert check.advice == "set llm.model to one it has, such as good, other"


def test_a_server_that_does_not_answer_is_a_failure_of_3(workspace, machine):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"

    [check] = ill(workspace(llm(url, "good")), machine)

    assert (check.name, check.state, check.exit_code) == ("model", CheckState.FAIL, 3)


def test_a_server_elsewhere_that_needs_no_key_is_asked(workspace, machine, server):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://0.0.0.0:{free.getsockname()[1]}/v1"
    found = workspace(llm(url, "good"))
    assert not is_loopback(url)
    assert model_check(found, machine).exit_code == 3  # it does not answer


def test_a_remote_server_is_not_asked_offline_or_without_a_key(workspace, machine):
    found = workspace(llm("https://api.openai.com/v1", "good"))
    check = model_check(found, machine)
    assert (check.state, check.exit_code) == (CheckState.FAIL, 2)
    assert "OPENAI_API_KEY is not set" in check.message
    assert "--offline" in model_check(found, machine, offline=True).message


# --- the code -------------------------------------------------------------------------------


@pytest.mark.parametrize(("codes", "code"), [([], 0), ([0, 1], 1), ([0, 3, 1], 3)])
def test_the_first_part_that_fails_gives_the_exit_code(codes, code):
    assert (
        choose_exit_code(DoctorCheck("x", CheckState.FAIL, "", "", one) for one in codes)
        == code
    )


# --- the lines ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "check"),
    [
        ("it is well", ("ok", "it is well", "", 0)),
        (Problem("", "it is odd", "do that", is_notice=True), ("warn", "it is odd", "do that", 1)),
        (Problem("a.pdf", "it is broken", "do that"), ("fail", "a.pdf: it is broken", "do that", 1)),
        (UsageError("it is wrong", hint="do that"), ("fail", "it is wrong", "do that", 2)),
    ],
)  # fmt: skip
def test_a_part_is_well_or_says_what_to_do(result, check):
    def look():
        if isinstance(result, UsageError):
            raise result
        yield result

    assert [*run_part_checks("a part", look)] == [
        DoctorCheck("a part", CheckState(check[0]), *check[1:])
    ]


def test_each_part_is_a_line_with_what_to_do():
    told = [
        DoctorCheck("source a", CheckState.OK, "pdf in a"),
        DoctorCheck("model", CheckState.FAIL, "it is broken", "do that", 3),
        DoctorCheck("AnkiConnect", CheckState.WARN, "it is odd"),
    ]
    assert [*format_checks(told)] == [
        "✓ source a     pdf in a",
        "✗ model        it is broken",
        "  do: do that",
        "! AnkiConnect  it is odd",
    ]
