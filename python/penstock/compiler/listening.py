"""A configuration that nobody can reach: it has no listener."""

from collections.abc import Iterator, Sequence

from penstock.base.problem import Problem, Severity
from penstock.model.listener import Listener
from penstock.model.loading.loaded import Placed


def check_listening(resources: Sequence[Placed], file: str) -> Iterator[Problem]:
    """Warns where no resource is a listener that is enabled; meant for what is otherwise without a mistake."""
    listeners = [placed.resource for placed in resources if isinstance(placed.resource, Listener)]
    if any(listener.enabled for listener in listeners):
        return
    message = "no listener is enabled: nothing is served" if listeners else "no listener: nothing is served"
    hint = "" if listeners else 'add one: {kind: Listener, name: web, address: "127.0.0.1:8080"}'
    yield Problem((), message, hint, Severity.WARNING, file=file)
