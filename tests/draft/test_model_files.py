"""`ankiforge model`: a download that breaks off goes on, and only the right file is kept."""

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from ankiforge.config.yamlfile import with_values
from ankiforge.draft import model_files
from ankiforge.draft.model_files import OFFERED, Offer
from ankiforge.draft.server import providers
from tests.fakes.file_server import FileServer, Spoilt
from tests.fakes.gguf import gguf

MODEL = gguf(weights=3_000_000)
HASH = hashlib.sha256(MODEL).hexdigest()
SIZE = len(MODEL)
MB = 1 << 20


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """A server with a model, and no waiting between attempts."""
    monkeypatch.setattr(model_files, "WAIT_S", 0.0)
    with FileServer(MODEL) as running:
        yield running


@pytest.fixture
def get(forge, files) -> Any:
    """Download the model of the server: `get(code=3, sha256="…")`."""

    def call(
        *more: str, code: int = 0, sha256: str = HASH, path: str = "/tiny.gguf"
    ) -> Any:
        return forge(
            "model", "get", f"{files.address}{path}", "--sha256", sha256, *more, code=code
        )

    return call


@pytest.fixture
def models(forge) -> Any:
    """Return the names and contents of all files in the folder for models."""

    def look() -> dict[str, bytes]:
        folder = forge.home / "models"
        if not folder.is_dir():
            return {}
        return {file.name: file.read_bytes() for file in folder.iterdir()}

    return look


def ranges(files: FileServer) -> list[str]:
    return [wanted for _, wanted in files.asked]


# --- what arrives ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("queue", "wanted"),
    [
        ([], [""]),
        ([Spoilt(cut=MB), Spoilt(cut=MB)], ["", f"bytes={MB}-", f"bytes={2 * MB}-"]),
        ([Spoilt(cut=MB), Spoilt(ignores_range=True)], ["", f"bytes={MB}-"]),
        ([Spoilt(cut=MB), Spoilt(shift=5)], ["", f"bytes={MB}-", ""]),
        ([Spoilt(cut=MB), Spoilt(status=503)], ["", f"bytes={MB}-", f"bytes={MB}-"]),
        ([Spoilt(cut=0)] * 3, [""] * 4),
        ([Spoilt(length=SIZE + 10)], ["", f"bytes={SIZE}-"]),
        ([Spoilt(cut=MB + 7)], ["", f"bytes={MB + 7}-"]),
        ([Spoilt(location="/other"), Spoilt(cut=MB), Spoilt(location="/other")],
         ["", "", f"bytes={MB}-", f"bytes={MB}-"]),
    ],
    ids=["whole", "breaks off", "ignores the range", "another range", "busy", "nothing comes", "wrong length", "in the middle", "redirects"],
)  # fmt: skip
def test_the_whole_file_arrives_and_what_is_here_is_not_asked_for_again(
    get, files, models, queue, wanted
):
    files.queue.extend(queue)
    told = get()
    assert ranges(files) == wanted
    assert models() == {"tiny.gguf": MODEL}
    assert f"SHA-256 {HASH}, as expected" in told.stdout
    assert "next: ankiforge model use tiny" in told.stdout
    get()
    assert ranges(files) == wanted, "it is here"


def test_a_download_that_was_given_up_goes_on_with_the_next_command(get, files, models):
    files.queue.append(Spoilt(cut=MB))
    files.always = Spoilt(status=500)
    told = get(code=3)
    assert "it answers 500; 1 MB of tiny have arrived" in told.stderr
    assert "hint: run the same command again" in told.stderr
    assert models()["tiny.gguf.part"] == MODEL[:MB]
    files.always = Spoilt()
    files.asked.clear()
    get()
    assert ranges(files) == [f"bytes={MB}-"]
    assert models() == {"tiny.gguf": MODEL}


def test_of_a_file_that_changed_meanwhile_nothing_is_kept(get, files, models):
    files.queue.append(Spoilt(cut=MB))
    files.always = Spoilt(status=500)
    get(code=3)
    files.content = b"GGUF" + b"new" * 700_000
    files.etag = '"two"'
    files.always = Spoilt()
    sha256 = hashlib.sha256(files.content).hexdigest()
    assert "it was deleted; try again" in get(code=1, sha256=sha256).stderr
    get(sha256=sha256)
    assert models() == {"tiny.gguf": files.content}


