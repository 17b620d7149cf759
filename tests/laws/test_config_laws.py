"""Laws: any text gives settings or a ConfigError with an address, and nothing else."""

import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from ankiforge.cli.init import render_settings
from ankiforge.config import AnkiSettings, Config, LlmSettings, read_settings
from ankiforge.config.deckfiles import DeckConditions, DeckRule, choose_deck, load_decks
from ankiforge.config.yamlfile import set_values
from ankiforge.errors import ConfigError
from ankiforge.extract import registry
from ankiforge.model import Document, DocumentKey, Highlight, HighlightKind

ADDRESS = re.compile(r"[^\n:]+\.yaml(:\d+)?: [^\n]+\Z")

KEYS = sorted(
    {
        name
        for struct in (Config, LlmSettings, AnkiSettings, DeckRule, DeckConditions)
        for name in struct.__struct_fields__
    }
    | {"pdf", "obsidian", "path", "name", "rules", "llm", "yellow"}
)
TEXT = st.text(max_size=12)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    TEXT,
    st.sampled_from(
        ["rules", "llm", "auto", "~/x", "{title}", "http://[::1]", "*.yaml", "[", "**"]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda below: st.one_of(
        st.lists(below, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(KEYS), TEXT), below, max_size=4),
    ),
    max_leaves=12,
)
FILES = st.one_of(
    st.binary(max_size=80),
    st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text(alphabet="ab:-[]{}#&*!|>'\"%@`,? \n\t~=<0", max_size=40).map(str.encode),
    VALUES.map(lambda value: yaml.safe_dump(value, allow_unicode=True).encode()),
)


def outcome(read: Callable[[], object]) -> tuple[object, str]:
    """What was read and "", or None and the complaint; any other error is a failure."""
    try:
        return read(), ""
    except ConfigError as error:
        return None, error.message


@given(FILES)
def test_any_file_gives_settings_or_a_complaint_with_an_address(content):
    with TemporaryDirectory() as folder:
        path = Path(folder, "ankiforge.yaml")
        path.write_bytes(content)
        config, complaint = outcome(lambda: read_settings(path, registry))

    assert isinstance(config, Config) or ADDRESS.match(complaint), complaint


@given(FILES)
def test_any_deck_file_gives_rules_that_name_a_deck_or_a_complaint_with_an_address(
    content,
):
    document = Document(DocumentKey("k"), "notes", "Title", "a/b.md")
    highlight = Highlight(document, "vault:notes", HighlightKind.HIGHLIGHT, "x")

    def deck() -> str:
        return choose_deck(load_decks(Path(folder)), highlight)

    with TemporaryDirectory() as folder:
        (decks := Path(folder, "decks")).mkdir()
        (decks / "a.yaml").write_bytes(content)
        name, complaint = outcome(deck)

    if complaint:
        assert ADDRESS.match(complaint), complaint
    else:
        assert all(part.strip() for part in str(name).split("::"))


NAMES = st.text(
    alphabet=st.characters(exclude_categories=["C", "Zl", "Zp"], exclude_characters="/"),
    min_size=1,
    max_size=20,
).filter(lambda name: name.strip(" .") == name)


@given(st.lists(NAMES, max_size=4), NAMES)
@example(["-", "-", "A", "a-2", "a"], "-")
@example([], "\xa0")
def test_the_settings_init_writes_load_and_say_what_was_found(names, model):
    paths = [Path("/somewhere", str(number), name) for number, name in enumerate(names)]
    with TemporaryDirectory() as folder:
        path = Path(folder, "ankiforge.yaml")
        text = render_settings(Path(folder), [("obsidian", path) for path in paths])
        text = set_values(text, {("llm", "model"): model}) or ""
        path.write_text(text, encoding="utf-8")
        config = read_settings(path, registry)

    assert [source.path for source in config.sources] == paths
    assert config.llm.model == model
    assert config.llm.base_url == "http://127.0.0.1:11434/v1"
