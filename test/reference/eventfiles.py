# Records small event files as other programs write them: PyTorch's SummaryWriter and TensorBoard's own protos (TensorFlow 2's layout).
# Run it with a Python that has torch and tensorboard; the files and what they hold go to fixtures/eventfiles/.
import json
import math
import os
import shutil
import struct
import time

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c
from torch.utils.tensorboard import SummaryWriter

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures", "eventfiles")
shutil.rmtree(folder, ignore_errors=True)


def record(data):
    header = struct.pack("<Q", len(data))
    crc = lambda part: struct.pack("<I", masked_crc32c(part))
    return header + crc(header) + data + crc(data)


def write_pytorch():
    """Scalars with NaN and infinities, a text, a histogram; one event for each scalar."""
    writer = SummaryWriter(os.path.join(folder, "pytorch"))
    for step in range(50):
        writer.add_scalar("train/loss", math.nan if step == 7 else 1.0 / (step + 1), step)
        writer.add_scalar("lr", 0.1, step)
    writer.add_scalar("extremes", math.inf, 1)
    writer.add_scalar("extremes", -math.inf, 2)
    writer.add_scalar("extremes", 3.0e38, 10_000_000_000)
    writer.add_text("note", "trained **well**", 3)
    writer.close()


def tensor_event(step, tag, tensor, plugin):
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin))
    value = Summary.Value(tag=tag, tensor=tensor, metadata=metadata)
    return Event(wall_time=1000.0 + step, step=step, summary=Summary(value=[value]))


def write_tensorflow2():
    """Scalars as tensors, in both encodings of a float, as tf.summary.scalar and Keras write them."""
    os.makedirs(os.path.join(folder, "tensorflow2"))
    with open(os.path.join(folder, "tensorflow2", "events.out.tfevents.1000.host.v2"), "wb") as file:
        file.write(record(Event(wall_time=1000.0, file_version="brain.Event:2").SerializeToString()))
        for step in range(5):
            content = TensorProto(dtype=1, tensor_content=struct.pack("<f", step * 0.5))
            file.write(record(tensor_event(step, "epoch_loss", content, "scalars").SerializeToString()))
            value = TensorProto(dtype=1, float_val=[step * 2.0])
            file.write(record(tensor_event(step, "epoch_accuracy", value, "scalars").SerializeToString()))
        text = TensorProto(dtype=7, string_val=[b"hello"])
        file.write(record(tensor_event(0, "words", text, "text").SerializeToString()))


def write_restarted():
    """A run that died at step 9 and was taken up again from step 6 in a second file, which says so."""
    path = os.path.join(folder, "restarted")
    os.makedirs(path)
    for number, (first, last, scale) in enumerate([(0, 10, 1.0), (6, 12, 100.0)]):
        with open(os.path.join(path, f"events.out.tfevents.{2000 + number}.host"), "wb") as file:
            file.write(record(Event(wall_time=2000.0, file_version="brain.Event:2").SerializeToString()))
            if number:
                start = SessionLog(status=SessionLog.START)
                file.write(record(Event(wall_time=2000.0, step=first, session_log=start).SerializeToString()))
            for step in range(first, last):
                value = Summary.Value(tag="loss", simple_value=step * scale)
                event = Event(wall_time=2000.0 + step, step=step, summary=Summary(value=[value]))
                file.write(record(event.SerializeToString()))


def encoded():
    """Records as TensorBoard's own protos encode them, which ours must equal byte for byte."""
    pairs = [("loss", 0.25), ("grad_norm/fc1.weight", math.nan), ("größe", math.inf)]
    values = [Summary.Value(tag=tag, simple_value=value) for tag, value in pairs]
    text = TensorProto(dtype=7, string_val=[b"| a | 1 |"])
    text.tensor_shape.dim.add(size=1)
    events = {
        "header": Event(wall_time=1234.5, file_version="brain.Event:2"),
        "scalars": Event(wall_time=1234.5, step=300, summary=Summary(value=values)),
        "text": tensor_event(7, "config", text, "text"),
    }
    return {name: record(event.SerializeToString(deterministic=True)).hex() for name, event in events.items()}


def expected(name):
    accumulator = EventAccumulator(os.path.join(folder, name), size_guidance={"scalars": 0, "tensors": 0})
    accumulator.Reload()
    scalars = {tag: [[e.step, e.wall_time, str(e.value)] for e in accumulator.Scalars(tag)] for tag in accumulator.Tags()["scalars"]}
    for tag in accumulator.Tags()["tensors"]:
        for event in accumulator.Tensors(tag):
            proto = event.tensor_proto
            if proto.dtype != 1:
                continue
            value = struct.unpack("<f", proto.tensor_content)[0] if proto.tensor_content else proto.float_val[0]
            scalars.setdefault(tag, []).append([event.step, event.wall_time, str(value)])
    return scalars


write_pytorch()
write_tensorflow2()
write_restarted()
for name in ["pytorch", "tensorflow2", "restarted"]:
    for file in sorted(os.listdir(os.path.join(folder, name))):  # a name without the machine's
        parts = file.split(".")
        parts[4] = "host"
        os.rename(os.path.join(folder, name, file), os.path.join(folder, name, ".".join(parts[:5])))
with open(os.path.join(folder, "expected.json"), "w") as file:
    files = {name: expected(name) for name in ["pytorch", "tensorflow2", "restarted"]}
    json.dump({"encoded": encoded(), "files": files}, file, separators=(",", ":"))
print("recorded", time.strftime("%Y-%m-%d"))
