# Layers of several inputs or options, step by step: normalisation, embedding, attention, transformers.

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from recorder import argument, encode, exact, values, weights_like

swapped = [("transpose", 0, 1)]


class Layers:
    """The records of one fixture file; record.py writes them."""

    def __init__(self, name):
        self.name, self.records = name, []

    def write(self, folder):
        lines = ",\n".join(json.dumps(record, separators=(",", ":")) for record in self.records)
        (folder.parent / f"{self.name}.json").write_text(f"[\n{lines}\n]\n")
        print(f"{self.name}: {len(self.records)} layers")

    def add(self, name, arguments, options, steps, training=True, made=None, shown=None):
        """`steps`: (inputs, options of forward); '$k' among those options is an input too."""
        module = (made or (lambda: getattr(nn, name)(*arguments, **options)))().double()
        shown = [*arguments, *([argument(options)] if options else [])] if shown is None else shown
        with torch.no_grad():
            for k, tensor in enumerate([*module.parameters(), *module.buffers()]):
                if tensor.is_floating_point():
                    low, high = (0.2, 1.5) if tensor.dim() == 1 else (-0.75, 0.75)
                    tensor.copy_(values(list(tensor.shape), low, high, seed=20 + k).make(torch.float64)[0])
        module.train(training)
        record = {"layer": name, "args": shown, "train": training, "state": state(module), "steps": []}
        for inputs, given in steps:
            record["steps"].append(self.step(module, inputs, given))
        record["stateAfter"] = state(module)
        self.records.append(record)

    def step(self, module, inputs, given):
        made = [spec.make(torch.float64) for spec in inputs]
        views = [view for _, view in made]
        options = {key: views[int(item[1:])] if isinstance(item, str) and item.startswith("$") else item for key, item in given.items()}
        used = {int(item[1:]) for item in given.values() if isinstance(item, str) and item.startswith("$")}
        module.zero_grad()
        result = module(*[view for k, view in enumerate(views) if k not in used], **options)
        outputs = list(result) if isinstance(result, tuple) else [result]
        tracked = [output for output in outputs if output is not None and output.requires_grad]
        if tracked:
            torch.autograd.backward(tracked, [weights_like(output) for output in tracked])
        return {
            "in": [spec.encoded() for spec in inputs], "options": argument(given),
            "out": [None if output is None else encode(output, torch.float64) for output in outputs],
            "grad": [None if leaf.grad is None else encode(leaf.grad, torch.float64)["v"] for leaf, _ in made],
            "parameters": {key: None if value.grad is None else encode(value.grad, torch.float64)["v"] for key, value in module.named_parameters()},
        }


def state(module):
    return {key: encode(value, torch.float64) for key, value in module.state_dict().items()}


def record():
    layers = Layers("modules")
    record_norms(layers)
    record_embeddings(layers)
    record_attention(layers)
    record_transformers(layers)
    return [layers]


