#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures shutdowns of many slow controllers: the kernel alone, a shell hook, this project.

Each run is a real shutdown; all runs of a row begin from one saved state of the machine, with its
controllers. The times are those of the guest's own clock (machine.py: CLOCKS). Each is measured more
than once: if the runs of one figure are further apart than TOLERANCE, a line says so.

"reboot" is the time of the whole shutdown, from the command to the end of device_shutdown(). "without"
is the time of the same command on a machine without controllers and without the project; "added", the
difference, is the part that NVMe adds.

The column "said" has the estimate for the kernel alone in the hook's own record.

The row "enumeration" is not a shutdown: it has the time of `plan` on the live machine, which checks all
that a stage checks, and the time to start the program.
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
import evidence
import vnvme
from image import Images
from machine import MachineError
from world import WORLDS, WorldBroken

# Runs of one figure may differ by this share, or by a time too short for a person to notice.
TOLERANCE = 0.03
FLOOR_USEC = 20_000

DISABLE = f"systemctl disable -q nvme-async-shutdown.service; rm -f {vnvme.MARKED_HOOK}"

SHELL_HOOK = f"""{DISABLE}
cat >{vnvme.MARKED_HOOK} <<'EOF'
#!/bin/sh
# A hook as one writes it in five minutes: no check, no sync, no deadline.
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


# A process that takes 3 s to end when systemd-shutdown sends SIGTERM; no unit stops it earlier.
SLOW_PROCESS = """
systemd-run --quiet --unit=slow -p DefaultDependencies=no -p KillMode=none -p SendSIGKILL=no \\
        bash -c 'trap "sleep 3; exit" TERM; while :; do sleep 1000 & wait $!; done'
"""
# A device of another driver whose shutdown takes 2 s.
SLOW_DEVICE = f"insmod {vnvme.SLOW_MODULE} shutdown_ms=2000"

# Waits until the machine is idle. For new drives udevd works half a minute and PID 1 a while longer; 128
# of them delayed a shutdown that began at once by 1.7 s.
REST = """
idle() {
        awk '/^cpu / { print $5 + $6, $2 + $3 + $4 + $5 + $6 + $7 + $8 }' /proc/stat
}
deadline=$((SECONDS + 120))
until read -r idle0 all0 < <(idle); sleep 1; read -r idle1 all1 < <(idle)
        [ $(((idle1 - idle0) * 100)) -ge $(((all1 - all0) * 80)) ]; do
        [ "$SECONDS" -lt "$deadline" ] || { echo "the machine does not come to rest"; exit 1; }
