"""Items, notes, libraries, links and settings of Zotero without a database: rows."""

from dataclasses import dataclass

import pytest

from ankiforge.errors import ConfigError
from ankiforge.extract.zotero.attachments import (
    find_linked_directory,
    is_in_directories,
    read_preferences,
)
from ankiforge.extract.zotero.database import (
    Account,
    ApiAddress,
    Library,
    ZoteroItem,
)
from ankiforge.extract.zotero.note_text import parse_note
from ankiforge.extract.zotero.reader import (
    find_allowed_directories,
    parse_api_address,
    parse_libraries,
)
from ankiforge.extract.zotero.works import WorkReader

USER, GROUP = Library(None), Library(12, "Cells")
OWNER = Account(7, ("ada", "Ada L."))


# --- libraries and items ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("library", "namespace", "displayed", "link"),
    [
        (USER, "zotero:user", "zotero:user", "library"),
        (GROUP, "zotero:group.12", "zotero:group.12 (Cells)", "groups/12"),
        (Library(12), "zotero:group.12", "zotero:group.12", "groups/12"),
    ],
)
def test_a_library_has_a_namespace_a_name_and_a_link(library, namespace, displayed, link):
    assert library.namespace == namespace
    assert (library.display_name, library.link_path) == (displayed, link)


# --- what a library yields --------------------------------------------------------------


@dataclass
class Access:
    """An account with libraries, whose items are in memory."""

    items: list[ZoteroItem]
    account: Account = OWNER
    libraries: tuple[Library, ...] = (USER,)

    def read_items(self, library):
        return self.items


class NoFiles:
    def prefetch(self, library, annotations):
        assert list(annotations) is not None

    def read_context(self, library, annotations):
        return {}, ()


def read(items, library=USER, me=()):
    works = WorkReader("z", Access(items, libraries=(library,)), NoFiles(), me)
    return works, [*works.read_library(library)]


PAPER = ZoteroItem("PAPER", "book", fields={"title": "Ions"})
FILE = ZoteroItem("FILE", "attachment", "PAPER", path="storage:a.pdf", date_added="2")


def mark(key="MARK", parent="FILE", **fields):
    fields = {"annotation_type": "highlight", "annotation_text": "words", **fields}
    return ZoteroItem(key, "annotation", parent, **fields)


@pytest.mark.parametrize(
    ("library", "me", "fields", "reason"),
    [
        (USER, (), {"author": 9, "maker": "bob"}, None),
        (GROUP, (), {"author": 7, "maker": "ada"}, None),
        (GROUP, (), {"author": 9, "maker": "bob"}, "marked by bob"),
        (GROUP, (), {"author": 0}, "marked by somebody else"),
        (
            GROUP,
            (),
            {"author": 0, "external": True},
            "marked by another program in the file",
        ),
        (GROUP, (), {}, None),  # never synced
        (GROUP, (), {"external": True}, "marked by another program in the file"),
        (GROUP, (), {"annotation_author_name": "Ada L."}, None),
        (GROUP, (), {"annotation_author_name": "Bob"}, "marked by Bob"),
        (GROUP, (), {"annotation_author_name": "Bob", "author": 7}, "marked by Bob"),
        (GROUP, ("bob",), {"author": 9, "maker": "Bob"}, None),
        (GROUP, ("bob",), {"author": 7, "maker": "x"}, "marked by x"),
        (GROUP, ("Ada L.",), {"author": 7, "maker": "x"}, None),
        (GROUP, ("carol",), {"annotation_author_name": "Bob"}, "marked by Bob"),
        (GROUP, ("bob",), {"annotation_author_name": "Bob"}, None),
    ],
)
def test_whose_mark_it_is(library, me, fields, reason):
    _, [document] = read([PAPER, FILE, mark(**fields)], library, me)
    [highlight] = document.highlights
    assert highlight.skip_reason == reason
    assert highlight.comment_is_instruction is not bool(reason)


