"""What a text that cannot be read probably describes."""

import re

from penstock.model.kinds import KINDS, resource_key

_KIND = re.compile(r"""(?:^|[{,\s"'])kind["']?:\s*["']?([A-Za-z]+)""")
_NAME = re.compile(r"""(?:^|[{,\s"'])name["']?:\s*["']?([a-z0-9][a-z0-9._-]{0,62})""")


def guessed_keys(text: str) -> frozenset[str]:
    """The keys under which others may refer to what a text would describe if it could be read.

    Only its first kind and names count, as the names of steps stand behind that of their pipeline.
    """
    kind, name = _KIND.search(text), _NAME.search(text)
    if name is None:
        return frozenset()
    known = [kind[1]] if kind and kind[1] in KINDS else list(KINDS)
    return frozenset(resource_key(one, name[1]) for one in known)
