# Learning rates (and momenta) over 100 steps of every scheduler, for two groups.

import json
import math
import warnings

import torch
from torch import optim
from torch.optim import lr_scheduler as schedulers

from recorder import argument, number

warnings.simplefilter("ignore")

# Names of functions that the test has too.
lambdas = {
    "inverse": lambda epoch: 1 / (epoch + 1), "steps": lambda epoch: 0.95 ** (epoch // 10), "same": lambda epoch: 1.0,
    "wave": lambda epoch: 1 + 0.1 * math.sin(epoch),
}

# scheduler, required arguments, options, optimizer
cases = [
    ("StepLR", [7], {}, "SGD"), ("StepLR", [10], {"gamma": 0.7}, "SGD"),
    ("MultiStepLR", [[3, 20, 50]], {}, "SGD"), ("MultiStepLR", [[5, 5, 60]], {"gamma": 0.5}, "SGD"), ("MultiStepLR", [[]], {}, "SGD"),
    ("ExponentialLR", [0.97], {}, "SGD"),
    ("ConstantLR", [], {}, "SGD"), ("ConstantLR", [], {"factor": 0.2, "total_iters": 30}, "SGD"),
    ("LinearLR", [], {}, "SGD"), ("LinearLR", [], {"start_factor": 0.1, "end_factor": 0.6, "total_iters": 40}, "SGD"),
    ("LinearLR", [], {"start_factor": 1.0, "end_factor": 0.0, "total_iters": 60}, "SGD"),
    ("PolynomialLR", [], {}, "SGD"), ("PolynomialLR", [], {"total_iters": 70, "power": 2.0}, "SGD"),
    ("CosineAnnealingLR", [30], {}, "SGD"), ("CosineAnnealingLR", [100], {"eta_min": 0.01}, "SGD"), ("CosineAnnealingLR", [1], {}, "SGD"),
    ("CosineAnnealingWarmRestarts", [13], {}, "SGD"), ("CosineAnnealingWarmRestarts", [5], {"T_mult": 2, "eta_min": 0.001}, "SGD"),
    ("LambdaLR", ["inverse"], {}, "SGD"), ("LambdaLR", [["steps", "wave"]], {}, "SGD"),
    ("MultiplicativeLR", ["wave"], {}, "SGD"), ("MultiplicativeLR", [["same", "wave"]], {}, "SGD"),
    ("OneCycleLR", [1.0], {"total_steps": 100}, "SGD"), ("OneCycleLR", [[1.0, 0.5]], {"epochs": 10, "steps_per_epoch": 12, "pct_start": 0.4}, "Adam"),
    ("OneCycleLR", [0.3], {"total_steps": 101, "anneal_strategy": "linear", "div_factor": 10.0, "final_div_factor": 100.0}, "SGD"),
    ("OneCycleLR", [0.3], {"total_steps": 110, "three_phase": True, "base_momentum": [0.7, 0.8], "max_momentum": 0.99}, "SGD"),
    ("OneCycleLR", [0.3], {"total_steps": 100, "cycle_momentum": False}, "SGD"),
    ("CyclicLR", [0.01, 0.2], {"step_size_up": 12}, "SGD"), ("CyclicLR", [0.01, [0.2, 0.3]], {"step_size_up": 10, "step_size_down": 15, "mode": "triangular2"}, "Adam"),
    ("CyclicLR", [0.01, 0.2], {"step_size_up": 8, "mode": "exp_range", "gamma": 0.98, "cycle_momentum": False}, "SGD"),
]
plateaus = [
    {}, {"patience": 2, "factor": 0.5}, {"patience": 3, "cooldown": 4, "min_lr": [0.02, 0.001]}, {"mode": "max", "patience": 4},
    {"patience": 1, "threshold": 0.05, "threshold_mode": "abs"}, {"mode": "max", "threshold_mode": "abs", "threshold": 0.2, "patience": 2},
    {"patience": 0, "eps": 0.01},
]
# The parts, then the milestones; null chains them all.
composed = [
    ([("LinearLR", [], {"start_factor": 0.1, "total_iters": 10}), ("CosineAnnealingLR", [60], {})], [10]),
    ([("ConstantLR", [], {"factor": 0.1, "total_iters": 4}), ("ExponentialLR", [0.9], {}), ("StepLR", [5], {"gamma": 0.5})], [4, 40]),
    ([("CosineAnnealingWarmRestarts", [7], {}), ("PolynomialLR", [], {"total_iters": 30})], [30]),
    ([("ExponentialLR", [0.99], {}), ("ConstantLR", [], {"factor": 0.3, "total_iters": 12})], None),
    ([("LinearLR", [], {"total_iters": 20}), ("MultiStepLR", [[40, 80]], {}), ("CosineAnnealingLR", [50], {"eta_min": 0.001})], None),
]


def record(folder):
    records = [rates(*case) for case in cases] + [plateau(options) for options in plateaus] + [chain(*each) for each in composed]
    records += [by_epoch(*case[:3]) for case in cases if case[0] not in ("OneCycleLR", "CyclicLR", "MultiplicativeLR", "LambdaLR")]
    lines = ",\n".join(json.dumps(record, separators=(",", ":")) for record in records)
    (folder / "schedulers.json").write_text(f"[\n{lines}\n]\n")
    print(f"schedulers: {len(records)} cases")


def optimizer(name="SGD"):
    groups = [{"params": [torch.zeros(1, requires_grad=True)]}, {"params": [torch.zeros(2, requires_grad=True)], "lr": 0.03}]
    return optim.SGD(groups, lr=0.1, momentum=0.9) if name == "SGD" else optim.Adam(groups, lr=0.1)


def make(opt, name, arguments, options):
    found = [lambdas.get(each, each) if isinstance(each, str) else
             [lambdas.get(item, item) for item in each] if isinstance(each, list) else each for each in arguments]
    return getattr(schedulers, name)(opt, *found, **options)


def lrs(opt):
    return [number(group["lr"]) for group in opt.param_groups]


def momenta(opt):
    return [number(group["momentum"] if "momentum" in group else group["betas"][0]) for group in opt.param_groups]


def thinned(series):
    """Every step at first, then every third: the files stay small."""
    return [value for step, value in enumerate(series) if step < 40 or step % 3 == 0]


def follow(opt, step):
    series, moments = [lrs(opt)], [momenta(opt)]
    for k in range(100):
        step(k)
        series.append(lrs(opt))
        moments.append(momenta(opt))
    record = {"rates": thinned(series)}
    if any(each != moments[0] for each in moments) or moments[0][0] != 0.9:
        record["momenta"] = thinned(moments)
    return record


def rates(name, arguments, options, kind):
    opt = optimizer(kind)
    scheduler = make(opt, name, arguments, options)
    record = {"scheduler": name, "args": arguments, "options": argument(options), "optimizer": kind, **follow(opt, lambda _: scheduler.step())}
    return {**record, "keys": sorted(scheduler.state_dict())}


def plateau(options):
    opt = optimizer()
    scheduler = schedulers.ReduceLROnPlateau(opt, **options)
    record = follow(opt, lambda k: scheduler.step(metric(k)))
    return {"scheduler": "ReduceLROnPlateau", "args": [], "options": argument(options), "optimizer": "SGD", **record, "keys": sorted(scheduler.state_dict())}


def metric(step):
    return 1 / (1 + step // 4) + 0.05 * math.sin(3 * step) + (0.5 if step > 70 else 0)


def chain(parts, milestones):
    opt = optimizer()
    made = [make(opt, *part) for part in parts]
    scheduler = schedulers.ChainedScheduler(made) if milestones is None else schedulers.SequentialLR(opt, made, milestones)
    shown = [[name, arguments, argument(options)] for name, arguments, options in parts]
    name = "ChainedScheduler" if milestones is None else "SequentialLR"
    record = follow(opt, lambda _: scheduler.step())
    return {"scheduler": name, "parts": shown, "milestones": milestones, "optimizer": "SGD", **record, "keys": sorted(scheduler.state_dict())}


def by_epoch(name, arguments, options):
    """step(epoch), which may go back."""
    opt = optimizer()
    scheduler = make(opt, name, arguments, options)
    record = {"scheduler": name, "args": arguments, "options": argument(options), "optimizer": "SGD", "epochs": [3, 10, 50, 2, 0, 61], "rates": []}
    for epoch in record["epochs"]:
        scheduler.step(epoch)
        record["rates"].append(lrs(opt))
    return record
