"""Owns one preloaded process: imports what a job needs, then forks torchrun and the workers of exactly one fence.

Started as `python -u preload.py FD ROOM` by the shim, whose child it is and with whom it ends. FD is its end of a
socket pair; ROOM is filler, so that what is forked from it can show its own command line.
"""

# What Python gives to every script, taken before this one adds to it.
_FRESH = dict(globals())

import array
import faulthandler
import fcntl
import gc
import importlib
import json
import marshal
import os
import resource
import select
import signal
import socket
import sys
import time
import types
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

# What Python's own start added (PEP 538's LC_CTYPE, sitecustomize): a torchrun that starts cold hands it on.
_GIVEN = dict(entry.partition(b"=")[::2] for entry in Path("/proc/self/environ").read_bytes().split(b"\0") if entry)
_BY_PYTHON = {name: value for name, value in os.environb.items() if _GIVEN.get(name) != value}

_SAFE_PATH = getattr(sys.flags, "safe_path", False)  # since Python 3.11
if not _SAFE_PATH:
    del sys.path[0]
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from lockstep_shim import imports, mark, parent, store

del sys.path[0]

MAX_MESSAGE_BYTES = 1 << 20
MAX_DESCRIPTORS = 8
ORDER_LIMIT_SECONDS = 10.0
REQUEST_LIMIT_SECONDS = 5.0
REAP_SECONDS = 1.0
# After the last worker of its fence, when nobody waits for anything any more.
SERVED_SECONDS = 3.0
POLL_SECONDS = 0.020
EXIT_OF_CUDA_TOUCHED = 3
HIGHEST_DESCRIPTOR = 65_536  # a limit of files may be a billion
STACK_DESCRIPTORS = 16  # from the highest down
STACK_SIGNAL = signal.SIGRTMAX - 2  # as in stacks.py, which need not be loaded here
# Each of these libraries looks after its own thread when the process is forked.
FORK_SAFE_THREADS = ("jemalloc_bg_thd",)


class UnsafeError(Exception):
    """This process must not be forked from; the text says why."""


class Forked:
    """What a forked child is to run, once it is back at the top of this file: nothing of ours is below it then."""

    def __init__(self, argv: list[str], python: str) -> None:
        self.argv = argv
        self.python = python


def main(control: socket.socket) -> Forked:
    """Loads, serves, and returns in forked children only."""
    parent.end_with(os.getppid(), signal.SIGKILL)
    room = mark.Room()
    mark.show_title([sys.executable, *sys.orig_argv[1:4]])
    order = json.loads(_receive(control, ORDER_LIMIT_SECONDS)[0])
    began = time.monotonic()
    gc.disable()  # a seventh of the time for imports; what they leave goes into the freeze, which no fork writes to
    _load(order, lambda message: _tell(control, message))
    gc.freeze()
    gc.enable()
    files = _files()
    _tell(
        control,
        {
            "type": "ready",
            "seconds": round(time.monotonic() - began, 2),
            "rssBytes": _rss_bytes(),
            "modules": len(sys.modules),
        },
    )
    return _serve(control, room, files)


# --- loading ----------------------------------------------------------------------------------------------------------


def _load(order: dict[str, Any], tell: Any) -> None:
    """Imports one after the other and looks after each. What is not safe ends this process; the shim then starts
    another one that leaves it out."""
    left_out = set(order["leftOut"])
    wanted = _wanted(order)
    tell({"type": "wanted", "modules": [str(one) for one in wanted]})
    for one in wanted:
        if str(one) in left_out or one.module.partition(".")[0] in left_out:
            continue
        tell({"type": "loading", "module": str(one)})
        before = set(sys.modules)
        try:
            _import(one)
            new = set(sys.modules) - before
            if new:
                _check(new, bool(order["modules"]))
        except BaseException as error:
            why = str(error) if isinstance(error, UnsafeError) else f"its import fails: {type(error).__name__}: {error}"
            tell({"type": "unsafe", "module": str(one), "why": why[:500]})
            os._exit(1)
    tell({"type": "loading", "module": "the last look"})
    try:
        _check(set(), True)  # what needed no new module
    except UnsafeError as error:
        tell({"type": "unusable", "why": f"of all that was imported: {error}"})
        os._exit(1)


