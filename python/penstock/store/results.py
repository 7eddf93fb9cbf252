"""The form in which results are kept."""

import json
from dataclasses import asdict

from penstock.store.entry import Damaged, Result


def write_result(result: Result) -> str:
    """A result as JSON."""
    return json.dumps(asdict(result))


def read_result(text: str) -> Result:
    """A result from its JSON.

    Raises: Damaged.
    """
    try:
        known = json.loads(text)
        return Result(known["node"], known["time"], tuple(known["problems"]), known["plan_revision"])
    except (ValueError, TypeError, KeyError) as problem:
        raise Damaged(f"a result cannot be read: {problem}") from None
