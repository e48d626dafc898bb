"""Owns the hosts' network: a namespace and a link to one bridge for each host, and what is broken about them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

NET = "10.213.0"
BRIDGE = "hosts"
COMMAND_SECONDS = 20
# The kernel keeps 1,024 neighbours that it found by itself, of all namespaces together: hosts to the power of two.
HOSTS_FOUND = 25
# Preference of routing rules, lower ones first.
DROPS, OWN_ADDRESSES = 10, 20


@dataclass(frozen=True)
class Host:
    """One host: its number from 1, and with it its names."""

    number: int

    @property
    def address(self) -> str:
        """Its only address, which is also its node's name."""
        return f"{NET}.{self.number}"

    @property
    def mac(self) -> str:
        """The address of its link; locally administered."""
        return f"02:00:00:00:00:{self.number:02x}"

    @property
    def namespace(self) -> str:
        """Its network namespace."""
        return f"h{self.number}"

    @property
    def port(self) -> str:
        """The bridge's end of its link."""
        return f"port{self.number}"

    def __str__(self) -> str:
        return f"h{self.number}"


@dataclass(frozen=True)
class Traffic:
    """What went over a host's link, both ways together."""

    bytes: int
    packets: int

    def __sub__(self, earlier: Traffic) -> Traffic:
        return Traffic(self.bytes - earlier.bytes, self.packets - earlier.packets)