def record_norms(layers):
    deep, flat = values([2, 3, 4], seed=1), values([5, 4], seed=2)
    flipped = values([4, 3], seed=3, via=swapped)
    for options in ({}, {"eps": 0.25}, {"elementwise_affine": False}, {"bias": False}):
        layers.add("LayerNorm", [4], options, [([deep], {}), ([flat], {}), ([flipped], {})])
    layers.add("LayerNorm", [[3, 4]], {}, [([deep], {})])
    for options in ({}, {"eps": 0.25}, {"elementwise_affine": False}):
        layers.add("RMSNorm", [4], options, [([deep], {}), ([flat], {}), ([flipped], {})])
    layers.add("RMSNorm", [[3, 4]], {}, [([deep], {})])
    image, other = values([2, 4, 3, 2], seed=4), values([3, 4, 2, 2], seed=5)
    for options in ({}, {"eps": 0.25}, {"affine": False}):
        layers.add("GroupNorm", [2, 4], options, [([image], {}), ([values([3, 4, 5], seed=6)], {}), ([values([3, 4], seed=7)], {})])
    layers.add("GroupNorm", [4, 4], {}, [([image], {})])
    layers.add("GroupNorm", [1, 4], {}, [([values([2, 3, 2, 4], seed=8, via=[("permute", 0, 3, 1, 2)])], {})])
    for training in (True, False):
        for options in ({}, {"momentum": 0.3, "eps": 0.25}, {"affine": False}, {"track_running_stats": False}, {"momentum": None}):
            layers.add("BatchNorm2d", [4], options, [([image], {}), ([other], {})], training)
        for options in ({}, {"affine": True}, {"track_running_stats": True}, {"affine": True, "track_running_stats": True, "momentum": 0.3, "eps": 0.25},
                        {"track_running_stats": True, "momentum": None}):
            layers.add("InstanceNorm2d", [4], options, [([image], {}), ([other], {}), ([values([4, 2, 3], seed=9)], {})], training)
        layers.add("InstanceNorm1d", [4], {"affine": True, "track_running_stats": True}, [([values([2, 4, 3], seed=10)], {}), ([values([4, 5], seed=11)], {})], training)
        layers.add("BatchNorm3d", [2], {}, [([values([2, 2, 2, 2, 2], seed=12)], {})], training)
        layers.add("InstanceNorm3d", [2], {}, [([values([2, 2, 2, 2, 2], seed=12)], {})], training)
        layers.add("Dropout2d", [0.0], {}, [([image], {})], training)
    layers.add("Dropout2d", [0.5], {}, [([image], {})], False)


def record_embeddings(layers):
    steps = [([exact([2, 3], [4, 0, 2, 2, 1, 4], "int64")], {}), ([exact([3], [1, 1, 2], "int32")], {}), ([exact([], [3], "int64")], {})]
    for options in ({}, {"padding_idx": 2}, {"padding_idx": -1}, {"max_norm": 0.5}, {"max_norm": 0.5, "norm_type": 1.0}, {"scale_grad_by_freq": True}):
        layers.add("Embedding", [5, 3], options, steps)


def record_attention(layers):
    x, k, v = values([3, 2, 4], seed=1), values([5, 2, 4], seed=2), values([5, 2, 4], seed=3)
    causal = exact([3, 3], [float("-inf") if j > i else 0.0 for i in range(3) for j in range(3)], tracked=False)
    look = exact([3, 5], [(7 * n) % 3 == 0 for n in range(15)], "bool")
    added = values([3, 5], seed=4)
    each = exact([4, 3, 5], [(5 * n) % 7 == 0 for n in range(60)], "bool")
    padding = exact([2, 5], [0, 0, 0, 0, 1, 0, 0, 1, 1, 1], "bool")
    numbers = values([2, 5], seed=5)
    plain = [([x, k, v], {}), ([x, k, v], {"need_weights": False}), ([x, k, v], {"average_attn_weights": False})]
    masked = [
        ([x, k, v, look], {"attn_mask": "$3"}), ([x, k, v, look], {"attn_mask": "$3", "need_weights": False}),
        ([x, k, v, added], {"attn_mask": "$3", "need_weights": False}), ([x, k, v, each], {"attn_mask": "$3"}),
        ([x, k, v, padding], {"key_padding_mask": "$3"}), ([x, k, v, padding, look], {"key_padding_mask": "$3", "attn_mask": "$4", "need_weights": False}),
        ([x, k, v, numbers, added], {"key_padding_mask": "$3", "attn_mask": "$4"}),
    ]
    alone = [([values([3, 4], seed=6), values([5, 4], seed=7), values([5, 4], seed=8)], {}), ([values([3, 4], seed=6), values([5, 4], seed=7), values([5, 4], seed=8)], {"need_weights": False})]
    layers.add("MultiheadAttention", [4, 2], {}, plain + masked + alone)
    first = [values([2, 3, 4], seed=9), values([2, 5, 4], seed=10), values([2, 5, 4], seed=11)]
    layers.add("MultiheadAttention", [4, 2], {"batch_first": True}, [(first, {}), (first, {"need_weights": False}), ([*first, padding], {"key_padding_mask": "$3", "need_weights": False}), *alone])
    layers.add("MultiheadAttention", [4, 2], {"bias": False, "dropout": 0.5}, plain, False)
    layers.add("MultiheadAttention", [4, 4], {"add_bias_kv": True, "add_zero_attn": True}, plain + masked[:2] + masked[4:6])
    layers.add("MultiheadAttention", [4, 1], {"add_bias_kv": True}, plain + masked[:1])
    wide = [x, values([5, 2, 3], seed=12), values([5, 2, 6], seed=13)]
    layers.add("MultiheadAttention", [4, 2], {"kdim": 3, "vdim": 6}, [(wide, {}), (wide, {"need_weights": False})])
    layers.add("MultiheadAttention", [4, 2], {"kdim": 3, "vdim": 6, "bias": False}, [(wide, {})])
    layers.add("SelfAttention", [4, 2], {}, [([x], {}), ([x, causal], {"attn_mask": "$1"}), ([x, causal], {"attn_mask": "$1", "is_causal": True, "need_weights": False})], made=lambda: SelfAttention(4, 2))


