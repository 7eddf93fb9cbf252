"""What a filter is given: the core's classes, under the names that filter authors use."""

from penstock._core import BudgetExceeded, Headers, Request, Response, Values

__all__ = ["BudgetExceeded", "Headers", "Request", "Response", "Values"]
