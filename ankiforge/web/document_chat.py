"""Ask a chat about a document: prompts to paste there, and what its replies bring."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ankiforge.ledger import Ledger
from ankiforge.ledger.cards import load_highlight
from ankiforge.model import HighlightKey, Strings
from ankiforge.pipeline import chats, unmarked_documents
from ankiforge.pipeline.run_result import ChatExport, ChatImport
from ankiforge.pipeline.unmarked_documents import DocumentRequest
from ankiforge.pipeline.workspace import Workspace
from ankiforge.text import format_as_sentence
from ankiforge.web.documents import DocumentRenderer
from ankiforge.web.page_part import ChatOutcome, ChatPrompt

MAX_UNUSED = 5
"""The maximum number of reasons to list for cards in a chat's reply that weren't used."""


class DocumentChat:
    """Builds the prompts about documents, and stores the cards in the replies."""

    def __init__(
        self,
        workspace: Workspace,
        documents: DocumentRenderer,
        on_stored: Callable[[], None],
    ) -> None:
        """Create the chat. `on_stored` is called after a reply was stored."""
        self._workspace = workspace
        self._ledger: Ledger = workspace.ledger
        self._documents = documents
        self._on_stored = on_stored

    def build_prompt(self, document_id: str) -> ChatPrompt:
        """Return the prompt about a document.

        It asks for cards from the best highlights of the document or, if the id isn't that of a
        document, of all documents. For a document without highlights, it asks the chat to choose
        passages.
        """
        if not self._documents.has_no_highlights(document_id):
            return self._ask_for_cards(document_id)
        request = self._documents.request_passages(document_id)
        return self._ask_for_passages(document_id, request)

    # --- cards of highlights --------------------------------------------------------------

    def _ask_for_cards(self, document_id: str) -> ChatPrompt:
        export = self._export_highlights(document_id)
        said = format_as_sentence(export.summary)
        if not export.texts:
            apply_reply = partial(self._apply_cards, document_id, frozenset())
            return ChatPrompt(said, None, apply_reply)
        apply_reply = partial(self._apply_cards, document_id, export.keys[0])
        return ChatPrompt(said, export.texts[0], apply_reply)

    def _export_highlights(self, document_id: str) -> ChatExport:
        """Build the texts about the highlights of one document, or of all if it has none."""
        key = self._documents.get_highlight_key(document_id)
        if not key:
            return chats.export_chats(self._workspace)
        document = load_highlight(self._ledger, key).document
        return chats.export_chats(self._workspace, document=document.key)

    def _apply_cards(
        self, document_id: str, asked_keys: frozenset[HighlightKey], reply: str
    ) -> ChatOutcome:
        """Store the cards in a reply, and ask about the next highlights of the document.

        `asked_keys` are the highlights that the prompt asked about.
        """
        result = chats.record_chat_reply(self._workspace, reply, asked=asked_keys)
        self._on_stored()
        return self._describe_outcome(result, reply, self._ask_for_cards(document_id))

    # --- passages of a document without highlights ----------------------------------------

    def _ask_for_passages(self, document_id: str, request: DocumentRequest) -> ChatPrompt:
        """Ask about the first part of the document that has no answer yet."""
        apply_reply = partial(self._apply_passages, document_id, request)
        if not request.remaining_parts:
            return ChatPrompt(None, None, apply_reply)
        part = request.remaining_parts[0]
        text = unmarked_documents.build_chat_text(self._workspace, request, part)
        return ChatPrompt(request.describe_part_request(part), text, apply_reply)

    def _apply_passages(
        self, document_id: str, request: DocumentRequest, reply: str
    ) -> ChatOutcome:
        """Store the passages in a reply with their cards, and ask about the next part."""
        result = chats.record_chat_reply(self._workspace, reply, about=request)
        self._on_stored()
        if result.drafted:
            first_key = result.drafted[0].highlight.key
            self._documents.reuse_document_id(document_id, first_key)
        next_prompt = self._ask_for_passages(document_id, request)
        return self._describe_outcome(result, reply, next_prompt)

    # --- the outcome ----------------------------------------------------------------------

    def _describe_outcome(
        self, result: ChatImport, reply: str, next_prompt: ChatPrompt
    ) -> ChatOutcome:
        second_reading = None
        if result.drafted:
            second_reading = chats.build_second_reading_text(self._workspace, reply)
        return ChatOutcome(
            result.summary,
            bool(result.drafted or result.read_again),
            _list_unused_reasons(result),
            next_prompt,
            second_reading,
        )


def _list_unused_reasons(result: ChatImport) -> Strings:
    """Return why cards weren't used, but not the reason with which the summary begins."""
    reasons = []
    for problem in result.unused[:MAX_UNUSED]:
        if not result.summary.startswith(problem.message):
            reasons.append(problem.message)
    return tuple(reasons)
