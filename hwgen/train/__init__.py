"""Train low-bit networks and export them so that the file computes what was trained.

Needs the extra ``train``: ``pip install hwgen[train]``.
"""
