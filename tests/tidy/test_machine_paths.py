"""The project speaks only of itself: no file names a place on somebody's machine."""

import re

from tools.repository import files, text

# The homes of users; written as a class so that this line does not find itself.
MACHINE_PATH = re.compile(r"(?<![\w.$}*-])/(?:[r]oot|[h]ome|[U]sers|[w]ork)/\w[\w./-]*")


def test_no_file_names_a_place_on_a_machine() -> None:
    found = [
        f"{path}:{number}: {match[0]}"
        for path in files()
        for number, line in enumerate(text(path).splitlines(), 1)
        for match in MACHINE_PATH.finditer(line)
    ]
    assert found == []
