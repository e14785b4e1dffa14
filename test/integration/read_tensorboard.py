"""Prints the curves of a folder of event files, as TensorBoard's own reader finds them."""
import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

reader = EventAccumulator(sys.argv[1])
reader.Reload()
tags = reader.Tags()["scalars"]
print(json.dumps({tag: [[e.step, e.value] for e in reader.Scalars(tag)] for tag in tags}))
