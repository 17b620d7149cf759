"""A person who has their own note types, and what they do with them in the real Anki.

The note types are in `note_types.yaml`; a story is a list of steps, as in `stories.py`.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.anki.stories import Desk, do

SOURCES = "sources:\n  - obsidian: {name: notes, path: notes}\n"
QUESTION = "What is a {}Katze?::{}\n"
SENTENCE = "The {{{{c1::Katze}}}} is a {} {{{{c2::animal}}}} that lives in houses.\n"


@dataclass(frozen=True)
class TypeCase:
    """A note type of the person's, and what their settings say of it."""

    fields: list[str]
    questions: list[str]
    map: dict[str, str]
    cards: list[int]
    name: str = "My own type"
    cloze: bool = False
    ids: bool = True
    answer: str = ""
    css: str = ""

    @property
    def kind(self) -> str:
        return "cloze" if self.cloze else "basic"

    @property
    def others(self) -> list[str]:
        """The fields that nothing of ours goes into."""
        return [name for name in self.fields if name not in self.map.values()]

    def settings(self, **mapped: Any) -> str:
        """The settings that name it."""
        named = {"name": self.name, "fields": self.map, **mapped}
        text = yaml.safe_dump({"note_types": {self.kind: named}}, allow_unicode=True)
        return f"{SOURCES}{text}"


def _cases() -> dict[str, TypeCase]:
    text = (Path(__file__).parent / "note_types.yaml").read_text("utf-8")
    return {name: TypeCase(**case) for name, case in yaml.safe_load(text).items()}


TYPES = _cases()


