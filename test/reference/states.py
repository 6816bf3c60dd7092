# The state of a model of PyTorch's with every kind of layer that has one, for test/engine/io-states.test.ts, and Descent's read back.
#   python test/reference/states.py          writes test/reference/fixtures/files/states.safetensors (needs torch, safetensors)
#   python test/reference/states.py FILE     loads what Descent saved into the same model, strictly, and compares its outputs
import sys
from pathlib import Path

import safetensors.torch
import torch
from torch import nn

FIXTURE = Path(__file__).parent / "fixtures" / "files" / "states.safetensors"


class Everything(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, padding=1, groups=2)
        self.batchNorm = nn.BatchNorm2d(4)
        self.groupNorm = nn.GroupNorm(2, 4)
        self.instanceNorm = nn.InstanceNorm2d(4, affine=True, track_running_stats=True)
        self.up = nn.ConvTranspose2d(4, 2, 2, stride=2, bias=False)
        self.conv1d = nn.Conv1d(2, 3, 2, dilation=2, padding=1)
        self.batchNorm1d = nn.BatchNorm1d(3, affine=False)
        self.prelu = nn.PReLU(3)
        self.embedding = nn.Embedding(10, 8, padding_idx=0)
        self.layerNorm = nn.LayerNorm(8)
        self.rmsNorm = nn.RMSNorm(8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True, kdim=6, vdim=5)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 12, 0.0, batch_first=True), 2, norm=nn.LayerNorm(8), enable_nested_tensor=False)
        self.decoder = nn.TransformerDecoderLayer(8, 2, 12, 0.0, batch_first=True)
        self.rnn = nn.RNN(8, 4, nonlinearity="relu")
        self.lstm = nn.LSTM(8, 5, num_layers=2, bidirectional=True, proj_size=3, batch_first=True)
        self.gru = nn.GRU(8, 4, bias=False)
        self.bilinear = nn.Bilinear(4, 8, 3)
        self.parts = nn.ModuleDict({"list": nn.ModuleList([nn.Linear(8, 8), nn.Sequential(nn.Linear(8, 2), nn.Tanh())])})

    def forward(self, image, words, key, value):
        normed = self.instanceNorm(self.groupNorm(self.batchNorm(self.conv(image))))
        row = self.up(normed).mean(2)
        line = self.prelu(self.batchNorm1d(self.conv1d(row)))
        x = self.rmsNorm(self.layerNorm(self.embedding(words)))
        attended, _ = self.attention(x, key, value)
        memory = self.encoder(attended)
        decoded = self.decoder(x, memory)
        lstm, (hidden, cell) = self.lstm(decoded)
        gru, _ = self.gru(decoded)
        rnn, _ = self.rnn(decoded)
        both = self.bilinear(gru + rnn, decoded)
        last = self.parts["list"][1](self.parts["list"][0](decoded))
        return {"line": line, "lstm": lstm, "hidden": hidden, "cell": cell, "both": both, "last": last}


def inputs():
    return {
        "image": torch.randn(2, 2, 4, 4),
        "words": torch.tensor([[1, 2, 0, 4, 9], [3, 3, 5, 0, 1]]),
        "key": torch.randn(2, 7, 6),
        "value": torch.randn(2, 7, 5),
    }


def write():
    torch.manual_seed(7)
    model = Everything()
    given = inputs()
    for parameter in model.parameters():
        parameter.data.add_(torch.randn_like(parameter) * 0.05)
    model.train()
    with torch.no_grad():
        model(**given)  # so that running means are not zeros
        model.eval()
        outputs = model(**given)
    tensors = {f"state.{name}": x for name, x in model.state_dict().items()}
    tensors |= {f"input.{name}": x for name, x in given.items()}
    tensors |= {f"output.{name}": x.contiguous() for name, x in outputs.items()}
    safetensors.torch.save_file(tensors, FIXTURE)


def check(file):
    tensors = safetensors.torch.load_file(file)
    part = lambda prefix: {name[len(prefix) :]: x for name, x in tensors.items() if name.startswith(prefix)}
    model = Everything().eval()
    model.load_state_dict(part("state."), strict=True)
    with torch.no_grad():
        outputs = model(**part("input."))
    for name, x in part("output.").items():
        torch.testing.assert_close(outputs[name], x, rtol=3e-4, atol=1e-5)
    print(f"{file}: PyTorch takes Descent's state, {len(part('state.'))} tensors, and has its {len(outputs)} outputs")


if len(sys.argv) > 1:
    check(Path(sys.argv[1]))
else:
    write()
