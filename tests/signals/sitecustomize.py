"""Python imports this at its start where its folder is on PYTHONPATH."""

import itertools
import os
import re
import sys

number, nth, step = os.environ["SIGNAL_AT"].split(" ", 2)
left = itertools.count(int(nth), -1)


def audit(event, arguments):
    if event.startswith(("open", "os.")):
        paths = [os.fspath(path) for path in arguments[:2] if isinstance(path, str | os.PathLike)]
        if re.search(step, " ".join([event, *map(str, paths)])) and next(left) == 1:
            os.kill(os.getpid(), int(number))


sys.addaudithook(audit)
