"""What the author of a filter imports."""

from pydantic import Field, SecretStr

from penstock.sdk.filter import Filter, FilterConfig
from penstock.sdk.request import BudgetExceeded, Headers, Request, Response, Values

__all__ = [
    "BudgetExceeded",
    "Field",
    "Filter",
    "FilterConfig",
    "Headers",
    "Request",
    "Response",
    "SecretStr",
    "Values",
]