done
"""

# The cost of starting any program at all, in place of the unit and the hook.
EMPTY = f"""
sed -i 's|/usr/libexec/nvme-async-shutdown-stage unit [a-z]*|/bin/true|' {vnvme.UNIT_DROP_INS}
systemctl daemon-reload
ln -sf /bin/true {vnvme.MARKED_HOOK}
"""


def configured(enabled, overlap="auto"):
    # without pstore, which this machine does not have, "auto" means "no"
    return (f"printf '[Shutdown]\\nEnabled={enabled}\\nOverlap={overlap}\\n' "
            f">/etc/nvme-async-shutdown.conf\n{evidence.LOOK_AGAIN}")


# name -> script that sets it up, and the command
MODES = {
    "kernel alone": (DISABLE, "systemctl reboot"),
    "kernel alone, reboot -f": (DISABLE, "systemctl reboot -f"),
    "shell hook": (SHELL_HOOK, "systemctl reboot"),
    "nvme-async-shutdown": (configured("yes"), "systemctl reboot"),
    "the same, reboot -f": (configured("yes"), "systemctl reboot -f"),
    "Overlap=yes": (configured("yes", "yes"), "systemctl reboot"),
    "Overlap=yes, reboot -f": (configured("yes", "yes"), "systemctl reboot -f"),
    "Enabled=no": (configured("no"), "systemctl reboot"),
    "/bin/true instead": (EMPTY, "systemctl reboot"),
}
KERNEL, KERNEL_FORCED, SHELL, OURS, FORCED, OVERLAP, OVERLAP_FORCED, DISABLED, NOTHING = MODES
USUAL = (KERNEL, SHELL, OURS, FORCED, OVERLAP, OVERLAP_FORCED)


@dataclass(frozen=True)
class Row:
    name: str
    topology: str
    latency_ms: tuple       # one for each controller, or one for all
    rtd3e_ms: tuple = (0,)
    modes: tuple = USUAL
    before: str = "true"    # script to run before the controllers exist
    prepare: str = "true"   # script to run when the controllers exist
    rest: bool = False      # before and prepare make the rest of the shutdown slow
    world: str = None       # of world.py; None: that of the command line

    @property
    def family(self):
        """Rows of one family begin from the same saved state."""
        return self.topology, self.rtd3e_ms, self.before, self.prepare

    @property
    def slowest_usec(self):
        return max(self.latency_ms) * 1000

    @property
    def controllers(self):
        """Their number: the topologies here consist of factors only."""
        return math.prod(int(factor) for factor in re.findall(r"\d+", self.topology))

    @property
    def serial_seconds(self):
        """An upper limit for the time of the kernel alone."""
        latencies = self.latency_ms * (self.controllers if len(self.latency_ms) == 1 else 1)
        return sum(latencies) / 1000 + 0.2 * self.controllers


def _thousand(values):
    return ",".join(str(value * 1000) for value in values)


# A machine without controllers: its only one is removed.
REMOVE = """
echo 1 >/sys/bus/pci/devices/0010:01:00.0/remove
udevadm settle
[ -z "$(ls /sys/class/nvme)" ]
"""
WITHOUT = Row("0", "R(N)", (0,), modes=(KERNEL, KERNEL_FORCED, SHELL, OURS, FORCED), prepare=REMOVE)


def _rows():
    for n in (1, 8, 32, 64, 128):
        for latency in (0, 500, 2000):
            modes = USUAL + (DISABLED, NOTHING) if n == 1 else USUAL
            yield Row(f"{n} x {latency} ms", f"{n}*R(N)", (latency,), modes=modes)


def rows():
    """All rows except the one without controllers, with which each run begins."""
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
    for name, before, after in (("process", "true", SLOW_PROCESS), ("device before", SLOW_DEVICE, "true"),
                                ("device after", "true", SLOW_DEVICE)):
        found.append(Row(f"24 x 4500 ms, slow {name}", "24*R(N)", (4500,), before=before,
                         prepare=after, rest=True))
    return found


LOADED = "loaded"
# of the host's time, for everything except the controllers
SHUTDOWN_SECONDS = 300


def load(machines, row, **parameters):
    """Saves the state from which all shutdowns of the row and its family begin."""
    machine = machines.start()
    try:
        machine.check(row.before)
        vnvme.load(machine, topology=row.topology, latency_us=0,
                   rtd3e_us=_thousand(row.rtd3e_ms), **parameters)
        machine.check(f"{row.prepare}\n{REST}\necho clear >/proc/vnvme", timeout=300)
        machines.keep(machine, LOADED)
    finally:
        machine.close()


def shut_down(machines, row, mode):
    """Shuts the loaded machine down; returns the report."""
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
    """Shuts down once; returns the times, in microseconds."""
    report = shut_down(machines, row, mode)
    hook = 0 if mode == KERNEL else report.span("hook")
    return {"unit_usec": report.span("unit"), "hook_usec": hook, "kernel_usec": report.kernel_usec,
            "total_usec": report.span("unit") + hook + report.kernel_usec,
            "reboot_usec": report.reboot_usec,
            "serial_usec": report.serial_usec if mode == FORCED else None}


ENUMERATION = "enumeration"

# Prints microseconds of the start alone, and of the whole.
ENUMERATE = f"""{REST}
for command in --version 'plan --json'; do
        for round in 1 2 3 4 5 6 7 8 9; do
                begin=${{EPOCHREALTIME/./}}
                nvme-async-shutdown $command >/dev/null
                echo $((${{EPOCHREALTIME/./}} - begin))
        done | sort -n | sed -n 5p
