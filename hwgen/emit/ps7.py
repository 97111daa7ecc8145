"""Ports of the Zynq-7000 processor, the primitive ``PS7`` (UG585, UG953)."""

from __future__ import annotations

_ADDRESS = {
    "ADDR": 32,
    "BURST": 2,
    "CACHE": 4,
    "LEN": 4,
    "LOCK": 2,
    "PROT": 3,
    "QOS": 4,
    "SIZE": 2,
    "VALID": 1,
}
# Inputs that are no part of an AXI port: name, or name:bits.
_OTHERS = """
DMA0ACLK DMA0DAREADY DMA0DRLAST DMA0DRVALID DMA0DRTYPE:2
DMA1ACLK DMA1DAREADY DMA1DRLAST DMA1DRVALID DMA1DRTYPE:2
DMA2ACLK DMA2DAREADY DMA2DRLAST DMA2DRVALID DMA2DRTYPE:2
DMA3ACLK DMA3DAREADY DMA3DRLAST DMA3DRVALID DMA3DRTYPE:2
EMIOCAN0PHYRX EMIOCAN1PHYRX
EMIOENET0EXTINTIN EMIOENET0GMIICOL EMIOENET0GMIICRS EMIOENET0GMIIRXCLK EMIOENET0GMIIRXDV
EMIOENET0GMIIRXER EMIOENET0GMIITXCLK EMIOENET0MDIOI EMIOENET0GMIIRXD:8
EMIOENET1EXTINTIN EMIOENET1GMIICOL EMIOENET1GMIICRS EMIOENET1GMIIRXCLK EMIOENET1GMIIRXDV
EMIOENET1GMIIRXER EMIOENET1GMIITXCLK EMIOENET1MDIOI EMIOENET1GMIIRXD:8
EMIOGPIOI:64 EMIOI2C0SCLI EMIOI2C0SDAI EMIOI2C1SCLI EMIOI2C1SDAI
EMIOPJTAGTCK EMIOPJTAGTDI EMIOPJTAGTMS
EMIOSDIO0CDN EMIOSDIO0CLKFB EMIOSDIO0CMDI EMIOSDIO0WP EMIOSDIO0DATAI:4
EMIOSDIO1CDN EMIOSDIO1CLKFB EMIOSDIO1CMDI EMIOSDIO1WP EMIOSDIO1DATAI:4
EMIOSPI0MI EMIOSPI0SCLKI EMIOSPI0SI EMIOSPI0SSIN EMIOSPI1MI EMIOSPI1SCLKI EMIOSPI1SI EMIOSPI1SSIN
EMIOSRAMINTIN EMIOTRACECLK EMIOTTC0CLKI:3 EMIOTTC1CLKI:3
EMIOUART0CTSN EMIOUART0DCDN EMIOUART0DSRN EMIOUART0RIN EMIOUART0RX
EMIOUART1CTSN EMIOUART1DCDN EMIOUART1DSRN EMIOUART1RIN EMIOUART1RX
EMIOUSB0VBUSPWRFAULT EMIOUSB1VBUSPWRFAULT EMIOWDTCLKI
EVENTEVENTI FPGAIDLEN FCLKCLKTRIGN:4 FTMDTRACEINCLOCK FTMDTRACEINVALID FTMDTRACEINATID:4
FTMDTRACEINDATA:32 FTMTF2PDEBUG:32 FTMTF2PTRIG:4 FTMTP2FTRIGACK:4 IRQF2P:20 DDRARB:4
"""


def _master(name):
    """Inputs of a port whose master is the processor."""
    plain = ("ACLK", "ARREADY", "AWREADY", "BVALID", "RLAST", "RVALID", "WREADY")
    sized = {"BID": 12, "RID": 12, "BRESP": 2, "RRESP": 2, "RDATA": 32}
    return {name + port: bits for port, bits in {**dict.fromkeys(plain, 1), **sized}.items()}


def _slave(name, *, data, ident, extra=()):
    """Inputs of a port whose slave is the processor."""
    plain = ("ACLK", "BREADY", "RREADY", "WLAST", "WVALID", *extra)
    sized = {"WDATA": data, "WSTRB": data // 8, "WID": ident}
    for channel in ("AR", "AW"):
        sized |= {channel + port: bits for port, bits in _ADDRESS.items()}
        sized[f"{channel}ID"] = ident
    return {name + port: bits for port, bits in {**dict.fromkeys(plain, 1), **sized}.items()}


def inputs() -> dict[str, int]:
    """Return every input of ``PS7`` and its width."""
    found = {}
    for word in _OTHERS.split():
        name, _, bits = word.partition(":")
        found[name] = int(bits or 1)
    for number in range(2):
        found |= _master(f"MAXIGP{number}")
        found |= _slave(f"SAXIGP{number}", data=32, ident=6)
    for number in range(4):
        issue = ("RDISSUECAP1EN", "WRISSUECAP1EN")
        found |= _slave(f"SAXIHP{number}", data=64, ident=6, extra=issue)
    found |= _slave("SAXIACP", data=64, ident=3)
    return {**found, "SAXIACPARUSER": 5, "SAXIACPAWUSER": 5}
