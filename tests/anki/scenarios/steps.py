"""What is done: packages imported, and what a person does in Anki meanwhile.

Names without a call (`delete`, `review`) are steps; the others make one.
"""

import zipfile
from collections.abc import Callable
from typing import Any

from ankiforge.model import Family, note_id

from .bench import Bench
from .packages import DECK, NOW, Change, Planned, note, package

Step = Callable[[Bench], object]
"""A thing done; what it returns does not matter."""


def ship(*notes: Planned, raw: tuple[Change, ...] = (), **options: Any) -> Step:
    """Import a package of these notes (note "one", unless told)."""

    def do(bench: Bench) -> None:
        bench.subject = bench.subject or (notes or (note(),))[0].note.guid
        bench.load(package(bench, notes or (note(),), raw), **options)

    return do


def unseen(*notes: Planned) -> Step:
    """Write a package that nobody imports yet."""
    return lambda bench: package(bench, notes, ())


def again(at: int = -1, **options: Any) -> Step:
    """Import a package once more: the last one, or the one with this number."""
    return lambda bench: bench.load(bench.packages[at], **options)


def edit(**fields: str) -> Step:
    return lambda bench: bench.anki.edit(bench.subject, **fields)


def tag(*names: str) -> Step:
    def do(bench: Bench) -> None:
        bench.anki.col.tags.bulk_add([bench.anki.note(bench.subject).id], " ".join(names))

    return do


def col(do: Callable[[Any], object]) -> Step:
    """Anything else that Anki can do."""
    return lambda bench: do(bench.anki.col)


def subject(do: Callable[[Any, Any], object]) -> Step:
    """Anything that Anki can do with the note: called with the collection and the note."""
    return lambda bench: do(bench.anki.col, bench.anki.note(bench.subject))


delete = subject(lambda col, note: col.remove_notes([note.id]))
suspend = subject(lambda col, note: col.sched.suspend_cards(note.card_ids()))
undo = col(lambda col: col.undo())


def review(bench: Bench) -> None:
    bench.anki.answer_first_card(bench.subject)


def remember(bench: Bench) -> None:
    """What `unchanged` and `kept` are told against."""
    bench.before = bench.state()


def move(deck: str) -> Step:
    return subject(lambda col, note: col.set_deck(note.card_ids(), col.decks.id(deck)))


def change_type(do: Callable[[Any, dict[str, Any]], object]) -> Step:
    """A change to our note type, made by the person in Anki's own windows."""

    def step(bench: Bench) -> None:
        models = bench.anki.col.models
        of = bench.anki.note_type(Family.BASIC)
        do(models, of)
        models.update_dict(of)

    return step


def add_field(name: str) -> Step:
    return change_type(lambda models, of: models.add_field(of, models.new_field(name)))


def rename_field(old: str, new: str) -> Step:
    def do(models: Any, of: dict[str, Any]) -> None:
        models.rename_field(of, next(one for one in of["flds"] if one["name"] == old), new)

    return change_type(do)


def _add_template(models: Any, of: dict[str, Any]) -> None:
    new = models.new_template("Mine")
    new |= {"qfmt": "{{Extra}} mine?", "afmt": "{{Back}}"}
    models.add_template(of, new)


add_template = change_type(_add_template)


def _add_field_elsewhere(anki: Any) -> None:
    of = anki.models.by_name("Basic")
    anki.models.add_field(of, anki.models.new_field("More"))
    anki.models.update_dict(of)


add_field_elsewhere = col(_add_field_elsewhere)
"""To a note type of their own: the next sync is a full one."""


def edit_css(text: str) -> Step:
    return change_type(lambda models, of: of.update(css=text))


def to_basic(bench: Bench) -> None:
    """The person makes our note one of Anki's own "Basic"."""
    models, own = bench.anki.col.models, bench.anki.note(bench.subject)
    info = models.change_notetype_info(
        old_notetype_id=own.mid, new_notetype_id=models.id_for_name("Basic")
    )
    info.input.note_ids.append(own.id)
    models.change_notetype_of_notes(info.input)


