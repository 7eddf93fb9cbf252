"""What a node is called where nobody has given it a name."""

import os
import re


def default_node_name() -> str:
    """The name of the machine, as names may look."""
    return re.sub(r"[^a-z0-9._]+", "-", os.uname().nodename.lower()).strip("-._")[:63] or "node"
