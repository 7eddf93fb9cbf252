"""What a plan does with a request, told by the code that serves live traffic."""

import json
from collections.abc import Mapping
from typing import Any

from penstock._core import explain as explain_by_core


def explain(plan: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """The verdict on every route, the one that serves, its steps and the endpoint it would pick.

    Shape: `request` has `method`, `url`, `headers` as pairs, and where given `listener` and `from`.
    Raises: ValueError if it is no request.
    """
    explained: dict[str, Any] = json.loads(explain_by_core(json.dumps(plan), json.dumps(request)))
    return explained
