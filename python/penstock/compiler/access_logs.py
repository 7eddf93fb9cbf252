"""Access logs as the plan says them."""

import json

from penstock.base.problem import Steps
from penstock.compiler import plan_types
from penstock.compiler.collectors import compile_collector
from penstock.compiler.compiled import Fragment, Reference
from penstock.filters.catalogue import Catalogue
from penstock.model.access_log import JSON, NOWHERE, OFF, OTLP, STDERR, AccessLog, LogReceiver, LogRotation, LogScope
from penstock.model.telemetry import Telemetry

_BATCHES = ("ndjson", "array")
_FACILITIES = {"user": 1, "daemon": 3, **{f"local{number}": 16 + number for number in range(8)}}
"""Numbers of facilities (RFC 5424, table 1)."""


def compile_access_logs(telemetry: Telemetry, catalogue: Catalogue, fragment: Fragment) -> list[plan_types.AccessLog]:
    """The access logs of a resource that are not off."""
    found = []
    for path, log in telemetry.placed_logs():
        _check_members(log, path, fragment)
        _refer(log.only, (*path, "only"), fragment)
        _refer(log.skip, (*path, "skip"), fragment)
        _check_place(log, path, fragment)
        compiled = _compiled(log, _place(telemetry, log, path, catalogue, fragment))
        for problem in catalogue.check_access_log(json.dumps(compiled)):
            fragment.error((*path, *problem.path), problem.message, problem.hint)
        if log.path != OFF:
            found.append(compiled)
    return found


def _check_members(log: AccessLog, path: Steps, fragment: Fragment) -> None:
    if log.format == JSON or not fragment.is_whole((*path, "format")):
        return
    for name in ("keep", "remove", "fields"):
        if getattr(log, name):
            message = f"`{name}` is of JSON lines, and `format` is a template"
            fragment.error((*path, name), message, "name the fields in the template")


def _refer(scope: LogScope, path: Steps, fragment: Fragment) -> None:
    for kind, names in (("listener", scope.listeners), ("route", scope.routes)):
        for index, name in enumerate(names or ()):
            fragment.references.append(Reference((*path, f"{kind}s", index), kind, name))


def _compiled(log: AccessLog, place: plan_types.LogPlace) -> plan_types.AccessLog:
    return {
        "to": place,
        "format": _format(log),
        "only": _scope(log.only),
        "skip": _scope(log.skip),
        "when": log.when,
        "sample": {
            "per_million": log.sample.ratio,
            "slow_ms": log.sample.slow.milliseconds if log.sample.slow else None,
        }
        if log.sample
        else None,
        "mask": {
            "client": log.mask.client,
            "query": list(log.mask.query),
            "patterns": [
                {"regex": one.regex, "by": one.by, "members": list(one.fields) if one.fields else None}
                for one in log.mask.patterns
            ],
        },
    }


def _check_place(log: AccessLog, path: Steps, fragment: Fragment) -> None:
    if log.send is not None:
        _check_receiver(log, log.send, path, fragment)
    if log.rotate is not None and (log.path in NOWHERE or log.send is not None):
        fragment.error((*path, "rotate"), "only files are moved away", "name a file in `path`")


def _check_receiver(log: AccessLog, receiver: LogReceiver, path: Steps, fragment: Fragment) -> None:
    if "path" in log.model_fields_set:
        fragment.error((*path, "send"), "`path` and `send` exclude each other", "write an access log for each")
    scheme, form = receiver.endpoint.speaks, receiver.sent_form
    if scheme and (scheme == "http") != (form in _BATCHES) and fragment.is_whole((*path, "send", "form")):
        forms = "`ndjson` or `array`" if scheme == "http" else "`lines` or `syslog`"
        fragment.error(
            (*path, "send", "form"), f"{form} is not sent by {receiver.endpoint.scheme}://", f"write {forms}"
        )
    elif form == "array" and log.format != JSON:
        fragment.error(
            (*path, "send", "form"), "an array of JSON has lines of JSON", "write `ndjson`, or leave `format` out"
        )
    if receiver.headers and form not in _BATCHES:
        fragment.error((*path, "send", "headers"), "only requests of HTTP have headers")


def _place(
    telemetry: Telemetry, log: AccessLog, path: Steps, catalogue: Catalogue, fragment: Fragment
) -> plan_types.LogPlace:
    if log.send is not None:
        compiled = compile_collector(log.send, (*path, "send"), catalogue, fragment)
        if log.send.sent_form in _BATCHES:
            compiled = {**compiled, "path": compiled["path"] or "/"}
        return {"remote": {"speech": _speech(log.send), "collector": compiled}}
    if log.path == OTLP and telemetry.otlp is not None:
        compiled = compile_collector(telemetry.otlp, ("otlp",), catalogue, Fragment(secrets=fragment.secrets))
        return {"remote": {"speech": {"batches": "otlp"}, "collector": compiled}}
    if log.path == OTLP and fragment.is_whole(("otlp",)):
        message = "nobody takes OpenTelemetry data"
        fragment.error((*path, "path"), message, "write `otlp: {endpoint: http://127.0.0.1:4317}` beside it")
    if log.path == STDERR:
        return "stderr"
    # What is off is never written, and checked like the others.
    return "stdout" if log.path in NOWHERE else {"file": {"path": log.path, "rotation": _rotation(log.rotate)}}


def _speech(receiver: LogReceiver) -> plan_types.LogSpeech:
    form, syslog = receiver.sent_form, None
    if form in _BATCHES:
        return {"batches": "array" if form == "array" else "lines"}
    if form == "syslog":
        syslog = plan_types.LogSyslog(facility=_FACILITIES[receiver.facility], app_name=receiver.app_name)
    # Where syslog listens on this machine it takes datagrams.
    is_local_syslog = receiver.endpoint.scheme == "unix" and form == "syslog"
    are_datagrams = receiver.endpoint.scheme == "udp" or is_local_syslog
    return {"datagrams": {"syslog": syslog}} if are_datagrams else {"stream": {"syslog": syslog}}


def _rotation(rotation: LogRotation | None) -> plan_types.LogRotation | None:
    if rotation is None:
        return None
    return {
        "size_bytes": rotation.size.bytes if rotation.size else None,
        "every_ms": rotation.every.milliseconds if rotation.every else None,
        "keep": rotation.keep,
        "age_ms": rotation.age.milliseconds if rotation.age else None,
        "is_compressed": rotation.compress,
    }


def _format(log: AccessLog) -> plan_types.LogFormat:
    if log.format != JSON:
        return {"template": log.format}
    if log.keep is None and not log.remove and not log.fields:
        return "json"
    return {
        "object": {
            "keep": list(log.keep) if log.keep is not None else None,
            "remove": list(log.remove),
            "add": [{"name": name, "value": value} for name, value in log.fields.items()],
        }
    }


def _scope(scope: LogScope) -> plan_types.LogScope:
    return {
        "listeners": list(scope.listeners) if scope.listeners is not None else None,
        "routes": list(scope.routes) if scope.routes is not None else None,
    }