class MappedDesk(Desk):
    """A workspace whose settings name a note type that the person has in Anki."""

    def __init__(self, forge: Any, anki: Any, case: TypeCase) -> None:
        super().__init__(forge, anki)
        self.case = case
        self.write_settings(case.settings())
        self.add_type()
        self.types_before = self.type_names()

    # --- the note type

    def add_type(self) -> None:
        """The person makes their note type, unless Anki has it."""
        models = self.col.models
        if models.by_name(self.case.name):
            return
        kind = models.new(self.case.name)
        kind["type"] = 1 if self.case.cloze else 0
        kind["css"] = self.case.css
        for name in self.case.fields:
            models.add_field(kind, models.new_field(name))
        answer = self.case.answer or "".join(
            f"{{{{{name}}}}}" for name in self.case.fields
        )
        if self.case.cloze:
            answer = self.case.questions[0] + answer
        for number, question in enumerate(self.case.questions, start=1):
            template = models.new_template(f"Card {number}")
            template["qfmt"] = question
            template["afmt"] = f"{answer}{number}"
            models.add_template(kind, template)
        for part in (*kind["flds"], *kind["tmpls"]):
            if not self.case.ids:
                part["id"] = None
        models.add_dict(kind)

    def type_names(self) -> dict[str, int]:
        """All note types that are not ours, by name: (fields, templates, css)."""
        found = {}
        self.col.models._clear_cache()  # which exports of older Ankis rename
        for kind in self.col.models.all():
            if kind["name"] not in ("ankiforge Basic", "ankiforge Cloze"):
                found[kind["name"]] = self.described(kind)
        return found

    def described(self, kind: Any) -> Any:
        fields = [one["name"] for one in kind["flds"]]
        templates = [(one["name"], one["qfmt"], one["afmt"]) for one in kind["tmpls"]]
        return kind["id"], fields, templates, kind["css"]

    def change(self, change: Callable[[Any, Any], object]) -> None:
        """The person changes their note type in Anki."""
        models = self.col.models
        kind = models.by_name(self.case.name)
        change(models, kind)
        models.update_dict(kind)
        self.settle()
        self.types_before = self.type_names()

    def same_types(self) -> None:
        """No import changed, doubled or deleted a note type of the person's."""
        assert self.type_names() == self.types_before

    # --- the card, by our names of its fields

    def there(self, **fields: str) -> None:
        """Our fields of the note in Anki are these."""
        note = self.in_anki()
        assert note.note_type()["name"] == self.case.name
        assert {ours: note[self.case.map[ours]] for ours in fields} == fields

    def rewrite_in_anki(self, **fields: str) -> None:
        self.edit(**{self.case.map[ours]: text for ours, text in fields.items()})

    @property
    def first(self) -> str:
        """What the person writes in their note first."""
        return (
            SENTENCE.format("small") if self.case.cloze else QUESTION.format("", "a cat")
        )

    def words(self, detail: str) -> str:
        """The field of the card that the source changes."""
        if self.case.cloze:
            return f"The {{{{c1::Katze}}}} is a {detail} {{{{c2::animal}}}} that lives in houses."
        return f"a {detail} cat"

    def changed(self, detail: str) -> str:
        """The note of the person with another detail."""
        if self.case.cloze:
            return SENTENCE.format(detail)
        return QUESTION.format("", f"a {detail} cat")

    @property
    def changing(self) -> str:
        return "Text" if self.case.cloze else "Back"

    def begin(self) -> None:
        """A first import, and a first review."""
        self.write(self.first)
        self.run(written=1)
        self.load(new=1)
        self.answer()

    def live_for_years(self) -> None:
        """What a person does with one card over the years; nothing of it is lost."""
        case, changing = self.case, self.changing
        self.begin()
        assert [card.ord for card in self.in_anki().cards()] == case.cards
        self.same_types()
        self.run(written=0)

        # the source changes, after the person wrote into a field of their own
        if case.others:
            self.edit(**{case.others[0]: "<b>mine</b>"})
        schedule = self.anki.schedule(self.guid())
        self.tag("theirs")
        self.write(self.changed("quiet"))
        self.run(written=1, conflicts=0)
        self.load(updated=1)
        self.load(duplicate=1)
        self.there(**{changing: self.words("quiet")})
        if case.others:
            self.note(**{case.others[0]: "<b>mine</b>"})
        self.tags("theirs", "ankiforge::doc::a")
        assert self.anki.schedule(self.guid()) == schedule
        self.run(written=0)

        # the person rewords a field of ours; what the source changes elsewhere still arrives
        edited = self.words("quiet") + " (they purr)"
        self.rewrite_in_anki(**{changing: edited})
        self.tag(removed="ankiforge::doc::a")
        self.run(written=0, conflicts=0)
        self.lose()
        self.run(written=0, conflicts=0)
        assert edited in self.card()["fields"].values()
        if not case.cloze:
            self.write(QUESTION.format("big ", "a quiet cat"))
            self.run(written=1, conflicts=0)
            self.load(updated=1)
            self.there(Front="What is a big Katze?")
        self.there(**{changing: edited})
        self.tags("theirs", without=("ankiforge::doc::a",))
        self.same_types()

        # both change one field: a question, and either answer holds
        self.write(self.changed("grey"))
        self.run(conflicts=1, written=0)
        self.answered("conflict", "accept")
        self.run(written=1)
        self.load(updated=1)
        self.there(**{changing: self.words("grey")})
        assert self.anki.schedule(self.guid()) == schedule

        # the person deletes the note: it stays deleted
        guid = self.guid()
        self.delete()
        self.run(tombstones=1, written=0)
        self.write(self.changed("white"))
        self.run(written=0)
        assert self.col.db.scalar("select count() from notes where guid = ?", guid) == 0
        self.same_types()

    def add_empty_types(self) -> None:
        """The person has types whose first card asks another field than the named one."""
        models = self.col.models
        for name, is_cloze in (("Empty", 0), ("Empty cloze", 1)):
            kind = models.new(name)
            kind["type"] = is_cloze
            template = models.new_template("Card 1")
            shown = "{{cloze:C}}" if is_cloze else "{{C}}"
            template.update(qfmt=shown, afmt=f"{shown}{{{{A}}}}")
            for field in "ABC":
                models.add_field(kind, models.new_field(field))
            models.add_template(kind, template)
            models.add_dict(kind)
        self.types_before = self.type_names()

    # --- for stories

    def write_settings(self, text: str) -> None:
        self.forge.settings(text)

    def named(self, **mapped: Any) -> None:
        """The settings name this note type and these fields."""
        self.write_settings(self.case.settings(**mapped))

    def unnamed(self) -> None:
        """The settings name no note type."""
        self.write_settings(SOURCES)

    def stops(self, told: str) -> None:
        """A run writes no package, and tells why."""
        if self.package.exists():
            self.package.unlink()
        came = self.forge("run", code=2)
        assert told in came.stderr, came.stderr
        assert not self.package.exists()

    def rename_type(self, name: str) -> None:
        self.change(lambda _, kind: kind.update(name=name))
        kinds = self.col.models
        assert kinds.by_name(name)

    def rename_field(self, old: str, new: str) -> None:
        self.change(
            lambda models, kind: models.rename_field(kind, self.field(kind, old), new)
        )

    def remove_field(self, name: str) -> None:
        self.change(
            lambda models, kind: models.remove_field(kind, self.field(kind, name))
        )

    def add_field(self, name: str) -> None:
        self.change(lambda models, kind: models.add_field(kind, models.new_field(name)))

    def move_field(self, name: str, place: int) -> None:
        self.change(
            lambda models, kind: models.reposition_field(
                kind, self.field(kind, name), place
            )
        )

    def add_template(self, question: str) -> None:
        def add(models: Any, kind: Any) -> None:
            template = models.new_template("Added")
            template.update(qfmt=question, afmt="{{FrontSide}}")
            models.add_template(kind, template)

        self.change(add)

    def field(self, kind: Any, name: str) -> Any:
        [found] = [one for one in kind["flds"] if one["name"] == name]
        return found

    def second_type(self, name: str, second: str) -> None:
        """An import made another note type beside one, because it had other fields."""
        models = self.col.models
        kind = models.copy(models.by_name(name))
        kind["name"] = second
        kind["originalId"] = models.by_name(name)["id"]
        models.update_dict(kind)
        self.types_before = self.type_names()

    def in_type(self, word: str, name: str) -> None:
        """The note of the card with a word has this note type."""
        self.col.models._clear_cache()
        assert self.in_anki(word).note_type()["name"] == name

    def dialect(self, name: str) -> None:
        text = self.case.settings().replace(
            "path: notes", f"path: notes, cards: [{name}]"
        )
        self.write_settings(text)


