"""One compilation at a time: its memory is nobody else's meanwhile."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.filters import Checked
from penstock.model.loading import load_resources
from penstock.runtime.change.compilation import Compilation
from tests.filters.catalogue_fake import FakeCatalogue

THREADS = 4


@dataclass
class Slow(FakeCatalogue):
    """Takes its time to check settings, and notes how many wait for it at once."""

    inside: int = 0
    most: int = 0

    def check(self, kind: str, settings: Mapping[str, Any]) -> Checked:
        self.inside += 1
        self.most = max(self.most, self.inside)
        time.sleep(0.005)
        self.inside -= 1
        return super().check(kind, settings)


def test_a_dry_run_and_a_reload_do_not_compile_at_once(tmp_path: Path) -> None:
    slow = Slow()
    compilation = Compilation(slow, tmp_path)

    def compile_one(number: int) -> int:
        steps = f"steps: [{{kind: Respond, status: 204, body: '{number}'}}]"
        text = f"kind: Route\nname: r{number}\npath: /{number}\n{steps}\n"
        return len(compilation.compile(load_resources(text).resources).problems)

    with ThreadPoolExecutor(THREADS) as threads:
        assert set(threads.map(compile_one, range(4 * THREADS))) == {0}
    assert slow.most == 1
