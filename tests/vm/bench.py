#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures shutdowns of many slow controllers: the kernel alone, a shell hook, this project.

Each run is a real shutdown; all of a row begin from one saved state of the machine, with its
controllers. The times are those of the guest's own clock (machine.py: CLOCKS), and each is taken
more than once: where the runs of one figure are further apart than TOLERANCE, that is said.

"reboot" is what the whole shutdown takes, from the command to the end of device_shutdown(). What
the same command takes on a machine without controllers, and without the project, is what NVMe does
not add to it.

The column "said" has what the hook's own record says that the kernel alone would have taken.

The row "enumeration" is no shutdown: it is what `plan` takes on the live machine, which looks at all
that a stage looks at, beside what it takes to start the program.
"""

import argparse
import functools
import json
import math
import os
import queue
import random
import re
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import bench_report
import bench_trace
import vnvme
from image import Images
from machine import MachineError
from world import WORLDS, WorldBroken

# Runs of one figure may differ by so much; or by so little that no person would see it.
TOLERANCE = 0.03
FLOOR_USEC = 20_000

DISABLE = f"systemctl disable -q nvme-async-shutdown.service; rm -f {vnvme.MARKED_HOOK}"

SHELL_HOOK = f"""{DISABLE}
cat >{vnvme.MARKED_HOOK} <<'EOF'
#!/bin/sh
# What one would write in five minutes: no check, no sync, no deadline.
cd /sys/bus/pci/drivers/nvme || exit 0
for address in *:*; do
        [ -e "$address" ] || continue
        echo "$address" >unbind &
done
wait
exit 0
EOF
chmod 755 {vnvme.MARKED_HOOK}
"""


# What it costs to start any program at all, in the place of the unit and of the hook.
EMPTY = f"""
sed -i 's|/usr/libexec/nvme-async-shutdown-stage unit [a-z]*|/bin/true|' {vnvme.UNIT_DROP_INS}
systemctl daemon-reload
ln -sf /bin/true {vnvme.MARKED_HOOK}
"""


def configured(enabled):
    return f"printf '[Shutdown]\\nEnabled={enabled}\\n' >/etc/nvme-async-shutdown.conf"


# name -> what to set up, and the command
MODES = {
    "kernel alone": (DISABLE, "systemctl reboot"),
    "kernel alone, reboot -f": (DISABLE, "systemctl reboot -f"),
    "shell hook": (SHELL_HOOK, "systemctl reboot"),
    "nvme-async-shutdown": (configured("yes"), "systemctl reboot"),
    "the same, reboot -f": (configured("yes"), "systemctl reboot -f"),
    "Enabled=no": (configured("no"), "systemctl reboot"),
    "/bin/true instead": (EMPTY, "systemctl reboot"),
}
KERNEL, KERNEL_FORCED, SHELL, OURS, FORCED, DISABLED, NOTHING = MODES
USUAL = (KERNEL, SHELL, OURS, FORCED)


@dataclass(frozen=True)
class Row:
    name: str
    topology: str
    latency_ms: tuple       # one for each controller, or one for all
    rtd3e_ms: tuple = (0,)
    modes: tuple = USUAL
    prepare: str = "true"   # when the controllers are there
    world: str = None       # of world.py; None: the one of the command line

    @property
    def family(self):
        """Rows that share it begin from the same saved state."""
        return self.topology, self.rtd3e_ms, self.prepare

    @property
    def slowest_usec(self):
        return max(self.latency_ms) * 1000

    @property
    def controllers(self):
        """How many: the topologies here have nothing but factors."""
        return math.prod(int(factor) for factor in re.findall(r"\d+", self.topology))

    @property
    def serial_seconds(self):
        """What the kernel alone takes, at most."""
        latencies = self.latency_ms * (self.controllers if len(self.latency_ms) == 1 else 1)
        return sum(latencies) / 1000 + 0.2 * self.controllers


def _thousand(values):
    return ",".join(str(value * 1000) for value in values)


# The only one of the machine's that is removed leaves one without.
WITHOUT = Row("0", "R(N)", (0,), modes=(KERNEL, KERNEL_FORCED, SHELL, OURS, FORCED), prepare="""
echo 1 >/sys/bus/pci/devices/0010:01:00.0/remove
udevadm settle
[ -z "$(ls /sys/class/nvme)" ]
""")


def _rows():
    for n in (1, 8, 32, 64, 128):
        for latency in (0, 500, 2000):
            modes = USUAL + (DISABLED, NOTHING) if n == 1 else USUAL
            yield Row(f"{n} x {latency} ms", f"{n}*R(N)", (latency,), modes=modes)


def rows():
    """All but the one without controllers, which each run begins with."""
    found = list(_rows())
    seeded = random.Random(24)
    mixed = tuple(seeded.randint(100, 13_000) for _ in range(24))
    found.append(Row("24, 0.1 to 13 s", "24*R(N)", mixed,
                     tuple(1000 * (latency // 1000 + 2) for latency in mixed)))
    found.append(Row("tree, 24 x 2000 ms", "2*R(U(2*D(U(6*D(N)))))", (2000,)))
    slow = (7500, 9000, 10_000, 8000, 12_000, 14_000, 11_000, 9500)
    found.append(Row("8, RTD3E 8 to 15 s", "8*R(N)", slow,
                     (8000, 10_000, 11_000, 9000, 13_000, 15_000, 12_000, 10_000)))
    found.append(Row("24 x 4500 ms", "24*R(N)", (4500,)))
    for world in WORLDS:
        found.append(Row(f"24 x 4500 ms, {world}", "24*R(N)", (4500,), world=world))
    return found


LOADED = "loaded"
# of this machine's time, for what is not the controllers'
SHUTDOWN_SECONDS = 300


def load(machines, row, **parameters):
    """Make the machine that all shutdowns of the row, and of its family, begin from."""
    machine = machines.start()
    try:
        vnvme.load(machine, topology=row.topology, latency_us=0,
                   rtd3e_us=_thousand(row.rtd3e_ms), **parameters)
        machine.check(f"{row.prepare}\necho clear >/proc/vnvme")
        machines.keep(machine, LOADED)
    finally:
        machine.close()


def shut_down(machines, row, mode):
    """One shutdown of what was loaded: its report."""
    set_up, command = MODES[mode]
    latency = f"echo {_thousand(row.latency_ms)} >/sys/module/vnvme/parameters/latency_us"
    machine = machines.start(LOADED, is_paused=True)
    try:
        report = vnvme.shut_down(machine, command, SHUTDOWN_SECONDS + row.serial_seconds,
                                 f"{set_up}\n{latency}")
    finally:
        machine.close()
    if report.not_clean():
        raise MachineError(f"{row.name}, {mode}: not shut down cleanly: {report.not_clean()}")
    return report


def measure(machines, row, mode):
    """One shutdown: what it took, in microseconds."""
    report = shut_down(machines, row, mode)
    hook = 0 if mode == KERNEL else report.span("hook")
    return {"unit_usec": report.span("unit"), "hook_usec": hook, "kernel_usec": report.kernel_usec,
            "total_usec": report.span("unit") + hook + report.kernel_usec,
            "reboot_usec": report.reboot_usec,
            "serial_usec": report.serial_usec if mode == FORCED else None}


ENUMERATION = "enumeration"

# Microseconds: of the start alone, of the whole; when nobody has anything to do any more with what the
# drives' coming has brought (128 of them: for half a minute).
ENUMERATE = """
idle() {
        awk '/^cpu / { print $5 + $6, $2 + $3 + $4 + $5 + $6 + $7 + $8 }' /proc/stat
}
deadline=$((SECONDS + 120))
until read -r idle0 all0 < <(idle); sleep 1; read -r idle1 all1 < <(idle)
        [ $(((idle1 - idle0) * 100)) -ge $(((all1 - all0) * 80)) ]; do
        [ "$SECONDS" -lt "$deadline" ] || { echo "the machine does not come to rest"; exit 1; }
