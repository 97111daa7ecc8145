"""The boards hwgen builds for: what each offers, read from ``boards/*.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hwgen.errors import BoardError, suggest

Family = Literal["xc7", "xcup", "ecp5", "ice40", "gowin"]
Toolchain = Literal["vivado", "nextpnr-ecp5", "nextpnr-ice40", "nextpnr-gowin", "yosys"]
Shell = Literal["zynq", "uart", "axi-stream", "stream"]

_Positive = Annotated[float, Field(gt=0)]
_Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class Resources:
    """Counts of cells: what a device has or what a design needs.

    lut : look-up tables of the family's own size (6 inputs on xc7 and xcup, else 4)
    bram36 : memory of 36 Kbit blocks, in halves on xc7; smaller blocks count by their bits
    """

    lut: float = 0
    ff: float = 0
    bram36: float = 0
    dsp: float = 0

    def __add__(self, other: Resources) -> Resources:
        return Resources(
            self.lut + other.lut,
            self.ff + other.ff,
            self.bram36 + other.bram36,
            self.dsp + other.dsp,
        )

    def __mul__(self, factor: float) -> Resources:
        return Resources(*(a * factor for a in self))

    def __iter__(self) -> Iterator[float]:
        return iter((self.lut, self.ff, self.bram36, self.dsp))

    def excess(self, available: Resources) -> Resources:
        """Return by how much each count exceeds ``available`` (0 where it fits)."""
        return Resources(*(max(0, a - b) for a, b in zip(self, available, strict=True)))

    def fits(self, available: Resources) -> bool:
        """Return whether no count exceeds ``available``."""
        return all(a <= b for a, b in zip(self, available, strict=True))

    def as_dict(self) -> dict[str, float]:
        """Return the counts by name, as reports store them."""
        return {
            "lut": round(self.lut),
            "ff": round(self.ff),
            "bram36": self.bram36,
            "dsp": round(self.dsp),
        }


class _Checked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Device(_Checked):
    """The chip.

    die : what place and route calls it, where that is not its part
    """

    family: Family
    part: str
    package: str = ""
    speed: str = ""
    die: str = ""


class Clock(_Checked):
    """The board's oscillator, and the clock a core gets unless one is asked for."""

    hz: Annotated[int, Field(gt=0)]
    core_mhz: _Positive
    pin: str = ""


class Uart(_Checked):
    """Pins of a serial link, seen from the chip, and its default rate."""

    rx: str
    tx: str
    baud: Annotated[int, Field(gt=0)]


class Io(_Checked):
    """What a processor's DMA moves each way in one cycle of the core."""

    bits_per_cycle: _Positive


class Cells(_Checked):
    """Cells of the device, counted in the family's own blocks."""

    lut: _Count = 0
    lut4: _Count = 0
    ff: _Count = 0
    dsp: _Count = 0
    bram36: _Count = 0
    bram_18kbit: _Count = 0
    bram_4kbit: _Count = 0
    spram_256kbit: _Count = 0
    uram: _Count = 0


class Board(_Checked):
    """One board: chip, clock, links and how a design gets onto it.

    high : pins that a design must drive high
    io_standard : of all pins, where the toolchain wants it named
    """

    name: str
    toolchain: Toolchain
    shell: Shell
    device: Device
    clock: Clock
    resources: Cells
    source: str
    uart: Uart | None = None
    io: Io | None = None
    high: list[str] = []
    io_standard: str = "LVCMOS33"

    @property
    def family(self) -> Family:
        """The device family, which decides cells and synthesis command."""
        return self.device.family

    @property
    def available(self) -> Resources:
        """All the device has, in the units of estimates and reports."""
        cells = self.resources
        return Resources(
            lut=cells.lut or cells.lut4,
            ff=cells.ff,
            bram36=cells.bram36 + cells.bram_18kbit / 2 + cells.bram_4kbit / 9,
            dsp=cells.dsp,
        )

    def io_bits_per_cycle(self, clock_mhz: float | None = None) -> float | None:
        """Return the payload bits that reach a core each cycle, None without a link.

        A DMA keeps pace with the core's clock; a UART frames 8 bits with 2 of its own.
        """
        if self.io is not None:
            return self.io.bits_per_cycle
        if self.uart is not None:
            return self.uart.baud * 0.8 / ((clock_mhz or self.clock.core_mhz) * 1e6)
        return None


@cache
def _folder() -> Path:
    """Return where the board files lie: inside the installed package or in the checkout."""
    package = Path(__file__).resolve().parent
    shipped = package / "_boards"
    return shipped if shipped.is_dir() else package.parent / "boards"


def known() -> list[str]:
    """Return the names of the boards that come with hwgen, sorted."""
    return sorted(path.stem for path in _folder().glob("*.toml"))


def load(name_or_path: str | Path) -> Board:
    """Return the board of that name, or the one a ``.toml`` file describes.

    Raises ``BoardError`` for an unknown name, a missing file or a file that breaks the format.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        if str(name_or_path) not in known():
            raise BoardError(
                f"board {str(name_or_path)!r} is unknown{suggest(str(name_or_path), known())} "
                f"(or give the path of a board's .toml file)"
            )
        path = _folder() / f"{name_or_path}.toml"
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise BoardError(f"board file {path} cannot be read: {reason}") from None
    except tomllib.TOMLDecodeError as error:
        raise BoardError(f"board file {path} is not TOML: {error}") from None
    try:
        board = Board.model_validate(content)
    except ValidationError as error:
        raise BoardError(f"board file {path}: {_first_fault(error)}") from None
    if not board.available.lut:
        raise BoardError(f"board file {path}: resources need lut or lut4, the look-up tables")
    return board


def _first_fault(error: ValidationError) -> str:
    # An unknown key is usually the misspelling of the one that is missing: name it first.
    fault = min(error.errors(), key=lambda entry: entry["type"] != "extra_forbidden")
    *parents, last = (str(part) for part in fault["loc"])
    place = ".".join([*parents, last])
    if fault["type"] == "extra_forbidden":
        return f"{place} is not a known key{suggest(last, _keys(parents))}"
    if fault["type"] == "missing":
        return f"{place} is missing"
    return f"{place} = {fault['input']!r}: {fault['msg'][0].lower()}{fault['msg'][1:]}"


def _keys(parents: list[str]) -> list[str]:
    model: type[BaseModel] = Board
    for name in parents:
        annotation = model.model_fields[name].annotation
        kinds = [annotation, *get_args(annotation)]
        model = next(k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel))
    return list(model.model_fields)
