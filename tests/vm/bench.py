#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures shutdowns of many slow controllers: the kernel alone, a shell hook, this project.

Each run is a real shutdown; all of a row begin from one saved state of the machine, with its
controllers. The times are taken on the controllers' own clock. A figure is the median of its rounds;
where the kernel alone takes longer than half a minute it is measured once, as it does not vary.

The column "said" has what the hook's own record says that the kernel alone would have taken.

The row "enumeration" is no shutdown: it is what `plan` takes on the live machine, which looks at all
that a stage looks at, beside what it takes to start the program.
"""

import argparse
import json
import random
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import bench_report
import bench_trace
import vnvme
from image import Images
from machine import CLOCKS
from world import WORLDS

LONG_USEC = 30_000_000

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
sed -i 's|/usr/libexec/nvme-async-shutdown-stage run --stage=unit|/bin/true|' {vnvme.UNIT_DROP_IN}
systemctl daemon-reload
ln -sf /bin/true {vnvme.MARKED_HOOK}
"""


def configured(enabled):
    return f"printf '[Shutdown]\\nEnabled={enabled}\\n' >/etc/nvme-async-shutdown.conf"


# name -> what to set up, and the command
MODES = {
    "kernel alone": (DISABLE, "systemctl reboot"),
    "shell hook": (SHELL_HOOK, "systemctl reboot"),
    "nvme-async-shutdown": (configured("yes"), "systemctl reboot"),
    "the same, reboot -f": (configured("yes"), "systemctl reboot -f"),
    "Enabled=no": (configured("no"), "systemctl reboot"),
    "/bin/true instead": (EMPTY, "systemctl reboot"),
}
KERNEL, SHELL, OURS, FORCED, DISABLED, NOTHING = MODES
USUAL = (KERNEL, SHELL, OURS, FORCED)


@dataclass(frozen=True)
class Row:
    name: str
    topology: str
    latency_ms: tuple       # one for each controller, or one for all
    rtd3e_ms: tuple = (0,)
    modes: tuple = USUAL

    @property
    def slowest_usec(self):
        return max(self.latency_ms) * 1000

    @property
    def timeout(self):
        n = 256 if len(self.latency_ms) == 1 else 1
        return 120 + n * sum(self.latency_ms) / 1000 + n * 0.2


def _thousand(values):
    return ",".join(str(value * 1000) for value in values)


def _rows():
    for n in (1, 8, 32, 64, 128):
        for latency in (0, 500, 2000):
            modes = USUAL + (DISABLED, NOTHING) if n == 1 else USUAL
            yield Row(f"{n} x {latency} ms", f"{n}*R(N)", (latency,), modes=modes)


def rows():
    found = list(_rows())
    seeded = random.Random(24)
    mixed = tuple(seeded.randint(100, 13_000) for _ in range(24))
    found.append(Row("24, 0.1 to 13 s", "24*R(N)", mixed,
                     tuple(1000 * (latency // 1000 + 2) for latency in mixed)))
    found.append(Row("tree, 24 x 2000 ms", "2*R(U(2*D(U(6*D(N)))))", (2000,)))
    slow = (7500, 9000, 10_000, 8000, 12_000, 14_000, 11_000, 9500)
    found.append(Row("8, RTD3E 8 to 15 s", "8*R(N)", slow,
                     (8000, 10_000, 11_000, 9000, 13_000, 15_000, 12_000, 10_000)))
    return found


LOADED = "loaded"


def load(machines, row, **parameters):
    """Make the machine that all shutdowns of the row begin from."""
    machine = machines.start()
    try:
        vnvme.load(machine, topology=row.topology, latency_us=_thousand(row.latency_ms),
                   rtd3e_us=_thousand(row.rtd3e_ms), **parameters)
        machines.keep(machine, LOADED)
    finally:
        machine.close()


def shut_down(machines, row, mode):
    """One shutdown of what was loaded: its report."""
    set_up, command = MODES[mode]
    machine = machines.start(LOADED)
    try:
        machine.check(set_up)
        report = vnvme.shut_down(machine, command, row.timeout)
    finally:
        machine.close()
    if report.not_clean():
        raise SystemExit(f"{row.name}, {mode}: not shut down cleanly: {report.not_clean()}")
    return report


def measure(machines, row, mode):
    """One shutdown: what it took, in microseconds."""
    report = shut_down(machines, row, mode)
    hook = 0 if mode == KERNEL else report.span("hook")
    return {"unit_usec": report.span("unit"), "hook_usec": hook, "kernel_usec": report.kernel_usec,
            "total_usec": report.span("unit") + hook + report.kernel_usec,
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


def measure_row(machines, row, rounds, say):
    runs = {mode: [] for mode in row.modes}
    load(machines, row)
    for _ in range(rounds):
        for mode in row.modes:
            if mode == KERNEL and runs[mode] and runs[mode][0]["total_usec"] > LONG_USEC:
                continue
            run = measure(machines, row, mode)
            runs[mode].append(run)
            say(f"{row.name}, {mode}: {run['total_usec'] / 1e6:.3f} s")
    return {"name": row.name, "topology": row.topology, "latency_ms": row.latency_ms,
            "rtd3e_ms": row.rtd3e_ms, "slowest_usec": row.slowest_usec,
            "modes": {mode: {**middle(list_), "runs": list_} for mode, list_ in runs.items()}}


def trace(machines, wanted):
    for row in wanted:
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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--world", choices=WORLDS, default="bookworm", help="which Debian the guest is")
    parser.add_argument("--build", type=Path, help="a build that fits it (default: made)")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--output", type=Path, help="directory for results.json and bench.svg")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each")
    parser.add_argument("--row", action="append", help="only rows whose name begins so")
    parser.add_argument("--trace", action="store_true", help="show where the time goes instead")
    parser.add_argument("--kvm", action="store_true")
    parser.add_argument("--clock", choices=CLOCKS, default="host", help="see machine.py")
    args = parser.parse_args()
    begun = time.monotonic()

    def say(text):
        print(f"   [{time.monotonic() - begun:4.0f} s] {text}", flush=True)

    def is_wanted(name):
        return not args.row or any(name.startswith(beginning) for beginning in args.row)

    wanted = [row for row in rows() if is_wanted(row.name)]
    images = Images(args.cache, WORLDS[args.world], args.kvm, say)
    machines = vnvme.Bench(images, images.cache / "bench", args.build or images.build(), say,
                           clock=args.clock)
    if args.trace:
        trace(machines, wanted)
        return 0
    results = []
    for row in wanted:
        results.append(measure_row(machines, row, args.rounds, say))
        print(bench_report.table(results[-1:]), flush=True)
        # an hour is long: what is there stays there
        write(args.output, "results.json", results)
    if results:
        print("\n" + bench_report.table(results))
        if args.output:
            bench_report.plot(results, args.output / "bench.svg")
    if is_wanted(ENUMERATION):
        write(args.output, "enumeration.json", measure_enumerations(machines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