def add_own(deck: str = "Default", words: str = "mine") -> Step:
    """The person adds a note of their own."""

    def do(anki: Any) -> None:
        new = anki.new_note(anki.models.by_name("Basic"))
        new["Front"] = words
        anki.add_note(new, anki.decks.id(deck))

    return col(do)


def _copy(col: Any, own: Any) -> None:
    new = col.new_note(own.note_type())
    new.fields = list(own.fields)
    col.add_note(new, own.cards()[0].did)


create_copy = subject(_copy)
"""As in Anki's menu: the same fields under a new guid."""


def filtered(name: str) -> Step:
    def do(anki: Any) -> None:
        deck = anki.sched.get_or_create_filtered_deck(0)
        deck.name = name
        deck.config.search_terms[0].search = "deck:Default"
        anki.sched.add_or_update_filtered_deck(deck)

    return col(do)


def rename_deck(old: str, new: str) -> Step:
    return col(lambda col: col.decks.rename(col.decks.by_name(old), new))


def delete_deck(name: str) -> Step:
    return col(lambda col: col.decks.remove([col.decks.id_for_name(name)]))


def delete_card(ordinal: int) -> Step:
    def do(col: Any, own: Any) -> None:
        [gone] = [card.id for card in own.cards() if card.ord == ordinal]
        col.remove_cards_and_orphaned_notes([gone])

    return subject(do)


def deck_options(name: str) -> Step:
    """The person gives the deck options of its own."""

    def do(anki: Any) -> None:
        deck = anki.decks.by_name(DECK)
        deck["conf"] = anki.decks.add_config_returning_id(name)
        anki.decks.save(deck)

    return col(do)


def describe(words: str) -> Step:
    def do(anki: Any) -> None:
        anki.decks.save(anki.decks.by_name(DECK) | {"desc": words})

    return col(do)


flag = subject(lambda col, note: col.set_user_flag_for_cards(3, note.card_ids()))
delete_type = subject(lambda col, note: col.models.remove(note.mid))


def leech(bench: Bench) -> None:
    """The person forgets the first card once too often: the eighth time."""
    card = bench.anki.cards(bench.subject)[0]
    card.type, card.queue, card.due, card.ivl, card.lapses, card.reps = 2, 2, 0, 10, 7, 20
    bench.anki.col.update_card(card)
    bench.anki.col.decks.select(card.did)
    card = bench.anki.col.get_card(card.id)
    card.start_timer()
    bench.anki.col.sched.answerCard(card, 1)


def tag_own(name: str) -> Step:
    """The person tags their own note."""
    return col(lambda col: col.tags.bulk_add(col.find_notes("note:Basic"), name))


def take_our_id(bench: Bench) -> None:
    """Another note has the id that the note "one" would get."""
    bench.anki.col.db.execute("update notes set id = ?", note_id(note().note.guid))
    bench.anki.col.db.execute("update cards set nid = ?", note_id(note().note.guid))


def genanki(stamp: int) -> Step:
    """Import the note "one" as genanki writes it: with the time in place of a mod."""

    def do(bench: Bench) -> None:
        import genanki as writer

        one = note().note
        kind = writer.Model(
            1, "Deck type", fields=[{"name": "Front"}, {"name": "Back"}],
            templates=[{"name": "Card 1", "qfmt": "{{Front}}", "afmt": "{{Back}}"}],
        )  # fmt: skip
        deck = writer.Deck(2, DECK)
        deck.add_note(writer.Note(kind, list(one.fields[:2]), guid=one.guid))
        path = bench.folder / "other.apkg"
        writer.Package(deck).write_to_file(path, timestamp=stamp if stamp > 0 else NOW + stamp)
        bench.subject = one.guid
        bench.load(path)

    return do


def lone(member: str) -> Step:
    """Import a package that is nothing but a database."""

    def do(bench: Bench) -> None:
        bench.subject = note().note.guid
        path = package(bench, (note(),), ())
        with zipfile.ZipFile(path) as old:
            data = old.read("collection.anki2")
        with zipfile.ZipFile(path, "w") as new:
            new.writestr(member, data)
        bench.load(path)

    return do


def broken(bench: Bench) -> None:
    """Import a package that was cut off while it was copied."""
    path = package(bench, (note(),), ())
    path.write_bytes(path.read_bytes()[:-200])
    bench.load(path)
