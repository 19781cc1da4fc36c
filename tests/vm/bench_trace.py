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


def _points(report):
    """Yields (who, usec, name, entered) of each probe; who: the controller or the process."""
    for e in report.events:
        if e.index >= 0:
            yield ("controller", e.index), e.usec, e.name, None
    for t in report.traces:
        # the parent of the workers, or the shell of the shell hook
        if t.function != "kernel_clone" or t.comm in ("nvme-async-shut", "marked.shutdown"):
            yield ("process", t.pid), t.usec, t.function, t.entered


def _parts(report):
    """Yields (name, begin, end, next begin) of each part of the shutdown."""
    kernel = report.mark("kernel-pass")
    after = kernel + report.kernel_usec
    parts = [part for part in (("unit", report.mark("begin-unit"), report.mark("end-unit") or kernel),
                               ("hook", report.mark("begin-hook"), report.mark("end-hook") or kernel),
                               ("kernel's pass", kernel, after)) if part[1]]
    for part, next_ in zip(parts, [*(begin for _, begin, _ in parts[1:]), after + 1]):
        yield *part, next_


def table(report):
    """Yields lines with milliseconds since the start of each part that shut controllers down. With Overlap= a
    handshake may end after the stage in which it began: it belongs to that stage nevertheless."""
    points = sorted(_points(report), key=lambda point: point[1])
    first = {}
    for who, usec, _, _ in points:
        first.setdefault(who, usec)
    for part, begin, end, next_ in _parts(report):
        own = [point for point in points if begin <= first[point[0]] < next_]
        if not any(name == "shn" for _, _, name, _ in own):
            continue
        lines = [(part, *HEAD[1:])]
        for name, entered, text in POINTS:
            times = [usec - begin for _, usec, *probe in own if probe == [name, entered]]
            if times:
                lines.append((text, str(len(times)),
                              *(f"{usec / 1000:.0f} ms" for usec in
                                (times[0], statistics.median(times), times[-1]))))
        lines.append(("end", "", "", "", f"{(end - begin) / 1000:.0f} ms"))
        for line in lines:
            yield "  ".join(cell.ljust(20) if column == 0 else cell.rjust(8)
                            for column, cell in enumerate(line))
