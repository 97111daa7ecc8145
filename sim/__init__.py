"""Regression benches: every design of ``designs/`` at several foldings, simulated and compared."""
