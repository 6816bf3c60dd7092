# A character model on a text: the first losses of an LSTM in PyTorch, from weights of a formula.

import json

import torch
from torch import nn, optim

from training import formula_weights

steps, batch, length = 50, 16, 32


class CharacterModel(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 24)
        self.lstm = nn.LSTM(24, 64, num_layers=2, batch_first=True)
        self.head = nn.Linear(64, vocabulary)

    def forward(self, x):
        return self.head(self.lstm(self.embedding(x))[0])


def fill(model):
    """Each parameter from where the one before it ends in the formula's numbers; the test does the same."""
    start = 0
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            scale = 1.0 if name == "embedding.weight" else 0.125
            parameter.copy_(formula_weights(list(parameter.shape), scale, start))
            start += parameter.numel()


def record_losses(folder, text):
    letters = sorted(set(text))
    codes = torch.tensor([letters.index(letter) for letter in text])
    model = CharacterModel(len(letters))
    fill(model)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    losses, norms = [], []
    for step in range(steps):
        starts = [(step * batch + k) * 97 % (len(codes) - length - 1) for k in range(batch)]
        x = torch.stack([codes[start : start + length] for start in starts])
        y = torch.stack([codes[start + 1 : start + length + 1] for start in starts])
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x).flatten(0, 1), y.flatten())
        loss.backward()
        norms.append(float(f"{nn.utils.clip_grad_norm_(model.parameters(), 0.25).item():.7g}"))
        optimizer.step()
        losses.append(round(loss.item(), 7))
    print(f"lstm: {len(losses)} losses, from {losses[0]} to {losses[-1]}, gradient norms {min(norms)} to {max(norms)}")
    (folder / "lstm.json").write_text(json.dumps({"losses": losses, "norms": norms}, separators=(",", ":")) + "\n")
