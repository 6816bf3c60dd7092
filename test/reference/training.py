# Layers step by step, and the first 100 losses of SimpleNet on MNIST.

import json

import numpy
import torch
import torch.nn.functional as F
from torch import nn, optim

from recorder import agree, argument, encode, exact, number, values, weights_like


def write(folder, name, records):
    lines = ",\n".join(json.dumps(record, separators=(",", ":")) for record in records)
    (folder / f"{name}.json").write_text(f"[\n{lines}\n]\n")
    print(f"{name}: {len(records)} cases")


def record(folder, mnist):
    write(folder, "layers", layers())
    (folder / "simplenet.json").write_text(json.dumps(simplenet(mnist), separators=(",", ":")) + "\n")


def layers():
    torch.manual_seed(0)
    batch, other = values([6, 4], seed=1), values([5, 4], seed=2)
    deep = [values([3, 4, 2], seed=3), values([2, 4, 3], seed=4)]
    flipped = values([4, 6], seed=5, via=[("transpose", 0, 1)])
    records = []
    for bias in (True, False):
        records.append(layer("Linear", [4, 3], {"bias": bias}, [batch, flipped, values([2, 3, 4], seed=6), values([4], seed=7)]))
    for training in (True, False):
        for options in ({}, {"momentum": 0.3}, {"affine": False}, {"track_running_stats": False}, {"eps": 0.1}, {"momentum": None}):
            records.append(layer("BatchNorm1d", [4], options, [batch, other, flipped], training))
        records.append(layer("BatchNorm1d", [4], {}, deep, training))
    for name in ("ReLU", "Sigmoid", "Tanh", "Flatten"):
        records.append(layer(name, [], {}, [batch, values([2, 3, 2], seed=8)]))
    records.append(layer("Dropout", [0.5], {}, [batch], False))
    records.append(layer("Dropout", [0.0], {}, [batch], True))
    return records


def layer(name, arguments, options, inputs, training=True):
    record = {"layer": name, "args": [*arguments, *([argument(options)] if options else [])], "train": training}
    module = getattr(nn, name)(*arguments, **options).double()
    with torch.no_grad():
        for k, tensor in enumerate([*module.parameters(), *module.buffers()]):
            if tensor.is_floating_point():
                tensor.copy_(values(list(tensor.shape), 0.2, 1.5, seed=20 + k).make(torch.float64)[0])
    module.train(training)
    record["state"] = state(module)
    record["steps"] = []
    for spec in inputs:
        leaf, view = spec.make(torch.float64)
        module.zero_grad()
        output = module(view)
        output.backward(weights_like(output))
        step = {"in": spec.encoded(), "out": encode(output, torch.float64), "grad": encode(leaf.grad, torch.float64)["v"]}
        step["parameters"] = {key: encode(value.grad, torch.float64)["v"] for key, value in module.named_parameters()}
        record["steps"].append(step)
    record["stateAfter"] = state(module)
    return record


def state(module):
    return {key: encode(value, torch.float64) for key, value in module.state_dict().items()}


def formula_weights(shape, scale, start):
    """The k-th weight is scale · frac((start + k) · golden ratio), from -scale to scale: the test computes the same ones."""
    index = start + numpy.arange(numpy.prod(shape), dtype=numpy.float64)
    share = (index * 0.6180339887498949) % 1.0
    return torch.tensor((scale * (2 * share - 1)).astype(numpy.float32).reshape(shape))


def simplenet(mnist):
    images = torch.tensor(numpy.fromfile(mnist / "train-images-idx3-ubyte", numpy.uint8)[16 : 16 + 3200 * 784].reshape(-1, 784))
    labels = torch.tensor(numpy.fromfile(mnist / "train-labels-idx1-ubyte", numpy.uint8)[8 : 8 + 3200].astype(numpy.int64))
    images = images.float() / 255
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    with torch.no_grad():
        model[0].weight.copy_(formula_weights([128, 784], 1 / 28, 0))
        model[0].bias.copy_(formula_weights([128], 1 / 28, 100352))
        model[2].weight.copy_(formula_weights([10, 128], 0.0883883, 100480))
        model[2].bias.copy_(formula_weights([10], 0.0883883, 101760))
    criterion = nn.CrossEntropyLoss(weight=torch.tensor([0.1] + [1.0] * 9))
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for step in range(100):
        batch = slice(32 * step, 32 * step + 32)
        optimizer.zero_grad()
        loss = criterion(model(images[batch]), labels[batch])
        loss.backward()
        optimizer.step()
        losses.append(round(loss.item(), 7))
    norms = {key: float(f"{value.norm().item():.7g}") for key, value in model.named_parameters()}
    print(f"simplenet: {len(losses)} losses, from {losses[0]} to {losses[-1]}")
    return {"losses": losses, "norms": {"fc1.weight": norms["0.weight"], "fc1.bias": norms["0.bias"],
                                        "fc2.weight": norms["2.weight"], "fc2.bias": norms["2.bias"]}}
