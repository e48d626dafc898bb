"""Runs the same scripts as cold and as warm workers: a script must not be able to tell which it is.

One preloaded process serves all of them here, as it serves all workers of one fence. What is compared is everything
that reaches torchrun and the user: output, exit status, and what the script sees of itself.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import WAIT_SECONDS, process_lives, until
from lockstep_shim import procfs, spec
from lockstep_shim.pool import Pool, client_command, socket_path
from lockstep_shim.stacks import Stacks

LOAD_SECONDS = 120.0
MODES = ("cold", "warm")

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason=f"torch is not installed for {sys.executable}: nothing to preload"
)


class Door:
    """Starts workers as torchrun does, in either way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.marker = f"127.0.0.2:25520/{os.getpid()}/door/1"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
            "LOCKSTEP_GROUP": self.marker,
            "LOCAL_RANK": "0",
            "OMP_NUM_THREADS": "1",
        }
        script = self.script("imports.py", "import json\nimport torch, numpy\n")
        self.spec = spec.parse(
            {
                "version": 1,
                "marker": self.marker,
                "argv": [sys.executable, "-m", "torch.distributed.run", script.name],
                "env": self.environment,
                "cwd": str(folder),
                "localWorldSize": 1_000,  # it serves all tests: with its last worker it would end
                "firstRank": 0,
                "groupDir": str(folder / "group"),
                "socket": str(folder / "s"),
                "python": sys.executable,
                "warm": {"script": script.name},
            }
        )
        self.pool = Pool(self.spec)
        deadline = time.monotonic() + LOAD_SECONDS
        while self.pool.is_loading and time.monotonic() < deadline:
            self.pool.take()
        assert self.pool.ready is not None, self.pool.failed
        self.pool.belong(self.spec)

    def close(self) -> None:
        self.pool.kill()
        socket_path(self.spec).unlink(missing_ok=True)

    def script(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def start(self, mode: str, *arguments: str, **more: Any) -> subprocess.Popen[str]:
        assert not procfs.is_gone(self.pool.id)  # or all would be cold
        command = [sys.executable] if mode == "cold" else client_command(self.spec)
        settings: dict[str, Any] = {"env": self.environment, "cwd": self.folder, **more}
        return subprocess.Popen(
            [*command, "-u", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
            **settings,
        )

    def run(self, mode: str, *arguments: str, **more: Any) -> tuple[int, str, str]:
        process = self.start(mode, *arguments, **more)
        out, err = process.communicate(timeout=WAIT_SECONDS)
        return process.returncode, out, err


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    found = Door(tmp_path_factory.mktemp("w", numbered=True))
    yield found
    found.close()


def same(door: Door, *arguments: str, **more: Any) -> tuple[int, str, str]:
    """Runs both ways, insists on the same result, and returns it."""
    cold, warm = (door.run(mode, *arguments, **more) for mode in MODES)
    assert warm == cold
    return warm


def pids(*clients: subprocess.Popen[str]) -> list[int]:
    return [client.pid for client in clients]


LOOK = """
import __main__, json, os, resource, signal, sys
torch = None if "--light" in sys.argv else __import__("torch")
print(json.dumps({
    "argv": sys.argv, "orig_argv": sys.orig_argv, "path0": sys.path[0], "path": sys.path, "flags": str(sys.flags),
    "name": __name__, "file": __file__, "doc": __doc__,
    "spec": str(__spec__).partition(" at 0x")[0], "package": __package__,
    "loader": type(__loader__).__name__, "main": __main__.__dict__ is globals(), "executable": sys.executable,
    "names": sorted(n for n in globals()), "annotations": __annotations__ if "__annotations__" in globals() else None,
    "cwd": os.getcwd(), "env": dict(os.environ), "umask": os.umask(0o22),
    "session": os.getsid(0) == os.getpid(), "group": os.getpgid(0) == os.getpid(),
    "handlers": {n: str(signal.getsignal(n)).partition(" at 0x")[0] for n in sorted(signal.valid_signals())},
    "mask": [int(n) for n in signal.pthread_sigmask(signal.SIG_BLOCK, [])],
    # but for the one far up that stacks are written to
    "descriptors": sorted(n for n in os.listdir("/proc/self/fd")
        if os.path.exists("/proc/self/fd/" + n) and int(n) < 64),
    "limits": [resource.getrlimit(n) for n in range(16)], "affinity": sorted(os.sched_getaffinity(0)),
    "nice": os.nice(0), "threads": len(os.listdir("/proc/self/task")),
    "torch threads": "--light" not in sys.argv and torch.get_num_threads(),
    "stdin": sys.stdin.read(), "encoding": sys.stdout.encoding,
    "unbuffered": sys.stdout.write_through, "mark": os.environ["LOCKSTEP_GROUP"].encode()
        in open("/proc/self/environ", "rb").read(),
}))
"""


def looks(door: Door, *arguments: str, **more: Any) -> list[dict[str, Any]]:
    found = []
    for mode in MODES:
        code, out, err = door.run(mode, *arguments, **more)
        assert (code, err) == (0, ""), err
        found.append(json.loads(out))
    return found


def test_a_script_sees_the_same_of_itself(door: Door) -> None:
    door.script("dir/look.py", '"""Doc."""\n' + LOOK)
    cold, warm = looks(door, "dir/look.py", "--lr", "1e-3", "a b", env={**door.environment, "ONLY_NOW": "é"})
    assert warm == cold
    assert [warm[name] for name in ("session", "group", "mark")] == [True, True, True]


def test_a_script_behind_a_link_sees_the_same_of_itself(door: Door) -> None:
    door.script("real/look.py", LOOK)
    (door.folder / "link.py").symlink_to("real/look.py")
    cold, warm = looks(door, "link.py", "--light", cwd=door.folder)
    assert warm == cold


def test_a_module_sees_the_same_of_itself(door: Door) -> None:
    door.script("package/look.py", LOOK)
    door.script("package/__init__.py", "")
    cold, warm = looks(door, "-m", "package.look", "--light")
    assert warm == cold


def test_limits_and_affinity_are_those_of_the_caller(door: Door) -> None:
    door.script("look.py", LOOK)

    def narrow() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_NOFILE, (200, 300))
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

    cold, warm = looks(door, "look.py", preexec_fn=narrow)
    assert warm == cold
    assert warm["limits"][7] == [200, 300]
    assert len(warm["affinity"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        "sys.exit(0)",
        "sys.exit(7)",
        "sys.exit('words')",
        "os._exit(9)",
        "raise RuntimeError('boom')",
        "def f(): 1 / 0\ntry:\n    f()\nexcept ZeroDivisionError as e:\n    raise ValueError('second') from e",
        "raise KeyboardInterrupt",
        "raise ExceptionGroup('g', [ValueError(1)])",
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os.kill(os.getpid(), signal.SIGTERM)",
        "os.abort()",
        "import atexit; atexit.register(lambda: print('bye'))",
        "import threading; threading.Thread(target=lambda: (time.sleep(0.1), print('thread'))).start()",
        "sys.excepthook = lambda *a: print('hook', a[0], a[2].tb_frame.f_code.co_name); raise RuntimeError",
        "import traceback\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    traceback.print_exc()",
        "import warnings; warnings.warn('careful')",
        "print('no newline', end=''); sys.stderr.write('err')",
        "def f(:",
        "from . import x",
        "import no_such_module",
        "import helper; print(helper.__file__, helper.VALUE)",
        "import pickle; class_ = type('C', (), {}); print(pickle.dumps(main_function))\n",
        "x: int = 1; print(__annotations__)",
        "signal.signal(signal.SIGTERM, lambda *a: sys.exit(3)); os.kill(os.getpid(), signal.SIGTERM); time.sleep(5)",
        "import faulthandler; faulthandler.enable(); print(faulthandler.is_enabled())",
    ],
)
def test_it_ends_the_same(door: Door, body: str) -> None:
    door.script("dir/helper.py", f"VALUE = {len(body)}")
    door.script("dir/ends.py", "import os, signal, sys, time\ndef main_function(): pass\n" + body + "\n")
    same(door, "dir/ends.py")


def test_a_missing_script_ends_the_same(door: Door) -> None:
    assert same(door, "nowhere.py")[0] == 2


def test_the_newest_script_runs(door: Door) -> None:
    door.script("again.py", "print(1)")
    assert same(door, "again.py")[1] == "1\n"
    door.script("again.py", "print(2)")
    assert same(door, "again.py")[1] == "2\n"


def test_children_by_spawn_fork_and_forkserver(door: Door) -> None:
    door.script(
        "dir/children.py",
        """
import multiprocessing as mp, os, sys
def child(queue, n):
    queue.put((n, __name__, mp.parent_process() is not None, sys.argv[1:], os.environ["LOCAL_RANK"]))
if __name__ == "__main__":
    for method in ("spawn", "fork", "forkserver"):
        context = mp.get_context(method)
        queue = context.Queue()
        process = context.Process(target=child, args=(queue, 5))
        process.start()
        print(method, queue.get(timeout=20))
        process.join()
        print(process.exitcode, mp.parent_process(), mp.current_process().name)
    with mp.get_context("fork").Pool(2) as pool:
        print(pool.map(abs, [-1, -2]))
""",
    )
    assert same(door, "dir/children.py", "--flag")[0] == 0


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_data_loader_workers(door: Door, method: str) -> None:
    door.script(
        "loader.py",
        f"""
import torch
from torch.utils.data import DataLoader, Dataset
class Squares(Dataset):
    def __len__(self): return 8
    def __getitem__(self, i): return torch.tensor(i * i)
if __name__ == "__main__":
    torch.manual_seed(3)
    for batch in DataLoader(Squares(), batch_size=4, num_workers=1, shuffle=True, multiprocessing_context="{method}"):
        print(batch.tolist())
""",
    )
    assert same(door, "loader.py")[0] == 0


def test_what_is_drawn_without_a_seed_differs_and_with_one_does_not(door: Door) -> None:
    draws = "random.random(), numpy.random.rand(), torch.initial_seed(), uuid.uuid4()"
    draws += ", mp.current_process().authkey.hex()"
    door.script("draw.py", f"import multiprocessing as mp, numpy, random, torch, uuid\nprint({draws})")
    first, second = (door.run("warm", "draw.py")[1].split() for _ in range(2))
    assert len(first) == 5
    assert all(a != b for a, b in zip(first, second, strict=True))
    seed = "import torch, numpy\nnumpy.random.seed(1); torch.manual_seed(1)\n"
    door.script("seeded.py", seed + "print(torch.rand(2), numpy.random.rand())")
    assert same(door, "seeded.py")[0] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGQUIT])
