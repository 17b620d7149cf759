"""What the server says when it does not do what was asked: words, never a traceback."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, jsonify, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import HTTPException

from ankiforge.errors import ForgeError

WORDS = {
    HTTPStatus.BAD_REQUEST: ("not understood", ""),
    HTTPStatus.FORBIDDEN: (
        "this page belongs to one browser",
        "open the address that `ankiforge review` printed",
    ),
    HTTPStatus.NOT_FOUND: ("there is nothing here", "the page is at /"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("that is too much at once", "shorten what you wrote"),
    HTTPStatus.MISDIRECTED_REQUEST: (
        "the page is not called by this name",
        "open the address that `ankiforge review` printed",
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        "the page failed at this",
        "what was decided is stored; the terminal has the details",
    ),
}
"""What is said of a status, and the hint, unless there are words for the case."""

_log = logging.getLogger(__name__)


class Json(DefaultJSONProvider):
    """JSON from the browser, which may be anything."""

    sort_keys = False  # fields have an order

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """A value.

        Raises:
            ValueError: it is none, or nested deeper than anybody writes.
        """
        try:
            return super().loads(s, **kwargs)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


def tell_refusals(app: Flask) -> None:
    """Answer in words whatever goes wrong, and live on."""
    app.json = Json(app)
    app.register_error_handler(ForgeError, _refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _failed)


def _refused(error: ForgeError) -> Any:
    return _said(error.message, error.hint, HTTPStatus.CONFLICT)


def _http(error: HTTPException) -> Any:
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    usual = error.description == type(error).description and status in WORDS
    return _said(*WORDS[status] if usual else (error.description or status.phrase, ""), status)


def _failed(error: Exception) -> Any:
    """A mistake of ours: told whole on the terminal, and to nobody else."""
    _log.error("%s %s failed", request.method, ascii(request.path), exc_info=error)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return _said(*WORDS[status], status)


def _said(message: str, hint: str, status: HTTPStatus) -> Any:
    if "text/html" in request.headers.get("Accept", ""):  # a person, not the script
        return Response(f"{message}; {hint}" if hint else message, status, mimetype="text/plain")
    return jsonify(error=message, hint=hint), status