def test_a_hash_that_nobody_gave_is_shown_to_be_compared(forge, files):
    told = forge.ok("model", "get", f"{files.address}/tiny.gguf")
    assert f"SHA-256 {HASH}\nhash not checked" in told.stdout
    [row] = [
        row for row in forge.ok("model", "list", "--json").lines if row["name"] == "tiny"
    ]
    assert row["place"] == str(forge.home / "models/tiny.gguf")


# --- what does not --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoilt", "code", "words"),
    [
        (Spoilt(length=SIZE - 10), 1, "has the SHA-256"),
        (Spoilt(status=404), 3, "answers 404"),
        (Spoilt(status=403), 3, "needs a login; download it in a browser"),
        (Spoilt(location="http://files.invalid/tiny.gguf"), 2, "only from https://"),
        (Spoilt(location="/again"), 3, "redirects without end"),
        (Spoilt(ignores_range=True, cut=MB), 3, "1 MB of tiny have arrived"),
    ],
)
def test_what_is_not_the_file_is_never_in_its_place(
    get, files, models, spoilt, code, words
):
    files.always = spoilt
    told = get(code=code)
    assert words in told.stderr
    assert "Traceback" not in told.stderr
    assert "tiny.gguf" not in models()
    assert len(files.asked) <= 30


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html>Please log in</html>", "is not a model in the format GGUF"),
        (b"", "is not a model in the format GGUF"),
        (gguf(weights=10), "instead of"),
    ],
)
def test_another_file_is_deleted_with_the_reason(get, files, models, content, words):
    files.content = content
    assert words in get(code=1).stderr
    assert models() == {}


def test_a_file_whose_size_is_not_that_of_the_list_is_not_even_begun(
    forge, files, models, monkeypatch
):
    offer = Offer("tiny", f"{files.address}/tiny.gguf", SIZE + 1, HASH, "MIT")
    monkeypatch.setattr(model_files, "OFFERED", offer)
    told = forge("model", "get", "tiny", code=1)
    assert f"offers {SIZE:,} bytes instead of {SIZE + 1:,}" in told.stderr
    assert not any(models().values())


def test_a_full_disk_is_told_before_anything_is_written(get, models, monkeypatch):
    full = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: full)
    assert "free space there" in get(code=2).stderr
    assert not any(models().values())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("qwen2.5-1.5b --offline", "--offline forbids a download"),
        ("qwen9", "known: qwen2.5-1.5b"),
        ("http://models.invalid/a.gguf", "only from https://"),
        ("https://models.invalid/a.zip", "not the address of a .gguf file"),
        ("https://models.invalid/a%00b.gguf", "not the address of a .gguf file"),
        ("https://models.invalid/.gguf", "not the address of a .gguf file"),
    ],
)
def test_what_cannot_be_meant_is_refused(forge, words, told):
    assert told in forge("model", "get", *words.split(), code=2).stderr


def test_the_model_of_the_list_is_pinned_and_can_be_checked():
    assert len(bytes.fromhex(OFFERED.sha256)) == 32
    assert 1e9 < OFFERED.size < 4e9
    assert OFFERED.licence == "Apache-2.0"
    assert "/resolve/main/" not in OFFERED.url


def test_too_little_memory_is_told_before_a_model_is_downloaded(
    forge, files, models, monkeypatch
):
    offer = Offer("tiny", f"{files.address}/tiny.gguf", SIZE, HASH, "MIT")
    monkeypatch.setattr(model_files, "OFFERED", offer)
    told = forge.ok("model", "get", "tiny").stderr
    assert "needs about" not in told
    monkeypatch.setattr("ankiforge.draft.on_board._memory_available", lambda: 100_000_000)
    told = forge.ok("model", "get", "tiny").stderr
    assert "tiny needs about 320 MB of memory, and 100 MB are free" in told


# --- list and use ---------------------------------------------------------------------------

