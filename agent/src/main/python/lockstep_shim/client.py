"""Stands where torchrun expects its worker: has it forked by the preloaded process, and relays signals and its end.

Started as `python -IS client.py SOCKET PYTHON -u SCRIPT ...`; without a preloaded process it becomes PYTHON itself.
Only built-in modules: its start is on the way of every restart.
"""

import _signal
import _socket
import marshal
import os
import select
import sys
from array import array

CONNECT_LIMIT_SECONDS = 2.0
READY_LIMIT_SECONDS = 5.0
MAX_ANSWER_BYTES = 64
# Not those that mean trouble of this very process, nor those that cannot be caught.
NOT_RELAYED = ("SIGKILL", "SIGSTOP", "SIGCHLD", "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP", "SIGPIPE", "SIGSYS")


def main(path: str, python: str, arguments: list[str]) -> None:
    """Does not return."""
    connection = _ask(path, python, arguments)
    if connection is None:
        os.execvp(python, [python, *arguments])
    _relay(connection)


def _ask(path: str, python: str, arguments: list[str]) -> "_socket.socket | None":
    """A connection over which our worker is forked now; None: nothing was and never will be forked for us."""
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    try:
        connection.settimeout(CONNECT_LIMIT_SECONDS)
        connection.connect(path)
        environment = dict(os.environb)
        request = marshal.dumps(
            (arguments, environment, os.getcwdb(), sorted(os.sched_getaffinity(0)), _limits(), python)
        )
        connection.sendmsg([request], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array("i", [0, 1, 2]))])
        connection.settimeout(READY_LIMIT_SECONDS)
        if connection.recv(MAX_ANSWER_BYTES) == b"ready":
            connection.settimeout(None)
            connection.send(b"go")
            return connection
    except OSError as error:
        os.write(2, f"lockstep: a cold start of this worker: {error}\n".encode()) if _is_news(error) else None
    connection.close()
    return None


def _is_news(error: OSError) -> bool:
    """Nobody there is what the shim's log says already."""
    return not isinstance(error, (ConnectionRefusedError, FileNotFoundError))


def _limits() -> "list[tuple[int, int, int]]":
    import resource

    names = [name for name in dir(resource) if name.startswith("RLIMIT_")]
    return [(getattr(resource, name), *resource.getrlimit(getattr(resource, name))) for name in names]


def _relay(connection: "_socket.socket") -> None:
    # Woken by a byte, since a signal between a look at the flags and the wait would be noticed only after the wait.
    read_end, write_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    _signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    kept = {getattr(_signal, name) for name in NOT_RELAYED if hasattr(_signal, name)}
    for number in _signal.valid_signals():
        if number not in kept and number < 32:
            _signal.signal(number, _nothing)
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    poll.register(read_end, select.POLLIN)
    while not (ready := {fd for fd, _ in poll.poll()}) & {connection.fileno()}:
        if read_end in ready:
            for number in os.read(read_end, MAX_ANSWER_BYTES):
                _pass_on(connection, number)
    try:
        answer = connection.recv(MAX_ANSWER_BYTES)
    except OSError:
        answer = b""
    # No answer: who forked the worker is gone, and the kernel has killed the worker with it.
    _end_like(int(answer) if answer else int(_signal.SIGKILL))


def _pass_on(connection: "_socket.socket", number: int) -> None:
    try:
        connection.send(b"signal %d" % number)
    except OSError:
        return  # its end is on its way


def _nothing(_number: int, _frame: object) -> None:
    """The byte of set_wakeup_fd is what counts."""


def _end_like(status: int) -> None:
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        os._exit(code)
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if -code not in (_signal.SIGKILL, _signal.SIGSTOP):
        _signal.signal(-code, _signal.SIG_DFL)
        _signal.pthread_sigmask(_signal.SIG_UNBLOCK, [-code])
    os.kill(os.getpid(), -code)
    os._exit(128 - code)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
