"""Configurations for tests of the runtime."""


def many_routes(count: int, mark: str, to: str) -> str:
    """One listener and very many routes; that of `/probe` answers with the mark in `x-mark`."""
    listener = "kind: Listener\nname: web\naddress: 127.0.0.1:0\n"
    answer = f'[{{kind: Respond, status: 200, headers: {{x-mark: "{mark}"}}}}]'
    probe = f"kind: Route\nname: probe\npath: /probe\nsteps: {answer}\n"
    routes = [
        f"kind: Route\nname: route-{number}\nhosts: [h{number % 200}.test]\npath: /service-{number}/*\nto: {to}\n"
        for number in range(count)
    ]
    return "---\n".join([listener, *routes[: count // 2], probe, *routes[count // 2 :]])


def forwarding(to: str, mark: str = "1", address: str = "127.0.0.1:0") -> str:
    """One listener before one endpoint; answers carry the mark in `x-mark`."""
    return f"""
kind: Listener
name: web
address: {address}
---
kind: Route
name: all
path: /*
steps:
  - {{kind: SetHeaders, response: {{set: {{x-mark: "{mark}"}}}}}}
  - {{kind: Forward, to: {to}}}
"""