PATH = "/models/a b.gguf"
SET = {("llm", "model_file"): PATH}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "\nllm:\n  model_file: /models/a b.gguf\n"),
        ("me: [Ada]", "me: [Ada]\n\nllm:\n  model_file: /models/a b.gguf\n"),
        (
            "llm:  # mine\n  # a comment\n    # deeper\n  model: x  # y\noutput: .\n",
            "llm:  # mine\n  model_file: /models/a b.gguf\n  # a comment\n    # deeper\n  model: x  # y\noutput: .\n",
        ),
        ("llm:\n", "llm:\n  model_file: /models/a b.gguf\n"),
        ("llm:", "llm:\n  model_file: /models/a b.gguf\n"),
        ("llm: {}\n", "llm: {model_file: /models/a b.gguf}\n"),
        (
            "llm: {model: x, way: one} # y\n",
            "llm: {model_file: /models/a b.gguf, model: x, way: one} # y\n",
        ),
        ("llm: {model: x, model_file: 'o, p'}\n", "llm: {model: x, model_file: /models/a b.gguf}\n"),
        (
            "llm:\n    model: x\n    model_file: old.gguf  # why\nme: []\n",
            "llm:\n    model: x\n    model_file: /models/a b.gguf  # why\nme: []\n",
        ),
        ("llm: {model: x,\n  way: one}\n", "llm: {model_file: /models/a b.gguf, model: x,\n  way: one}\n"),
    ],
)  # fmt: skip
def test_a_value_is_set_and_all_else_stays_as_it_was_written(before, after):
    assert with_values(before, SET) == after
    assert with_values(after, SET) == after


@pytest.mark.parametrize("text", ["llm: [a]\n", "- a\n", "llm: 5\n", "llm: {\n"])
def test_what_cannot_be_changed_safely_is_left_to_a_person(text):
    assert with_values(text, SET) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "drafter: llm\n\nllm:\n  model: 'qwen3:8b'\n"),
        (
            "drafter: rules  # mine\nllm: {model_file: a.gguf, price_usd: [1, 2]}\n",
            "drafter: llm  # mine\nllm: {model: 'qwen3:8b', model_file: '', price_usd: null}\n",
        ),
        ("me: [Ada]", "me: [Ada]\ndrafter: llm\n\nllm:\n  model: 'qwen3:8b'\n"),
        (
            "{llm: {model: x}, proposals: false}",
            "{drafter: llm, llm: {model: 'qwen3:8b'}, proposals: false}",
        ),
    ],
)
def test_another_model_takes_the_place_of_what_was_set_and_empty_values_of_nothing(
    before, after
):
    values = {
        ("drafter",): "llm",
        ("llm", "model_file"): "",
        ("llm", "price_usd"): None,
        ("llm", "model"): "qwen3:8b",
    }
    assert with_values(before, values) == after


def test_a_model_is_used_from_then_on_and_need_not_be_confirmed(forge, get):
    get()
    elsewhere = forge.folder / "other.gguf"
    elsewhere.write_bytes(MODEL)
    note = forge.folder / "note.md"
    note.write_text("A line without a mark.")
    for name, file in (
        ("other.gguf", elsewhere),
        ("tiny", forge.home / "models/tiny.gguf"),
    ):
        assert forge.json("model", "use", name, "--yes")["path"] == str(file)
        listed = forge.ok("model", "list", "--json").lines
        assert [row["place"] for row in listed if row["used"]] == [str(file)]
        ran = forge.ok("run", note, "--drafter", "rules")
        assert "model_file" not in ran.stderr


def test_a_model_that_is_not_here_is_named_with_the_command_that_gets_it(forge):
    told = forge("model", "use", "qwen2.5-1.5b", code=2)
    assert "hint: ankiforge model get qwen2.5-1.5b" in told.stderr
    assert "ankiforge model list" in forge("model", "use", "nothing", code=2).stderr
    assert "did you mean openai?" in forge("model", "use", "openia", code=2).stderr


def test_init_says_in_a_line_how_to_get_a_model(forge, monkeypatch):
    monkeypatch.setattr("ankiforge.draft.server.look", lambda: lambda seconds: ())
    for each in providers():
        monkeypatch.delenv(each.key_env, raising=False)
    told = forge.ok("init", "a").stderr
    assert "to get a model: ankiforge model get qwen2.5-1.5b\n" in told
    monkeypatch.setenv("GROQ_API_KEY", "gsk-of-nobody-012345")
    told = forge.ok("init", "b").stderr
    assert "to draft with a model: ankiforge model use groq\n" in told
    assert "GROQ_API_KEY is set" in told
