"""``python -m hwgen`` is the command ``hwgen``."""

from hwgen.cli import main

main()
