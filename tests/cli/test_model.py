"""A model that is there is offered once, and used only after a yes to what would be sent."""

import os
import pty
import re
import termios
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ankiforge.draft.server import read_providers
from tests.fakes import llm_server
from tests.limits import PATIENCE

KEY = "sk-of-nobody-0123456789"
TREATY = "The Peace of Westphalia is a set of treaties that ended the Thirty Years' War in 1648."
NOTE = f"=={TREATY}==\n\n==Osmosis is the diffusion of water through a semipermeable membrane.==\n"


@pytest.fixture(autouse=True)
def nothing_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key of the user's is set, and no server of theirs runs where it would be found."""
    for each in read_providers({}):
        monkeypatch.delenv(each.key_env, raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")


@pytest.fixture
def note(forge) -> Path:
    path = forge.folder / "history.md"
    path.write_text(NOTE, encoding="utf-8")
    return path


def second_readings(server: Any) -> list[Any]:
    """The requests that ask whether cards say what their passages say."""
    return [request for request in server.asked if "You check" in str(request)]


def drafting(server: Any) -> int:
    """The number of requests that ask for cards."""
    return len(server.asked) - len(second_readings(server))


COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def typed(forge) -> Callable[..., str]:
    """Call the program at a terminal; returns what stands there in the end.

    `asks`: a question, before which nothing may be sent, and what is typed then; `then`: the next.
    """

    def call(
        *arguments: str | Path,
        asks: tuple[str, str] = ("", ""),
        then: tuple[str, str] = ("", ""),
        code: int = 0,
    ) -> str:
        typed = [pair for pair in (asks, then) if pair[1]]
        master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (40, 200))
        running = forge.at_terminal(*arguments, terminal=slave)
        os.close(slave)
        shown = b""
        with suppress(OSError):  # the end of a terminal
            while piece := os.read(master, 65536):
                shown += piece
                if typed and typed[0][0].encode() in shown:
                    os.write(master, typed.pop(0)[1].encode())
        os.close(master)
        text = COLOURS.sub("", shown.decode().replace("\r\n", "\n"))
        assert running.wait(timeout=PATIENCE) == code, text
        return text

    return call


@pytest.fixture
def key(server, monkeypatch) -> Any:
    """A key, and a server on this computer that speaks as the provider does."""
    server.models = ("text-embedding-3-small", "gpt-5-mini")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    return server


@pytest.fixture
def ollama(server, monkeypatch) -> Any:
    server.models = ("nomic-embed-text", "qwen3:8b", "gpt-oss:20b")
    monkeypatch.setenv("OLLAMA_HOST", server.base_url.removesuffix("/v1"))
    return server


def settings_of(forge: Any) -> str:
    file = forge.home / "ankiforge.yaml"
    return file.read_text("utf-8") if file.exists() else ""


# --- use ------------------------------------------------------------------------------------


def test_a_model_reads_its_cards_again_and_says_so_before(forge, note, typed, key):
    forge.ok("run", note)
    shown = typed("model", "use", "openai", asks=("Draft with it?", "y\n"))
    assert "once more, which costs about half" in shown.partition("Draft with it?")[0]
    assert len(second_readings(key)) == 1
    note.write_text(f"{NOTE}\n==A third fact is that water boils at 100 degrees.==\n")
    forge.ok("run")
    assert len(second_readings(key)) == 2


def test_a_model_too_small_to_judge_reads_none_again(forge, note, server):
    sources = "{obsidian: {name: desk, path: .}}"
    forge.drafting(server.base_url, sources, model="tiny:3b", second_reading=True)
    forge.ok("run")
    assert server.asked
    assert second_readings(server) == []


def test_a_key_is_used_after_a_yes_and_is_stored_and_printed_nowhere(
    forge, note, typed, key
):
    forge.ok("run", note)
    refused = typed("model", "use", "openai", asks=("Draft with it?", "n\n"))
    assert "nothing was sent" in refused
    assert (key.asked, settings_of(forge)) == ([], "")

    shown = typed("model", "use", "openai", asks=("Draft with it?", "y\n"))
    before, _, after = shown.partition("Draft with it?")
    assert "with the key in OPENAI_API_KEY" in before
    assert "2 highlights would be sent, up to " in before
    assert "2 new drafts" in after
    assert {headers["authorization"] for headers in key.headers} == {f"Bearer {KEY}"}
    asked = drafting(key)
    assert {request["model"] for request in key.asked} == {"gpt-5-mini"}
    assert (
        settings_of(forge)
        == f"drafter: llm\n\nllm:\n  base_url: '{key.base_url}'\n  model: gpt-5-mini\n"
        "  key_env: OPENAI_API_KEY\n"
    )
    assert len(forge.ok("list", "drafter:llm", "--json").lines) == 2
    kept = [path.read_bytes() for path in forge.home.rglob("*") if path.is_file()]
    assert not any(KEY.encode() in content for content in kept)
    assert KEY not in shown
    assert "model      gpt-5-mini at 127.0.0.1" in forge.ok("status").stdout

    # a run drafts with it from now on, and asks nobody
    note.write_text(f"{NOTE}\n==A third fact is that water boils at 100 degrees.==\n")
    forge.ok("run")
    assert drafting(key) == asked + 1
    forge.ok("model", "off")
    note.write_text(f"{NOTE}\n==A fourth fact is that ice floats on water.==\n")
    forge.ok("run")
    assert drafting(key) == asked + 1


def test_another_machine_gets_nothing_before_the_yes_and_needs_no_other_afterwards(
    forge, note, typed, key, monkeypatch
):
    # no form of an address that counts as this machine
    elsewhere = key.base_url.replace("127.0.0.1", "127.1")
    monkeypatch.setenv("OPENAI_BASE_URL", elsewhere)
    forge.ok("run", note)
    forge("model", "use", "openai", "--offline", "--yes", code=2)
    refused = typed("model", "use", "openai", asks=("Draft with it?", "\n"))
    assert "its price is not known" in refused
    assert "nothing was sent" in refused
    assert (key.asked, key.looked, settings_of(forge)) == ([], 0, "")

    typed("model", "use", "openai", asks=("Draft with it?", "y\n"))
    sent = drafting(key)
    assert sent
    note.write_text(f"{NOTE}\n==A third fact is that water boils at 100 degrees.==\n")
    forge.ok("run")
    assert drafting(key) == sent + 1
    assert "price unknown" in forge.ok("status").stdout


def test_each_provider_says_to_whom_and_at_what_price_before_anything_is_sent(
    forge, note, monkeypatch
):
    forge.ok("run", note)
    providers = [*read_providers({})]
    for each in providers:
        no_key = forge("model", "use", each.name, code=2).stderr
        assert f"{each.key_env}, is not set" in no_key
        assert f"export {each.key_env}=… in this terminal" in no_key
        monkeypatch.setenv(each.key_env, KEY)
        told = forge("model", "use", each.name, code=2).stderr
        assert f"{each.model} at {each.base_url.removeprefix('https://')}" in told
        assert "2 highlights would be sent" in told
        assert "${:g} in, ${:g} out".format(*each.price_usd) in told
        assert each.source in told
        assert "--yes agrees to this" in told
        offline = forge("model", "use", each.name, "--yes", "--offline", code=2).stderr
        assert "--offline forbids" in offline
        assert settings_of(forge) == ""
    models = {
        row["name"]: row["model"] for row in forge.ok("model", "list", "--json").lines
    }
    assert {each.name: each.model for each in providers}.items() <= models.items()


def test_of_a_server_the_best_model_is_used_and_the_others_are_named(forge, note, ollama):
    forge.ok("run", note)
    told = forge.ok("model", "use", "ollama", "--yes", "--offline").stderr
    assert "gpt-oss:20b at 127.0.0.1" in told
    assert "or --model qwen3:8b" in told
    assert "nomic-embed-text" not in told
    forge.ok("model", "use", "qwen3:8b", "--yes")
    used = [row for row in forge.ok("model", "list", "--json").lines if row["used"]]
    assert [row["model"] for row in used] == ["qwen3:8b"]
    assert "next:" not in forge.ok("model", "list").stderr
    assert "model: 'qwen3:8b'" in settings_of(forge)


def test_an_address_is_used_with_the_model_and_the_key_that_are_named(
    forge, note, server, monkeypatch
):
    forge.ok("run", note)
    monkeypatch.setenv("MY_KEY", KEY)
    forge.ok("init", ".")
    named = ("--model", "large", "--key-env", "MY_KEY", "--yes")
    forge.ok("model", "use", server.base_url, *named)
    text = (forge.folder / "ankiforge.yaml").read_text("utf-8")
    assert "drafter: llm" in text
    assert "  model: large\n" in text
    assert "  key_env: MY_KEY\n" in text
    assert "# Any OpenAI-compatible server" in text
    assert {headers["authorization"] for headers in server.headers} == {f"Bearer {KEY}"}
    which = forge("model", "use", "https://llm.invalid/v1", "--yes", code=2).stderr
    assert "which model of https://llm.invalid/v1?" in which


def test_a_model_that_makes_no_card_and_a_server_that_refuses_change_no_setting(
    forge, note, ollama, fake
):
    forge.ok("run", note)
    ollama.otherwise = lambda request: fake.error(401, "wrong key")
    assert forge("model", "use", "ollama", "--yes").exit_code == 3
    ollama.otherwise = lambda request: fake.cards()
    told = forge("model", "use", "ollama", "--yes", code=1).stderr
    assert "made no card" in told
    assert settings_of(forge) == ""
    assert "ollama does not answer" not in told


def test_no_more_passages_are_sent_than_the_limit_allows(forge, note, ollama, fake):
    forge.ok("run", note)
    forge.ok("model", "use", "ollama", "--yes", "--limit", "1")
    assert drafting(ollama) == 1


# --- after the first twenty -----------------------------------------------------------------

SOURCES = "{obsidian: {name: desk, path: .}}"
SAMPLE_QUESTION = "20 of 23 drafted. Go on?"


@pytest.fixture
def write_highlights(note) -> Callable[[int], None]:
    def write(number: int) -> None:
        lines = [
            f"==Element {n} of the series melts at {37 * n} K.==" for n in range(number)
        ]
        note.write_text("\n\n".join(lines), encoding="utf-8")

    write(23)
    return write


def count_sent(server: Any) -> int:
    """The number of different highlights in the requests for cards."""
    sent = [request for request in server.asked if request not in second_readings(server)]
    return len({words for request in sent for _, words in llm_server.marked(request)})


@pytest.mark.slow
@pytest.mark.usefixtures("write_highlights")
@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("model use ollama", "y"),
        ("draft", "n"),
        ("draft --drafter llm", "n"),
        ("run", "y"),
    ],
)
def test_after_twenty_highlights_a_card_is_shown_and_the_rest_is_sent_after_a_yes(
    forge, note, typed, ollama, command, answer
):
    forge.ok("run", note)
    reply = (SAMPLE_QUESTION, f"{answer}\n")
    if command == "model use ollama":
        shown = typed(*command.split(), asks=("Draft with it?", "y\n"), then=reply)
    else:
        path = forge.drafting(ollama.base_url, SOURCES)
        if "--drafter" in command:
            text = path.read_text("utf-8").replace("drafter: llm", "drafter: rules")
            path.write_text(text, "utf-8")
        shown = typed(*command.split(), asks=reply)
    before, _, after = shown.partition(SAMPLE_QUESTION)
    assert "What says passage Element" in before
    assert "Element" in before.partition("What says passage Element")[2]
    drafted = 23 if answer == "y" else 20
    assert count_sent(ollama) == drafted
    assert (
        len(forge.ok("list", "drafter:llm", "verdict:waiting", "--json").lines) == drafted
    )
    more = " --drafter llm" if "--drafter" in command else ""
    advice = f"to draft the rest: ankiforge draft{more}; to remove these: ankiforge undo"
    assert (advice in " ".join(after.split())) == (answer == "n")
    forge.ok("undo")
    assert forge.ok("list", "drafter:llm", "--json").lines == []


@pytest.mark.slow
def test_what_is_tagged_before_the_yes_is_not_sent(
    forge, note, typed, ollama, fake, write_highlights
):
    forge.drafting(ollama.base_url, SOURCES)

    def tag_and_answer(request: Any) -> Any:
        write_highlights(23)
        note.write_text(note.read_text("utf-8").replace("K.==", "K.== #no-llm"), "utf-8")
        return fake.obliging(request)

    ollama.otherwise = tag_and_answer
    typed("run", asks=(SAMPLE_QUESTION, "y\n"))
    assert count_sent(ollama) == 20


@pytest.mark.slow
@pytest.mark.usefixtures("write_highlights")
@pytest.mark.parametrize("options", ["--json", "-q"])
def test_nobody_is_asked_with_json_or_quiet(forge, typed, ollama, options):
    forge.drafting(ollama.base_url, SOURCES)
    assert "Go on?" not in typed("run", options)
    assert count_sent(ollama) == 23


@pytest.mark.slow
@pytest.mark.usefixtures("write_highlights")
def test_model_use_with_yes_asks_nothing(forge, note, typed, ollama):
    forge.ok("run", note)
    assert "Go on?" not in typed("model", "use", "ollama", "--yes")
    assert count_sent(ollama) == 23


def test_nobody_is_asked_without_a_terminal(forge, ollama, write_highlights):
    forge.drafting(ollama.base_url, SOURCES)
    forge.ok("run")
    assert count_sent(ollama) == 23


@pytest.mark.slow
def test_nobody_is_asked_about_twenty_highlights(forge, typed, ollama, write_highlights):
    write_highlights(20)
    forge.drafting(ollama.base_url, SOURCES)
    assert "Go on?" not in typed("run")
    assert count_sent(ollama) == 20


@pytest.mark.slow
@pytest.mark.usefixtures("write_highlights")
def test_a_limit_counts_the_first_twenty_too(forge, typed, ollama):
    forge.drafting(ollama.base_url, SOURCES)
    typed("run", "--limit", "21", asks=("20 of 21 drafted. Go on?", "y\n"))
    assert count_sent(ollama) == 21


@pytest.mark.slow
@pytest.mark.usefixtures("write_highlights")
def test_a_failure_among_the_first_twenty_is_left_to_the_next_run(
    forge, typed, ollama, fake
):
    forge.drafting(ollama.base_url, SOURCES)

    def fail_for_one(request: Any) -> Any:
        if any("Element 22 " in words for _, words in fake.marked(request)):
            return fake.error(400, "not this one")
        return fake.obliging(request)

    ollama.otherwise = fail_for_one
    typed("run", asks=(SAMPLE_QUESTION, "y\n"), code=1)
    assert count_sent(ollama) == 23
    texts = [words for request in ollama.asked for _, words in fake.marked(request)]
    assert len(texts) == 23


@pytest.mark.slow
@pytest.mark.usefixtures("write_highlights")
def test_without_a_card_among_the_first_twenty_the_question_says_so(
    forge, note, typed, ollama, fake
):
    forge.ok("run", note)
    ollama.otherwise = lambda request: fake.cards()
    shown = typed(
        *("model", "use", "ollama"),
        asks=("Draft with it?", "y\n"),
        then=("20 of 23 drafted, without a card. Go on?", "n\n"),
        code=1,
    )
    assert "made no card of 20 highlights" in shown
    assert "to draft the rest" not in shown
    assert settings_of(forge) == ""


def test_what_it_cost_so_far_is_said(forge, note, server):
    forge.drafting(
        server.base_url, "{obsidian: {name: desk, path: .}}", price_usd=[1000, 2000]
    )
    server.models = ("m",)
    forge.ok("run")
    # ten tokens in and ten out for each request
    cost = f"${len(server.asked) * 0.03:.4f} so far"
    assert cost in forge.ok("status").stdout
    assert cost in forge("doctor").stdout
    assert cost in forge.json("status")["model"]


def test_a_name_that_no_model_has_is_answered_with_what_to_do(forge, monkeypatch):
    assert "ollama pull qwen3:8b" in forge("model", "use", "ollama", code=3).stderr
    assert "load a model there" in forge("model", "use", "lmstudio", code=3).stderr
    assert "ankiforge model list" in forge("model", "use", "nothing", code=2).stderr
    assert "did you mean openai?" in forge("model", "use", "openia", code=2).stderr