class Network:
    """Made once; `heal` takes back every fault."""

    def __init__(self, hosts: int) -> None:
        self.hosts = [Host(number) for number in range(1, hosts + 1)]
        self._drops: set[tuple[Host, Host]] = set()
        self._netem = False
        self._wire: subprocess.Popen[str] | None = None
        ip("link", "add", BRIDGE, "type", "bridge")
        ip("addr", "add", f"{NET}.254/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        for host in self.hosts:
            ip("netns", "add", host.namespace)
            peer = ("peer", "name", "eth0", "address", host.mac, "netns", host.namespace)
            ip("link", "add", host.port, "type", "veth", *peer)
            ip("link", "set", host.port, "master", BRIDGE, "up")
            ip("-n", host.namespace, "addr", "add", f"{host.address}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                ip("-n", host.namespace, "link", "set", device, "up")
            # the kernel asks the table of its own addresses first: what is dropped must come before it
            ip("-n", host.namespace, "rule", "add", "pref", str(OWN_ADDRESSES), "lookup", "local")
            ip("-n", host.namespace, "rule", "del", "pref", "0")
        if hosts > HOSTS_FOUND:
            self._introduce()

    def _introduce(self) -> None:
        """Entries that are permanent are not counted."""
        for host in self.hosts:
            others = [other for other in self.hosts if other != host]
            lines = [f"neigh add {o.address} lladdr {o.mac} dev eth0 nud permanent\n" for o in others]
            command("ip", "-n", host.namespace, "-batch", "-", given="".join(lines))

    def unplug(self, host: Host) -> None:
        """Nothing goes in or out any more; nobody is told, as when a cable is pulled."""
        ip("link", "set", host.port, "down")

    def plug(self, host: Host) -> None:
        """The link is back."""
        ip("link", "set", host.port, "up")

    def drop(self, sender: Host, receiver: Host) -> None:
        """What the one sends never arrives at the other; the other way it does."""
        if (sender, receiver) not in self._drops:
            ip("-n", receiver.namespace, "rule", "add", "pref", str(DROPS), "blackhole", "from", sender.address)
            self._drops.add((sender, receiver))

    def split(self, *sides: list[Host]) -> None:
        """Hosts of different sides do not hear each other."""
        for side in sides:
            for other in sides:
                if other is not side:
                    for sender in side:
                        for receiver in other:
                            self.drop(sender, receiver)

    def impairment_problem(self) -> str | None:
        """Why packets cannot be lost or delayed here; None when they can."""
        if self._has_netem() or os.access("/dev/net/tun", os.R_OK | os.W_OK):
            return None
        return "the kernel has no netem (tc), and /dev/net/tun cannot be opened"

    def impair(self, loss_percent: int, delay_ms: int) -> str:
        """Loses so many of all packets that a host sends or gets, and delays the others; the name of what does it.

        On its way from one host to another a packet meets this once with netem, at its sender, and twice with the
        wire, at both: the wire gets half of it.
        """
        if self._has_netem():
            how = (f"loss {loss_percent}%" if loss_percent else "") + (f" delay {delay_ms}ms" if delay_ms else "")
            for host in self.hosts:
                tc = f"tc -n {host.namespace} qdisc add dev eth0 root netem {how}"
                command(*tc.split())
            self._netem = True
            return "netem"
        once = round(100 * (1 - (1 - loss_percent / 100) ** 0.5))
        pairs = [f"wire{host.number}=far{host.number}" for host in self.hosts]
        self._wire = subprocess.Popen(
            [sys.executable, "-m", "lockstep_chaos.wire", str(once), str(delay_ms // 2), *pairs],
            cwd=Path(__file__).resolve().parents[1],
            stdout=subprocess.PIPE,
            text=True,
        )
        if not self._wire.stdout or self._wire.stdout.readline() != "ready\n":
            raise RuntimeError("the wire process did not start; what it says is above")
        for host in self.hosts:
            wire, far, space = f"wire{host.number}", f"far{host.number}", host.namespace
            ip("link", "set", wire, "master", BRIDGE, "up")
            ip("link", "set", far, "netns", space)
            [_, _, mac, *_] = ip("-br", "-n", space, "link", "show", "eth0").split()
            ip("-n", space, "link", "set", far, "address", mac, "up")
            self._move(host, "eth0", far)
            self.unplug(host)
        return "a process that carries the frames (no netem in this kernel)"

    def _has_netem(self) -> bool:
        try:
            command("tc", "qdisc", "add", "dev", BRIDGE, "root", "netem", "delay", "0ms")
        except (RuntimeError, FileNotFoundError):
            return False
        command("tc", "qdisc", "del", "dev", BRIDGE, "root")
        return True

    @staticmethod
    def _move(host: Host, source: str, target: str) -> None:
        """A host's address goes to another of its devices."""
        for verb, device in (("add", target), ("del", source)):
            ip("-n", host.namespace, "addr", verb, f"{host.address}/24", "dev", device)

    def _repair(self) -> None:
        if self._netem:
            for host in self.hosts:
                command("tc", "-n", host.namespace, "qdisc", "del", "dev", "eth0", "root")
            self._netem = False
        if self._wire:
            for host in self.hosts:
                self.plug(host)
                self._move(host, f"far{host.number}", "eth0")
            self._wire.kill()
            self._wire.wait()
            self._wire = None

    def heal(self) -> None:
        """All links are up, and everything arrives."""
        self._repair()
        for sender, receiver in self._drops:
            ip("-n", receiver.namespace, "rule", "del", "pref", str(DROPS), "blackhole", "from", sender.address)
        self._drops.clear()
        for host in self.hosts:
            self.plug(host)

    def traffic(self, host: Host) -> Traffic:
        """Since the link was made, by the kernel's counters."""
        for line in Path("/proc/net/dev").read_text(encoding="ascii").splitlines():
            name, _, counters = line.partition(":")
            if name.strip() == host.port:
                count = [int(one) for one in counters.split()]
                return Traffic(count[0] + count[8], count[1] + count[9])
        raise RuntimeError(f"no counters of {host.port} in /proc/net/dev")


def ip(*arguments: str) -> str:
    """Runs ip; its output. RuntimeError says what it said."""
    return command("ip", *arguments)


def command(*words: str, given: str = "") -> str:
    """Runs a program on what it is given; its output. RuntimeError says what it said."""
    done = subprocess.run(words, input=given, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout
