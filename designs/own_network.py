"""A network of one's own, trained under stochastic quantization, exported, ready to build.

    python designs/own_network.py
    hwgen build --model own_network.onnx --board pynq-z2

The digits come with scikit-learn, so nothing has to be fetched.
"""

# %% data: 8x8 digits, 0..16
from pathlib import Path

import brevitas.nn as qnn
import torch
from torch import nn

from hwgen.train import InputConvention, SQCallback, finalize_export
from hwgen.train.acts import UnsignedStep
from hwgen.train.data import load, to_network
from hwgen.train.weights import TWNWeight

PIXELS = InputConvention(type="uint8", scale="1/16")
train, test = (load("digits", split, Path()) for split in ("train", "test"))
x, x_test = to_network(train.x, PIXELS), to_network(test.x, PIXELS)

# %% five lines of network: ternary weights, 2-bit activations
torch.manual_seed(1)
network = nn.Sequential(
    qnn.QuantIdentity(act_quant=UnsignedStep.let(bit_width=4, first_step=1 / 15)),
    qnn.QuantConv2d(1, 16, 3, stride=2, padding=1, bias=False, weight_quant=TWNWeight),
    nn.Sequential(nn.BatchNorm2d(16), qnn.QuantReLU(bit_width=2), nn.Flatten()),
    qnn.QuantLinear(256, 10, bias=True, weight_quant=TWNWeight),
)

# %% training: four stages of ten epochs, a growing share of the filters quantized
optimizer = torch.optim.Adam(network.parameters(), 0.01)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
sq = SQCallback(epochs=10)
sq.start(network, optimizer, schedule)
for epoch in range(sq.total_epochs):
    sq.start_epoch(epoch)
    for chosen in torch.randperm(len(x)).split(64):
        sq.start_step()
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x[chosen]), train.y[chosen]).backward()
        optimizer.step()
    schedule.step()

# %% the file, compared with torch on 16 real inputs
result = finalize_export(network, "own_network.onnx", x_test[:16], convention=PIXELS)
accuracy = (network.eval()(x_test).argmax(1) == test.y).float().mean()
print(f"{accuracy:.1%} of {len(test)} test digits; {result}")  # noqa: T201