SECRET_URLS = (
    "https://ada:hunter2-secret@llm.example/v1",
    "ada:hunter2-secret@llm.example",
    "ada:hunter2-secret@llm.example:443/v1",
    "//ada:hunter2-secret@llm.example",
    "https:ada:hunter2-secret@llm.example",
    "https://hunter2-secret@llm.example/v1",
    "https://llm.example/v1?key=hunter2-secret",
    "https://llm.example/v1#hunter2-secret",
)


def test_an_address_with_a_password_is_refused_and_stands_nowhere(forge, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", SECRET_URLS[0])
    monkeypatch.setenv("OPENAI_API_KEY", "key-in-the-environment")
    told = [forge("model", "list"), forge("doctor"), forge("doctor", "--json")]
    for options in ((), ("--json",), ("--for", "meaning")):
        for named in ("openai", *SECRET_URLS):
            refused = forge("model", "use", named, "--yes", *options, code=2)
            assert "without user name, password or query" in refused.stderr, named
            told.append(refused)
    for result in told:
        assert "hunter2" not in result.stdout + result.stderr
    written = [path for path in forge.home.rglob("*") if path.is_file()]
    assert [path for path in written if b"hunter2" in path.read_bytes()] == []


def test_of_many_models_ten_are_shown_and_names_that_none_has_are_left_out(
    forge, note, ollama
):
    many = [f"model-{number}:20b" for number in range(10_000)]
    ollama.models = (*many, "m" * 100_000 + ":70b", "a\x1b[31m:70b", "b\nc:70b")
    listed = forge.ok("model", "list")
    assert "ollama has 9,990 more" in listed.stderr
    assert len(listed.stdout.splitlines()) == 10
    refused = forge("model", "use", "ollama", code=2)
    assert "or one of 9,989 more" in refused.stderr
    unknown = forge("model", "use", "ollama", "--model", "x:1b", "--yes", code=2)
    assert "it has model-0:20b, model-1:20b, model-2:20b and 9,997 more" in unknown.stderr
    for told in (listed, refused, unknown):
        assert len(told.stdout + told.stderr) < 2_000
        assert "mmm" not in told.stdout + told.stderr


def test_a_name_with_half_a_character_is_refused_before_anything_is_sent(forge, note):
    address = "https://llm.example/v1"
    refused = forge("model", "use", address, "--model", "qwen\udcff", "--yes", code=2)
    assert "no model has such a name" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_init_says_in_a_line_where_questions_come_from(forge, monkeypatch):
    monkeypatch.setattr(
        "ankiforge.draft.server.discover_servers", lambda: lambda seconds: ()
    )
    told = forge.ok("init", "a").stderr
    assert "to let a chat write the questions: ankiforge draft\n" in told
    monkeypatch.setenv("GROQ_API_KEY", "gsk-of-nobody-012345")
    told = forge.ok("init", "b").stderr
    assert "to draft with a model: ankiforge model use groq\n" in told
    assert "GROQ_API_KEY is set" in told


# --- the default workspace, and one that is gone ---------------------------------------------


def test_the_model_of_the_default_workspace_goes_on_in_the_first_one(forge, note, ollama):
    forge.ok("run", note)
    forge.ok("model", "use", "ollama", "--yes")
    forge.ok("init", "cards")
    text = (forge.folder / "cards/ankiforge.yaml").read_text("utf-8")
    assert "drafter: llm" in text
    assert "model: 'gpt-oss:20b'" in text
    assert "gpt-oss:20b" in forge.ok("status").stdout


def test_settings_of_the_default_workspace_that_name_no_model_are_no_obstacle(forge):
    forge.home.mkdir()
    (forge.home / "ankiforge.yaml").write_text("figures: false\nllm:\n", encoding="utf-8")
    forge.ok("init", "cards")
    assert "drafter: rules" in (forge.folder / "cards/ankiforge.yaml").read_text("utf-8")


def test_a_workspace_that_is_gone_is_named_and_used_again_when_it_is_back(forge, note):
    cards = forge.folder / "cards"
    forge.ok("init", cards)
    cards.rename(forge.folder / "elsewhere")
    for command in (("run", note), ("status",)):
        told = forge(*command, code=2).stderr
        assert f"your workspace {cards} is missing" in told
        assert "ankiforge init DIR" in told
    (forge.folder / "elsewhere").rename(cards)
    assert f"workspace  {cards.name}\n" in forge.ok("status").stdout
