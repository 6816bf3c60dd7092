# Optimizers' trajectories over 50 steps, the states they end with, and LBFGS on Rosenbrock's valley.

import json
import math

import torch
from torch import optim

from recorder import argument, encode, number, values

kept = [0, 1, 3, 4, 9, 13, 25, 49]
# What PyTorch has for the sake of its own implementations.
foreign = {"params", "foreach", "fused", "capturable", "differentiable"}
betas = {"betas": [0.6, 0.8]}

cases = [
    ("SGD", {}), ("SGD", {"momentum": 0.9}), ("SGD", {"momentum": 0.9, "dampening": 0.5}),
    ("SGD", {"momentum": 0.8, "nesterov": True}), ("SGD", {"weight_decay": 0.3}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.1, "nesterov": True}),
    ("SGD", {"lr": 0.001, "maximize": True}), ("SGD", {"lr": 0.001, "momentum": 0.5, "weight_decay": 0.1, "maximize": True}),
    ("Adam", {}), ("Adam", betas), ("Adam", {"eps": 0.1}), ("Adam", {"weight_decay": 0.2}), ("Adam", {"weight_decay": 0.2, "decoupled_weight_decay": True}), ("Adam", {"amsgrad": True}),
    ("Adam", {"amsgrad": True, "weight_decay": 0.1, **betas}), ("Adam", {"maximize": True}),
    ("AdamW", {}), ("AdamW", {"weight_decay": 0.3, "amsgrad": True}), ("AdamW", {"weight_decay": 0.1, "maximize": True}),
    ("RMSprop", {}), ("RMSprop", {"alpha": 0.7, "eps": 0.01}), ("RMSprop", {"weight_decay": 0.2}), ("RMSprop", {"momentum": 0.7}),
    ("RMSprop", {"centered": True, "eps": 0.01}), ("RMSprop", {"momentum": 0.5, "centered": True, "weight_decay": 0.1, "eps": 0.01}),
    ("RMSprop", {"maximize": True}),
    ("Adagrad", {}), ("Adagrad", {"lr_decay": 0.1}), ("Adagrad", {"initial_accumulator_value": 0.5}),
    ("Adagrad", {"weight_decay": 0.2, "lr_decay": 0.01, "eps": 0.1}), ("Adagrad", {"maximize": True}),
    ("Adadelta", {"lr": 1.0}), ("Adadelta", {"lr": 1.0, "rho": 0.6, "eps": 1e-3}), ("Adadelta", {"lr": 0.5, "weight_decay": 0.2}),
    ("Adadelta", {"lr": 1.0, "maximize": True}),
    ("NAdam", {}), ("NAdam", betas), ("NAdam", {"weight_decay": 0.2}), ("NAdam", {"weight_decay": 0.2, "decoupled_weight_decay": True}),
    ("NAdam", {"momentum_decay": 0.3, "eps": 0.01}), ("NAdam", {"maximize": True}),
    ("RAdam", {}), ("RAdam", betas), ("RAdam", {"weight_decay": 0.2}), ("RAdam", {"weight_decay": 0.2, "decoupled_weight_decay": True}),
    ("RAdam", {"betas": [0.9, 0.99], "eps": 0.1}), ("RAdam", {"maximize": True}),
]


def record(folder):
    records = [trajectory(name, {"lr": 0.1, **options}, groups) for name, options in cases for groups in (False, True)]
    records += [lbfgs(options) for options in (
        {}, {"lr": 0.5}, {"max_iter": 4}, {"history_size": 2}, {"max_eval": 3},
        {"line_search_fn": "strong_wolfe"}, {"line_search_fn": "strong_wolfe", "max_iter": 3}, {"line_search_fn": "strong_wolfe", "history_size": 2},
        {"line_search_fn": "strong_wolfe", "lr": 0.1, "tolerance_grad": 1e-3}, {"line_search_fn": "strong_wolfe", "tolerance_change": 1e-2},
    )]
    lines = ",\n".join(json.dumps(record, separators=(",", ":")) for record in records)
    (folder / "optimizers.json").write_text(f"[\n{lines}\n]\n")
    print(f"optimizers: {len(records)} trajectories")


def trajectory(name, options, groups, steps=50):
    """Three parameters follow targets that move; the test has the same formula. Rates are halved half-way; the second parameter has
    no gradient in four of the steps, the fourth never has one."""
    specs = [values([3, 2], seed=1), values([4], seed=2), values([], seed=5), values([2], seed=6)]
    targets = [values([3, 2], seed=3), values([4], seed=4), values([], seed=7)]
    parameters = [spec.make(torch.float64)[0] for spec in specs]
    goals = [spec.make(torch.float64)[0].detach() for spec in targets]
    first, second, third, fourth = parameters
    given = [{"params": [first]}, {"params": [second, fourth], "lr": 0.03}, {"params": [third], "weight_decay": 0.05}] if groups else parameters
    optimizer = getattr(optim, name)(given, **options)
    after = []
    for step in range(steps):
        if step == steps // 2:
            for group in optimizer.param_groups:
                group["lr"] *= 0.5
        optimizer.zero_grad()
        loss = sum(
            ((parameters[k] * (k + 1) - goals[k] - math.sin(step + k)) ** 2).sum() for k in range(3) if k != 1 or step not in (3, 10, 11, 12)
        )
        loss.backward()
        optimizer.step()
        if step in kept:
            after.append([step, [encode(parameter, torch.float64)["v"] for parameter in parameters]])
    saved = optimizer.state_dict()
    state = {
        key: {name: number(value.item()) if name == "step" or name == "mu_product" else encode(value, torch.float64)["v"]
              for name, value in own.items() if value is not None}
        for key, own in saved["state"].items()
    }
    return {
        "optimizer": name, "options": argument(options), "groups": groups, "start": [spec.encoded() for spec in specs],
        "target": [spec.encoded() for spec in targets], "after": after, "state": {key: own for key, own in state.items() if own},
        "keys": sorted(set(saved["param_groups"][0]) - foreign),
    }


def lbfgs(options, steps=8):
    """Rosenbrock's valley in four dimensions, held as two parameters."""
    specs = [values([3], seed=1), values([1], seed=2)]
    parameters = [spec.make(torch.float64)[0] for spec in specs]
    optimizer = optim.LBFGS(parameters, **options)
    calls, losses, after = 0, [], []

    def closure():
        nonlocal calls
        calls += 1
        optimizer.zero_grad()
        x = torch.cat(parameters)
        loss = ((x[1:] - x[:-1] ** 2) ** 2).sum() * 3 + ((1 - x) ** 2).sum()
        loss.backward()
        return loss

    for _ in range(steps):
        losses.append(number(optimizer.step(closure).item()))
        after.append([calls, [encode(parameter, torch.float64)["v"] for parameter in parameters]])
    return {
        "optimizer": "LBFGS", "options": argument(options), "start": [spec.encoded() for spec in specs], "losses": losses, "after": after,
        "stateKeys": sorted(set(optimizer.state_dict()["state"][0]) - {"al"}),
        "keys": sorted(set(optimizer.state_dict()["param_groups"][0]) - foreign),
    }
