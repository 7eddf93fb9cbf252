"""The two filters of the `penstock-python` rows: one reads and sets a request header, one sets an answer's."""

from penstock.sdk import Filter, Request, Response


class NameConsumer(Filter):
    """Refuses a request that carries `x-deny`; names the consumer of any other."""

    def on_request(self, request: Request) -> Response | None:
        """Answer 403, or set `x-consumer`."""
        if "x-deny" in request.headers:
            return Response(403)
        request.headers["x-consumer"] = "anonymous"
        return None


class StampAnswer(Filter):
    """Sets one header of the answer."""

    def on_response(self, request: Request, response: Response) -> None:
        """Set `x-gateway`."""
        del request
        response.headers["x-gateway"] = "python"
