"""A training step on PyTorch's CPU: torch_step.py MODEL BATCH SIDE THREADS STEPS LAYOUT, with LAYOUT contiguous or channels_last."""

import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional

torch.backends.nnpack.set_flags(False)  # it only prints warnings


class Subsample(nn.Module):
    """Shortcut A of He et al. 2015, section 3.3: every second pixel, and zeros for the channels that are new."""

    def __init__(self, added):
        super().__init__()
        self.added = added

    def forward(self, x):
        return functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.added // 2, self.added - self.added // 2))


class Block(nn.Module):
    def __init__(self, inputs, width, stride, bottleneck, padded_shortcut):
        super().__init__()
        outputs = 4 * width if bottleneck else width
        kernels = [(inputs, width, 1, 1), (width, width, 3, stride), (width, outputs, 1, 1)]
        if not bottleneck:
            kernels = [(inputs, width, 3, stride), (width, width, 3, 1)]
        layers = []
        for a, b, size, step in kernels:
            layers += [nn.Conv2d(a, b, size, step, size // 2, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True)]
        self.residual = nn.Sequential(*layers[:-1])
        self.shortcut = nn.Identity()
        if inputs != outputs or stride != 1:
            self.shortcut = (
                Subsample(outputs - inputs)
                if padded_shortcut
                else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
            )

    def forward(self, x):
        return functional.relu(self.residual(x) + self.shortcut(x))


def stages(inputs, widths, counts, bottleneck, padded_shortcut):
    blocks = []
    for stage, (width, count) in enumerate(zip(widths, counts)):
        for k in range(count):
            blocks.append(Block(inputs, width, 2 if stage > 0 and k == 0 else 1, bottleneck, padded_shortcut))
            inputs = 4 * width if bottleneck else width
    return blocks, inputs


def cifar(depth):
    blocks, outputs = stages(16, [16, 32, 64], [(depth - 2) // 6] * 3, False, True)
    stem = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(outputs, 10)), 10


def imagenet(counts, bottleneck):
    blocks, outputs = stages(64, [64, 128, 256, 512], counts, bottleneck, False)
    stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(outputs, 1000)), 1000


MODELS = {
    "resnet20": lambda: cifar(20),
    "resnet56": lambda: cifar(56),
    "resnet18": lambda: imagenet([2, 2, 2, 2], False),
    "resnet50": lambda: imagenet([3, 4, 6, 3], True),
}


def main():
    name, batch, side, threads, steps, layout = sys.argv[1], *map(int, sys.argv[2:6]), sys.argv[6]
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model, classes = MODELS[name]()
    images = torch.randn(batch, 3, side, side)
    if layout == "channels_last":
        model, images = model.to(memory_format=torch.channels_last), images.to(memory_format=torch.channels_last)
    labels = torch.arange(batch) % classes
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    times = []
    for step in range(steps + 2):
        started = time.perf_counter()
        loss = functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
        if step > 1:
            times.append(1000 * (time.perf_counter() - started))
    milliseconds = sorted(times)[len(times) // 2]
    print(json.dumps({"imagesPerSecond": 1000 * batch / milliseconds, "milliseconds": milliseconds}))


main()
