#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Boots the test machine, shows the plan, reboots it, and shows when each controller went down; then
measures one row of the bench, with slow controllers."""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import bench
import bench_report
import topology
import vnvme
from image import Images
from lab import Lab
from world import WORLDS

ROW = "{:<10} {:<13} {:<7} {:>9}  {:<7} {}"


def say(text, started=time.monotonic()):
    print(f"   [{time.monotonic() - started:4.0f} s] {text}", flush=True)


def headline(text):
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


def told(shutdown, serial):
    """Returns the project's own message about a controller, from the latest stage."""
    hook = shutdown.hook_lines().get(serial)
    if hook:
        return hook["text"].split(": ", 2)[-1].split(" (stage=")[0]
    entry = shutdown.entries().get(serial)
    return entry["MESSAGE"].split(": ", 1)[-1] if entry else "(nothing)"


def table(shutdown):
    """Yields a line for each controller, in the order of QEMU's trace."""
    yield ROW.format("CONTROLLER", "ADDRESS", "SERIAL", "WHEN", "BY", "MESSAGE")
    for position, event in enumerate(shutdown.events):
        if event.kind != "shn":
            continue
        serial = shutdown.serial(event)
        found = shutdown.controllers[serial]
        yield ROW.format(found.name, found.address, serial, f"+{event.time - shutdown.started:.3f} s",
                         shutdown.phase(position), told(shutdown, serial))


def summaries(shutdown):
    for entry in shutdown.journal:
        if "SAVED_USEC" in entry:
            yield f"unit: {entry['MESSAGE']}"
    for text in shutdown.lines(r"nvme-async-shutdown: .*stage=hook summary"):
        yield "hook: " + text.split("nvme-async-shutdown: ", 1)[1].split(" (stage=")[0]


def show(lab):
    machine = lab.machine
    headline("# nvme-async-shutdown plan")
    print(machine.check("nvme-async-shutdown plan"))

    headline("# systemctl reboot")
    shutdown = lab.result("reboot")
    print(f"\nEach controller's shutdown notification (CC.SHN) as QEMU saw it; {len(topology.ALL)}"
          " controllers.\nunit: by the systemd unit; hook: by systemd-shutdown's executable; "
          "kernel: by the kernel's own\nserial pass, the only one on a machine without the "
          "project.\n")
    print("\n".join(table(shutdown)))
    print()
    print("\n".join(summaries(shutdown)))

    same = shutdown.digests_before == shutdown.digests_after
    print(f"\nData written before the reboot: {'all there' if same else 'DAMAGED'} after it.")
    print(f"QEMU's controllers answer at once, so the order is real here, but not the time saved.\n"
          f"QEMU's whole trace: {machine.directory}/timeline-reboot.txt")
    return same and len(shutdown.notifications()) == len(topology.ALL)


def measure(machines):
    row = bench.Row("8 x 2000 ms", "8*R(N)", (2000,),
                    modes=(bench.KERNEL, bench.SHELL, bench.OURS))
    headline("# 8 controllers whose shutdown takes 2 s each")
    bench.load(machines, bench.WITHOUT)
    without = bench.measure_row(
        machines, replace(bench.WITHOUT, modes=(bench.KERNEL, bench.KERNEL_FORCED)), 1, say)
    bench.load(machines, row)
    result = bench.measure_row(machines, row, 1, say)
    bench.compare(result, without)
    print(f"\n{bench_report.table([result])}\n\n"
          "One run each; tools/bench measures more rows, and each of them more than once.")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--world", choices=WORLDS, default="bookworm", help="the guest's Debian")
    parser.add_argument("--build", type=Path, help="a build that fits it (default: make one)")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--kvm", action="store_true")
    args = parser.parse_args()

    images = Images(args.cache, WORLDS[args.world], args.kvm, say)
    build = args.build or images.build()
    lab = Lab(images, images.cache / "run-demo", build, say)
    try:
        is_good = show(lab)
    finally:
        lab.close()
    measure(vnvme.Bench(images, images.cache / "bench-demo", build, say,
                        clock="host" if args.kvm else "virtual"))
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
