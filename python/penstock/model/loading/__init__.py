"""From texts to resources: YAML and JSON, substitutions, positions. Reads no file itself."""

from penstock.model.loading.loaded import ALL_USABLE, Loaded, Placed, Unusable
from penstock.model.loading.loader import Memory, load_data, load_resources, load_texts
from penstock.model.loading.positions import locate
from penstock.model.loading.substitution import Surroundings
from penstock.model.loading.text import Text

__all__ = [
    "ALL_USABLE",
    "Loaded",
    "Memory",
    "Placed",
    "Surroundings",
    "Text",
    "Unusable",
    "load_data",
    "load_resources",
    "load_texts",
    "locate",
]
