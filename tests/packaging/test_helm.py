"""The chart: what Helm makes of it, whether Kubernetes would take that, and whether the gateway takes its arguments."""

import argparse
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from penstock.cli.commands import load_command
from penstock.store.files import read_texts
from tests.packaging.test_container import USER
from tests.servers.go_programs import go_program
from tests.servers.python_programs import python_program

# The first time, programs of others are built or fetched.
pytestmark = pytest.mark.timeout(900)

CHART = Path("packaging/helm/penstock")
VERSION = "1.30"
VALUES = {
    "as it is": [],
    "with state, secrets and etcd": [
        *("--set", "persistence.enabled=true", "--set", "secretName=certificates"),
        *("--set", "etcd={http://one:2379,http://two:2379}", "--set", "workers=0", "--set", "serviceType=LoadBalancer"),
        *("--set", "adminFrom[0].podSelector.matchLabels.app=prometheus"),
    ],
}


@pytest.fixture(scope="module")
def helm() -> Path:
    """The program of Helm."""
    return go_program("helm-3.19", "helm.sh/helm/v3/cmd/helm@v3.19.0")


def made(helm: Path, values: list[str]) -> list[dict[str, Any]]:
    """The objects that the chart makes."""
    command = [str(helm), "template", "shop", str(CHART), "--kube-version", VERSION, *values]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return [one for one in yaml.safe_load_all(ended.stdout) if one]


def the(kind: str, objects: list[dict[str, Any]]) -> dict[str, Any]:
    """The one object of a kind."""
    (found,) = [one for one in objects if one["kind"] == kind]
    return found


def test_helm_finds_nothing_wrong(helm: Path) -> None:
    command = [str(helm), "lint", "--strict", str(CHART)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("values", VALUES)
def test_kubernetes_would_take_every_object(helm: Path, values: str) -> None:
    judge = python_program("kubernetes-validate", "kubernetes-validate==1.37.0")
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as written:
        yaml.safe_dump_all(made(helm, VALUES[values]), written)
        command = [str(judge), "-k", VERSION, "--strict", written.name]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("values", VALUES)
def test_pods_are_as_the_restricted_standard_asks(helm: Path, values: str) -> None:
    pod = the("StatefulSet", made(helm, VALUES[values]))["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    everybody, own = pod["securityContext"], container["securityContext"]
    assert (everybody["runAsNonRoot"], str(everybody["runAsUser"])) == (True, USER)
    assert everybody["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert {next(iter(set(one) - {"name"})) for one in pod["volumes"]} <= {"configMap", "secret", "emptyDir"}


@pytest.mark.parametrize("values", VALUES)
def test_the_gateway_takes_its_arguments_and_answers_where_it_is_probed(helm: Path, values: str) -> None:
    pod = the("StatefulSet", made(helm, VALUES[values]))["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    word, *arguments = container["args"]
    parser = argparse.ArgumentParser()
    command = load_command(word)
    command.add_options(parser)
    options = parser.parse_args(arguments)
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert {str(options.configuration), str(options.state_dir)} <= mounts
    assert pod["terminationGracePeriodSeconds"] > options.grace + options.shutdown_delay
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert options.admin.endswith(f":{ports['admin']}")
    from penstock.admin.health import OPERATIONS  # noqa: PLC0415 - the web framework is loaded by who needs it

    paths = {one.path for one in OPERATIONS if one.is_open}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] in paths


def test_the_configuration_that_comes_with_it_is_one_also_as_kubernetes_lays_it_out(helm: Path, tmp_path: Path) -> None:
    files = the("ConfigMap", made(helm, []))["data"]
    # Files are links into a folder that is replaced as a whole.
    within = tmp_path / "..2026_11_22"
    within.mkdir()
    (tmp_path / "..data").symlink_to(within.name)
    for name, content in files.items():
        (within / name).write_text(content)
        (tmp_path / name).symlink_to(f"..data/{name}")
    texts, problems = read_texts(tmp_path)
    assert (len(texts), list(problems)) == (len(files), [])
    options = argparse.Namespace(configuration=tmp_path, output="text")
    assert load_command("validate").run(options) == 0
