# A small residual network (He et al., 2015) on the digits of the sample: its first 50 losses, its statistics and its outputs.

import json
import math
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F
from torch import nn, optim

from training import formula_weights

digits = Path(__file__).parents[2] / "extension/samples/digits/digits.bin"
steps, size = 50, 32


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.stages = nn.Sequential(
            nn.Sequential(Block(8, 8, 1), Block(8, 8, 1)), nn.Sequential(Block(8, 16, 2), Block(16, 16, 1)), nn.Sequential(Block(16, 32, 2), Block(32, 32, 1))
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(32, 10)

    def forward(self, x):
        return self.fc(self.pool(self.stages(self.stem(x))).flatten(1))


class Witness:
    """Twice: as one would train it, in float64, and gently, in float32. At the rate of the first a change of the weights by 1e-6 changes
    the 50th loss by a tenth, in PyTorch as anywhere, so that float32 figures there say nothing about an implementation."""

    def write(self, folder):
        runs = [run("float64", 0.05), run("float32", 0.002)]
        lines = ",\n".join(json.dumps(record, separators=(",", ":")) for record in runs)
        (folder.parent / "resnet.json").write_text(f"[\n{lines}\n]\n")


def run(dtype, rate):
    content = numpy.fromfile(digits, numpy.uint8)
    images = (torch.tensor(content[: 1797 * 64].reshape(-1, 1, 8, 8)).float() / 16).to(getattr(torch, dtype))
    labels = torch.tensor(content[1797 * 64 :].astype(numpy.int64))
    model = ResNet()
    start = 0
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.copy_(formula_weights(list(parameter.shape), 1 / math.sqrt(parameter[0].numel()), start))
            elif parameter is model.fc.bias:
                parameter.copy_(formula_weights([10], 0.1, start))
            start += parameter.numel()
    model.to(images.dtype)
    optimizer = optim.SGD(model.parameters(), lr=rate, momentum=0.9, weight_decay=5e-4)
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=20, gamma=0.5)
    losses = []
    for step in range(steps):
        batch = slice(size * step, size * step + size)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images[batch]), labels[batch])
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        outputs = model(images[-4:])
    print(f"resnet, {dtype}: {steps} losses, from {losses[0]} to {losses[-1]}")
    return {
        "dtype": dtype, "rate": rate, "losses": short(losses), "outputs": short(outputs.flatten().tolist()),
        "statistics": {key: short(value.flatten().tolist()) for key, value in model.named_buffers()},
    }


def short(numbers):
    return [float(f"{item:.9g}") for item in numbers]


def record():
    return [Witness()]
