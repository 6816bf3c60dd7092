# The dtype every pair of dtypes gives, by op, for tensors with dimensions and for single numbers held in tensors.

import json

import torch

kinds = [
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.bfloat16, torch.float32,
    torch.float64,
]


def name(dtype):
    return str(dtype).removeprefix("torch.")


def result(function, left, right):
    try:
        return name(function(left, right).dtype)
    except (RuntimeError, TypeError):
        return "error"


def table(function, left_shape, right_shape):
    return [[result(function, torch.ones(left_shape, dtype=a), torch.ones(right_shape, dtype=b)) for b in kinds] for a in kinds]


def record(folder):
    functions = {
        "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "pow": torch.pow, "maximum": torch.maximum,
        "fmod": torch.fmod, "remainder": torch.remainder, "atan2": torch.atan2, "eq": torch.eq, "lt": torch.lt,
        "logicalAnd": torch.logical_and,
    }
    pairs = {
        call: {
            "tensors": table(function, [2], [2]),
            "leftScalar": table(function, [], [2]),
            "rightScalar": table(function, [2], []),
            "integer": [result(function, torch.ones(2, dtype=a), 2) for a in kinds],
            "fraction": [result(function, torch.ones(2, dtype=a), 2.5) for a in kinds],
        }
        for call, function in functions.items()
    }
    cat = [[name(torch.cat([torch.ones(2, dtype=a), torch.ones(2, dtype=b)]).dtype) for b in kinds] for a in kinds]
    reductions = {
        call: [result(lambda x, _: function(x), torch.ones([2], dtype=a), None) for a in kinds]
        for call, function in {"sum": torch.sum, "mean": torch.mean, "prod": torch.prod, "amax": torch.amax, "argmax": torch.argmax,
                               "exp": torch.exp, "abs": torch.abs, "neg": torch.neg, "sign": torch.sign,
                               "floor": torch.floor}.items()
    }
    record = {"dtypes": [name(kind) for kind in kinds], "pairs": pairs, "cat": cat, "one": reductions}
    (folder / "promotion.json").write_text(json.dumps(record, separators=(",", ":")).replace('},"', '},\n"') + "\n")
    print(f"promotion: {len(pairs) * (3 * 100 + 20) + 100 + len(reductions) * 10} cases")
