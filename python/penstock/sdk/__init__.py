"""What the author of a filter imports."""

from pydantic import Field, SecretStr

from penstock.sdk.filter import Filter, FilterConfig
from penstock.sdk.request import BudgetExceeded, ClientCertificate, Headers, Request, Response, Tls, Values

__all__ = [
    "BudgetExceeded",
    "ClientCertificate",
    "Field",
    "Filter",
    "FilterConfig",
    "Headers",
    "Request",
    "Response",
    "SecretStr",
    "Tls",
    "Values",
]
