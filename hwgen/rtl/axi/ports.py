"""Signatures of AXI ports, seen from the master. AMBA AXI and ACE specification, IHI 0022."""

from __future__ import annotations

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

OKAY, EXOKAY, SLVERR, DECERR = range(4)


def address(*, id_bits=0, addr_bits=32):
    """Return the address channel of an AXI3 port, or of AXI4-Lite without ``id_bits``."""
    members = {"addr": Out(addr_bits), "prot": Out(3), "valid": Out(1), "ready": In(1)}
    if id_bits:
        members |= {
            "id": Out(id_bits),
            "len": Out(4),
            "size": Out(3),
            "burst": Out(2),
            "lock": Out(2),
            "cache": Out(4),
            "qos": Out(4),
        }
    return wiring.Signature(members)


def write_data(*, data_bits, id_bits=0):
    """Return the write data channel."""
    members = {
        "data": Out(data_bits),
        "strb": Out(data_bits // 8),
        "valid": Out(1),
        "ready": In(1),
    }
    if id_bits:
        members |= {"id": Out(id_bits), "last": Out(1)}
    return wiring.Signature(members)


def write_answer(*, id_bits=0):
    """Return the write response channel."""
    members = {"resp": In(2), "valid": In(1), "ready": Out(1)}
    return wiring.Signature(members | ({"id": In(id_bits)} if id_bits else {}))


def read_data(*, data_bits, id_bits=0):
    """Return the read data channel."""
    members = {"data": In(data_bits), "resp": In(2), "valid": In(1), "ready": Out(1)}
    return wiring.Signature(
        members | ({"id": In(id_bits), "last": In(1)} if id_bits else {}),
    )


def axi3_read(*, data_bits=64, id_bits=6):
    """Return the read half of an AXI3 port."""
    return wiring.Signature(
        {
            "ar": Out(address(id_bits=id_bits)),
            "r": Out(read_data(data_bits=data_bits, id_bits=id_bits)),
        }
    )


def axi3_write(*, data_bits=64, id_bits=6):
    """Return the write half of an AXI3 port."""
    return wiring.Signature(
        {
            "aw": Out(address(id_bits=id_bits)),
            "w": Out(write_data(data_bits=data_bits, id_bits=id_bits)),
            "b": Out(write_answer(id_bits=id_bits)),
        }
    )


def axi3(*, data_bits, id_bits):
    """Return a whole AXI3 port; without ``id_bits`` it is AXI4-Lite."""
    return wiring.Signature(
        {
            "aw": Out(address(id_bits=id_bits)),
            "w": Out(write_data(data_bits=data_bits, id_bits=id_bits)),
            "b": Out(write_answer(id_bits=id_bits)),
            "ar": Out(address(id_bits=id_bits)),
            "r": Out(read_data(data_bits=data_bits, id_bits=id_bits)),
        }
    )


def axi_lite(*, data_bits=32):
    """Return an AXI4-Lite port."""
    return axi3(data_bits=data_bits, id_bits=0)
