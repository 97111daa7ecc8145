"""Layers that many test files are made of."""

from tests.frontend.build import Net


def started(seed=0, bits=4, scale=0.125, **how):
    """A network whose input is quantized."""
    net = Net(seed=seed)
    return net, net.quant("x", scale, bits, **how)


def conv(net, x, shape, **attributes):
    """A convolution with 3-bit weights of (outputs, inputs, *kernel)."""
    return net.node("Conv", x, net.weights(shape, 3, 0.25), **attributes)


def act(net, x, bits=4, scale=0.25, **how):
    """A rectified activation."""
    return net.quant(net.node("Relu", x), scale, bits, signed=False, **how)
