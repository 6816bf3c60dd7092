# The cases of cases.mjs in PyTorch, timed on request over the same line protocol: python peer.py PORT [DEVICE].

import json
import socket
import sys
import time
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


def simplenet(make_optimizer=lambda model: optim.SGD(model.parameters(), lr=1e-6)):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    criterion = nn.CrossEntropyLoss(weight=torch.tensor([0.1] + [1.0] * 9))
    optimizer = make_optimizer(model)
    batches = [(torch.randn(32, 784), torch.randint(0, 10, (32,))) for _ in range(16)]

    def run(count):
        for k in range(count):
            x, y = batches[k % 16]
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()

    return run


def lstm():
    torch.manual_seed(0)
    layers, head = nn.LSTM(128, 128, num_layers=2), nn.Linear(128, 50)
    optimizer = optim.Adam([*layers.parameters(), *head.parameters()], lr=1e-8)
    x, y = torch.randn(64, 32, 128), torch.randint(0, 50, (64 * 32,))

    def run(count):
        for _ in range(count):
            optimizer.zero_grad()
            nn.functional.cross_entropy(head(layers(x)[0]).flatten(0, 1), y).backward()
            optimizer.step()

    return run


def add(recorded=False):
    x, y = torch.randn(10, requires_grad=recorded), torch.randn(10)

    def run(count):
        for _ in range(count):
            x.add(y)

    return run


def backward():
    x, y = torch.randn(10, requires_grad=True), torch.randn(10)

    def run(count):
        for _ in range(count):
            x.grad = None
            x.mul(y).sum().backward()

    return run


def convolution(images, kernels, **options):
    x, weight = torch.randn(images, requires_grad=True), torch.randn(kernels, requires_grad=True)
    bias = torch.randn(kernels[0], requires_grad=True)
    gradient = torch.randn(F.conv2d(x, weight, bias, **options).shape)

    def run(count):
        for _ in range(count):
            x.grad = weight.grad = bias.grad = None
            F.conv2d(x, weight, bias, **options).backward(gradient)

    return run


def matmul(size):
    a, b = torch.randn(size, size), torch.randn(size, size)

    def run(count):
        for _ in range(count):
            a.matmul(b)

    return run


def digits_epoch():
    content = numpy.fromfile(Path(__file__).parents[2] / "extension/samples/digits/digits.bin", numpy.uint8)
    images = torch.tensor(content[: 1797 * 64].reshape(-1, 64)).float() / 16
    labels = torch.tensor(content[1797 * 64 :].astype(numpy.int64))
    loader = DataLoader(TensorDataset(images, labels), batch_size=16, shuffle=True)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.3),
                          nn.Linear(256, 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 10))
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=1e-3)

    def run(count):
        for _ in range(count):
            for x, y in loader:
                optimizer.zero_grad()
                loss = criterion(model(x), y)
                loss.backward()
                optimizer.step()

    return run


def gpt():
    torch.manual_seed(0)
    mask = nn.Transformer.generate_square_subsequent_mask(64)
    layer = nn.TransformerEncoderLayer(128, 4, 512, 0.0, "gelu", batch_first=True, norm_first=True)
    blocks = nn.TransformerEncoder(layer, 6, norm=nn.LayerNorm(128), enable_nested_tensor=False)
    letters, places, head = nn.Embedding(64, 128), nn.Embedding(64, 128), nn.Linear(128, 64, bias=False)
    parameters = [parameter for module in (letters, places, blocks, head) for parameter in module.parameters()]
    optimizer = optim.AdamW(parameters, lr=1e-6)
    x, y, order = torch.randint(0, 64, (8, 64)), torch.randint(0, 64, (8, 64)), torch.arange(64)

    def run(count):
        for _ in range(count):
            optimizer.zero_grad()
            h = blocks(letters(x) + places(order), mask=mask, is_causal=True)
            loss = F.cross_entropy(head(h).flatten(0, 1), y.flatten())
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()

    return run


def both_ways(inputs, forward):
    g = torch.randn(forward().shape)

    def run(count):
        for _ in range(count):
            for one in inputs:
                one.grad = None
            forward().backward(g)

    return run


def layer_norm():
    x, weight, bias = (torch.randn(*shape, requires_grad=True) for shape in ([2048, 768], [768], [768]))
    return both_ways([x, weight, bias], lambda: F.layer_norm(x, [768], weight, bias))


def attention():
    q, k, v = (torch.randn(2, 8, 512, 64, requires_grad=True) for _ in range(3))
    return both_ways([q, k, v], lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True))


def embedding():
    weight, x = torch.randn(1000, 128, requires_grad=True), torch.randint(0, 1000, (32, 64))
    return both_ways([weight], lambda: F.embedding(x, weight))


def product(size, dtype):
    a, b = torch.randn(size, size).to(dtype), torch.randn(size, size).to(dtype)

    def run(count):
        for _ in range(count):
            a @ b

    return run


def over(count_of_inputs, apply):
    """One elementwise op over 64 Mi numbers."""
    inputs = [torch.randn(1 << 26) for _ in range(count_of_inputs)]

    def run(count):
        for _ in range(count):
            apply(*inputs)

    return run


cases = {
    "simplenet": simplenet,
    "simplenet-adam": lambda: simplenet(lambda model: optim.Adam(model.parameters(), lr=1e-8)),
    "add": add, "add-recorded": lambda: add(recorded=True), "backward": backward, "digits-epoch": digits_epoch, "lstm": lstm,
    "gpt": gpt, "layer-norm": layer_norm, "attention": attention, "embedding": embedding,
    "conv-28": lambda: convolution([32, 16, 28, 28], [32, 16, 3, 3], padding=1),
    "conv-14": lambda: convolution([32, 64, 14, 14], [64, 64, 3, 3], padding=1),
    "conv-stride": lambda: convolution([32, 64, 14, 14], [128, 64, 3, 3], padding=1, stride=2),
    "conv-pointwise": lambda: convolution([32, 64, 14, 14], [128, 64, 1, 1]),
    "conv-depthwise": lambda: convolution([32, 64, 28, 28], [64, 1, 3, 3], padding=1, groups=64),
    "bf16-8192": lambda: product(8192, torch.bfloat16), "bf16-2048": lambda: product(2048, torch.bfloat16),
    "f32-4096": lambda: product(4096, torch.float32),
    "large-copy": lambda: over(1, lambda x: x.clone()), "large-add": lambda: over(2, lambda x, y: x + y),
    "large-mul-add": lambda: over(3, lambda x, y, z: torch.addcmul(x, y, z)), "large-gelu": lambda: over(1, F.gelu),
    "large-sum": lambda: over(1, lambda x: x.sum()),
    **{f"matmul-{size}": lambda size=size: matmul(size) for size in (64, 256, 512, 1024)},
}

device = sys.argv[2] if len(sys.argv) > 2 else "cpu"
torch.set_default_device(device)
finish = torch.cuda.synchronize if device.startswith("cuda") else lambda: None
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
prepared = {}
stream = connection.makefile("rw")
for line in stream:
    request = json.loads(line)
    name = request["case"]
    if name not in prepared:
        prepared[name] = cases[name]()
    finish()
    start = time.perf_counter()
    prepared[name](request["count"])
    finish()
    stream.write(json.dumps({"milliseconds": (time.perf_counter() - start) * 1000}) + "\n")
    stream.flush()