QUIET = QUESTION.format("", "a quiet cat")
OTHER = "What is a Hund?::a dog\n"
OURS = "ankiforge Basic"

STORIES: dict[str, tuple[str, tuple[Any, ...]]] = {
    "the type is renamed: its notes follow, the settings are told": ("two fields", (
        do.begin(), do.rename_type("New name"),
        do.write(QUIET), do.stops("Anki has no note type 'My own type'"),
        do.named(name="New name"), do.run(written=1), do.load(updated=1), do.note(Antwort="a quiet cat"),
        do.same_types(), do.reviewed(1),
    )),
    "a field is renamed: its id leads to it": ("extra fields of the person", (
        do.begin(), do.rename_field("Antwort", "Answer"), do.edit(Notiz="mine"), do.write(QUIET),
        do.stops("'My own type' has no field 'Antwort'"),
        do.named(fields={"Front": "Frage", "Back": "Answer"}), do.run(written=1), do.load(updated=1),
        do.note(Answer="a quiet cat", Notiz="mine"), do.same_types(), do.reviewed(1),
    )),
    "a field without an id is renamed: the settings lead to it": ("without ids", (
        do.begin(), do.rename_field("Antwort", "Answer"), do.write(QUIET), do.stops("'Antwort'"),
        do.named(fields={"Front": "Frage", "Back": "Answer"}), do.run(written=1), do.load(updated=1),
        do.note(Answer="a quiet cat"), do.same_types(), do.reviewed(1),
    )),
    "fields and a template are added, moved and removed": ("extra fields of the person", (
        do.begin(), do.edit(Notiz="mine"), do.add_field("More"), do.move_field("Antwort", 4),
        do.remove_field("Bild"), do.add_template("{{Notiz}}: {{Antwort}}"), do.write(QUIET),
        do.run(written=1, conflicts=0), do.load(updated=1),
        do.note(Antwort="a quiet cat", Notiz="mine", More=""), do.same_types(), do.reviewed(1),
        do.write(QUIET + OTHER), do.run(written=1), do.load(new=1), do.in_type("Hund", "My own type"),
    )),
    "a field of ours is removed: what went there is left out": ("the issue's own", (
        do.begin(), do.remove_field("Quelle"), do.write(QUIET), do.stops("has no field 'Quelle'"),
        do.named(fields={"Front": "Frage", "Back": "Antwort"}), do.run(written=1), do.load(updated=1),
        do.note(Antwort="a quiet cat"), do.same_types(), do.reviewed(1),
    )),
    "a later setting is for new cards, and so is one that is taken back": ("two fields", (
        do.unnamed(), do.write(QUESTION.format("", "a cat")), do.run(written=1), do.load(new=1),
        do.answer(), do.named(), do.write(QUIET + OTHER), do.run(written=2), do.load(new=1, updated=1),
        do.in_type("", OURS), do.in_type("Hund", "My own type"), do.unnamed(),
        do.write(QUIET + OTHER.replace("a dog", "a big dog") + "What is a Maus?::a mouse\n"),
        do.run(written=2), do.load(new=1, updated=1), do.in_type("Hund", "My own type"),
        do.in_type("Maus", OURS), do.same_types(), do.reviewed(1), do.run(written=0),
    )),
    "what a package had that nobody imported is a conflict with the person's words": ("two fields", (
        do.begin(), do.run(written=0), do.write(QUIET), do.run(written=1), do.rewrite_in_anki(Back="a pet"),
        do.run(written=0, conflicts=1), do.answered("conflict", "reject"), do.run(written=0, conflicts=0),
        do.there(Back="a pet"), do.write(QUESTION.format("big ", "a quiet cat")), do.run(written=1),
        do.load(updated=1), do.there(Front="What is a big Katze?", Back="a pet"), do.reviewed(1),
    )),
    "and what it had of tags still arrives": ("two fields", (
        do.begin(), do.run(written=0), do.write("---\ntags: [late]\n---\n" + QUESTION.format("", "a cat")),
        do.run(written=1), do.rewrite_in_anki(Back="a pet"), do.run(written=1), do.load(updated=1),
        do.tags("late"), do.there(Back="a pet"), do.run(written=0),
    )),
    "a card that is dropped here is tagged, and comes back": ("the issue's own", (
        do.begin(), do.say("reject", "CARD"), do.run(written=1), do.load(updated=1),
        do.tags("ankiforge::retired", "ankiforge::doc::a"), do.say("undo", "CARD"), do.run(written=1),
        do.load(updated=1), do.tags("ankiforge::doc::a", without=("ankiforge::retired",)), do.reviewed(1),
    )),
    "edited sources stay a person's": ("source, citation and links", (
        do.begin(), do.edit(Cite="Brehm, p. 3"), do.write(QUIET), do.run(written=1, conflicts=0),
        do.load(updated=1), do.note(Cite="Brehm, p. 3", Back="a quiet cat"), do.run(written=0),
    )),
    "database and journal are lost: its notes are listed, and stay": ("two fields", (
        do.begin(), do.lose(journal=True), do.run(written=0), do.run(written=0), do.notes_there(1),
        do.say("list", "--view", "unknown", told="What is a Katze?"), do.same_types(),
    )),
    "the type is deleted with its notes": ("two fields", (
        do.begin(), do.run(written=0),
        lambda desk: desk.col.models.remove(desk.col.models.by_name("My own type")["id"]),
        do.stops("Anki has no note type 'My own type'"), do.unnamed(), do.run(written=0),
        do.notes_there(0),
    )),
    "a card of two directions without a place for that is in our type": ("two fields", (
        do.write("#flashcards\n\nWhat is a Katze?:::What is a cat?\n"), do.dialect("osr"),
        do.run(written=1), do.load(new=1), do.in_type("", OURS), do.same_types(),
    )),
}  # fmt: skip


class PushingDesk(MappedDesk):
    """The same with an Anki that runs."""

    def __init__(self, forge: Any, server: Any, backend: Any, case: TypeCase) -> None:
        self.server = server
        with server.collection() as col:
            super().__init__(forge, backend.Anki(col), case)

    def write_settings(self, text: str) -> None:
        anki = {"collection": str(self.server.folder / "collection.anki2")}
        anki["connect"] = self.server.address
        self.forge.settings(text + yaml.safe_dump({"anki": anki}), trust=True)

    def push(self, **notes: int) -> None:
        """Run and push; `notes` must be among the numbers of notes that the push reports."""
        self.run()
        came = self.forge("push", "--json", code=0)
        data = json.loads(came.stdout.splitlines()[-1])
        assert {name: data["notes"][name] for name in notes} == notes, data

    def imported(self, **counts: int) -> None:
        self.run()
        self.load(**counts)

    def map_cloze_too(self) -> None:
        """The settings also name a cloze type of the person's."""
        cloze = TYPES["cloze without ids"]
        question = self.case
        self.case = cloze
        self.add_type()
        self.case = question
        settings = yaml.safe_load(question.settings())
        settings["note_types"] |= yaml.safe_load(cloze.settings())["note_types"]
        self.write_settings(yaml.safe_dump(settings, allow_unicode=True))
        self.types_before = self.type_names()

    def keep_apart(self, word: str, deck: str) -> None:
        """The person takes our tags off a note, and moves it to a deck of its own."""
        note = self.in_anki(word)
        note.tags = []
        self.col.update_note(note)
        self.col.set_deck(note.card_ids(), self.col.decks.id(deck))
        self.settle()


