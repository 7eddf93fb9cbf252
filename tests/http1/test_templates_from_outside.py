"""What comes from outside is never a template, and a template reaches nothing but what it is given (I12)."""

import http.client
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.servers.gateway_process import GatewayProcess

EVIL = ("{{7*7}}", "{{ ''.__class__.__mro__ }}", "{% for x in y %}x{% endfor %}", "${env:HOME}", "{{request.method}}")
REACHING = {
    "{{ ''.__class__.__mro__ }}": "this is one value and has no parts",
    "{{ request.__class__.__init__.__globals__ }}": "this is one value and has no parts",
    "{{ request.headers.__class__ }}": "no request has a header `__class__`",
    "{{ ''|attr('__class__') }}": "there is no filter `attr` here",
    "{{ 7*7 }}": "multiplication",
    "{% include '/etc/passwd' %}": "`{% include %}` is not allowed here",
    "{% import 'os' as os %}{{ os.system('id') }}": "`{% import %}` is not allowed here",
    "{{ range(10**9)|list }}": "there is no filter `list` here",
    "{{ lipsum.__globals__ }}": "unknown name `lipsum`",
    "{{ cycler.__init__ }}": "unknown name `cycler`",
}
LISTENER = {"kind": "Listener", "name": "web", "address": "127.0.0.1:0"}


def route(name: str, header: str, body: str, status: int = 200) -> dict[str, Any]:
    steps = [
        {"kind": "SetHeaders", "response": {"set": {"x-told": header, "x-path": "{{ request.path }}"}}},
        {"kind": "Respond", "status": status, "body": body},
    ]
    return {"kind": "Route", "name": name, "path": f"/{name}/*", "steps": steps}


def written(*resources: dict[str, Any]) -> str:
    return "\n---\n".join(json.dumps(one) for one in resources)


def test_i12_what_a_client_sends_is_literal_in_headers_and_error_pages() -> None:
    told = "<{{ request.headers['x-evil'] }}> <{{ request.query.q }}>"
    with GatewayProcess(written(LISTENER, route("page", told, told, 503)), workers=1) as gateway:
        for evil in EVIL:
            connection = http.client.HTTPConnection("127.0.0.1", gateway.port(), timeout=20)
            escaped = "".join(f"%{byte:02x}" for byte in evil.encode())
            connection.request("GET", f"/page/%7B%7B7*7%7D%7D?q={escaped}", headers={"x-evil": evil})
            answer = connection.getresponse()
            assert answer.read().decode() == answer.headers["x-told"] == f"<{evil}> <{evil}>"
            assert "7*7" in answer.headers["x-path"]
            connection.close()


def test_i12_a_template_that_reaches_elsewhere_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    found = list(REACHING)
    headers = [route(f"header-{number}", f"a{text}b", "") for number, text in enumerate(found)]
    bodies = [route(f"body-{number}", "", f"a{text}b") for number, text in enumerate(found)]
    file.write_text(written(LISTENER, *headers, *bodies, route("{{7*7}}", "", "")))
    command = [sys.executable, "-m", "penstock", "validate", "-c", str(file), "-o", "json"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    problems = json.loads(told.stdout)["problems"]
    told_of = {one["resource"]: one["message"] for one in problems if one["resource"]}
    for number, text in enumerate(found):
        assert REACHING[text] in told_of[f"route/header-{number}"]
        assert REACHING[text] in told_of[f"route/body-{number}"]
    assert any("{{7*7}}" in one["message"] and one["path"].endswith("name") for one in problems)
