"""Sends metrics away every few seconds, one delivery at a time.

Each tells all that was counted so far, so one that is lost costs nothing but itself: none is kept to be tried again.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock.admin.metrics import own_metrics
from penstock.admin.push.delivery import Undelivered, deliver
from penstock.admin.push.encoding import encoded
from penstock.model.collector import OtlpCollector
from penstock.model.telemetry import Telemetry
from penstock.runtime.change.entries import Entries
from penstock.runtime.supervisor import Supervisor
from penstock.store import Entry, Snapshot

_log = logging.getLogger("penstock")
_LOOK_SECONDS = 1.0
_PREFIX = "telemetry/"


@dataclass(slots=True)
class Pushing:
    """Metrics of one gateway on their way."""

    supervisor: Supervisor
    _seen: Mapping[str, str] = field(default_factory=dict)
    _texts: dict[str, str] = field(default_factory=dict)
    _wanted: Telemetry | None = None
    _problem: str = ""

    async def keep(self) -> None:
        """Send what the configuration asks for, as long as it does."""
        due = time.monotonic()
        while True:
            wanted = self._look()
            push = wanted.metrics if wanted else None
            collector = (push.otlp or wanted.otlp) if push and wanted else None
            if push is None or collector is None:
                due = time.monotonic()
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            if time.monotonic() < due:
                await asyncio.sleep(min(_LOOK_SECONDS, due - time.monotonic()))
                continue
            due = time.monotonic() + push.interval.milliseconds / 1000
            await self._push(collector, push.service_name)

    async def _push(self, collector: OtlpCollector, service: str) -> None:
        supervisor = self.supervisor
        outcome, problem = "failed", ""
        try:
            counted = [*await asyncio.to_thread(supervisor.metrics), *own_metrics(supervisor)]
            resource = {"service.name": service, "service.instance.id": supervisor.applying.history.node}
            began_ns = supervisor.launch.starter.columns.table.boot_id
            await deliver(collector, await asyncio.to_thread(encoded, counted, resource, began_ns, time.time_ns()))
            outcome = "delivered"
        except Undelivered as undelivered:
            problem = str(undelivered)
        except Exception as fault:  # noqa: BLE001 - whatever is wrong with metrics must not end what serves
            _log.debug("metrics", exc_info=True)
            problem = f"a fault of the gateway itself: {type(fault).__name__}"
        supervisor.pushes[outcome] += 1
        if problem != self._problem:
            # Said once, not with each delivery.
            if problem:
                _log.warning("metrics are not taken by %s: %s", collector.endpoint, problem)
            else:
                _log.info("metrics are taken by %s again", collector.endpoint)
        self._problem = problem

    def _look(self) -> Telemetry | None:
        """What the running configuration says of telemetry; read anew only when it has changed."""
        resources = self.supervisor.applying.running_resources
        if resources is self._seen:
            return self._wanted
        self._seen = resources
        texts = {key: text for key, text in resources.items() if key.startswith(_PREFIX)}
        if texts != self._texts:
            placed, _ = Entries().read(Snapshot(0, {key: Entry(key, text, 0, 0) for key, text in texts.items()}))
            found = (one.resource for one in placed)
            self._wanted = next(
                (one for one in found if isinstance(one, Telemetry) and one.enabled and one.metrics), None
            )
            self._texts = texts
        return self._wanted