def _wanted(order: dict[str, Any]) -> list[imports.Import]:
    first = [imports.Import("torch"), imports.Import("torch.distributed.run")]
    script = order["script"]
    if not _SAFE_PATH:  # as when the script imports them; without one as torchrun does
        _ADDED.append(os.getcwd() if script is None else _folder_of(script))
        sys.path.insert(0, _ADDED[0])
    if order["modules"] is not None:
        return [*first, *(imports.Import(name) for name in order["modules"])]
    with open(script, "rb") as file:
        source = file.read(imports.MAX_SCRIPT_BYTES)
    try:
        return [*first, *imports.of_script(source, order["arguments"])]
    except (SyntaxError, ValueError):
        return first  # it will say so itself


def _import(one: imports.Import) -> None:
    module = importlib.import_module(one.module)
    if one.name is None or hasattr(module, one.name):  # the look itself loads what a library loads lazily
        return
    try:
        importlib.import_module(f"{one.module}.{one.name}")
    except ModuleNotFoundError:
        return  # the script will say so itself


def _check(new: set[str], named: bool) -> None:
    """Raises UnsafeError unless a fork of this process is as good as a new one. The user's own files only if named."""
    for name in new:
        path = getattr(sys.modules.get(name), "__file__", None)
        if isinstance(path, str) and path != __file__ and not named and not imports.is_installed(path):
            raise UnsafeError(f"it loads {path}, which is no installed package and may change")
    touched_cuda = _touched_cuda()  # by a fork: libraries that stop their threads for one do so now
    threads = [name for name in _threads() if name not in FORK_SAFE_THREADS]
    if threads:
        raise UnsafeError(f"it leaves {len(threads)} threads running: {', '.join(threads[:5])}")
    try:
        os.waitpid(-1, os.WNOHANG)
        raise UnsafeError("it leaves a process running")
    except ChildProcessError:
        pass
    if touched_cuda or _has_cuda_open():
        raise UnsafeError("it touches CUDA")


def _threads() -> list[str]:
    """Names of all threads but this one."""
    found = []
    for task in os.listdir("/proc/self/task"):
        if int(task) != os.getpid():
            try:
                found.append(Path(f"/proc/self/task/{task}/comm").read_text(encoding="utf-8").strip())
            except OSError:
                continue
    return found


def _has_cuda_open() -> bool:
    """The driver's own door: /dev/nvidia-uvm is opened by CUDA only, not by NVML."""
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{name}").startswith("/dev/nvidia-uvm"):
                return True
        except OSError:
            continue
    return False


def _touched_cuda() -> bool:
    """Whether a forked child could not use CUDA: is_initialized() of the parent does not tell, only the child can."""
    pid = os.fork()
    if pid == 0:
        status = EXIT_OF_CUDA_TOUCHED
        try:
            torch = sys.modules.get("torch")
            status = EXIT_OF_CUDA_TOUCHED if torch is not None and torch.cuda._is_in_bad_fork() else 0
        finally:
            os._exit(status)
    _, status = os.waitpid(pid, 0)
    return status != 0


def _files() -> dict[str, tuple[int, int]]:
    """Size and time of everything loaded."""
    found = {}
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and os.path.isabs(path):
            found[path] = _size_and_time(path)
    return found


