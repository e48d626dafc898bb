"""Owns the box in which everything happens: namespaces of our own for processes, network and mounts.

When this program ends, in whatever way, the kernel ends every process of the box and takes its networks and mounts
back: nothing on the machine is touched, and nothing is left.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable

INSIDE = "LOCKSTEP_CHAOS_INSIDE"
CHECK_SECONDS = 20
PR_SET_PDEATHSIG = 1
_TRY = (
    "mount -t tmpfs none /run && ip netns add try && ip link add name bridge0 type bridge"
    " && ip link add name try0 type veth peer name eth0 netns try && ip -n try rule add blackhole from 192.0.2.1"
)


def problem() -> str | None:
    """Why this machine cannot run hosts of our own; None when it can."""
    missing = [tool for tool in ("unshare", "ip", "mount", "sh") if shutil.which(tool) is None]
    if missing:
        return f"{', '.join(missing)} not on PATH (Debian, Ubuntu: packages util-linux, mount, iproute2)"
    try:
        tried = subprocess.run(
            [*_unshare(), "sh", "-c", _TRY], capture_output=True, text=True, timeout=CHECK_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"making namespaces took more than {CHECK_SECONDS} s"
    if tried.returncode != 0:
        said = tried.stderr.strip() or f"exit code {tried.returncode}"
        return f"no network namespaces here ({said}); run as root, or allow user namespaces"
    return None


def enter(main: Callable[[], int]) -> int:
    """Runs main inside the box, which is made first; its exit code."""
    if os.environ.get(INSIDE):
        return _as_init(main)
    box = subprocess.Popen(
        [*_unshare(), sys.executable, *sys.argv],
        env={**os.environ, INSIDE: "1"},
        preexec_fn=_die_with_parent,  # noqa: PLW1509 (there are no threads yet)
    )
    asked: list[int] = []

    def end(number: int, _: object) -> None:
        asked.append(number)
        box.kill()  # unshare's death is that of the whole box (--kill-child)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    ended = box.wait()
    return 128 + asked[0] if asked else ended


def _die_with_parent() -> None:
    """kill -9 of this program ends unshare too; the kernel forgets it where unshare gains rights, so for root only."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _unshare() -> list[str]:
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return [
        "unshare", *as_root, "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
        "--propagation", "private",
    ]  # fmt: skip


def _as_init(main: Callable[[], int]) -> int:
    """Process 1 of the box: takes leave of orphans as init does, until main has ended."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        status = 1
        try:
            _prepare()
            status = main()
        except KeyboardInterrupt:
            status = 128 + signal.SIGINT
        except SystemExit as end:
            if isinstance(end.code, str):
                print(end.code, file=sys.stderr)
            status = end.code if isinstance(end.code, int) else 1
        except Exception:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # main has it, too
    while True:
        ended, status = os.wait()
        if ended == child:
            return os.waitstatus_to_exitcode(status)


def _prepare() -> None:
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
