"""Asks an OpenID provider: small answers in JSON, within a time, from where it was asked and nowhere else."""

import json
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException, HTTPMessage
from typing import IO, Any, NoReturn
from urllib.error import HTTPError
from urllib.parse import urlencode

from penstock.admin.access.oidc.provider import check_url

_SECONDS = 10.0
_LARGEST = 1024 * 1024


class NotAnswered(Exception):  # noqa: N818 - says what is the case
    """A provider that does not answer as it should; the text says how, without secrets.

    One that `is_silent` has not answered at all.
    """

    is_silent = False


class NotGood(Exception):  # noqa: N818 - says what is the case
    """A token that is not to be believed; the text says why, and does not repeat it."""


class _NowhereElse(urllib.request.HTTPRedirectHandler):
    def redirect_request(  # noqa: PLR0913, PLR0917 - the signature of the method it replaces
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,  # noqa: ARG002
        headers: HTTPMessage,
        newurl: str,  # noqa: ARG002
    ) -> NoReturn:
        raise HTTPError(req.full_url, code, "it leads elsewhere", headers, fp)


def fetch(url: str, form: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The mapping that a URL answers with; a form is sent, if there is one.

    Raises: NotAnswered.
    """
    try:
        check_url(url)
        content = None if form is None else urlencode(form).encode()
        request = urllib.request.Request(url, content, {"accept": "application/json"})  # noqa: S310 - checked above
        opener = urllib.request.build_opener(_NowhereElse)
        with opener.open(request, timeout=_SECONDS) as answer:
            text = answer.read(_LARGEST + 1)
        data = json.loads(text) if len(text) <= _LARGEST else None
    except HTTPError as problem:
        raise NotAnswered(f"{url} answers {problem.code}") from None
    except (OSError, ValueError, HTTPException, RecursionError) as problem:
        silence = NotAnswered(f"{url}: {type(problem).__name__}")
        silence.is_silent = True
        raise silence from None
    if not isinstance(data, dict):
        raise NotAnswered(f"{url} answers with something else than a mapping")
    return data