def test_a_signal_to_the_worker_torchrun_knows_reaches_the_script(door: Door, number: signal.Signals) -> None:
    door.script(
        "waits.py",
        """
import signal, sys, time
if len(sys.argv) > 1:
    signal.signal(int(sys.argv[1]), lambda n, f: (print("got", n), sys.exit(4)))
print("up", flush=True)
time.sleep(20)
""",
    )
    for handled in ([str(int(number))], []):
        ends = []
        for mode in MODES:
            process = door.start(mode, "waits.py", *handled)
            assert process.stdout is not None
            assert process.stdout.readline() == "up\n"
            time.sleep(0.2)  # in its sleep: a traceback names the line
            os.killpg(process.pid, number)
            out, err = process.communicate(timeout=WAIT_SECONDS)
            ends.append((process.returncode, out, err))
        assert ends[1] == ends[0]


def started(door: Door, body: str = "") -> tuple[subprocess.Popen[str], int]:
    """A warm worker that runs, and its own pid."""
    door.script("pid.py", f"import os, time\nprint(os.getpid(), flush=True)\n{body}\ntime.sleep(60)")
    client = door.start("warm", "pid.py")
    assert client.stdout is not None
    return client, int(client.stdout.readline())


def end(client: subprocess.Popen[str]) -> int:
    client.communicate(timeout=WAIT_SECONDS)
    return client.returncode