class SelfAttention(nn.MultiheadAttention):
    def forward(self, x, **options):
        return super().forward(x, x, x, **options)


def record_transformers(layers):
    x = values([3, 2, 4], seed=1)
    causal = exact([3, 3], [float("-inf") if j > i else 0.0 for i in range(3) for j in range(3)], tracked=False)
    padding = exact([2, 3], [0, 0, 1, 0, 0, 0], "bool")
    steps = [([x], {}), ([x, causal], {"src_mask": "$1", "is_causal": True}), ([x, padding], {"src_key_padding_mask": "$1"}), ([values([3, 4], seed=2)], {})]
    common = {"dim_feedforward": 6, "dropout": 0.0}
    for options in ({}, {"norm_first": True}, {"activation": "gelu"}, {"layer_norm_eps": 0.25}, {"bias": False}):
        layers.add("TransformerEncoderLayer", [4, 2], {**common, **options}, steps if not options else steps[:2])
    layers.add("TransformerEncoderLayer", [4, 2], {**common, "batch_first": True, "norm_first": True}, [([values([2, 3, 4], seed=3)], {}), ([values([2, 3, 4], seed=3), padding], {"src_key_padding_mask": "$1"})])
    for norm in (False, True):
        def encoder():
            return nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, **common), 2, norm=nn.LayerNorm(4) if norm else None, enable_nested_tensor=False)
        layers.add("TransformerEncoder", [], {}, [([x], {}), ([x, causal], {"mask": "$1"}), ([x, causal], {"mask": "$1", "is_causal": True}), ([x, padding], {"src_key_padding_mask": "$1"})], made=encoder,
                   shown=[[4, 2, argument(common)], 2, norm])
    memory = values([5, 2, 4], seed=4)
    behind = exact([2, 5], [0, 0, 0, 0, 1, 0, 0, 1, 1, 1], "bool")
    steps = [([x, memory], {}), ([x, memory, causal, behind], {"tgt_mask": "$2", "memory_key_padding_mask": "$3"})]
    for options in ({}, {"norm_first": True, "activation": "gelu"}):
        layers.add("TransformerDecoderLayer", [4, 2], {**common, **options}, steps)
    layers.add("TransformerDecoder", [], {}, steps, made=lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, **common), 2, norm=nn.LayerNorm(4)), shown=[[4, 2, argument(common)], 2, True])
    layers.add("Transformer", [4, 2], {**common, "num_encoder_layers": 1, "num_decoder_layers": 1},
               [([values([5, 2, 4], seed=5), x], {}), ([values([5, 2, 4], seed=5), x, causal, behind], {"tgt_mask": "$2", "src_key_padding_mask": "$3", "memory_key_padding_mask": "$3"})])
