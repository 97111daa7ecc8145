"""Settings of the families' clock multipliers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Parameters = Mapping[str, int | str]


@dataclass(frozen=True)
class Pll:
    """A clock multiplier's settings.

    mhz : what it gives, the nearest it can to what was asked
    parameters : of the family's primitive
    """

    mhz: float
    parameters: Parameters


def plan_pll(family: str, source_mhz: float, wanted_mhz: float) -> Pll | None:
    """Return the settings that come nearest to a clock without being above it.

    None where the family has no plan here, or no setting lies within a tenth of what is wanted.
    """
    plan = _PLANS.get(family)
    if plan is None:
        return None
    found = [pll for pll in plan(source_mhz) if pll.mhz <= wanted_mhz * (1 + 1e-9)]
    best = max(found, key=lambda pll: pll.mhz, default=None)
    return best if best is not None and best.mhz >= 0.9 * wanted_mhz else None


def _ice40(source: float) -> list[Pll]:
    """Return settings of ``SB_PLL40_PAD`` with simple feedback. Source: FPGA-TN-02052."""
    found: list[Pll] = []
    for divr in range(16):
        reference = source / (divr + 1)
        if not 10 <= reference <= 133:
            continue
        for divf in range(128):
            vco = reference * (divf + 1)
            if not 533 <= vco <= 1066:
                continue
            steps = (17, 26, 44, 66, 101)
            band = 1 + sum(reference >= limit for limit in steps)
            for divq in range(1, 7):
                values = {"DIVR": divr, "DIVF": divf, "DIVQ": divq, "FILTER_RANGE": band}
                found.append(Pll(vco / 2**divq, values))
    return found


def _ecp5(source: float) -> list[Pll]:
    """Return settings of ``EHXPLLL`` fed back from its only output. Source: FPGA-TN-02200."""
    found: list[Pll] = []
    for refclk in range(1, 129):
        if not 3.125 <= source / refclk <= 400:
            continue
        for feedback in range(1, 81):
            out = source / refclk * feedback
            for divider in range(1, 129):
                if 400 <= out * divider <= 800:
                    values = {
                        "CLKI_DIV": refclk,
                        "CLKFB_DIV": feedback,
                        "CLKOP_DIV": divider,
                        "CLKOP_CPHASE": divider // 2,
                        "CLKOP_FPHASE": 0,
                    }
                    found.append(Pll(out, values))
                    break
    return found


def _gowin(source: float) -> list[Pll]:
    """Return settings of ``rPLL`` in a GW2AR-18 of speed C8/I7. Source: UG286, DS226."""
    found: list[Pll] = []
    for idiv in range(64):
        if not 3 <= source / (idiv + 1) <= 500:
            continue
        for fbdiv in range(64):
            out = source / (idiv + 1) * (fbdiv + 1)
            for odiv in (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128):
                if 500 <= out * odiv <= 1250:
                    values = {
                        "FCLKIN": f"{source:g}",
                        "IDIV_SEL": idiv,
                        "FBDIV_SEL": fbdiv,
                        "ODIV_SEL": odiv,
                        "DEVICE": "GW2AR-18C",
                    }
                    found.append(Pll(out, values))
                    break
    return found


_PLANS: Mapping[str, Callable[[float], list[Pll]]] = {
    "ice40": _ice40,
    "ecp5": _ecp5,
    "gowin": _gowin,
}
