# Files as Python writes them, for test/engine/io-*.test.ts, and Descent's files as Python reads them.
#   python test/reference/files.py           writes test/reference/fixtures/files/ (needs torch, numpy, safetensors)
#   python test/reference/files.py FOLDER    reads what Descent wrote there: every name, every value

import json
import sys
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch

FIXTURES = Path(__file__).parent / "fixtures" / "files"

VALUES = [[0.5, -1.25, 3.0], [100.0, 0.0, -2.0]]


def tensors():
    """Every dtype of the format that Descent has, small values that each can hold exactly."""
    floats = torch.tensor(VALUES)
    whole = torch.tensor([[0, 1, -2], [100, 7, -128]])
    return {
        "float64": floats.double(),
        "float32": floats,
        "float16": floats.half(),
        "bfloat16": floats.bfloat16(),
        "int64": whole * 2**40,
        "int32": whole.int() * 2**20,
        "int16": whole.short() * 2**8,
        "int8": whole.to(torch.int8),
        "uint8": whole.abs().to(torch.uint8),
        "bool": whole > 0,
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
        "größe.weight": floats[:, :1].clone(),
    }


def arrays():
    floats = np.array(VALUES)
    whole = np.array([[0, 1, 2], [100, 7, 255]])
    signed = np.array([[0, 1, -2], [100, 7, -128]])
    return {
        "f8": floats.astype("<f8"),
        "f4": floats.astype("<f4"),
        "f2": floats.astype("<f2"),
        "f4big": floats.astype(">f4"),
        "f8bigfortran": np.asfortranarray(floats.astype(">f8")),
        "i8": signed.astype("<i8"),
        "i4big": signed.astype(">i4"),
        "i2": signed.astype("<i2"),
        "i1": signed.astype("<i1"),
        "u1": whole.astype("<u1"),
        "u2big": whole.astype(">u2"),
        "u4": whole.astype("<u4") * 2**20,
        "u8": whole.astype("<u8"),
        "b1": signed > 0,
        "fortran": np.asfortranarray(np.arange(24, dtype="<f4").reshape(2, 3, 4)),
        "scalar": np.array(2.5),
        "vector": np.arange(5, dtype="<i4"),
        "empty": np.zeros((0, 3), "<f4"),
    }


def write():
    FIXTURES.mkdir(parents=True, exist_ok=True)
    expected = {"safetensors": {}, "npy": {}}
    safetensors.torch.save_file(tensors(), FIXTURES / "all.safetensors", metadata={"format": "pt", "by": "Zoë"})
    for name, x in tensors().items():
        expected["safetensors"][name] = {"dtype": str(x.dtype)[6:], "shape": list(x.shape), "values": x.tolist()}
    np.savez(FIXTURES / "stored.npz", **arrays())
    np.savez_compressed(FIXTURES / "deflated.npz", **arrays())
    for name, x in arrays().items():
        expected["npy"][name] = {"shape": list(x.shape), "values": x.tolist()}
    for version in [(1, 0), (2, 0), (3, 0)]:
        with open(FIXTURES / f"version{version[0]}.npy", "wb") as file:
            np.lib.format.write_array(file, arrays()["f4"], version=version)
    np.save(FIXTURES / "records.npy", np.zeros(2, dtype=[("x", "<f4"), ("y", "<i4")]))
    np.save(FIXTURES / "objects.npy", np.array([{}, None], dtype=object), allow_pickle=True)
    np.save(FIXTURES / "complex.npy", np.zeros(2, "<c8"))
    np.save(FIXTURES / "strings.npy", np.array(["a", "bc"]))
    (FIXTURES / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")


def check(folder):
    read = safetensors.torch.load_file(folder / "all.safetensors")
    with safetensors.safe_open(folder / "all.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt", "by": "Zoë"}, file.metadata()
    assert set(read) == set(tensors())
    for name, x in tensors().items():
        assert read[name].dtype == x.dtype and torch.equal(read[name], x), name
    wider = {"u2": "i4", "u4": "i8", "u8": "i8"}
    for archive in ["stored.npz", "deflated.npz"]:
        read = np.load(folder / archive)
        assert set(read.files) == set(arrays())
        for name, x in arrays().items():
            dtype = x.dtype.newbyteorder("<")
            dtype = np.dtype(wider.get(dtype.str[1:], dtype.str))
            assert read[name].dtype == dtype and np.array_equal(read[name], x), name
    assert np.array_equal(np.load(folder / "one.npy"), arrays()["f4"])
    print(f"{folder}: Python reads what Descent wrote, {len(tensors())} tensors and {len(arrays())} arrays twice")


if len(sys.argv) > 1:
    check(Path(sys.argv[1]))
else:
    write()