def test_a_killed_client_takes_its_worker_with_it(door: Door) -> None:
    client, worker = started(door, "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    client.kill()
    until(lambda: not process_lives(worker), "the worker's end")
    assert end(client) == -signal.SIGKILL


def test_a_killed_nurse_takes_worker_and_client_with_it(door: Door) -> None:
    client, worker = started(door)
    nurse = procfs.read_process(worker)
    assert nurse is not None
    os.kill(nurse.parent, signal.SIGKILL)
    until(lambda: not process_lives(worker), "the worker's end")
    assert end(client) == -signal.SIGKILL


def test_a_killed_worker_is_told_with_its_signal(door: Door) -> None:
    client, worker = started(door)
    os.kill(worker, signal.SIGSEGV)
    assert end(client) == -signal.SIGSEGV


def test_each_process_of_a_warm_worker_is_found_by_its_mark(door: Door) -> None:
    client, worker = started(door)
    nurse = procfs.read_process(worker)
    assert nurse is not None
    for pid in (client.pid, worker, nurse.parent, door.pool.id.pid):
        assert procfs.environment(pid)[b"LOCKSTEP_GROUP"] == os.fsencode(door.marker), pid
    assert procfs.environment(worker)[b"LOCAL_RANK"] == b"0"
    assert Path(f"/proc/{worker}/cmdline").read_bytes().strip(b"\0") == f"{sys.executable} -u pid.py".encode()
    client.kill()
    end(client)


def test_another_fences_client_is_not_served(door: Door) -> None:
    """It becomes Python itself, under the mark that it came with."""
    door.script("who.py", "import os\nprint(os.getpid(), os.environ['LOCKSTEP_GROUP'])")
    other = {**door.environment, "LOCKSTEP_GROUP": door.marker + "1"}
    client = door.start("warm", "who.py", env=other)
    out, _ = client.communicate(timeout=WAIT_SECONDS)
    assert out == f"{client.pid} {door.marker}1\n"
    assert client.returncode == 0


def test_a_warm_worker_can_be_asked_for_its_stacks_and_does_not_notice(door: Door) -> None:
    script = door.script(
        "stands.py",
        "import time\nprint('up', flush=True)\n\ndef stands_still():\n    time.sleep(4)\n\nstands_still()\n",
    )
    client = door.start("warm", str(script))
    assert client.stdout is not None
    assert client.stdout.readline() == "up\n"
    (nurse,) = procfs.children_of(door.pool.id.pid)
    (pid,) = procfs.children_of(nurse)
    worker = procfs.read_process(pid)
    assert worker is not None
    taken = Stacks(door.spec.group_dir / "stacks", sys.executable, "", lambda: None)
    assert taken.take({0: worker.id}, 0.0)
    until(lambda: taken.to_json(time.monotonic()) is not None, "stacks")
    found = taken.to_json(time.monotonic())
    assert found is not None
    assert found["ranks"][0]["taken"] in ("faulthandler", "py-spy"), found["head"]
    assert "stands_still" in found["head"]
    out, err = client.communicate(timeout=WAIT_SECONDS)
    assert (client.returncode, out, err) == (0, "", "")
