"""What a plan does with requests, told by the code that serves live traffic."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from penstock._core import Explainer as ExplainingCore


class Explainer:
    """A plan, built once, that is asked about many requests.

    Raises: ValueError if the plan cannot be built.
    """

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self._core = ExplainingCore(json.dumps(plan))

    def explain(self, request: Mapping[str, Any], *, is_near: bool = False) -> dict[str, Any]:
        """The verdict on every route, the one that serves, its steps and the endpoint it would pick.

        Shape: `request` has `method`, `url` (or a path alone), `headers` as pairs, and where given `listener`, `from`
        and `tls`. With `is_near`, routes for other hosts and paths are left out.
        Raises: ValueError if it is no request.
        """
        explained: dict[str, Any] = json.loads(self._core.explain(json.dumps(_with_url(request)), is_near))
        return explained


def whole_url(url: str, headers: Iterable[Sequence[str]]) -> str:
    """The URL that a path stands for: of the host that is asked for, else of `localhost`."""
    if not url.startswith("/"):
        return url
    host = next((value for name, value in headers if name.lower() == "host"), "localhost")
    return f"http://{host}{url}"


def _with_url(request: Any) -> Any:
    # What is no request is told by the core, which reads it strictly.
    url = request.get("url") if isinstance(request, Mapping) else None
    if not isinstance(url, str) or not url.startswith("/"):
        return request
    headers = request.get("headers")
    listed = headers if isinstance(headers, list | tuple) else ()
    pairs = [pair for pair in listed if isinstance(pair, list | tuple) and [*map(type, pair)] == [str, str]]
    return {**request, "url": whole_url(url, pairs)}


def explain(plan: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """The same for one request.

    Raises: ValueError if it is no request.
    """
    return Explainer(plan).explain(request)


def why_not(route: Mapping[str, Any]) -> str:
    """Why a route that was tried does not serve, in a few words; empty for the one that does."""
    if route["verdict"] == "hidden":
        return "matches too, and goes behind the chosen one"
    failed = route.get("failed")
    if not failed:
        return ""
    name = f" {failed['name']}" if failed.get("name") else ""
    found = f", found {failed['found']}" if failed.get("found") is not None else ""
    return f"{failed['condition']}{name}: expected {failed.get('expected')}{found}"
