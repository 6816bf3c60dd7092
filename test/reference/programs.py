# Random programs of views, changes in place, detaching and noGrad, run in PyTorch: what each step does or refuses, the loss at the end
# and the gradients. The test runs the same steps in Descent. python test/reference/programs.py [FIRST_SEED COUNT FILE]

import json
import random
import sys
from pathlib import Path

import torch

number = lambda value: float(f"{value:.11g}")

unary = ["sin", "tanh", "sigmoid", "square", "neg", "clone", "relu"]
unary_in_place = ["sin_", "tanh_", "sigmoid_", "square_", "neg_", "relu_", "zero_"]
binary = ["mul", "add", "sub", "maximum"]
binary_in_place = ["mul_", "add_", "sub_", "copy_"]


def make_step(random, names, tensors):
    """[result or null, tensor, method, arguments, quiet]; '$name' is a tensor."""
    name = random.choice(names)
    x = tensors[name]
    kind = random.choices(["unary", "binary", "view", "change", "scalar", "detach", "sum"], [3, 3, 6, 6, 2, 0.5, 0.5])[0]
    fresh = f"v{len(names)}"
    if kind == "unary":
        return [fresh, name, random.choice(unary), []]
    if kind == "binary":
        return [fresh, name, random.choice(binary), ["$" + random.choice(names)]]
    if kind == "detach":
        return [fresh, name, "detach", []]
    if kind == "sum":
        return [fresh, name, "sum", []]
    if kind == "scalar":
        method = random.choice(["mul", "add", "mul_", "add_", "fill_"])
        return [None if method.endswith("_") else fresh, name, method, [random.choice([0.5, -1.5, 2])]]
    if kind == "change":
        if random.random() < 0.5:
            return [None, name, random.choice(unary_in_place), []]
        other = random.choice([other for other in names if other != name])
        return [None, name, random.choice(binary_in_place), ["$" + other]]
    if x.dim() == 0:
        return [fresh, name, "unsqueeze", [0]]
    dim = random.randrange(x.dim())
    size = x.size(dim)
    view = random.choice(["select", "narrow", "transpose", "unsqueeze", "view", "permute", "expand", "squeeze", "flatten"])
    if view == "select" and size > 0:
        return [fresh, name, view, [dim, random.randrange(size)]]
    if view == "narrow" and size > 0:
        start = random.randrange(size)
        return [fresh, name, view, [dim, start, random.randint(1, size - start)]]
    if view == "transpose":
        return [fresh, name, view, [dim, random.randrange(x.dim())]]
    if view == "view":
        return [fresh, name, view, [[-1]]]
    if view == "permute":
        return [fresh, name, view, [random.sample(range(x.dim()), x.dim())]]
    if view == "expand" and x.dim() < 3:
        return [fresh, name, view, [[2, *x.shape]]]
    if view == "squeeze":
        return [fresh, name, view, []]
    if view == "flatten":
        return [fresh, name, view, []]
    return [fresh, name, "unsqueeze", [dim]]


def run_step(step, tensors):
    result, name, method, arguments, quiet = step
    values = [tensors[a[1:]] if isinstance(a, str) else a for a in arguments]
    with torch.set_grad_enabled(not quiet):
        made = getattr(tensors[name], method)(*values)
    if result is not None:
        tensors[result] = made


def is_refused_needlessly(record):
    """What PyTorch refuses because of how it is made, and Descent does."""
    last = record["steps"][-1] if record["steps"] else []
    step_refusal = last[5] if len(last) > 5 else ""
    # A view made within no_grad whose base changed is a constant.
    if "another view of its base" in record.get("refused", "") + step_refusal:
        return True
    # A view of what came to require a gradient later is no leaf.
    if "a leaf Variable" in step_refusal and last[1] not in record["start"]:
        return True
    # A fill of an expanded tensor, whose gradient PyTorch then cannot compute.
    return "more than one element" in record.get("refused", "")


def is_about_shapes(message):
    return any(part in message for part in ["must match", "size", "shape", "expand", "broadcast", "dimension", "memory location", "overlap"])


def program(seed):
    chance = random.Random(seed)
    leaves = {"a": (3, 4), "b": (4,), "c": (3, 4)}
    tensors, start = {}, {}
    for name, shape in leaves.items():
        values = [round(32 * chance.uniform(-1.5, 1.5)) / 32 for _ in range(torch.Size(shape).numel())]
        start[name] = {"shape": list(shape), "values": values, "requiresGrad": name != "c" or chance.random() < 0.3}
        tensors[name] = torch.tensor(values, dtype=torch.float64).reshape(shape).clone().requires_grad_(start[name]["requiresGrad"])
    steps = []
    names = list(tensors)
    for _ in range(chance.randint(3, 12)):
        step = make_step(chance, names, tensors) + [chance.random() < 0.06]
        try:
            run_step(step, tensors)
            steps.append(step)
        except RuntimeError as error:
            if is_about_shapes(str(error)):
                continue
            # What PyTorch refused may have lost its history, so the program ends here.
            return {"seed": seed, "start": start, "steps": [*steps, [*step, str(error).split("\n")[0]]]}
        names = list(tensors)
    record = {"seed": seed, "start": start, "steps": steps}
    # A view made within no_grad says that it requires a gradient and has none: there the documentation holds, which says it does not.
    if not any(result and quiet for result, _, _, _, quiet in steps):
        record["requiresGrad"] = {name: tensor.requires_grad for name, tensor in tensors.items()}
    try:
        loss = sum((tensor * torch.arange(1, tensor.numel() + 1, dtype=torch.float64).reshape(tensor.shape)).sum() * (k + 1) for k, tensor in enumerate(tensors.values()))
        record["loss"] = number(loss.item())
        if loss.requires_grad:
            loss.backward()
            record["grads"] = {name: None if tensors[name].grad is None else [number(value) for value in tensors[name].grad.flatten().tolist()] for name in leaves}
    except RuntimeError as error:
        record["refused"] = str(error).split("\n")[0]
    return record


def main(first=0, count=250, file="programs.json"):
    records, seed = [], first
    while len(records) < count:
        record = program(seed)
        seed += 1
        if is_refused_needlessly(record):
            continue
        if "grads" in record or "refused" in record or seed % 4 == 0:
            records.append(record)
    lines = ",\n".join(json.dumps(record, separators=(",", ":")) for record in records)
    (Path(__file__).parent / "fixtures" / file).write_text(f"[\n{lines}\n]\n")
    refused = sum("refused" in record for record in records)
    print(f"{len(records)} programs, {refused} refused by backward, {sum('loss' not in record for record in records)} by a step")


if __name__ == "__main__":
    main(*(int(value) for value in sys.argv[1:3]), *sys.argv[3:])