done
for command in --version 'plan --json'; do
        for round in 1 2 3 4 5 6 7 8 9; do
                begin=${EPOCHREALTIME/./}
                nvme-async-shutdown $command >/dev/null
                echo $((${EPOCHREALTIME/./} - begin))
        done | sort -n | sed -n 5p
done
"""


def measure_enumeration(machines, controllers):
    """The medians of nine."""
    machine = machines.start()
    try:
        vnvme.load(machine, topology=f"{controllers}*R(N)", latency_us="0", rtd3e_us="0")
        start, whole = map(int, machine.check(ENUMERATE, timeout=300).split())
    finally:
        machine.close()
    return {"controllers": controllers, "start_usec": start, "plan_usec": whole}


def measure_enumerations(machines):
    """What looking costs, for a growing number of controllers."""
    results = []
    for controllers in (1, 8, 32, 64, 128):
        result = measure_enumeration(machines, controllers)
        results.append(result)
        looking = result["plan_usec"] - result["start_usec"]
        print(f"{ENUMERATION}: {controllers} controllers in {looking / 1e3:.0f} ms "
              f"({looking / controllers:.0f} us each), and {result['start_usec'] / 1e3:.0f} ms to "
              "start the program", flush=True)
    return results


def middle(runs):
    """The run whose total is the median: its parts belong together."""
    wanted = statistics.median_low(run["total_usec"] for run in runs)
    return next(run for run in runs if run["total_usec"] == wanted)


def differing(runs):
    """The figures of which the runs are too far apart."""
    found = []
    for name in ("total_usec", "reboot_usec"):
        values = [run[name] for run in runs]
        if max(values) - min(values) > max(FLOOR_USEC, TOLERANCE * min(values)):
            found.append(name)
    return found


def measure_row(machines, row, rounds, say):
    """load() comes before it."""
    runs = {mode: [] for mode in row.modes}
    for _ in range(rounds):
        for mode in row.modes:
            run = measure(machines, row, mode)
            runs[mode].append(run)
            say(f"{row.name}, {mode}: {run['total_usec'] / 1e6:.3f} s, "
                f"the whole reboot {run['reboot_usec'] / 1e6:.3f} s")
    return {"name": row.name, "topology": row.topology, "latency_ms": row.latency_ms,
            "rtd3e_ms": row.rtd3e_ms, "slowest_usec": row.slowest_usec,
            "modes": {mode: {**middle(list_), "differing": differing(list_), "runs": list_}
                      for mode, list_ in runs.items()}}


def compare(result, without):
    """Say in @result what the machine @without controllers, a result too, takes for the same."""
    for mode, run in result["modes"].items():
        base = without["modes"][KERNEL_FORCED if MODES[mode][1].endswith("-f") else KERNEL]
        run["without_usec"] = base["reboot_usec"]
        run["added_usec"] = run["reboot_usec"] - base["reboot_usec"]


def families(wanted):
    """Lists of rows; the longest first, so that none of the others ends after it."""
    found = {}
    for row in wanted:
        found.setdefault(row.family, []).append(row)
    return sorted(found.values(), key=lambda rows_: -sum(row.serial_seconds for row in rows_))


def without_of(world):
    """The row without controllers that those of @world are compared with."""
    return replace(WITHOUT, name=f"0, {world}", world=world) if world else WITHOUT


def measure_rows(machines, wanted, rounds, jobs, say):
    """Yields results as they come, the first that of the machine without controllers. @wanted: rows of
    one world; @jobs machines run at the same time."""
    row_without = without_of(wanted[0].world)
    load(machines, row_without)
    without = measure_row(machines, row_without, rounds, say)
    compare(without, without)
    yield without
    results = queue.SimpleQueue()
    idle = queue.SimpleQueue()
    for job in range(jobs):
        idle.put(machines.beside(f"job-{job}"))

    def run(family):
        mine = idle.get()
        try:
            load(mine, family[0])
            for row in family:
                results.put(measure_row(mine, row, rounds, say))
        except Exception as error:
            results.put(error)
            raise
        finally:
            idle.put(mine)

    with ThreadPoolExecutor(jobs) as pool:
        for family in families(wanted):
            pool.submit(run, family)
        for _ in wanted:
            result = results.get()
            if isinstance(result, Exception):
                pool.shutdown(cancel_futures=True)
                raise result
            compare(result, without)
            yield result


def trace(make, wanted):
    for row in wanted:
        machines = make(row.world)
        load(machines, row, trace=bench_trace.FUNCTIONS)
        for mode in row.modes:
            print(f"\n{row.name}, {mode}")
            report = shut_down(machines, row, mode)
            for line in bench_trace.table(report):
                print(f"  {line}", flush=True)


def write(directory, name, results):
    if directory:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(json.dumps(results, indent=1) + "\n")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--world", choices=WORLDS, default="bookworm",
                        help="which Debian the guest is, where a row does not name one")
    parser.add_argument("--build", type=Path, help="a build that fits it (default: made)")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--output", type=Path, help="directory for results.json and bench.svg")
    parser.add_argument("--rounds", type=int, help="runs of each (default: 2; 3 with --realtime)")
    parser.add_argument("--row", action="append", help="only rows whose name begins so")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count()),
                        help="machines that run at the same time; 1 with --realtime")
    parser.add_argument("--trace", action="store_true", help="show where the time goes instead")
    parser.add_argument("--kvm", action="store_true")
    parser.add_argument("--realtime", action="store_true", help="on the host's clock (machine.py)")
    args = parser.parse_args()
    # nothing but the virtual clock keeps machines from being slowed down by each other
    args.realtime |= args.kvm
    args.jobs = 1 if args.realtime else args.jobs
    args.rounds = args.rounds or (3 if args.realtime else 2)
    return args


def main():
    args = parse_arguments()
    begun = time.monotonic()

    def say(text):
        print(f"   [{time.monotonic() - begun:4.0f} s] {text}", flush=True)

    def is_wanted(name):
        return not args.row or any(name.startswith(beginning) for beginning in args.row)

    @functools.cache
    def make(world):
        images = Images(args.cache, WORLDS[world or args.world], args.kvm, say)
        build = None if world else args.build
        return vnvme.Bench(images, images.cache / "bench", build or images.build(), say,
                           clock="host" if args.realtime else "virtual")

    # the one of the command line has its row already
    wanted = [row for row in rows() if is_wanted(row.name) and row.world != args.world]
    if args.trace:
        trace(make, wanted)
        return 0
    results, order = [], [row.name for row in (*map(without_of, (None, *WORLDS)), *wanted)]
    for world in dict.fromkeys(row.world for row in wanted):
        mine = [row for row in wanted if row.world == world]
        try:
            for result in measure_rows(make(world), mine, args.rounds, args.jobs, say):
                results.append(result)
                results.sort(key=lambda one: order.index(one["name"]))
                print(bench_report.table([result]), flush=True)
                # it takes long: what is there stays there
                write(args.output, "results.json", results)
        except WorldBroken as error:
            say(f"{error}: not measured: {', '.join(row.name for row in mine)}")
    if results:
        print("\n" + bench_report.table(results))
        if args.output:
            bench_report.plot(results, args.output / "bench.svg")
    if is_wanted(ENUMERATION):
        write(args.output, "enumeration.json", measure_enumerations(make(None)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
