"""What a filter is given: the core's classes, under the names that filter authors use."""

from penstock._core import BudgetExceeded, ClientCertificate, Headers, Request, Response, Tls, Values

__all__ = ["BudgetExceeded", "ClientCertificate", "Headers", "Request", "Response", "Tls", "Values"]
