"""A stand-in for a training script: says who it is, then waits for a file, for TERM, or for ever."""

import json
import os
import signal
import subprocess
import sys
import time

folder, mode = sys.argv[1], sys.argv[2]
rank = os.environ["RANK"]


def on_term(number, frame):
    print("saved a last checkpoint", flush=True)
    sys.exit(0)


if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    subprocess.Popen(["sleep", "1000"], start_new_session=True, env={"PATH": os.environ["PATH"]})
else:
    signal.signal(signal.SIGTERM, on_term)
print("hello from rank " + rank, flush=True)
if mode == "fail":
    print("RuntimeError: boom of rank " + rank, file=sys.stderr, flush=True)
    sys.exit(7)
with open(os.path.join(folder, "rank-" + rank + ".json.tmp"), "w") as file:
    json.dump({"pid": os.getpid(), "args": sys.argv[3:], "env": dict(os.environ)}, file)
os.rename(os.path.join(folder, "rank-" + rank + ".json.tmp"), os.path.join(folder, "rank-" + rank + ".json"))
while not os.path.exists(os.path.join(folder, "finish")):
    time.sleep(0.05)
print("done", flush=True)