def _size_and_time(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return (-1, -1)
    return (found.st_size, found.st_mtime_ns)


def _rss_bytes() -> int:
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# --- serving ----------------------------------------------------------------------------------------------------------


def _serve(control: socket.socket, room: mark.Room, files: dict[str, tuple[int, int]]) -> Forked:
    """Until the shim is gone or all workers are there. Nothing is forked before this process carries the mark of its
    one fence."""
    listener: socket.socket | None = None
    marker = ""
    to_come: int | None = None
    served_at: float | None = None
    poll = select.poll()
    poll.register(control, select.POLLIN)
    while True:
        ready = {fd for fd, _ in poll.poll(REAP_SECONDS * 1_000)}
        _reap()
        if listener is not None and listener.fileno() in ready:
            forked = _take_client(control, listener, room, marker)
            if forked is not None:
                return forked
            to_come = None if to_come is None else to_come - 1
            served_at = time.monotonic() if to_come == 0 else served_at
        if served_at is not None and time.monotonic() - served_at >= SERVED_SECONDS:
            os._exit(0)  # its memory is the next one's, and its end costs the next stop nothing
        if control.fileno() not in ready:
            continue
        text, descriptors = _receive(control, None)
        if not text:
            os._exit(0)
        order = json.loads(text)
        if order["op"] == "belong" and listener is None:
            changed = [path for path, was in files.items() if _size_and_time(path) != was]
            if changed:
                _tell(control, {"type": "stale", "why": f"{changed[0]} has changed since it was loaded"})
                continue
            marker = order["marker"]
            to_come = order.get("workers")
            _STACKS.update(folder=order["stacks"], first_rank=order["firstRank"])
            room.write(marker, {})
            listener = socket.socket(fileno=descriptors[0])
            poll.register(listener, select.POLLIN)
            _tell(control, {"type": "belongs"})
        elif order["op"] == "torchrun" and listener is not None:
            pid, forked = _fork_torchrun(order, descriptors, [control, listener], room, marker)
            if forked is not None:
                return forked
            for fd in descriptors:
                os.close(fd)
            _tell(control, {"type": "torchrun", "pid": pid})
            if to_come == 0:  # its workers start cold
                served_at = time.monotonic()


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _fork_torchrun(
    order: dict[str, Any], descriptors: list[int], ours: list[socket.socket], room: mark.Room, marker: str
) -> tuple[int, Forked | None]:
    """By way of a child that ends at once: so torchrun is the shim's own child, as it is when it starts cold."""
    read_end, write_end = os.pipe()
    between = os.fork()
    if between == 0:
        pid = os.fork()
        if pid:
            os.write(write_end, str(pid).encode())
            os._exit(0)
        os.close(read_end)
        os.close(write_end)
        wanted = {os.fsencode(name): os.fsencode(value) for name, value in order["env"].items()}
        environment = {**_BY_PYTHON, **wanted}
        os.setsid()
        for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, signal.SIG_DFL)  # whatever the daemon was started with, as for a cold one
        for each in ours:
            each.close()
        _become(descriptors, environment, os.fsencode(order["cwd"]), room, marker)
        mark.show_title([sys.executable, "-m", "torch.distributed.run", *order["arguments"]])
        if order.get("store"):
            store.await_open(*order["store"])
        return 0, Forked(["torchrun", *order["arguments"]], sys.executable)
    os.close(write_end)
    os.waitpid(between, 0)
    pid = int(os.read(read_end, 32))
    os.close(read_end)
    return pid, None


def _take_client(control: socket.socket, listener: socket.socket, room: mark.Room, marker: str) -> Forked | None:
    """Each client is served by a nurse of its own, which is its worker's parent."""
    try:
        connection, _ = listener.accept()
    except OSError:
        return None
    if os.fork():
        connection.close()
        return None
    control.close()
    listener.close()
    forked: Forked | None = None
    try:
        forked = _nurse(connection, room, marker)
    finally:
        if forked is None:
            os._exit(0)
    return forked


