"""`ankiforge.yaml` becomes typed settings, or a complaint with an address."""

from pathlib import Path

import pytest

from ankiforge.config import (
    AcceptSettings,
    AnkiSettings,
    Config,
    LlmSettings,
    is_loopback,
    read_settings,
)
from ankiforge.errors import ConfigError
from ankiforge.extract import registry

DESIGNED = """\
me: [Ada]
sources:
  - obsidian: {name: notes, path: ~/Vault, include: ["**/*.md"], exclude: [Templates/], marks: [==, mark]}
  - pdf:      {name: papers, path: Papers/../Articles}
  - zotero:   {path: /data/Zotero}
drafter: llm
llm:     {base_url: http://127.0.0.1:11434/v1, model: qwen3:8b, key_env: OPENAI_API_KEY, budget_usd: 1.00}
accept:  {rules: clean}
output:  .
anki:    {collection: auto, connect: http://127.0.0.1:8765, key_env: ANKICONNECT_KEY}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Load settings from text, in a home of their own."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def loaded(text: str) -> Config:
        path = tmp_path / "ankiforge.yaml"
        path.write_text(text, encoding="utf-8")
        return read_settings(path, registry)

    return loaded


def test_the_settings_of_the_design_are_read(config, tmp_path):
    got = config(DESIGNED)

    assert got.me == ("Ada",)
    assert got.drafter == "llm"
    assert got.llm == LlmSettings(key_env="OPENAI_API_KEY", budget_usd=1.0)
    assert got.accept == AcceptSettings(rules="clean")
    assert got.anki == AnkiSettings(key_env="ANKICONNECT_KEY")
    assert [(s.kind, s.name, s.path) for s in got.sources] == [
        ("obsidian", "notes", tmp_path / "home/Vault"),
        ("pdf", "papers", tmp_path / "Articles"),
        ("zotero", "zotero", Path("/data/Zotero")),
    ]
    assert got.sources[0].options["marks"] == ["==", "mark"]
    assert (
        str(got.sources[1].location.locate_nested("path"))
        == "ankiforge.yaml:4: sources[1].pdf.path"
    )


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "sources:\n# - pdf: {path: x}\nllm:\n"]
)
def test_what_is_left_out_has_its_default(config, text):
    got = config(text)

    assert got == Config(location=got.location)


def test_a_collection_is_found_never_looked_at_or_a_path(config, tmp_path):
    def collection(value: str) -> str:
        return config(f"anki: {{collection: {value}}}").anki.collection

    assert [collection("auto"), collection("none")] == ["auto", "none"]
    assert collection("Anki/collection.anki2") == str(tmp_path / "Anki/collection.anki2")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        # values that do not fit
        ("souces: []", "1: souces: unknown key", "'sources'"),
        ("me: []\nzzz: 1", "2: zzz: unknown key", "remove it; known: accept, anki"),
        ("llm:\n  key_evn: X", "2: llm.key_evn: unknown key", "'key_env'"),
        ("accept: {rules: cleen}", "1: accept.rules: 'cleen' is not", "'clean'"),
        ("drafter: lm", "1: drafter: 'lm' is not allowed here", "'llm'"),
        ("me: Ada", "1: me: expected a list, got text", "lists"),
        ("me: [a, 2]", "1: me[1]: expected text, got a whole number", "quotes"),
        ("output: no", "1: output: expected text, got true or false", "quotes"),
        ("output: 2024-01-01", "1: output: expected text, got a date", "quotes"),
        ("- me", "1: expected a mapping, got a list", ""),
        ("sources:\n- obsidian:\n    pat: x", "3: sources[0].obsidian.pat", "'path'"),
        ("sources:\n- pdf: {name: x}", "2: sources[0].pdf: 'path' is missing", ""),
        ("sources:\n- pdf: {path: ''}", "2: sources[0].pdf.path: expected", ""),
        ("sources:\n- pdf: {path: 5}", "2: sources[0].pdf.path: expected", "quotes"),
        ("sources:\n- pdf: ~/x", "2: sources[0].pdf: expected a mapping", "such"),
        ("sources:\n- pdf:\n  path: x", "2: sources[0]: expected one kind", "indent"),
        ("sources:\n- pdf:", "2: sources[0].pdf: expected a mapping", ""),
        ("sources: {pdf: {path: x}}", "1: sources: expected a list", ""),
        ("sources:\n- pdf: {path: ~nobody-at-all/x}", "2: sources[0].pdf.path", ""),
        (
            "sources:\n- pdf: {path: a/Papers}\n- pdf:\n    path: b/papers",
            "3: sources[1].pdf.name: the name 'papers' is taken by the source in line 2",
            "name",
        ),
        *(
            (f"llm: {{base_url: '{url}'}}", "1: llm.base_url: expected a URL", "key_env")
            for url in (
                "localhost:1",
                "file:///x",
                "http://[::1",
                "http://x:70000",
                "http://a:b@x",
            )
        ),
        ("anki: {connect: ''}", "1: anki.connect: expected a URL", ""),
        ("llm:\n\n  budget_usd: -1", "3: llm.budget_usd: expected a number >= 0", ""),
        ("llm: {price_usd: [1]}", "1: llm.price_usd: expected a list", ""),
        ("executor: 'host:1'", "1: executor: expected text matching", ""),
        ("llm: {concurrency: 0}", "1: llm.concurrency: expected a whole number", ""),
        ("accept: {llm: clean}", "1: accept.llm: unknown key", "rules"),
        ("accept: {rules: verified}", "1: accept.rules: 'verified' is not", "clean"),
        # text that is no plain YAML
        ("me: []\nllm:\n\tmodel: x", "3: found character '\\t'", "not with tabs"),
        ("me: [a", "1: expected ',' or ']'", "quotes"),
        ("me: []\nme: []", "2: 'me' is written twice, first in line 1", ""),
        ("llm: {key_env: A,\n  key_env: B}", "2: 'key_env' is written twice", ""),
        ("me: []\n---\nme: []", "2: but found another document", ""),
        ("me: &a []\nsources: *a", "2: aliases (*name) are not supported", ""),
        ("me: []\n5: y", "1: expected text", ""),
        ("? [a]\n: y", "1: found unhashable key", ""),
        ("me: !!python/object:os.system x", "1: could not determine a constructor", ""),
        ('output: "\\U00110000"', "1: ", ""),
        ('output: "a\\0b"', "1: contains the control character U+0000", ""),
        ('output: "\\ud800"', "1: contains the control character U+D800", ""),
        ("me: []\noutput: \x07", "2: a character that YAML forbids", ""),
        ("[" * 9_000, "1: nested too deep", ""),
        pytest.param(  # the parser for long files
            "[" * 90_000, "1: nested too deep", "", marks=pytest.mark.slow
        ),
    ],
)
def test_a_mistake_is_named_with_file_line_and_key(config, text, message, hint):
    with pytest.raises(ConfigError) as caught:
        config(text)

    assert caught.value.exit_code == 2
    assert caught.value.message.startswith(f"ankiforge.yaml:{message}")
    assert hint in caught.value.hint


def test_line_ends_and_byte_order_mark_do_not_matter_and_a_file_that_is_no_text_is_refused(
    tmp_path,
):
    path = tmp_path / "ankiforge.yaml"
    path.write_bytes("\ufeffdrafter: llm\r\nme: [é]\r\n".encode())
    got = read_settings(path, registry)
    assert (got.drafter, got.me) == ("llm", ("é",))
    path.write_bytes(b"drafter: llm\nme: \xff")
    with pytest.raises(ConfigError, match=r"ankiforge.yaml:2: not UTF-8 text"):
        read_settings(path, registry)


def test_a_key_pasted_for_its_variable_is_not_repeated_in_the_complaint(config):
    with pytest.raises(ConfigError) as caught:
        config("llm: {key_env: sk-abcdef}")

    assert caught.value.message.startswith("ankiforge.yaml:1: llm.key_env: not the name")
    assert "sk-abcdef" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:1", True),
        ("http://127.9.9.9/v1", True),
        ("http://[::1]:8/v1", True),
        ("https://LOCALHOST:3", True),
        ("http://localhost.example.org", False),
        ("http://127.0.0.1.example.org", False),
        ("http://127.0.0.1@example.org", False),
        ("http://0.0.0.0", False),
        ("http://2130706433", False),
        ("", False),
    ],
)
def test_loopback_is_127_and_1_and_localhost_only(url, local):
    assert is_loopback(url) is local
