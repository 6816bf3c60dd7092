# The first 50 losses of a character-level GPT: 6 layers, 4 heads, width 128, context 64, causal attention, AdamW with a cosine
# schedule, gradients clipped. Weights and batches follow formulas that stand in the test too.

import json
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F
from torch import nn, optim

text = (Path(__file__).parent.parent / "engine/fixtures/text.txt").read_text()
width, context, batch, steps = 128, 64, 8, 50


class GPT(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(context, width)
        layer = nn.TransformerEncoderLayer(width, 4, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, 6, norm=nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.mask = nn.Transformer.generate_square_subsequent_mask(context)

    def forward(self, x):
        h = self.tokens(x) + self.positions(torch.arange(x.size(1)))
        return self.head(self.blocks(h, mask=self.mask, is_causal=True))


def formula(shape, start):
    """Noise in ±1: the fraction of 10000 sin(k + 1)."""
    x = numpy.sin(numpy.arange(start, start + numpy.prod(shape), dtype=numpy.float64) + 1) * 1e4
    return torch.tensor((2 * (x - numpy.floor(x)) - 1).reshape(shape))


def initialise(model):
    start = 0
    for name, parameter in sorted(model.named_parameters()):
        noise = formula(list(parameter.shape), start)
        start += parameter.numel()
        is_scale = "norm" in name and name.endswith("weight")
        parameter.data.copy_(1 + 0.1 * noise if is_scale else 0.08 * noise)


class Losses:
    def write(self, folder):
        letters = sorted(set(text))
        codes = torch.tensor([letters.index(letter) for letter in text])
        model = GPT(len(letters))
        initialise(model)
        optimizer = optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1)
        scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps, eta_min=1e-4)
        losses, norms = [], []
        for step in range(steps):
            starts = [(step * batch + item) * 997 % (len(codes) - context - 1) for item in range(batch)]
            x = torch.stack([codes[start : start + context] for start in starts])
            y = torch.stack([codes[start + 1 : start + context + 1] for start in starts])
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
            loss.backward()
            norms.append(float(f"{nn.utils.clip_grad_norm_(model.parameters(), 1.0).item():.6g}"))
            optimizer.step()
            scheduler.step()
            losses.append(float(f"{loss.item():.7g}"))
        print(f"gpt: {steps} losses, from {losses[0]} to {losses[-1]}, norms from {norms[0]} to {norms[-1]}")
        (folder.parent / "gpt.json").write_text(json.dumps({"losses": losses, "norms": norms}, separators=(",", ":")) + "\n")


def record():
    return [Losses()]