def _nurse(connection: socket.socket, room: mark.Room, marker: str) -> Forked | None:
    text, descriptors = _receive(connection, REQUEST_LIMIT_SECONDS)
    if not text or len(descriptors) != 3:
        return None
    arguments, environment, folder, affinity, limits, python = marshal.loads(text)
    if environment.get(mark.MARKER_NAME.encode()) != marker.encode(errors="surrogateescape"):
        return None  # another fence's: it starts cold, and is found cold
    if not _is_for_us(arguments, os.fsdecode(folder)):
        return None
    connection.send(b"ready")
    if _receive(connection, REQUEST_LIMIT_SECONDS)[0] != b"go":
        return None
    nurse = os.getpid()
    worker = os.fork()
    if worker == 0:
        try:
            os.setsid()
            connection.close()
            parent.end_with(nurse, signal.SIGKILL)
            _take_over(affinity, limits)
            _become(descriptors, environment, folder, room, marker)
            _arm(environment)
            mark.show_title([python, *arguments])
        except BaseException as error:
            os.write(2, f"lockstep: this worker could not be forked: {error}\n".encode(errors="replace"))
            os._exit(126)
        return Forked(arguments, python)
    for fd in descriptors:
        os.close(fd)
    _watch(connection, worker)
    return None


def _is_for_us(arguments: list[str], folder: str) -> bool:
    """Python's other ways to run something are left to Python."""
    if arguments[:1] != ["-u"] or len(arguments) < 2:
        return False
    if arguments[1] == "-m":
        return len(arguments) > 2
    return arguments[1].endswith(".py") and os.path.isfile(os.path.join(folder, arguments[1]))


def _take_over(affinity: list[int], limits: list[tuple[int, int, int]]) -> None:
    import resource

    if set(affinity) != os.sched_getaffinity(0):
        os.sched_setaffinity(0, affinity)
    for number, soft, hard in limits:
        if resource.getrlimit(number) != (soft, hard):
            resource.setrlimit(number, (soft, hard))


def _become(
    descriptors: list[int], environment: dict[bytes, bytes], folder: bytes, room: mark.Room, marker: str
) -> None:
    """Makes a forked child what a new process would be."""
    for target, fd in enumerate(descriptors):
        os.dup2(fd, target)
    for fd in descriptors:
        os.close(fd)
    os.chdir(folder)
    os.environb.clear()
    os.environb.update(environment)
    time.tzset()
    room.write(marker, dict(os.environ))
    # random seeds itself anew in a forked child; these do not, and all ranks would draw the same.
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if "torch" in sys.modules:
        sys.modules["torch"].default_generator.seed()
    if "multiprocessing.process" in sys.modules:
        current = sys.modules["multiprocessing.process"].current_process()
        current.authkey = os.urandom(32)


def _arm(environment: dict[bytes, bytes]) -> None:
    """Lets the shim ask this worker for its stacks, by a signal that nobody else uses (see stacks.py)."""
    try:
        rank = _STACKS["first_rank"] + int(environment[b"LOCAL_RANK"])
        os.makedirs(_STACKS["folder"], mode=0o700, exist_ok=True)
        path = os.path.join(_STACKS["folder"], f"faulthandler-{rank}.txt")
        low = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        # a number that no file of the script gets: one that closes all it knows not would otherwise
        # have the stacks in its next file
        highest = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], HIGHEST_DESCRIPTOR) - 1
        fd = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, highest - STACK_DESCRIPTORS)
        os.close(low)
        faulthandler.register(STACK_SIGNAL, file=fd, all_threads=True, chain=False)
    except (KeyError, ValueError, OSError, RuntimeError):
        return  # without it there are no stacks, and nothing else is missing


