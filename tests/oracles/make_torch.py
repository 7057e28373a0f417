"""Constants from PyTorch for torch.test.ts: python make_torch.py > torch.json, with torch 2.13.0, everything in float64.

Nobody needs PyTorch to run the tests. Values begin as sines of their index, so that both sides make the same ones.
"""

import base64
import json
import math

import torch
from torch import nn
from torch.nn import functional
from torch.optim import lr_scheduler

STEPS = 3
BATCH, SIDE, CLASSES = 6, 8, 3
SCHEDULE_STEPS = 100

torch.set_default_dtype(torch.float64)
torch.backends.nnpack.set_flags(False)  # it only prints warnings


def sines(shape, phase):
    size = math.prod(shape)
    return torch.tensor([math.sin(12.9898 * (k + 1) + phase) for k in range(size)]).reshape(shape)


def fill(model):
    """Every parameter from its name and shape; see fill in torch.test.ts."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            values = sines(parameter.shape, sum(map(ord, name)) % 97)
            if parameter.dim() > 1:
                fan_in = math.prod(parameter.shape[1:])
                parameter.copy_(values * math.sqrt(4 / fan_in))
            else:
                parameter.copy_(values * 0.1 + (1 if ".weight" in f".{name}" and "bias" not in name else 0))


class PaddedIdentity(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.missing, self.stride = outputs - inputs, stride

    def forward(self, x):
        before = self.missing // 2
        return functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, before, self.missing - before))


def shortcut(kind, inputs, outputs, stride):
    if stride == 1 and inputs == outputs and kind != "C":
        return None
    if kind == "A":
        return PaddedIdentity(inputs, outputs, stride)
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


class Basic(nn.Module):
    def __init__(self, inputs, width, stride, kind):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = shortcut(kind, inputs, width, stride)

    def forward(self, x):
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride, stride_on):
        super().__init__()
        first, second = (stride, 1) if stride_on == "1x1" else (1, stride)
        self.conv1 = nn.Conv2d(inputs, width, 1, first, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, second, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = shortcut("B", inputs, 4 * width, stride)

    def forward(self, x):
        y = functional.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(functional.relu(self.bn2(self.conv2(y)))))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet8(nn.Module):
    """6n + 2 layers with n = 1 and 1, 2, 4 filters."""

    def __init__(self, kind):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 1, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(1)
        self.layer1 = nn.Sequential(Basic(1, 1, 1, kind))
        self.layer2 = nn.Sequential(Basic(1, 2, 2, kind))
        self.layer3 = nn.Sequential(Basic(2, 4, 2, kind))
        self.linear = nn.Linear(4, CLASSES)

    def forward(self, x):
        x = functional.relu(self.bn1(self.conv1(x)))
        return self.linear(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))


class NarrowBottleneck(nn.Module):
    """An ImageNet network of one block a stage, 1, 2, 4, 8 inner filters."""

    def __init__(self, stride_on):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 1, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(1)
        for k in range(4):
            block = Bottleneck(1 if k == 0 else 2 ** (k + 1), 2**k, 1 if k == 0 else 2, stride_on)
            setattr(self, f"layer{k + 1}", nn.Sequential(block))
        self.fc = nn.Linear(32, CLASSES)

    def forward(self, x):
        x = functional.max_pool2d(functional.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for k in range(4):
            x = getattr(self, f"layer{k + 1}")(x)
        return self.fc(x.mean((2, 3)))


def train(name, network, optimizer):
    if network["kind"] == "resnet8":
        model, side = ResNet8(network["shortcut"]), SIDE
    else:
        model, side = NarrowBottleneck(network["strideOn"]), 33
    fill(model)
    images = sines((BATCH, 3, side, side), 1)
    labels = torch.arange(BATCH) % CLASSES
    parameters = list(model.parameters())
    decay = optimizer.get("weightDecay", 0)
    groups = [{"params": parameters}]
    if optimizer.get("withoutDecay"):
        groups = [
            {"params": [p for p in parameters if p.dim() > 1]},
            {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0},
        ]
    sgd = torch.optim.SGD(
        groups,
        lr=optimizer["learningRate"],
        momentum=optimizer.get("momentum", 0),
        dampening=optimizer.get("dampening", 0),
        weight_decay=decay,
        nesterov=optimizer.get("nesterov", False),
    )
    parts = optimizer.get("accumulate", 1)
    losses, norms = [], []
    for _ in range(STEPS):
        sgd.zero_grad()
        for micro, target in zip(images.chunk(parts), labels.chunk(parts)):
            smoothing = optimizer.get("labelSmoothing", 0)
            loss = functional.cross_entropy(model(micro), target, label_smoothing=smoothing) / parts
            loss.backward()
            losses.append(loss.item())
        if "clip" in optimizer:
            norms.append(nn.utils.clip_grad_norm_(parameters, optimizer["clip"]).item())
        sgd.step()
    momentum = {
        key: sgd.state[parameter]["momentum_buffer"]
        for key, parameter in model.named_parameters()
        if "momentum_buffer" in sgd.state[parameter]
    }
    state = {key: value for key, value in model.state_dict().items() if "num_batches" not in key}
    model.eval()
    with torch.no_grad():
        evaluated = model(images)
    return {
        "name": name,
        "network": network,
        "optimizer": optimizer,
        "losses": losses,
        "norms": norms,
        "state": encode(state),
        "momentum": encode(momentum),
        "evaluated": encode({"logits": evaluated})["logits"],
    }


def encode(tensors):
    return {key: base64.b64encode(value.detach().numpy().tobytes()).decode() for key, value in tensors.items()}


def rates(make, after=lambda scheduler, step: scheduler.step()):
    parameter = nn.Parameter(torch.zeros(1))
    sgd = torch.optim.SGD([parameter], lr=0.1)
    scheduler = make(sgd)
    result = []
    for step in range(SCHEDULE_STEPS):
        result.append(sgd.param_groups[0]["lr"])
        sgd.step()
        after(scheduler, step)
    return result


def error(step):
    """A curve that falls, stops and falls again."""
    return 1 / (1 + step) if step < 20 else 0.05 if step < 60 else 0.04 - 1e-7 * step


def warmed(sgd):
    warm = lr_scheduler.LinearLR(sgd, 0.1, 1, 10)
    return lr_scheduler.SequentialLR(sgd, [warm, lr_scheduler.MultiStepLR(sgd, [30, 60])], [10])


RESNET8 = {"kind": "resnet8", "shortcut": "A"}
MOMENTUM = {"learningRate": 0.05, "momentum": 0.9}
DECAY = {**MOMENTUM, "weightDecay": 0.01}
print(
    json.dumps(
        {
            "madeWith": f"torch {torch.__version__.split('+')[0]}",
            "schedules": {
                "multiStep": rates(lambda sgd: lr_scheduler.MultiStepLR(sgd, [30, 60])),
                "cosine": rates(lambda sgd: lr_scheduler.CosineAnnealingLR(sgd, SCHEDULE_STEPS, 0.001)),
                "warmUpLinear": rates(warmed),
                "warmUpConstant": rates(lambda sgd: lr_scheduler.ConstantLR(sgd, 0.1, 25)),
                "plateau": rates(
                    lambda sgd: lr_scheduler.ReduceLROnPlateau(sgd, patience=5),
                    lambda scheduler, step: scheduler.step(error(step)),
                ),
            },
            "training": [
                train("plain SGD", RESNET8, {"learningRate": 0.05}),
                train("weight decay without momentum", RESNET8, {"learningRate": 0.05, "weightDecay": 0.01}),
                train("momentum", RESNET8, MOMENTUM),
                train("dampening", RESNET8, {**DECAY, "dampening": 0.5}),
                train("Nesterov", RESNET8, {**DECAY, "nesterov": True}),
                train("weight decay", RESNET8, DECAY),
                train("groups without decay", RESNET8, {**DECAY, "withoutDecay": True}),
                train("gradient clipping", RESNET8, {**DECAY, "clip": 0.5}),
                train("two accumulated micro-batches", RESNET8, {**DECAY, "accumulate": 2}),
                train("label smoothing", RESNET8, {**DECAY, "labelSmoothing": 0.1}),
                train("shortcut B", {**RESNET8, "shortcut": "B"}, DECAY),
                train("shortcut C", {**RESNET8, "shortcut": "C"}, DECAY),
                train("bottlenecks, stride on 3x3", {"kind": "bottleneck", "strideOn": "3x3"}, DECAY),
                train("bottlenecks, stride on 1x1", {"kind": "bottleneck", "strideOn": "1x1"}, DECAY),
            ],
        },
        indent=1,
    )
)
