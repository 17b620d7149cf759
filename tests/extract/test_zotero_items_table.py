"""Items, notes, libraries, links and settings of Zotero without a database: rows."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from ankiforge.errors import ConfigError
from ankiforge.extract.zotero.attachments import (
    find_linked_directory,
    get_page_index,
    is_in_directories,
    read_preferences,
)
from ankiforge.extract.zotero.database import (
    Account,
    ApiAddress,
    Collection,
    Library,
    ZoteroAnnotation,
    ZoteroItem,
    find_collection_paths,
    remove_control_chars,
)
from ankiforge.extract.zotero.note_text import RichText, extract_first_line, parse_note
from ankiforge.extract.zotero.reader import (
    find_allowed_directories,
    parse_api_address,
    parse_libraries,
)
from ankiforge.extract.zotero.works import WorkReader, build_document, get_file_name
from ankiforge.model import Problem

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


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a\tb\nc", "a\tb\nc"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\x00\x1b[31mb\x7f\x9f", "a[31mb"),
        ("a\ud800", "a?"),
    ],
)
def test_no_control_character_is_left(text, plain):
    assert remove_control_chars(text) == plain


@pytest.mark.parametrize(
    ("tags", "own"),
    [
        ([{"tag": "b"}, {"tag": "a", "type": 0}, {"tag": "c", "type": 1}], ("a", "b")),
        ([{"tag": "no-llm", "type": 1}], ("no-llm",)),
        ([], ()),
    ],
)
def test_automatic_tags_are_not_the_users(tags, own):
    assert ZoteroItem("A", tags=tuple(tags)).user_tags == own


COLLECTIONS = {
    "a": Collection("Outer", None, False),
    "b": Collection("Inner", "a", False),
    "t": Collection("Trashed", "a", True),
    "u": Collection("In trash", "t", False),
    "l": Collection("Loop", "l", False),
    "o": Collection("Orphan", "no such", False),
}


@pytest.mark.parametrize(
    ("keys", "paths"),
    [
        ("ab", ("Outer", "Outer/Inner")),
        ("b", ("Outer/Inner",)),
        ("tu", ()),
        ("lo", ()),
        ("x", ()),
    ],
)
def test_a_collection_has_a_path_unless_it_is_in_the_trash(keys, paths):
    assert find_collection_paths(keys, COLLECTIONS) == paths


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("storage:a.pdf", "a.pdf"),
        ("attachments:b/c.pdf", "c.pdf"),
        ("/home/a/c.pdf", "c.pdf"),
        ("C:\\papers\\c.pdf", "c.pdf"),
        ("a storage:b.pdf", "a storage:b.pdf"),
        ("", ""),
    ],
)
def test_the_name_of_a_file_of_any_system(path, name):
    assert get_file_name(path) == name


@pytest.mark.parametrize(
    ("fields", "paths", "note", "title", "date"),
    [
        (
            {"title": " On <i>E. coli</i>\n", "date": "2019-03-00 March"},
            [],
            "",
            "On E. coli",
            "2019",
        ),
        ({"caseName": "A v B", "dateDecided": "5/1999"}, [], "", "A v B", "1999"),
        ({"title": "", "subject": "Hi"}, [], "", "Hi", ""),
        ({"title": "storage:a.pdf"}, [], "", "a.pdf", ""),
        ({"title": "x < y and y > z"}, [], "", "x < y and y > z", ""),
        ({"date": "0000-00-00 20191"}, ["storage:b.pdf", "a.pdf"], "", "b.pdf", ""),
        ({}, [""], "<p>First</p><p>second</p>", "First", ""),
        ({}, [], "", "A%20B", ""),
        ({"issueDate": "1850"}, [], "", "A%20B", "1850"),
    ],
)
def test_a_work_has_a_title_and_a_year(fields, paths, note, title, date):
    work = ZoteroItem("A B", "book", fields=fields, note=note)
    document = build_document("z", USER, work, paths)
    assert (document.title, document.publication_date) == (title, date)


def test_a_document_has_what_zotero_knows_of_a_work():
    work = ZoteroItem(
        "KEY",
        "book",
        creators=(
            {"creatorType": "editor", "firstName": "Ed", "lastName": "Itor"},
            {"creatorType": "author", "firstName": "Ada", "lastName": "Lovelace"},
            {"creatorType": "author", "name": "The Lab"},
            {"creatorType": "author", "firstName": "", "lastName": ""},
            {"creatorType": "author", "firstName": "Ada", "lastName": "Lovelace"},
        ),
        tags=({"tag": "t"},),
        collections=("B", "E", "A", "D", "B", "C"),
        fields={"url": " https://x.org/a ", "extra": "Citation Key: lovelace1843\nx"},
    )
    document = build_document("z", GROUP, work, ["storage:a.pdf", "b/a.pdf", "c.pdf"])
    assert document.key == "zotero:group.12/KEY"
    assert document.source == "z"
    assert document.creators == ("Ada Lovelace", "The Lab", "Ed Itor")
    assert document.uri == "zotero://select/groups/12/items/KEY"
    assert (document.tags, document.collections) == (("t",), tuple("ABCDE"))
    assert document.identifiers == (
        ("url", "https://x.org/a"),
        ("citekey", "lovelace1843"),
        ("zotero", "group.12/KEY"),
        ("file", "a.pdf"),
        ("file", "c.pdf"),
    )


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


def test_an_annotation_becomes_a_highlight_with_all_it_has():
    annotation = mark(
        annotation_comment="why <b>so</b>? ",
        annotation_color="#FFD400",
        annotation_page_label="xii",
        annotation_position='{"pageIndex": 4}',
        date_added="2026-01-01T00:00:00Z",
        date_modified="2026-01-02T00:00:00Z",
        tags=({"tag": "t"},),
    )
    _, [document] = read([PAPER, FILE, annotation])
    [highlight] = document.highlights
    assert (document.container, document.document.title) == ("zotero:user", "Ions")
    assert (highlight.namespace, highlight.source_id) == ("zotero:user", "MARK")
    assert (highlight.kind, highlight.exact) == ("highlight", "words")
    assert (highlight.comment, highlight.colour) == ("why **so**?", "#ffd400")
    assert (highlight.page_label, highlight.tags) == ("xii", ("t",))
    assert highlight.uri == "zotero://open-pdf/library/items/FILE?page=5&annotation=MARK"
    assert (highlight.created, highlight.modified) == (
        "2026-01-01T00:00:00Z",
        "2026-01-02T00:00:00Z",
    )
    assert (highlight.block_id, highlight.markdown) == ("FILE", ())
    assert highlight.comment_is_instruction
    assert not highlight.skip_reason


@pytest.mark.parametrize(
    ("annotation", "kind", "exact", "markdown", "uri_end"),
    [
        (
            mark(annotation_type="underline"),
            "underline",
            "words",
            (),
            "FILE?annotation=MARK",
        ),
        (mark(annotation_type="text"), "note", "words", (), "FILE?annotation=MARK"),
        (mark(annotation_type="ink"), "ink", "words", (), "FILE?annotation=MARK"),
        (
            mark(annotation_text="a <b>b</b>"),
            "highlight",
            "a b",
            ("a <b>**b**</b>",),
            "FILE?annotation=MARK",
        ),
        (
            mark(annotation_position='{"pageIndex": -1}'),
            "highlight",
            "words",
            (),
            "FILE?annotation=MARK",
        ),
    ],
)
def test_the_kinds_of_annotations(annotation, kind, exact, markdown, uri_end):
    _, [document] = read([PAPER, FILE, annotation])
    [highlight] = document.highlights
    assert (highlight.kind, highlight.exact) == (kind, exact)
    assert bool(highlight.markdown) is bool(markdown)
    assert highlight.uri.endswith(uri_end)


def test_an_annotation_of_an_unknown_kind_is_told():
    _, [problem] = read([PAPER, FILE, mark(annotation_type="hologram")])
    assert isinstance(problem, Problem)
    assert problem.location == "Ions: zotero:user/MARK"
    assert "(hologram)" in problem.message


def test_works_and_what_they_have_are_in_order():
    items = [
        PAPER,
        ZoteroItem("NEWER", "attachment", "PAPER", date_added="3"),
        FILE,
        mark("M3", "NEWER", annotation_sort_index="0"),
        mark("M2", annotation_sort_index="2"),
        mark("M1", annotation_sort_index="1"),
        ZoteroItem("N2", "note", "PAPER", note="<p>two</p>", date_added="2"),
        ZoteroItem("N1", "note", "PAPER", note="<p>one</p>", date_added="1"),
        ZoteroItem("ALONE", "note", note="<p>alone</p>"),
        ZoteroItem("LONE", "attachment", path="/a/b.pdf"),
        mark("M4", "LONE"),
    ]
    works, documents = read(items)
    ids = [[each.source_id for each in document.highlights] for document in documents]
    assert ids == [["ALONE"], ["M4"], ["M1", "M2", "M3", "N1", "N2"]]
    assert [document.document.title for document in documents] == [
        "alone",
        "b.pdf",
        "Ions",
    ]
    assert works.find_annotated_files() == {"FILE", "NEWER", "LONE"}
    keys, comments = works.quotable_annotations
    assert (keys, comments) == ({"M1", "M2", "M3", "M4"}, {""})


@pytest.mark.parametrize(
    "items",
    [
        [PAPER, FILE, mark(deleted=True)],
        [PAPER, ZoteroItem("FILE", "attachment", "PAPER", deleted=True), mark()],
        [ZoteroItem("PAPER", "book", deleted=True), FILE, mark()],
        [PAPER, FILE],
        [mark()],
        [mark(parent="")],
        [ZoteroItem("NOTE", "note", "PAPER", note="<p>a</p>")],
        [ZoteroItem("NOTE", "note", note="")],
        [ZoteroItem("NOTE", "note", note="<p>a</p>", deleted=True)],
    ],
)
def test_nothing_in_the_trash_and_nothing_without_its_parent_is_read(items):
    assert read(items)[1] == []


def test_a_loop_of_parents_ends():
    items = [
        ZoteroItem("A", "attachment", "B"),
        ZoteroItem("B", "book", "A"),
        mark("M", "A"),
    ]
    [document] = read(items)[1]
    assert [each.source_id for each in document.highlights] == ["M"]


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


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<p> </p>",
        QUOTED.format(""),
        "<h1>T</h1>" + QUOTED.format(""),
        QUOTED.format(" my own"),
    ],
)
def test_a_note_of_quotations_only_is_none(html):
    assert note(html) is None


def test_the_quotation_of_an_unknown_mark_is_text():
    assert "“words”" in note(QUOTED.format(""), keys=()).plain


def test_nobody_is_asked_about_quotations_of_a_note_without_any():
    assert parse_note("<p>a</p>", lambda: pytest.fail("asked")).plain == "a"


@pytest.mark.parametrize(
    ("html", "line"),
    [
        ("", ""),
        ("<p>One</p><p>two</p>", "One"),
        ("<p>  </p><p>two<br>three</p>", "two"),
        ("<p>" + "x" * 100 + "</p>", "x" * 79 + "…"),
        ('<img src="data:image/png;base64,AAAA">a', "a"),
    ],
)
def test_the_first_line_of_a_note_is_its_name(html, line):
    assert extract_first_line(html) == line


@pytest.mark.parametrize(
    ("text", "is_formatted"), [("a *b*", False), ("a <b>b</b>", True), ("a <b> b", False)]
)
def test_an_annotation_may_be_formatted(text, is_formatted):
    assert RichText(text).is_formatted is is_formatted


# --- files and settings -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("position", "page"),
    [
        ('{"pageIndex": 3}', 3),
        ('{"pageIndex": 3, "rects": "odd"}', 3),
        ('{"pageIndex": 0}', 0),
        ('{"pageIndex": -1}', None),
        ('{"type": "FragmentSelector"}', None),
        ("", None),
        ("[" * 5000, None),
    ],
)
def test_an_annotation_may_have_a_page(position, page):
    item = ZoteroItem("A", annotation_position=position)
    assert get_page_index(ZoteroAnnotation(item, FILE)) == page


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


PREFS = (
    '// Zotero\nuser_pref("extensions.zotero.dataDir", "{}");\n'
    'user_pref("extensions.zotero.baseAttachmentPath", "/papers \\"x\\"");\n'
)


@pytest.mark.parametrize(
    ("profile", "data", "linked"),
    [
        (".zotero/zotero", "data", '/papers "x"'),
        ("snap/zotero-snap/common/.zotero/zotero", "data", '/papers "x"'),
        ("elsewhere", "data", None),
        (".zotero/zotero", "other", None),
        (".zotero/zotero", None, None),  # the default folder, which is not this one
    ],
)
def test_the_profile_that_uses_a_data_folder(
    tmp_path, monkeypatch, profile, data, linked
):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("data", "other", f"{profile}/a.default"):
        (tmp_path / name).mkdir(parents=True)
    text = PREFS.format(tmp_path / data) if data else PREFS.partition("\n")[0]
    (tmp_path / profile / "a.default/prefs.js").write_text(text)
    assert find_linked_directory(tmp_path / "data") == (Path(linked) if linked else None)
    assert (read_preferences(tmp_path / "data") is None) is (linked is None)


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


@pytest.mark.parametrize(
    ("setting", "groups"),
    [
        ("", None),
        ("user", {None}),
        (12, {12}),
        ("12", {12}),
        ("groups/12", {12}),
        ("group.12", {12}),
        (("user", 12, " 13 "), {None, 12, 13}),
        ((), None),
    ],
)
def test_libraries_are_selected_by_number(setting, groups):
    assert parse_libraries(setting) == groups


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
