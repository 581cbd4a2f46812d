"""Whether generated tests try new examples on each run, and many more (`make explore`)."""

import os

EXPLORES = bool(os.environ.get("ONSALE_EXPLORE"))

#: How many times more examples than usual; deadlines of those tests grow with it.
TIMES = 10 if EXPLORES else 1
