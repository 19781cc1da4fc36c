# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs many rounds in one machine: write, release, rehearse, and compare every byte ever written.

    NVME_SOAK_ROUNDS=300 sudo --preserve-env=NVME_SOAK_ROUNDS tools/test --only vm

The default is 30 rounds, which took 176 and 302 s on a machine with other work. NVME_SOAK_SEED=N writes at
other places; the places and kinds of writes of a round depend only on the seed and its number. The
emulation of the drives (tests/vm/vnvme) counts bytes lost from the volatile cache, which neither a Flush
nor a completed shutdown covers.
"""

import base64
import json
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import vnvme
from machine import MachineError

SCRIPT = Path(__file__).with_name("soak.sh")
ROUNDS = int(os.environ.get("NVME_SOAK_ROUNDS", "30"))
SEED = int(os.environ.get("NVME_SOAK_SEED", "1"))
# Rounds in one command; a round takes 3 to 30 s, depending on the load of the host.
CHUNK = 5
CHUNK_SECONDS = 600
SAY_EVERY = 25

KINDS = ("cached", "fsync", "direct")
# In the order of soak.sh: two are written to directly, two have ext4. One has no cache.
SERIALS = ("VNVME000", "VNVME001", "VNVME002", "VNVME003")
WITHOUT_CACHE = 1
PARAMETERS = {"topology": "2*R(N),R(U(2*D(N)))", "latency_us": "20000,5000,40000,10000",
              "vwc": "1,0,1", "flush_us": "1000", "ns_mib": 8, "poll_us": 200}


@dataclass
class Round:
    number: int
    lines: dict = field(default_factory=dict)       # first word -> the rest of each such line

    def of(self, word):
        return self.lines.get(word, [])

    @property
    def wrote(self):
        """Kind -> bytes."""
        return {kind: int(size) for line in self.of("wrote")
                for kind, size in (pair.split("=") for pair in line.split())}

    def report(self, word):
        return vnvme.parse_report(self.of(word))

    @property
    def printed(self):
        return {c["serial"]: c for c in json.loads("\n".join(self.of("json")))["controllers"]}


@dataclass
class Soak:
    rounds: list
    kernel: list                # complaints of the kernel
    before: dict                # PID and command -> number of descriptors
    after: dict
    seconds: float = 0

    def wrong(self, find):
        """Returns number of the round -> result of @find, for rounds with a result."""
        return {r.number: found for r in self.rounds if (found := find(r))}

    def summary(self):
        wrote = sum((Counter(r.wrote) for r in self.rounds), Counter())
        kinds = ", ".join(f"{wrote[kind]} {kind}" for kind in KINDS)
        unflushed = sum(unflushed_before(r) for r in self.rounds)
        return (f"soak: {len(self.rounds)} rounds, seed {SEED}, {len(SERIALS)} controllers, "
                f"{wrote.total()} bytes written ({kinds}), {unflushed} not flushed "
                f"when the rehearsal began, {self.seconds:.0f} s")


def unflushed_before(a_round):
    return sum(c["dirty"] for c in a_round.report("before").controllers.values())


def read_rounds(output):
    """Returns ([Round], messages of the kernel)."""
    rounds, kernel = [], []
    for line in output.splitlines():
        word, _, rest = line.partition(" ")
        if word == "round":
            rounds.append(Round(int(rest)))
        elif word == "kernel":
            kernel.append(rest)
        elif rounds:
            rounds[-1].lines.setdefault(word, []).append(rest)
    return rounds, kernel


def processes(machine):
    found = {}
    for line in machine.check("bash /run/soak.sh processes").splitlines():
        pid, name, n = line.split()
        found[f"{name}[{pid}]"] = int(n)
    return found


def run_soak(machine, say):
    script = base64.b64encode(SCRIPT.read_bytes()).decode()
    machine.check(f"base64 -d >/run/soak.sh <<'EOF'\n{script}\nEOF")
    machine.check("bash /run/soak.sh prepare")
    before, begin = processes(machine), time.monotonic()
    soak = Soak([], [], before, {})
    for first in range(1, ROUNDS + 1, CHUNK):
        last = min(first + CHUNK - 1, ROUNDS)
        status, output = machine.run(f"bash /run/soak.sh rounds {SEED} {first} {last}",
                                     CHUNK_SECONDS)
        rounds, kernel = read_rounds(output)
        soak.rounds += rounds
        soak.kernel += kernel
        soak.seconds = time.monotonic() - begin
        if status != 0:
            raise MachineError(f"exit status {status} in round {soak.rounds[-1].number}, "
                               f"seed {SEED}:\n{output[-2000:]}")
        if last % SAY_EVERY == 0 or last == ROUNDS:
            say(soak.summary())
        if len(rounds) < last - first + 1:
            break
    soak.after = processes(machine)
    return soak


@pytest.fixture(scope="module")
def soak(make_images):
    images, cache, build, say = make_images
    machine = vnvme.Bench(images, cache / "run-soak", build, say).start()
    try:
        vnvme.load(machine, **PARAMETERS)
        yield run_soak(machine, say)
    finally:
        machine.close()


def test_no_byte_is_lost(soak):
    assert soak.wrong(lambda r: r.of("lost")) == {}


def test_no_file_system_is_unclean(soak):
    assert soak.wrong(lambda r: r.of("unclean")) == {}


def test_all_rounds_were_run_and_wrote_of_every_kind(soak):
    assert [r.number for r in soak.rounds] == list(range(1, ROUNDS + 1))
    assert soak.wrong(lambda r: sum(r.wrote.values()) == 0) == {}
    assert all(sum(r.wrote[kind] for r in soak.rounds) > 0 for kind in KINDS)
    # otherwise a rehearsal that flushes nothing would not be noticed
    assert sum(map(unflushed_before, soak.rounds)) > 0


def test_each_is_detached_and_bound_again(soak):
    def find(a_round):
        if a_round.of("status") != ["0"]:
            return a_round.of("status") + a_round.of("said")
        wrong = {serial: c for serial, c in a_round.printed.items()
                 if (c["outcome"], c["rebind"], c["new_name"]) != ("detached", "done", c["name"])}
        return wrong or set(SERIALS) ^ set(a_round.printed)
    assert soak.wrong(find) == {}


def test_each_is_flushed_then_told_once_and_comes_to_the_end(soak):
    def find(a_round):
        report, wrong = a_round.report("after"), {}
        for i, serial in enumerate(SERIALS):
            seen = [f"{e.name}={e.value}" for e in report.events
                    if e.index == i and e.name in ("shn", "shst", "enabled", "after-shn")]
            if seen != ["shn=1", "shst=2", "enabled=0"]:
                wrong[serial] = seen
            elif i != WITHOUT_CACHE and min(report.of(i, "flush"),
                                            default=float("inf")) > report.of(i, "shn")[0]:
                wrong[serial] = "no Flush before it"
        return wrong
    assert soak.wrong(find) == {}


def test_no_drive_has_lost_its_volatile_cache(soak):
    assert soak.wrong(lambda r: {c["serial"]: c["dirty"] for c in
                                 r.report("after").controllers.values() if c["dirty"]}) == {}


def test_nothing_is_left_behind(soak):
    assert soak.wrong(lambda r: r.of("left")) == {}


def test_no_process_has_more_descriptors_than_at_first(soak):
    assert soak.after == soak.before


def test_the_kernel_complains_about_nothing(soak):
    assert soak.kernel == []
