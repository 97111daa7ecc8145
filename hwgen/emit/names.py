"""Names of layers to names that every HDL tool takes."""

from __future__ import annotations

import re

_KEYWORDS = """
always and assign begin buf bufif0 bufif1 case casex casez cmos deassign default defparam disable
edge else end endcase endfunction endmodule endprimitive endspecify endtable endtask event for
force forever fork function generate genvar if initial inout input integer join large localparam
macromodule medium module nand negedge nmos nor not notif0 notif1 or output parameter pmos posedge
primitive pull0 pull1 pulldown pullup rcmos real realtime reg release repeat rnmos rpmos rtran
rtranif0 rtranif1 scalared signed small specify specparam strong0 strong1 supply0 supply1 table
task time tran tranif0 tranif1 tri tri0 tri1 triand trior trireg unsigned use vectored wait wand
weak0 weak1 while wire wor xnor xor
"""
_RESERVED = frozenset(_KEYWORDS.split())


def identifier(name: str) -> str:
    """Return a Verilog identifier for ``name``: ``/conv.0/MatMul`` becomes ``conv_0_MatMul``.

    No two underscores meet: Verilator and others rewrite such names.
    """
    plain = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
    if not plain or plain[0].isdigit() or plain.lower() in _RESERVED:
        plain = f"n_{plain}".rstrip("_")
    return plain


class Names:
    """Hands out identifiers, each once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, name: str) -> str:
        """Return ``identifier(name)``, with a number behind it if that is taken."""
        plain = identifier(name)
        result, number = plain, 1
        while result.lower() in self._taken:
            number += 1
            result = f"{plain}_{number}"
        self._taken.add(result.lower())
        return result
