"""What a user asks for, checked as far as that needs no network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hwgen.boards import Shell
from hwgen.errors import InputError
from hwgen.frontend import InputOptions

Engine = Literal["auto", "verilator", "cxxrtl", "amaranth"]


@dataclass(frozen=True)
class InputFlags:
    """What the user says of the network's input, as text; None leaves it to the file.

    type : of the numbers that are fed, such as ``uint8``
    scale, mean, std : numbers, fractions such as ``1/255``, or one per channel between commas
    """

    type: str | None = None
    scale: str | None = None
    mean: str | None = None
    std: str | None = None

    def options(self, fed: str | None = None) -> InputOptions | None:
        """Return what the frontend needs, None where nothing is said.

        fed : type of the numbers at hand, such as ``uint8``, for flags that leave the type out
        Raises ``InputError`` for a type or number that is none, and for a scale of unknown numbers.
        """
        if all(value is None for value in (self.type, self.scale, self.mean, self.std)):
            return None
        kind = self.type or fed
        if kind is None:
            raise InputError(
                "--input-scale, --input-mean and --input-std say what raw numbers mean; name their "
                "type too, such as --input-type uint8"
            )
        return InputOptions.parse(kind, self.scale or "1", self.mean or "", self.std or "")


@dataclass(frozen=True)
class Request:
    """One design to decide on.

    folding : file to take it from; otherwise it is searched for
    maximize, target_fps : goal of the search, one at most
    budget : share of the board, above 0 and at most 1
    pins : choices of single layers that the search keeps, ``LAYER:pe=4,simd=8``
    front : foldings from slow to fast to put beside the chosen one
    shell : what stands around the core; the board's own without it
    """

    model: Path
    board: str
    clock_mhz: float | None = None
    folding: Path | None = None
    maximize: Literal["fps", "latency"] | None = None
    target_fps: float | None = None
    budget: float = 0.7
    pins: tuple[str, ...] = ()
    input: InputFlags = InputFlags()
    front: int = 0
    shell: Shell | None = None

    def __post_init__(self) -> None:
        ways = {
            "--folding": self.folding,
            "--maximize": self.maximize,
            "--target-fps": self.target_fps,
        }
        given = [name for name, value in ways.items() if value is not None]
        if len(given) > 1:
            raise InputError(f"{' and '.join(given)} contradict each other; give one of them")
        if not 0 < self.budget <= 1:
            raise InputError(f"--budget {self.budget:.0%} must be above 0 % and at most 100 %")
        if self.front < 0:
            raise InputError(f"--front {self.front} must be 0 or more")


@dataclass(frozen=True)
class Trial:
    """How a design is simulated.

    frames : simulated frames, with and without stalls each; where inputs are given, at most these
    inputs : ``.npy`` file of frames as the model file takes them; random codes without it
    stall : probability of a stalled cycle on either side in the run with stalls
    """

    frames: int = 16
    inputs: Path | None = None
    engine: Engine = "auto"
    stall: float = 0.3

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise InputError(f"--frames {self.frames} must be 1 or more")
        if not 0 <= self.stall < 1:
            raise InputError(f"--stall {self.stall:g} must be at least 0 and below 1")