@pytest.mark.parametrize(
    ("items", "tags"),
    [
        ([PAPER, FILE, mark(annotation_comment="#no-<b>llm</b>")], ("no-llm",)),
        ([PAPER, ZoteroItem("FILE", "attachment", "PAPER", tags=({"tag": "no-llm"},)), mark()],
         ("no-llm",)),
        ([PAPER, ZoteroItem("N", "note", "PAPER", note="<p>a #no-llm</p>")], ("no-llm",)),
        ([PAPER, ZoteroItem("N", "note", "PAPER", note="<p>a</p><!-- #no-llm -->")], ("no-llm",)),
        ([PAPER, ZoteroItem("N", "note", "PAPER", note="<p>a</p>")], ()),
    ],
)  # fmt: skip
def test_the_privacy_tag_is_found_wherever_it_is(items, tags):
    _, [document] = read(items)
    [highlight] = document.highlights
    assert highlight.tags == tags


def test_a_private_note_gives_its_text_and_its_title():
    note = ZoteroItem("N", "note", "PAPER", note="<h1>Krebs</h1><p>a #no-llm</p>")
    _, [document] = read([PAPER, note])
    assert document.highlights[0].heading == "Krebs"
    assert document.private_texts == ("a #no-llm",)
    assert document.private_names == ("Krebs",)
    titled = ZoteroItem("N", "note", "PAPER", note="<h1>Ions</h1><p>a</p>")
    _, [document] = read([PAPER, titled])
    assert document.highlights[0].heading == ""  # that of the paper
    assert (document.private_texts, document.private_names) == ((), ())
    asks = ZoteroItem("P", "book", fields={"title": "Why?"})
    note = ZoteroItem("N", "note", "P", note="<h1>Why?</h1><p>a</p>")
    assert read([asks, note])[1][0].highlights[0].heading == "Why?"


# --- notes ------------------------------------------------------------------------------

QUOTED = (
    '<p><span class="highlight" data-annotation="%7B%22annotationKey%22%3A%22M1%22%7D">“words”'
    '</span> <span class="citation" data-citation="x">(Ada, 2019)</span>{}</p>'
)


def note(html, keys=("M1",), comments=("", "myown")):
    return parse_note(html, lambda: (set(keys), set(comments)))


@pytest.mark.parametrize(
    ("html", "title", "markdown"),
    [
        ("<h1>Krebs</h1><p>a <b>b</b></p>", "Krebs", "a **b**"),
        ("<h1>Krebs</h1>", None, "**Krebs**"),
        ("<p>a</p><h2>Krebs</h2><p>b</p>", None, "a\n\n**Krebs**\n\nb"),
        ("<h1>a\nb</h1><p>c</p>", "a b", "c"),
        ("<p>a</p><p></p><p></p><p>b</p>", None, "a\n\nb"),
        ("<ul><li>a</li><li>b</li></ul>", None, "- a\n- b"),
        ("<p>a<br>b</p>", None, "a\nb"),
        ("<p>H<sub>2</sub>O 10<sup>3</sup></p>", None, "H₂O 10³"),
        ("<p>a <a href='x'>b</a> <img src='c'></p>", None, "a b"),
        ("<p>a *b*</p>", None, "a \\*b\\*"),
        ('<p>a <span class="math">$x  y$</span></p>', None, "a $x y$"),
        ('<pre class="math">$$x$$</pre>', None, "$$x$$"),
        ("<p>a</p><script>b</script><style>c</style><hr><title>d</title>", None, "a"),
        # quotations
        (QUOTED.format("") + "<p>own</p>", None, "own"),
        (QUOTED.format(" and own"), None, "and own"),
        (QUOTED.format(" my own") + "<p>x</p>", None, "x"),
        ("<h1>T</h1>" + QUOTED.format("") + "<p>x</p>", "T", "x"),
    ],
)
def test_a_note_is_text_without_its_title_and_quotations(html, title, markdown):
    text = note(html)
    assert (text.title, text.markdown) == (title, (markdown,))
    assert text.skip_reason is None
    assert text.full_text == text.plain


