"""A stand-in for torch.distributed.run: starts the workers, in sessions of their own, and waits for them."""

import os
import signal
import subprocess
import sys

TAKES_VALUE = {
    "--nnodes", "--node-rank", "--nproc-per-node", "--rdzv-backend", "--master-addr", "--master-port",
    "--local-addr", "--max-restarts", "--rdzv-id", "--rdzv-conf", "--log-dir",
}


def main() -> int:
    words = sys.argv[1:]
    given = {}
    while words and words[0] in TAKES_VALUE:
        given[words[0]] = words[1]
        words = words[2:]
    local = int(given["--nproc-per-node"])
    first = int(given["--node-rank"]) * local
    workers = []
    for local_rank in range(local):
        env = dict(
            os.environ,
            LOCAL_RANK=str(local_rank),
            RANK=str(first + local_rank),
            WORLD_SIZE=str(int(given["--nnodes"]) * local),
            MASTER_PORT=given["--master-port"],
        )
        program = os.environ.get("PYTHON_EXEC", sys.executable)
        workers.append(subprocess.Popen([program, "-u", *words], env=env, start_new_session=True))

    def on_term(number, frame):
        for worker in workers:
            if worker.poll() is None:
                os.killpg(worker.pid, signal.SIGTERM)

    signal.signal(signal.SIGTERM, on_term)
    codes = [worker.wait() for worker in workers]
    for local_rank, (code, worker) in enumerate(zip(codes, workers)):
        if code:
            print(f"E failed (exitcode: {code}) local_rank: {local_rank} (pid: {worker.pid}) of binary", flush=True)
    return 1 if any(codes) else 0


sys.exit(main())
