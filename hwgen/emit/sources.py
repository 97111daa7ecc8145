"""Modules that belong together."""

from __future__ import annotations

import hashlib
from functools import cached_property

from hwgen.emit.rtlil import RtlilModule


class Sources:
    """RTLIL modules to write or to simulate.

    name : of the top module
    modules : the top last
    taps : not empty if the top has the port ``taps``
    """

    name: str
    modules: tuple[RtlilModule, ...]
    taps: tuple[str, ...]

    @cached_property
    def rtlil(self) -> str:
        """All modules as one RTLIL file."""
        return "".join(module.text for module in self.modules)

    @cached_property
    def digest(self) -> str:
        """A hash of all there is to simulate."""
        return hashlib.sha256(self.rtlil.encode()).hexdigest()[:16]