# --- files and settings -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "is_allowed"),
    [
        ("data/a.pdf", True),
        ("data/b/../a.pdf", True),
        ("data/../secret.txt", False),
        ("secret.txt", False),
        ("data2/a.pdf", False),
        ("data/out.pdf", False),  # a link
        ("data/in.pdf", True),
    ],
)
def test_a_path_is_allowed_before_and_after_its_links(tmp_path, path, is_allowed):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/out.pdf").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "data/in.pdf").symlink_to(tmp_path / "data/a.pdf")
    assert (
        is_in_directories(tmp_path / path, (tmp_path / "x", tmp_path / "data"))
        is is_allowed
    )
    assert is_in_directories(tmp_path / path, None)


def test_the_default_data_folder_needs_no_setting(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "Zotero").mkdir()
    (tmp_path / ".zotero/zotero/a").mkdir(parents=True)
    (tmp_path / ".zotero/zotero/a/prefs.js").write_text("")
    assert read_preferences(tmp_path / "Zotero") == {}
    assert find_linked_directory(tmp_path / "Zotero") is None


@pytest.mark.parametrize(
    ("workspace", "allowed"),
    [
        (None, None),
        ("elsewhere", None),
        ("w", ["w/zotero", "w", "w/linked", "/papers"]),
    ],
)
def test_a_library_in_a_workspace_opens_files_of_the_workspace_only(
    tmp_path, monkeypatch, workspace, allowed
):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    data = tmp_path / "w/zotero"
    data.mkdir(parents=True)
    found = find_allowed_directories(
        data, workspace and tmp_path / workspace, ("x/../linked", "/papers")
    )
    assert found == (allowed and tuple(tmp_path / each for each in allowed))


@pytest.mark.parametrize("setting", ["mine", "0", "12x", ("user", ""), "groups/"])
def test_a_library_of_another_name_is_a_mistake(setting):
    with pytest.raises(ConfigError, match="is not a library"):
        parse_libraries(setting)


LOCAL = "http://127.0.0.1:23119/api"


@pytest.mark.parametrize(
    ("api", "url", "key_env", "address"),
    [
        ("", "", "", None),
        ("local", "", "", ApiAddress(LOCAL, True)),
        ("local", "http://localhost:9/", "", ApiAddress("http://localhost:9", True)),
        (
            "web",
            "",
            "",
            ApiAddress("https://api.zotero.org", False, "ZOTERO_API_KEY", "k1"),
        ),
        ("web", "", "MINE", ApiAddress("https://api.zotero.org", False, "MINE", "k2")),
        ("web", "https://z.org/", "", ApiAddress("https://z.org", False)),
        (
            "web",
            "http://127.0.0.1:9",
            "MINE",
            ApiAddress("http://127.0.0.1:9", False, "MINE", "k2"),
        ),
    ],
)
def test_the_url_and_the_key_of_an_api(monkeypatch, api, url, key_env, address):
    monkeypatch.setenv("ZOTERO_API_KEY", "k1")
    monkeypatch.setenv("MINE", " k2\n")
    assert parse_api_address(api, url, key_env) == address
    if address:
        assert address.host == address.url.partition("//")[2].partition("/")[0]
        assert "k2" not in repr(address)


@pytest.mark.parametrize(
    ("api", "url"),
    [
        ("local", "https://z.org"),
        ("web", "http://z.org"),
        ("", "https://z.org"),
        ("", "http://127.0.0.1"),
        ("web", "https://a:b@z.org"),
    ],
)
def test_a_url_that_no_api_may_have(api, url):
    with pytest.raises(ConfigError, match="is not the URL of a Zotero API"):
        parse_api_address(api, url, "")


@pytest.mark.parametrize("key", ["k\u00e9y", "k\ny"])
def test_a_key_with_other_characters_is_not_sent(monkeypatch, key):
    monkeypatch.setenv("MINE", key)
    with pytest.raises(ConfigError, match="the key in MINE contains characters"):
        parse_api_address("web", "", "MINE")
