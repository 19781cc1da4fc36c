#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints the bench's figures as tables, and draws them.

Usage: bench_report.py RESULTS.JSON              prints the tables of README.md and docs/benchmarks.md
       bench_report.py RESULTS.JSON TOP          fails unless these pages of the tree TOP have them
       bench_report.py RESULTS.JSON TOP --update    writes them there
"""

import json
import sys
from pathlib import Path

COLOURS = {"kernel alone": "#b0b0b0", "shell hook": "#e69f00", "nvme-async-shutdown": "#0072b2"}

LICENCE = "<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->"

HEAD = ("row", "who", "unit", "hook", "kernel pass", "sum", "reboot", "without", "added",
        "slowest drive", "speed-up", "said")
KERNEL = "kernel alone"
OURS = "nvme-async-shutdown"
PAGE_MODES = (KERNEL, "shell hook", OURS, "Overlap=yes", "the same, reboot -f")
# The README shows these; docs/benchmarks.md shows all rows.
README_ROWS = ("8 x 2000 ms", "32 x 2000 ms", "128 x 2000 ms")


def _seconds(usec):
    return f"{usec / 1e6:.3f} s"


def _said(run, alone):
    """The record's own estimate for the kernel alone, and its error."""
    said = run.get("serial_usec")
    if not said or not alone:
        return "-"
    return f"{_seconds(said)} ({said / alone['kernel_usec'] - 1:+.0%})"


def _speed_up(alone, run):
    """Ratio of the times added to the reboot; "-" where the kernel alone adds nothing."""
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
    """Yields a line for each figure whose runs are too far apart (bench.py: differing())."""
    for result in results:
        for mode, run in result["modes"].items():
            for name in run["differing"]:
                values = ", ".join(_seconds(one[name]) for one in run["runs"])
                figure = "the whole reboot" if name == "reboot_usec" else "the sum"
                yield f"runs differ: {result['name']}, {mode}: {figure}: {values}"


def table(results):
    lines = [HEAD, *_lines(results)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    rows = ["  ".join(cell.ljust(width) if column < 2 else cell.rjust(width)
                      for column, (cell, width) in enumerate(zip(line, widths))).rstrip()
            for line in lines]
    return "\n".join(rows + list(_differing(results)))


def _added(run):
    return f"{run['added_usec'] / 1e6:.2f} s"


def readme_table(results):
    """README_ROWS, as far as they were measured; every row with controllers if none of them was."""
    yield "| drives x shutdown time | kernel alone | with nvme-async-shutdown | speed-up |"
    yield "|---|---|---|---|"
    rows = [result for result in results if result["name"] in README_ROWS]
    rows = rows or [result for result in results if result["slowest_usec"]]
    for result in rows:
        alone, ours = (result["modes"][mode] for mode in (KERNEL, OURS))
        yield f"| {result['name']} | {_added(alone)} | {_added(ours)} | {_speed_up(alone, ours)} |"


def full_table(results):
    """One line for each row of the bench, with the seconds added to a reboot."""
    yield ("| controllers x shutdown time | kernel alone | shell hook | this, `reboot` | `Overlap=yes` "
           "| `reboot -f` | slowest drive | speed-up |")
    yield "|---|---|---|---|---|---|---|---|"
    for result in results:
        modes = result["modes"]
        added = (_added(modes[mode]) if mode in modes else "-" for mode in PAGE_MODES)
        yield (f"| {result['name']} | {' | '.join(added)} | {result['slowest_usec'] / 1e6:.1f} s "
               f"| {_speed_up(modes[KERNEL], modes[OURS])} |")


# page below the top of the tree -> its table
PAGES = {"README.md": readme_table, "docs/benchmarks.md": full_table}


def plot(results, path):
    """Draws a group of bars for each row: the seconds added to a reboot, on a logarithmic scale, with
    the slowest drive as a mark."""
    # imported here: only tools/bench installs it
    import matplotlib
    from matplotlib.figure import Figure

    # text stays text, and the same figures give the same file
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
    """Returns @text with its table that has the same head replaced by @lines. ValueError: it has none."""
    old = text.splitlines()
    first = old.index(lines[0])
    end = next((n for n in range(first, len(old)) if not old[n].startswith("|")), len(old))
    return "\n".join(old[:first] + lines + old[end:]) + "\n"


def check_page(path, lines, is_update):
    """Returns whether the page has that table, no line of it missing or left over."""
    text = path.read_text()
    wanted = update(text, lines)
    if is_update:
        path.write_text(wanted)
    elif text != wanted:
        print(f"{path}: the table differs from the results, which give:", *lines, sep="\n")
        return False
    print(f"{path} has all {len(lines)} lines")
    return True


def main(results_path, top=None, option=None):
    results = json.loads(Path(results_path).read_text())
    tables = {page: list(make(results)) for page, make in PAGES.items()}
    if not top:
        print("\n\n".join("\n".join(lines) for lines in tables.values()))
        return 0
    is_right = [check_page(Path(top, page), lines, option == "--update")
                for page, lines in tables.items()]
    return 0 if all(is_right) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
