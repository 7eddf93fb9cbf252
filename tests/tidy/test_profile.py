"""What the one build profile must say (R40); tests cannot tell, because they unwind whatever it says."""

import tomllib

from tools.repository import ROOT


def test_r40_a_panic_in_a_release_unwinds_and_ends_no_process() -> None:
    profiles = tomllib.loads((ROOT / "Cargo.toml").read_text())["profile"]
    assert profiles["release"]["panic"] == "unwind"
    assert [name for name, profile in profiles.items() if profile.get("panic", "unwind") != "unwind"] == []
