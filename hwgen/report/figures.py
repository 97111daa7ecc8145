"""Numbers as people read them, the same on the page and in the terminal."""

from __future__ import annotations

CELLS = (("LUT", "lut"), ("FF", "ff"), ("BRAM36", "bram36"), ("DSP", "dsp"))
"""Name and key of each kind of cell."""


def count(value: float | None) -> str:
    """Return a whole number with thousands separated, halves as ``.5``, unknown as a dash."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def rate(fps: float | None) -> str:
    """Return frames per second: whole from 100 up, three digits below."""
    if fps is None:
        return "–"
    return f"{fps:,.0f}" if fps >= 100 else f"{fps:.3g}"


def duration(microseconds: float) -> str:
    """Return a time in the unit that suits it."""
    if microseconds < 1000:
        return f"{microseconds:.3g} µs"
    if microseconds < 1e6:
        return f"{microseconds / 1e3:.3g} ms"
    return f"{microseconds / 1e6:.3g} s"


def share(part: float, whole: float) -> float:
    """Return ``part`` in percent of ``whole``; 0 of nothing is 0, something of nothing 100."""
    return 100 * part / whole if whole else 100.0 * (part > 0)


def percent(part: float, whole: float) -> str:
    """Return ``share`` as text, with a digit behind the point below 10 percent."""
    value = share(part, whole)
    return f"{value:.1f} %" if 0 < value < 10 else f"{value:.0f} %"


def signed(change: float | None, base: float) -> str:
    """Return a difference with its sign and, where there is a base, in percent of it."""
    if change is None:
        return "–"
    if not change:
        return "0"
    text = f"{'+' if change > 0 else '−'}{count(abs(change))}"
    return f"{text} ({100 * change / base:+.1f} %)".replace("(-", "(−") if base else text