PUSHES: dict[str, tuple[str, tuple[Any, ...]]] = {
    "notes come and are corrected, and the type stays": ("own style", (
        do.write(QUESTION.format("", "a cat")), do.push(added=1), do.same_types(), do.answer(),
        do.edit(Mine="mine"), do.write(QUIET + OTHER), do.push(added=1, updated=1),
        do.there(Back="a quiet cat"), do.note(Mine="mine"), do.reviewed(1), do.same_types(),
        do.push(added=0, updated=0),
    )),
    "a cloze type, too": ("cloze without ids", (
        do.write(SENTENCE.format("small")), do.push(added=1), do.same_types(), do.answer(),
        do.edit(Mine="mine"), do.write(SENTENCE.format("quiet")), do.push(updated=1),
        do.note(Mine="mine"), do.reviewed(1), do.same_types(),
    )),
    "a note of ours that got another type is not converted": ("two fields", (
        do.unnamed(), do.write(QUESTION.format("", "a cat")), do.push(added=1), do.to_basic(),
        do.in_type("", "Basic"), do.write(QUIET), do.push(withheld=1, updated=0), do.in_type("", "Basic"), do.same_types(),
    )),
    "a second type, of an import, is not merged: the file brings the notes": ("two fields", (
        do.second_type("My own type", "My own type+"), do.write(QUESTION.format("", "a cat")),
        do.push(withheld=1, added=0), do.same_types(), do.imported(new=1), do.same_types(),
        do.in_type("", "My own type"),
    )),
    "the notes of two types are both asked for": ("two fields", (
        do.map_cloze_too(), do.write(QUIET + "\n" + SENTENCE.format("small")), do.push(added=2),
        do.in_type("What", "My own type"), do.in_type("lives", "Cloze+ alt"),
        do.keep_apart("What", "Questions"), do.keep_apart("lives", "Sentences"),
        do.write(QUESTION.format("", "a loud cat") + "\n" + SENTENCE.format("loud")),
        do.push(added=0, updated=2), do.push(added=0, updated=0), do.run(tombstones=0), do.same_types(),
    )),
    "fields that the person adds and renames stay": ("extra fields of the person", (
        do.write(QUESTION.format("", "a cat")), do.push(added=1), do.edit(Notiz="mine"),
        do.add_field("More"), do.rename_field("Notiz", "Own"), do.write(QUIET), do.push(updated=1),
        do.note(Antwort="a quiet cat", Own="mine"), do.same_types(),
    )),
}  # fmt: skip


MISFITS: dict[str, tuple[str, dict[str, Any], str]] = {
    "no such type": ("two fields", {"name": "My own tpye"},
                     "name: Anki has no note type 'My own tpye'; no package was written\n"
                     "hint: did you mean 'My own type'?"),
    "no such field": ("two fields", {"fields": {"Front": "Frgae", "Back": "Antwort"}},
                      "fields.Front: 'My own type' has no field 'Frgae'"),
    "another kind": ("two fields", {"name": "Cloze"}, "name: 'Cloze' is a cloze note type"),
    "another kind of cloze": ("cloze", {"name": "Basic"}, "name: 'Basic' is not a cloze note type"),
    "the first field": ("the answer is the first field", {"fields": {"Front": "Frage", "Back": "Frage2"}},
                        "'Frage2'"),
    "a first field of the person's": ("extra fields of the person",
                                      {"fields": {"Front": "Antwort", "Back": "Notiz"}},
                                      "fields: Anki needs 'Frage', the first field of 'My own type', and nothing"),
    "a field that no template asks": ("the answer is the first field",
                                      {"fields": {"Front": "Antwort", "Back": "Antwort"}},
                                      "fields.Back: 'Antwort' is also the field for Front"),
    "no template": ("old signs in its template", {"name": "Empty", "fields": {"Front": "A", "Back": "B"}},
                    "fields: no card template of 'Empty' asks {{A}}"),
    "a text that no template asks": ("cloze with fields of the person", {"name": "Empty cloze",
                                     "fields": {"Text": "A"}},
                                     "fields: no card template of 'Empty cloze' asks {{cloze:A}}"),
    "one of ours": ("two fields", {"name": "ankiforge Basic"}, "name: Anki has no note type 'ankiforge Basic'"),
    "a field twice": ("two fields", {"fields": {"Front": "Frage", "Back": "Antwort", "Extra": "Frage"}},
                      "'Frage' is also the field for Front"),
    "no answer": ("two fields", {"fields": {"Front": "Frage"}}, "fields: 'Back' is missing"),
    "a field that we do not have": ("two fields", {"fields": {"Front": "Frage", "Back": "Antwort", "Rear": "x"}},
                                    "fields.Rear: unknown key"),
}  # fmt: skip
"""The note type, what the settings say of it instead, and what is told."""
