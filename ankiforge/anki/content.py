"""Build the fields and tags that we would write to the note of a card."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from ankiforge.anki.layout import (
    GENERATED_FIELDS,
    IDENTITY_FIELD,
    LOCAL_LINKS_FIELD,
    FieldLayout,
)
from ankiforge.anki.notes import (
    ContextFilter,
    format_context,
    format_identity,
    format_references,
    render_citation,
    render_collapsible_source,
    render_content_fields,
    render_links,
    render_mask_labels,
    render_source,
)
from ankiforge.anki.notetypes import hash_html
from ankiforge.anki.render import is_generated_media_name, text_to_html
from ankiforge.model import LocalCard, Media, Problem, Strings, Texts, Value
from ankiforge.text import occlusion
from ankiforge.text.cloze import find_image_paths


class NoteContent(Value):
    """The fields and tags that we would write to a note."""

    fields: Texts
    """The HTML of each of our fields in the layout, keyed by our field names."""
    tags: Strings
    media: Mapping[str, Media] = {}
    """The pictures that the fields may show, by their path in the card."""
    picture_problems: tuple[Problem, ...] = ()
    """A problem for each picture that can't be read now."""
    unreadable_fields: frozenset[str] = frozenset()
    """The fields that may be more complete in Anki than our version: fields with a picture whose
    name in Anki is unknown, and fields generated from a passage that this computer doesn't read."""

    @property
    def local_links_hash(self) -> str | None:
        """The hash of the local links, or None if there are none or they are unknown here."""
        html = self.fields.get(LOCAL_LINKS_FIELD)
        if not html or LOCAL_LINKS_FIELD in self.unreadable_fields:
            return None
        return hash_html(html)

    @property
    def shown_media(self) -> dict[str, Media]:
        """The readable images that the fields show, keyed by their path in the card."""
        html = "".join(self.fields.values())
        return {
            path: picture
            for path, picture in self.media.items()
            if picture.name in html and picture.path
        }


class CardFiles(Value):
    """A card's images and PDFs on this computer."""

    pictures: Mapping[str, Media | Problem] = {}
    """Each picture by its path in the card, or a problem that explains why it is missing."""
    pdf_urls: Strings = ()
    """The URLs that open the card's PDFs at the page of the passage."""


def build_note_content(
    card: LocalCard,
    tags: Strings,
    files: CardFiles,
    layout: FieldLayout,
    filter_context: ContextFilter,
) -> NoteContent:
    """Build the fields and tags that we would write to the note of a card.

    `layout` determines which fields the note has. `filter_context` removes everything that would
    reveal the answer from the line above the question.
    """
    media_by_path, problems = _choose_media(card, files, layout)
    rendered = _render_content_fields(card, media_by_path)
    adopted = _find_adopted_html(card)

    unreadable = _find_fields_without_picture(card, media_by_path) - adopted.keys()
    if card.note.adopted and not unreadable:
        # the pictures are in fields that stay as their tool wrote them
        problems = []
    if not card.was_read_on_this_device:
        # the generated fields keep Anki's text
        unreadable.update(GENERATED_FIELDS)

    shown_card = _restore_old_passage(card)
    links, local_links = render_links(files.pdf_urls, *shown_card.passages)
    fields = {
        **rendered,
        **adopted,
        "Source": render_source(shown_card),
        "Links": links,
        LOCAL_LINKS_FIELD: local_links,
    }
    is_our_type = IDENTITY_FIELD in layout.positions
    if is_our_type:
        hashes = tuple(hash_html(html) for html in rendered.values())
        fields["Citation"] = render_citation(shown_card, filter_context)
        fields[IDENTITY_FIELD] = text_to_html(format_identity(card, hashes, tags))
    else:
        fields |= _render_source_for_other_types(shown_card, links, filter_context)
    return NoteContent(
        # a field that we have nothing for is emptied
        fields={name: fields.get(name, "") for name in layout.positions},
        tags=tags,
        media=media_by_path,
        picture_problems=tuple(problems),
        unreadable_fields=frozenset(unreadable),
    )


def _render_content_fields(card: LocalCard, media_by_path: Mapping[str, Media]) -> Texts:
    """Render the card's own fields as HTML, in note type order."""
    html_fields = render_content_fields(card.kind, card.fields, media_by_path)
    return dict(zip(card.note_type.content_fields, html_fields, strict=True))


def _find_adopted_html(card: LocalCard) -> Texts:
    """Return the fields of an adopted note whose text is unchanged, as their tool wrote them."""
    adopted = card.note.adopted
    if adopted is None:
        return {}
    html_by_name = {}
    for name in adopted.field_names:
        html = adopted.find_original_html(name, card.get_field(name))
        if html is not None:
            html_by_name[name] = html
    return html_by_name


def _restore_old_passage(card: LocalCard) -> LocalCard:
    """Show the old passage of a card until the user has decided about the changed one."""
    if card.old_passage_text is None:
        return card
    old = replace(card.highlight, exact=card.old_passage_text, sentence="")
    return replace(card, passages=(old, *card.passages[1:]))


def _render_source_for_other_types(
    card: LocalCard, links: str, filter_context: ContextFilter
) -> Texts:
    """Render the source for a note type that isn't ours.

    Anki's Image Occlusion shows Header above the picture, and Back Extra with the answer. Other
    note types may have a field for the citation.
    """
    citation = "<br>".join(map(text_to_html, format_references(card)))
    citation_and_links = "<br>".join(filter(None, (citation, links)))
    labels = render_mask_labels(occlusion.get_masks(card.fields))
    return {
        "Citation": citation,
        "Header": text_to_html(format_context(card, filter_context)),
        "Back Extra": labels + render_collapsible_source(citation_and_links),
    }


def _choose_media(
    card: LocalCard, files: CardFiles, layout: FieldLayout
) -> tuple[dict[str, Media], list[Problem]]:
    """Return the pictures of a note by path, and a problem for each picture that can't be read.

    An unreadable picture is included as well if its name in Anki is known, because Anki still has
    the file.
    """
    media_by_path: dict[str, Media] = {}
    missing: list[Problem] = []
    for path, picture in files.pictures.items():
        if isinstance(picture, Media):
            media_by_path[path] = picture
            continue
        missing.append(picture)
        name = _find_name_in_anki(card, path)
        if layout.anki_note and name is not None:
            media_by_path[path] = Media(name, "")
    return media_by_path, missing


def _find_name_in_anki(card: LocalCard, path: str) -> str | None:
    """Return the name that a card's picture has in Anki, or None if it is unknown."""
    name = card.note.find_picture_name(path)
    if name:
        return name
    # in text that the user edited in Anki, the path is the picture's name in Anki
    return path if is_generated_media_name(path) else None


def _find_fields_without_picture(card: LocalCard, media: Mapping[str, Media]) -> set[str]:
    """Return the fields with a picture that is neither read here nor known in Anki.

    Pictures on the web are never read, so they don't count as missing.
    """
    names = set()
    for name, text in card.fields:
        local_paths = {path for path in find_image_paths(text) if "://" not in path}
        if local_paths - media.keys():
            names.add(name)
    return names
