"""Training tests need the extra ``train``; without it they are not collected."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torch") and find_spec("brevitas") else ["*.py"]
