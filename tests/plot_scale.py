#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Draws what `bench_scale --csv` has measured: time and memory over the size of the machine.

Usage: bench_scale --csv | plot_scale.py FILE.SVG
"""

import csv
import sys
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

COLOUR, LIMIT_COLOUR = "#0072b2", "#d55e00"
# For 1,024 controllers in a tree of 20,000 devices, as in bench_scale.c.
LIMIT_MS, LIMIT_MIB = 100, 64


def short(value):
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def label(axes, at, value, left=False):
    axes.annotate(short(value), (at, value), textcoords="offset points",
                  xytext=(-6, 3) if left else (5, -10), ha="right" if left else "left", fontsize=8)


def draw(axes, points, limited, limit, title, unit):
    """A curve, and the line on which it would be if it grew as the machine does. @points: pairs of
    devices and value; @limited: one of a machine of another kind, for which there is a limit."""
    devices, values = zip(*points)
    axes.plot(devices, [values[0] * n / devices[0] for n in devices], color="#808080",
              linestyle="--", linewidth=1, label="linear growth from 1,000 devices")
    axes.plot(devices, values, color=COLOUR, marker="o", markersize=4,
              label="half of the devices controllers")
    axes.plot(*limited, color=LIMIT_COLOUR, marker="s", markersize=5, linestyle="none",
              label="1,024 controllers")
    axes.plot(limited[0], limit, color=LIMIT_COLOUR, marker="v", linestyle="none",
              label=f"its limit, {limit} {unit}")
    for n, value in points:
        label(axes, n, value, left=n == devices[-1])
    label(axes, *limited)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.minorticks_off()
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("devices in the tree")
    axes.set_ylabel(unit)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}" if value < 1
                                               else f"{value:,.0f}"))
    axes.grid(which="major", color="#e0e0e0", linewidth=0.6)
    axes.legend(loc="upper left", fontsize=7)


def main(path):
    rows = [{key: int(value) for key, value in row.items()} for row in csv.DictReader(sys.stdin)]
    times = {row["devices"]: (row["plan_usec"] + row["simulate_usec"]) / 1e3 for row in rows}
    memory = {row["devices"]: row["peak_kib"] / 1024 for row in rows}
    curve = sorted(row["devices"] for row in rows if not row["is_limited"])
    limited = next(row["devices"] for row in rows if row["is_limited"])
    matplotlib.rcParams["svg.hashsalt"] = "scale"   # the same figures give the same file
    matplotlib.rcParams["svg.fonttype"] = "none"    # text that a diff shows, not glyphs' outlines
    matplotlib.rcParams["font.sans-serif"] = ["DejaVu Sans", "Arial"]
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    for axes, values, limit, title, unit in zip(
            figure.subplots(1, 2), (times, memory), (LIMIT_MS, LIMIT_MIB),
            ("CPU time of plan and simulate", "peak memory of the process"), ("ms", "MiB")):
        draw(axes, [(n, values[n]) for n in curve], (limited, values[limited]), limit, title, unit)
    figure.savefig(path, metadata={"Date": None})
    head, rest = Path(path).read_text(encoding="utf-8").split("\n", 1)
    licence = "<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->"
    Path(path).write_text(f"{head}\n{licence}\n{rest}", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
