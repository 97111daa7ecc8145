"""DMA masters against a memory and a protocol checker: every byte once, whatever the bus does."""

from __future__ import annotations

import numpy as np
import pytest

from hwgen.rtl.axi.read_dma import ReadDma
from hwgen.rtl.axi.write_dma import WriteDma
from sim.axi import Faults, Memory, ProtocolChecker, ProtocolError, Timing
from tests.rtl.axi.bench import Sink, Source, simulate

BASE = 0x1000_0000
# address, length: single bytes, whole words, odd ends, beyond 16 beats, across 4 KiB
RANGES = [(0, 1), (8, 8), (24, 129), (4096 - 40, 200), (4096 - 8, 17), (120, 1023)]


def transfer(pins, address: int, length: int):
    """Start and wait for the end."""
    pins.set("address", BASE + address)
    pins.set("length", length)
    pins.set("start", 1)
    yield
    pins.set("start", 0)
    yield
    while pins.get("busy"):
        yield


def content(size: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, size).astype(np.uint8)


def words_of(octets: np.ndarray) -> list[int]:
    padded = np.zeros(-(-len(octets) // 8) * 8, np.uint8)
    padded[: len(octets)] = octets
    return [int(word) for word in padded.view("<u8")]


@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_reads_every_byte_once(stall):
    memory = Memory("bus", BASE, 8192, timing=Timing(5, 20 if stall else 0, stall), seed=1)
    memory.data[:] = content(8192)
    checker, port = ProtocolChecker("bus"), Sink(stall)
    expected = [words_of(memory.data[a : a + n]) for a, n in RANGES]

    def script(pins):
        for (address, length), words in zip(RANGES, expected, strict=True):
            port.clear()
            yield from transfer(pins, address, length)
            assert port.words == words
            assert not pins.get("error")

    simulate(ReadDma(), [memory, checker, port], script)
    assert checker.idle
    assert memory.read_beats == sum(map(len, expected))


@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_writes_every_byte_once_and_no_other(stall):
    memory = Memory("bus", BASE, 8192, timing=Timing(5, 20 if stall else 0, stall), seed=2)
    checker = ProtocolChecker("bus")
    source = content(8192)
    given = [words_of(source[:n]) for _, n in RANGES]
    port = Source(stall, [word for words in given for word in words])

    def script(pins):
        for address, length in RANGES:
            memory.data[:] = 0xA5
            yield from transfer(pins, address, length)
            wanted = np.full(8192, 0xA5, np.uint8)
            wanted[address : address + length] = source[:length]
            np.testing.assert_array_equal(memory.data, wanted)

    simulate(WriteDma(), [memory, checker, port], script)
    assert checker.idle
    assert memory.write_beats == sum(map(len, given))


def test_a_latency_is_hidden_by_reads_under_way():
    memory, checker, port = (
        Memory("bus", BASE, 8192, timing=Timing(60)),
        ProtocolChecker("bus"),
        Sink(0.0),
    )

    def script(pins):
        yield from transfer(pins, 0, 8192)

    cycles = simulate(ReadDma(outstanding=8), [memory, checker, port], script)
    assert cycles < 1024 + 60 + 8
    assert checker.outstanding > 4


@pytest.mark.parametrize("make", [ReadDma, WriteDma])
def test_an_error_shows_and_the_next_transfer_is_right(make):
    faults = Faults(reads=[(BASE + 256, BASE + 263)], writes=[(BASE + 256, BASE + 263)])
    memory = Memory("bus", BASE, 8192, timing=Timing(3), faults=faults)
    memory.data[:] = content(8192)
    source = words_of(content(1024))
    port = Source(0.0, source * 2) if make is WriteDma else Sink(0.0)
    seen = []

    def script(pins):
        for address in (0, 4096):
            port.clear()
            yield from transfer(pins, address, 1024)
            seen.append(pins.get("error"))

    simulate(make(), [memory, ProtocolChecker("bus"), port], script)
    assert seen == [1, 0]
    if isinstance(port, Sink):
        assert port.words == words_of(memory.data[4096 : 4096 + 1024])
    else:
        assert words_of(memory.data[4096 : 4096 + 1024]) == source


@pytest.mark.parametrize("after", [1, 2, 3, 9, 40, 41, 42])
@pytest.mark.parametrize("make", [ReadDma, WriteDma])
def test_abort_ends_what_the_bus_owes_and_the_next_transfer_is_right(make, after):
    memory = Memory("bus", BASE, 8192, timing=Timing(9, 6, 0.4), seed=after)
    memory.data[:] = content(8192)
    before = memory.data.copy()
    source = words_of(content(800))[::-1]
    checker = ProtocolChecker("bus")
    port = Source(0.2, source) if make is WriteDma else Sink(0.2)

    def script(pins):
        first = transfer(pins, 8, 2048)
        for _ in range(after):
            next(first)
            yield
        pins.set("start", 0)
        pins.set("abort", 1)
        yield
        while pins.get("busy"):
            yield
        pins.set("abort", 0)
        assert checker.idle
        if make is WriteDma:
            # what was written are the words that left the source, and nothing behind them
            sent = len(source) - len(port.words)
            written = words_of(memory.data[8 : 8 + 8 * sent])
            assert written == source[:sent]
            assert (memory.data[8 + 8 * sent :] == before[8 + 8 * sent :]).all()
        port.clear()
        if isinstance(port, Source):
            port.words[:] = source
        yield from transfer(pins, 4096, 800)

    simulate(make(), [memory, checker, port], script)
    got = port.words if make is ReadDma else words_of(memory.data[4096 : 4096 + 800])
    assert got == (words_of(memory.data[4096 : 4096 + 800]) if make is ReadDma else source)
    assert checker.idle


class Pins:
    """Ports of a design that is not there."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}

    def get(self, name: str) -> int:
        return self.values.get(name, 0)

    def set(self, name: str, value: int) -> None:
        self.values[name] = value


@pytest.mark.parametrize(
    ("ports", "match"),
    [
        ({"ar_addr": 4096 - 8, "ar_len": 1}, "4 KiB"),
        ({"ar_addr": 4}, "size"),
        ({"ar_addr": 0, "ar_size": 2}, "size"),
        ({"ar_valid": 0, "r_valid": 1, "r_ready": 1}, "without an address"),
        ({"ar_valid": 0, "b_valid": 1, "b_ready": 1}, "before its data"),
        ({"ar_valid": 0, "w_valid": 1, "w_ready": 1}, "before its address"),
    ],
)
def test_the_checker_finds_what_breaks_a_rule(ports, match):
    pins = Pins()
    pins.values = {
        f"bus_{name}": value
        for name, value in {
            "ar_valid": 1,
            "ar_ready": 1,
            "ar_size": 3,
            "ar_burst": 1,
            **ports,
        }.items()
    }
    with pytest.raises(ProtocolError, match=match):
        ProtocolChecker("bus").sample(pins)


def test_the_checker_finds_what_does_not_stay():
    pins, checker = Pins(), ProtocolChecker("bus")
    pins.values = {"bus_ar_valid": 1, "bus_ar_size": 3, "bus_ar_burst": 1}
    checker.sample(pins)
    pins.values["bus_ar_addr"] = 8
    with pytest.raises(ProtocolError, match="offered"):
        checker.sample(pins)
