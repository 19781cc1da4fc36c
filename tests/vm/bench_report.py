#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bench's figures as a table and as a picture.

Usage: bench_report.py RESULTS.JSON          prints the table of the README
       bench_report.py RESULTS.JSON README   fails unless it stands there, as it is
       bench_report.py RESULTS.JSON README --update    puts it there
"""

import json
import sys
from pathlib import Path

COLOURS = {"kernel alone": "#b0b0b0", "shell hook": "#e69f00", "nvme-async-shutdown": "#0072b2"}

LICENCE = "<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->"

HEAD = ("row", "who", "unit", "hook", "kernel pass", "sum", "reboot", "without", "added",
        "slowest drive", "speed-up", "said")
KERNEL = "kernel alone"
README_MODES = (KERNEL, "shell hook", "nvme-async-shutdown", "the same, reboot -f")


def _seconds(usec):
    return f"{usec / 1e6:.3f} s"


def _said(run, alone):
    """The record's own estimate of what the kernel alone takes, and how far off that is."""
    said = run.get("serial_usec")
    if not said or not alone:
        return "-"
    return f"{_seconds(said)} ({said / alone['kernel_usec'] - 1:+.0%})"


def _speed_up(alone, run):
    """By what is added to the reboot: "-" where the kernel alone adds nothing."""
    if not alone or alone["added_usec"] <= 0 or run["added_usec"] <= 0:
        return "-"
    return f"{alone['added_usec'] / run['added_usec']:.1f}"


def _lines(results):
    for result in results:
        alone = result["modes"].get(KERNEL)
        for mode, run in result["modes"].items():
            yield (result["name"], mode,
                   *(_seconds(run[f"{part}_usec"]) for part in
                     ("unit", "hook", "kernel", "total", "reboot", "without", "added")),
                   _seconds(result["slowest_usec"]), _speed_up(alone, run), _said(run, alone))


def _differing(results):
    """A line for each figure whose runs were too far apart (bench.py: differing())."""
    for result in results:
        for mode, run in result["modes"].items():
            for name in run["differing"]:
                values = ", ".join(_seconds(one[name]) for one in run["runs"])
                what = "the whole reboot" if name == "reboot_usec" else "the sum"
                yield f"runs differ: {result['name']}, {mode}: {what}: {values}"


def table(results):
    lines = [HEAD, *_lines(results)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    rows = ["  ".join(cell.ljust(width) if column < 2 else cell.rjust(width)
                      for column, (cell, width) in enumerate(zip(line, widths))).rstrip()
            for line in lines]
    return "\n".join(rows + list(_differing(results)))


def markdown(results):
    """The same for the README: one line for each row, what is added only."""
    yield ("| controllers x shutdown time | kernel alone | shell hook | this, `reboot` | `reboot -f` "
           "| slowest drive | speed-up |")
    yield "|---|---|---|---|---|---|---|"
    for result in results:
        runs = [result["modes"][mode] for mode in README_MODES]
        cells = [f"{run['added_usec'] / 1e6:.2f} s" for run in runs]
        yield (f"| {result['name']} | {' | '.join(cells)} | {result['slowest_usec'] / 1e6:.1f} s "
               f"| {_speed_up(runs[0], runs[2])} |")


def plot(results, path):
    """A group of bars for each row: what is added to a reboot, logarithmic, and the slowest drive as a
    mark."""
    # only tools/bench installs it
    import matplotlib
    from matplotlib.figure import Figure

    # text as text; and the same figures give the same file
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "bench"})
    results = [result for result in results if result["modes"][KERNEL]["added_usec"] > 0]
    modes = [mode for mode in COLOURS if any(mode in r["modes"] for r in results)]
    width = 0.8 / len(modes)
    figure = Figure(figsize=(1.5 + 0.75 * len(results), 4.5), layout="constrained")
    axes = figure.add_subplot()
    for k, mode in enumerate(modes):
        at = [i + (k - (len(modes) - 1) / 2) * width for i in range(len(results))]
        added = [r["modes"][mode]["added_usec"] / 1e6 for r in results]
        bars = axes.bar(at, added, width, label=mode, color=COLOURS[mode])
        axes.bar_label(bars, [f"{seconds:.1f}" for seconds in added], fontsize=6, padding=1)
    for i, result in enumerate(results):
        if result["slowest_usec"]:
            axes.hlines(result["slowest_usec"] / 1e6, i - 0.45, i + 0.45, color="black",
                        linewidth=1, label="slowest drive" if i == len(results) - 1 else None)
    axes.set_yscale("log")
    axes.set_ylabel("seconds that NVMe adds to a reboot")
    axes.set_xticks(range(len(results)), [r["name"] for r in results], rotation=35, ha="right")
    axes.legend(loc="upper left", fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    head, rest = path.read_text().split("\n", 1)
    path.write_text(f"{head}\n{LICENCE}\n{rest}")


def update(text, lines):
    """@text with @lines in the place of the table that has the same head."""
    old = text.splitlines()
    first = old.index(lines[0])
    end = next(n for n in range(first, len(old)) if not old[n].startswith("|"))
    return "\n".join(old[:first] + lines + old[end:]) + "\n"


def main(results_path, readme_path=None, option=None):
    lines = list(markdown(json.loads(Path(results_path).read_text())))
    if not readme_path:
        print("\n".join(lines))
        return 0
    readme = Path(readme_path)
    if option == "--update":
        readme.write_text(update(readme.read_text(), lines))
    missing = [line for line in lines if line not in readme.read_text().splitlines()]
    print("\n".join(f"{readme_path} lacks: {line}" for line in missing) or
          f"{readme_path} has all {len(lines)} lines")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
