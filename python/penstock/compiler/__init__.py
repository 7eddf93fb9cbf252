"""From resources to a plan, purely: the same input gives the same plan, byte for byte."""

from penstock.compiler.compiled import Compiled
from penstock.compiler.compiler import Remembered, compile_resources

__all__ = ["Compiled", "Remembered", "compile_resources"]
