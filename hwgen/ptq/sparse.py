"""Step one of TSQ: activation codes that are sparse, their constants derived from the normal law.

Behind a BatchNorm an activation is near a standard normal. The quantizer is 0 up to ``theta`` and
``k * delta`` above, cut at ``(k + 1/2) * delta``. Sparsity fixes ``theta``; ``delta`` minimises the
mean square error. Where ``theta = delta / 2`` it is a plain unsigned quantizer, which is what
hardware builds; for two bits that costs a thousandth of the error at most.

Source: Wang et al., Two-step quantization for low-bit neural networks, CVPR 2018; the constants
are computed here.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import norm


def threshold_for(sparsity: float) -> float:
    """Return ``theta`` below which the share ``sparsity`` of a standard normal lies."""
    return float(norm.ppf(sparsity))


def square_error(theta: float, delta: float, bits: int) -> float:
    """Return the mean of ``(relu(x) - Q(x))^2`` over a standard normal x, in closed form."""
    levels = delta * np.arange(2**bits)
    inner = (np.arange(1, 2**bits - 1) + 0.5) * delta
    cuts = np.concatenate([[0.0, theta], np.maximum(inner, theta), [np.inf]])
    a, b = cuts[:-1], cuts[1:]
    mass = norm.cdf(b) - norm.cdf(a)
    first = norm.pdf(a) - norm.pdf(b)
    reach = np.where(np.isinf(b), 0.0, b)
    second = mass + a * norm.pdf(a) - reach * norm.pdf(b)
    return float((second - 2 * levels * first + levels**2 * mass).sum())


def step_for(bits: int, sparsity: float | None = None) -> tuple[float, float]:
    """Return ``(theta, delta)`` of least error for ``bits`` unsigned bits.

    sparsity : share of zeros; None takes ``theta = delta / 2``, a plain quantizer
    """

    def error(delta: float) -> float:
        theta = delta / 2 if sparsity is None else threshold_for(sparsity)
        return square_error(theta, delta, bits)

    delta = float(minimize_scalar(error, bounds=(0.01, 2.0), method="bounded").x)
    return (delta / 2 if sparsity is None else threshold_for(sparsity)), delta
