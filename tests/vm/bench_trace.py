# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shows where a shutdown's time goes: when the controllers passed each probe.

The probes take time themselves, so no figure of the bench comes from such a run.
"""

import statistics

# kernel function, entered or left, description
POINTS = (
    ("kernel_clone", False, "worker forked"),
    ("blkdev_fsync", True, "fsync begun"),
    ("blkdev_fsync", False, "fsync done"),
    ("nvme_remove", True, "unbind written"),
    ("nvme_remove_namespaces", False, "namespaces removed"),
    ("shn", None, "CC.SHN"),
    ("shst", None, "CSTS.SHST=10b"),
    ("nvme_remove", False, "unbind returned"),
)
FUNCTIONS = ",".join(dict.fromkeys(name for name, entered, _ in POINTS if entered is not None))
HEAD = ("", "n", "first", "median", "last")


def _times(report, name, entered):
    if entered is None:
        return [e.usec for e in report.events if e.name == name]
    return [t.usec for t in report.traces if t.function == name and t.entered == entered
            # the parent of the workers, or the shell of the shell hook
            and (name != "kernel_clone" or t.comm in ("nvme-async-shut", "marked.shutdown"))]


def _stages(report):
    """Yields (name, begin, end) of each part of the shutdown that shut controllers down."""
    kernel = report.mark("kernel-pass")
    for name, begin, end in (
            ("unit", report.mark("begin-unit"), report.mark("end-unit")),
            ("hook", report.mark("begin-hook"), report.mark("end-hook")),
            ("kernel's pass", kernel, kernel + report.kernel_usec)):
        if begin and any(begin <= usec <= (end or kernel)
                         for usec in _times(report, "shn", None)):
            yield name, begin, end or kernel


def table(report):
    """Yields lines with milliseconds since the start of each stage, over all of its controllers."""
    for stage, begin, end in _stages(report):
        lines = [(stage, *HEAD[1:])]
        for name, entered, text in POINTS:
            times = sorted(usec - begin for usec in _times(report, name, entered)
                           if begin <= usec <= end)
            if times:
                lines.append((text, str(len(times)),
                              *(f"{usec / 1000:.0f} ms" for usec in
                                (times[0], statistics.median(times), times[-1]))))
        lines.append(("end", "", "", "", f"{(end - begin) / 1000:.0f} ms"))
        for line in lines:
            yield "  ".join(cell.ljust(20) if column == 0 else cell.rjust(8)
                            for column, cell in enumerate(line))
