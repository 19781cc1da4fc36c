#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bench's figures as a table and as a picture.

Usage: bench_report.py RESULTS.JSON          prints the table of the README
       bench_report.py RESULTS.JSON README   fails unless it stands there, as it is
"""

import json
import sys
from pathlib import Path

COLOURS = {"kernel alone": "#b0b0b0", "shell hook": "#e69f00", "nvme-async-shutdown": "#0072b2"}

LICENCE = "<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->"

HEAD = ("row", "who", "unit", "hook", "kernel pass", "total", "slowest drive", "total/slowest",
        "speed-up", "said")


def _seconds(usec):
    return f"{usec / 1e6:.3f} s"


def _said(run, alone):
    """The record's own estimate of what the kernel alone takes, and how far off that is."""
    said = run.get("serial_usec")
    if not said or not alone:
        return "-"
    return f"{_seconds(said)} ({said / alone['kernel_usec'] - 1:+.0%})"


def _lines(results):
    for result in results:
        alone = result["modes"].get("kernel alone")
        slowest = result["slowest_usec"]
        for mode, run in result["modes"].items():
            total = run["total_usec"]
            yield (result["name"], mode, _seconds(run["unit_usec"]), _seconds(run["hook_usec"]),
                   _seconds(run["kernel_usec"]), _seconds(total), _seconds(slowest),
                   f"{total / slowest:.2f}" if slowest else "-",
                   f"{alone['total_usec'] / total:.1f} x" if alone else "-", _said(run, alone))


def table(results):
    lines = [HEAD, *_lines(results)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return "\n".join("  ".join(cell.ljust(width) if column < 2 else cell.rjust(width)
                               for column, (cell, width) in enumerate(zip(line, widths))).rstrip()
                     for line in lines)


def markdown(results):
    """The same for the README: one line for each row, totals only."""
    yield "| controllers x shutdown time | kernel alone | shell hook | this, `reboot` | `reboot -f` | slowest drive | speed-up |"
    yield "|---|---|---|---|---|---|---|"
    for result in results:
        totals = [result["modes"][mode]["total_usec"] for mode in
                  ("kernel alone", "shell hook", "nvme-async-shutdown", "the same, reboot -f")]
        cells = [f"{total / 1e6:.2f} s" for total in totals]
        yield (f"| {result['name']} | {' | '.join(cells)} | {result['slowest_usec'] / 1e6:.1f} s "
               f"| {totals[0] / totals[2]:.1f} |")


def plot(results, path):
    """A group of bars for each row: total time, logarithmic, and the slowest drive as a mark."""
    # only tools/bench installs it
    import matplotlib
    from matplotlib.figure import Figure

    # text as text; and the same figures give the same file
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "bench"})
    modes = [mode for mode in COLOURS if any(mode in r["modes"] for r in results)]
    width = 0.8 / len(modes)
    figure = Figure(figsize=(1.5 + 0.75 * len(results), 4.5), layout="constrained")
    axes = figure.add_subplot()
    for k, mode in enumerate(modes):
        at = [i + (k - (len(modes) - 1) / 2) * width for i in range(len(results))]
        totals = [r["modes"][mode]["total_usec"] / 1e6 for r in results]
        bars = axes.bar(at, totals, width, label=mode, color=COLOURS[mode])
        axes.bar_label(bars, [f"{total:.1f}" for total in totals], fontsize=6, padding=1)
    for i, result in enumerate(results):
        if result["slowest_usec"]:
            axes.hlines(result["slowest_usec"] / 1e6, i - 0.45, i + 0.45, color="black",
                        linewidth=1, label="slowest drive" if i == len(results) - 1 else None)
    axes.set_yscale("log")
    axes.set_ylabel("seconds spent on NVMe controllers")
    axes.set_xticks(range(len(results)), [r["name"] for r in results], rotation=35, ha="right")
    axes.legend(loc="upper left", fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    head, rest = path.read_text().split("\n", 1)
    path.write_text(f"{head}\n{LICENCE}\n{rest}")


def main(results_path, readme_path=None):
    lines = list(markdown(json.loads(Path(results_path).read_text())))
    if not readme_path:
        print("\n".join(lines))
        return 0
    missing = [line for line in lines if line not in Path(readme_path).read_text().splitlines()]
    print("\n".join(f"{readme_path} lacks: {line}" for line in missing) or
          f"{readme_path} has all {len(lines)} lines")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
