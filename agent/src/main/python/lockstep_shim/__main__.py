"""Runs the shim's launcher, `python3 -I DIR/lockstep_shim SPEC.json`, or a standby, `... --standby SPEC.json`."""

import signal
import sys
from pathlib import Path


def run() -> int:
    """Makes the package importable under its own name, then hands over."""
    # The daemon's JVM starts its children with SIGQUIT blocked; a worker is to get every signal, as from a shell.
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    # `python -I DIR` puts DIR itself first on the path; the modules belong to the package above it.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    if sys.argv[1:2] == ["--standby"] and len(sys.argv) == 3:
        from lockstep_shim import standby

        return standby.main(sys.argv[2])
    from lockstep_shim.launcher import main

    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(run())
