# Recurrent layers and Bilinear in PyTorch: outputs, states, gradients of inputs, of first states and of every parameter, and the
# gradients of those gradients.

import json

import torch
from torch import nn

from recorder import Input, argument, encode, values, weights_like

transposed = [("transpose", 0, 1)]


def record_layers(folder):
    torch.manual_seed(0)
    records = [*recurrent_layers(), *cells(), *bilinear_layers()]
    lines = ",\n".join(json.dumps(record, separators=(",", ":")) for record in records)
    (folder / "recurrent.json").write_text(f"[\n{lines}\n]\n")
    print(f"recurrent: {len(records)} layers")


def recurrent_layers():
    for name in ("RNN", "LSTM", "GRU"):
        options = [
            {}, {"bias": False}, {"bidirectional": True}, {"num_layers": 2}, {"num_layers": 2, "bidirectional": True, "batch_first": True},
            {"batch_first": True}, {"num_layers": 3, "bias": False, "dropout": 0.0}, {"num_layers": 2, "dropout": 1.0},
        ]
        if name == "RNN":
            options += [{"nonlinearity": "relu"}, {"nonlinearity": "relu", "bidirectional": True, "num_layers": 2}]
        if name == "LSTM":
            options += [{"proj_size": 1}, {"proj_size": 2, "bidirectional": True, "num_layers": 2}, {"proj_size": 2, "bias": False, "batch_first": True}]
        for chosen in options:
            yield layer(name, [3, 4 if "proj_size" in chosen else 2], chosen, list(calls(name, chosen)))
        yield layer(name, [3, 2], {"num_layers": 2, "dropout": 0.7}, list(calls(name, {"num_layers": 2}))[:1], training=False)


def calls(name, options):
    """The inputs of each call: with first states and without, one step, views, no batch."""
    hidden = 4 if "proj_size" in options else 2
    count = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    first = options.get("batch_first", False)

    def states(batch, seed):
        sizes = [options.get("proj_size") or hidden] + ([hidden] if name == "LSTM" else [])
        return [values([count, *batch, size], -1, 1, seed=seed + k) for k, size in enumerate(sizes)]

    yield [values([2, 4, 3] if first else [4, 2, 3], seed=11), *states([2], 21)]
    yield [values([5, 1, 3], seed=12, via=transposed)]
    yield [values([4, 3], seed=13), *states([], 23)]
    if not options:
        yield [values([1, 3], seed=14)]
        yield [values([1, 3, 3], seed=15)]
        yield [Input([2, 0, 3], [])]


def cells():
    for name in ("RNNCell", "LSTMCell", "GRUCell"):
        for options in ({}, {"bias": False}, *([{"nonlinearity": "relu"}] if name == "RNNCell" else [])):
            count = 2 if name == "LSTMCell" else 1
            yield layer(name, [3, 2], options, [
                [values([4, 3], seed=1), *(values([4, 2], -1, 1, seed=2 + k) for k in range(count))], [values([3, 5], seed=4, via=transposed)],
                [values([3], seed=5), *(values([2], -1, 1, seed=6 + k) for k in range(count))],
            ])


def bilinear_layers():
    for options in ({}, {"bias": False}):
        yield layer("Bilinear", [3, 4, 2], options, [
            [values([5, 3], seed=1), values([5, 4], seed=2)], [values([3], seed=3), values([4], seed=4)],
            [values([3, 2], seed=5, via=transposed), values([2, 4], seed=6)], [values([2, 2, 3], seed=7), values([2, 2, 4], seed=8)],
        ])


def layer(name, arguments, options, calls, training=True):
    module = getattr(nn, name)(*arguments, **options).double()
    with torch.no_grad():
        for k, parameter in enumerate(module.parameters()):
            parameter.copy_(values(list(parameter.shape), -1, 1, seed=40 + k).make(torch.float64)[0])
    module.train(training)
    state = {key: encode(value, torch.float64) for key, value in module.state_dict().items()}
    shown = [*arguments, *([argument(options)] if options else [])]
    return {"layer": name, "args": shown, "train": training, "state": state, "calls": [run(module, name, specs) for specs in calls]}


def run(module, name, specs):
    made = [spec.make(torch.float64) for spec in specs]
    views = [view for _, view in made]
    if name in ("LSTM", "LSTMCell"):
        views = [views[0], *([tuple(views[1:])] if len(views) > 1 else [])]
    outputs = flat(module(*views))
    leaves = [leaf for leaf, _ in made] + list(module.parameters())
    started = sum((output * weights_like(output)).sum() for output in outputs)
    first = torch.autograd.grad(started, leaves, create_graph=True, allow_unused=True)
    known = [gradient for gradient in first if gradient is not None and gradient.requires_grad]
    summed = sum((gradient * weights_like(gradient)).sum() for gradient in known)
    second = torch.autograd.grad(summed, leaves, allow_unused=True)
    return {
        "in": [spec.encoded() for spec in specs], "out": [encode(output, torch.float64) for output in outputs],
        "grad": [listed(gradient) for gradient in first], "grad2": [listed(gradient) for gradient in second],
    }


def listed(gradient):
    return None if gradient is None else encode(gradient, torch.float64)["v"]


def flat(result):
    return [result] if isinstance(result, torch.Tensor) else [tensor for part in result for tensor in flat(part)]