def _watch(connection: socket.socket, worker: int) -> None:
    """Passes signals on and the end back; a client that is gone takes its worker with it."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    wait: float | None = None
    try:
        poll.register(os.pidfd_open(worker), select.POLLIN)
    except (AttributeError, OSError):  # Linux < 5.3
        wait = POLL_SECONDS * 1_000
    while True:
        ready = {fd for fd, _ in poll.poll(wait)}
        ended, status = os.waitpid(worker, os.WNOHANG)
        if ended:
            connection.send(str(status).encode())
            return
        if connection.fileno() in ready:
            try:
                text, _ = _receive(connection, None)
            except OSError:
                text = b""
            if not text:
                _signal_group(worker, signal.SIGKILL)
                return
            _signal_group(worker, int(text.split()[1]))


def _signal_group(worker: int, number: int) -> None:
    try:
        os.killpg(worker, number)
    except ProcessLookupError:  # not yet its own group
        os.kill(worker, number)


# --- messages ---------------------------------------------------------------------------------------------------------


def _tell(control: socket.socket, message: dict[str, Any]) -> None:
    control.send(json.dumps(message).encode())


def _receive(connection: socket.socket, limit: float | None) -> tuple[bytes, list[int]]:
    """One message with its descriptors; nothing at the end or after the limit."""
    connection.settimeout(limit)
    space = socket.CMSG_SPACE(MAX_DESCRIPTORS * 4)
    try:
        text, ancillary, _, _ = connection.recvmsg(MAX_MESSAGE_BYTES, space)
    except TimeoutError:
        return b"", []
    descriptors = array.array("i")
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(data[: len(data) - len(data) % 4])
    return text, list(descriptors)


# --- in a forked child ------------------------------------------------------------------------------------------------


def _folder_of(script: str) -> str:
    """What Python puts first on the path."""
    return os.path.dirname(os.path.realpath(script))


def _set_up(forked: Forked) -> tuple[str, list[str]]:
    """Path, arguments and a fresh __main__, as Python sets them; says what to run: torchrun, a module or a file."""
    if forked.argv[0] == "torchrun":
        sys.argv = list(forked.argv)
        if _ADDED:  # as for every module
            sys.path.remove(_ADDED[0])
            sys.path.insert(0, os.getcwd())
        return "torchrun", forked.argv[1:]
    words = forked.argv[1:]
    sys.orig_argv[:] = [forked.python, *forked.argv]
    is_module = words[0] == "-m"
    sys.argv = ["-m", *words[2:]] if is_module else list(words)
    if _ADDED:
        sys.path.remove(_ADDED[0])
    if not _SAFE_PATH:
        sys.path.insert(0, os.getcwd() if is_module else _folder_of(words[0]))
    sys.path_importer_cache.clear()  # what was looked for before may be there now
    fresh = types.ModuleType("__main__")
    vars(fresh).clear()
    vars(fresh).update(_FRESH, __doc__=None)
    if "__annotations__" in _FRESH:
        vars(fresh)["__annotations__"] = {}
    if not is_module:
        path = os.path.abspath(words[0])
        vars(fresh).update(__file__=path, __loader__=SourceFileLoader("__main__", path))
    for name in ("__main__", "__mp_main__"):  # the second by multiprocessing, at its import
        if name in sys.modules:
            sys.modules[name] = fresh
    return ("module", [words[1]]) if is_module else ("file", [str(fresh.__file__)])


def _hide(traceback: types.TracebackType | None) -> types.TracebackType | None:
    """A traceback without the frames of this file."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename == __file__:
        traceback = traceback.tb_next
    return traceback


def _hide_in(error: BaseException) -> None:
    """Whoever prints the error, at the top of Python, is not shown this file."""
    shown_by = sys.excepthook
    error.__traceback__ = _hide(error.__traceback__)

    def hook(kind: Any, value: Any, traceback: Any) -> None:
        hidden = _hide(traceback)
        value.__traceback__ = hidden
        shown_by(kind, value, hidden)

    sys.excepthook = hook


_ADDED: list[str] = []
_STACKS: dict[str, Any] = {}
# At the top of the file, so that an ending child ends as every Python process does: uncaught errors, threads, atexit.
_what, _words = _set_up(main(socket.socket(fileno=int(sys.argv[1]))))
try:
    if _what == "torchrun":
        from torch.distributed.run import main as _torchrun

        sys.exit(_torchrun(_words))
    elif _what == "module":
        import runpy

        runpy._run_module_as_main(_words[0])  # type: ignore[attr-defined]
    else:
        with open(_words[0], "rb") as _file:
            _source = _file.read()
        exec(compile(_source, _words[0], "exec", dont_inherit=True), vars(sys.modules["__main__"]))
except BaseException as _error:
    _hide_in(_error)
    raise
