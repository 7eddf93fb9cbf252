"""The catalogue that golden cases compile with: the core's, where the core is built with its filters."""

from penstock import _core
from penstock.filters import Catalogue
from tests.filters.catalogue_fake import FakeCatalogue


def catalogue() -> Catalogue:
    """The core's catalogue; before the core has one, the small fake."""
    if not hasattr(_core, "native_filters"):
        return FakeCatalogue()
    from penstock.filters.native import native_catalogue  # noqa: PLC0415 - asks the core at once

    return native_catalogue()