done
"""


def measure_enumeration(machines, controllers):
    """Returns the medians of nine runs."""
    machine = machines.start()
    try:
        vnvme.load(machine, topology=f"{controllers}*R(N)", latency_us="0", rtd3e_us="0")
        start, whole = map(int, machine.check(ENUMERATE, timeout=300).split())
    finally:
        machine.close()
    return {"controllers": controllers, "start_usec": start, "plan_usec": whole}


def measure_enumerations(machines):
    """Measures the cost of a survey, for a growing number of controllers."""
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
    """Returns the run whose total is the median, so that its parts belong together."""
    wanted = statistics.median_low(run["total_usec"] for run in runs)
    return next(run for run in runs if run["total_usec"] == wanted)


def differing(runs):
    """Returns the figures whose runs are too far apart."""
    found = []
    for name in ("total_usec", "reboot_usec"):
        values = [run[name] for run in runs]
        if max(values) - min(values) > max(FLOOR_USEC, TOLERANCE * min(values)):
            found.append(name)
    return found


def measure_row(machines, row, rounds, say):
    """Measures one row; load() must have been called."""
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
    """Adds to @result the times of the machine @without controllers (a result, too), and the difference."""
    for mode, run in result["modes"].items():
        base = without["modes"][KERNEL_FORCED if MODES[mode][1].endswith("-f") else KERNEL]
        run["without_usec"] = base["reboot_usec"]
        run["added_usec"] = run["reboot_usec"] - base["reboot_usec"]


def families(wanted):
    """Returns lists of rows, the longest first, so that no other ends after it."""
    found = {}
    for row in wanted:
        found.setdefault(row.family, []).append(row)
    return sorted(found.values(), key=lambda rows_: -sum(row.serial_seconds for row in rows_))


def without_of(row):
    """Returns the row without controllers to compare @row with: of the same world, with the same rest."""
    if row.rest:
        return replace(WITHOUT, name=f"0, {row.name.split(', ')[-1]}", world=row.world,
                       before=row.before, prepare=REMOVE + row.prepare, rest=True)
    return replace(WITHOUT, name=f"0, {row.world}", world=row.world) if row.world else WITHOUT


def measure_rows(machines, wanted, rounds, jobs, say):
    """Yields results as they come; the first are those of machines without controllers. @wanted: rows of
    one world; @jobs: number of machines that run at the same time."""
    withouts = {}
    for one in dict.fromkeys(map(without_of, wanted)):
        load(machines, one)
        withouts[one] = measure_row(machines, one, rounds, say)
        compare(withouts[one], withouts[one])
        yield withouts[one]
    results = queue.SimpleQueue()
    idle = queue.SimpleQueue()
    for job in range(jobs):
        idle.put(machines.beside(f"job-{job}"))

    def run(family):
        mine = idle.get()
        try:
            load(mine, family[0])
            for row in family:
                results.put((row, measure_row(mine, row, rounds, say)))
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
            row, measured = result
            compare(measured, withouts[without_of(row)])
            yield measured


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
                        help="the guest's Debian, where a row does not name one")
    parser.add_argument("--build", type=Path, help="a build that fits it (default: make one)")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--output", type=Path, help="directory for results.json and bench.svg")
    parser.add_argument("--rounds", type=int, help="number of runs (default: 2; 3 with --realtime)")
    parser.add_argument("--row", action="append", help="only rows whose name begins with this")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count()),
                        help="number of machines that run at the same time; 1 with --realtime")
    parser.add_argument("--trace", action="store_true", help="show where the time goes instead")
    parser.add_argument("--kvm", action="store_true")
    parser.add_argument("--realtime", action="store_true", help="use the host's clock (machine.py)")
    args = parser.parse_args()
    # only on the virtual clock machines do not slow each other down
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

    # the world of the command line has its row already
    wanted = [row for row in rows() if is_wanted(row.name) and row.world != args.world]
    if args.trace:
        trace(make, wanted)
        return 0
    results, order = [], [row.name for row in (*dict.fromkeys(map(without_of, wanted)), *wanted)]
    for world in dict.fromkeys(row.world for row in wanted):
        mine = [row for row in wanted if row.world == world]
        try:
            for result in measure_rows(make(world), mine, args.rounds, args.jobs, say):
                results.append(result)
                results.sort(key=lambda one: order.index(one["name"]))
                print(bench_report.table([result]), flush=True)
                # the whole takes long: save the results so far
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
