"""`AddTenant`: tells services whose request it is."""

from penstock.sdk import Field, Filter, FilterConfig, Request


class AddTenant(Filter):
    """Adds the first label of the request's host as a header.

    Change this file while the gateway runs: the next request meets the new code.
    """

    class Config(FilterConfig):
        """What the step in the configuration may set."""

        header: str = Field("x-tenant", description="Header that carries the tenant.")

    def on_request(self, request: Request) -> None:
        """Set the header."""
        request.headers[self.config.header] = request.host.partition(".")[0]
