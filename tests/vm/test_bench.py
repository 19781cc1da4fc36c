# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tools/bench makes of its runs; no machine is started."""

import pytest

import bench
import bench_report


def run(total_ms, reboot_ms):
    return {"unit_usec": 0, "hook_usec": 0, "kernel_usec": total_ms * 1000,
            "total_usec": total_ms * 1000, "reboot_usec": reboot_ms * 1000, "serial_usec": None}


@pytest.mark.parametrize("first, second, wanted", [
    ((1000, 2000), (1029, 2059), []),
    ((1000, 2000), (1031, 2059), ["total_usec"]),
    ((1000, 2000), (1029, 2061), ["reboot_usec"]),
    # far apart in percent, and by less than anybody would see
    ((5, 300), (24, 319), []),
    ((5, 300), (26, 321), ["total_usec", "reboot_usec"]),
])
def test_runs_that_are_too_far_apart_are_named(first, second, wanted):
    runs = [run(*first), run(*second)]
    assert bench.differing(runs) == wanted
    assert bench.differing(runs[::-1]) == wanted


def result(name, modes, total_ms, reboot_ms):
    runs = [run(total_ms, reboot_ms)] * 2
    return {"name": name, "slowest_usec": 0,
            "modes": {mode: {**runs[0], "differing": [], "runs": runs} for mode in modes}}


def test_what_is_added_is_by_the_same_command_without_a_controller():
    without = result("0", bench.WITHOUT.modes, 0, 300)
    without["modes"][bench.KERNEL_FORCED]["reboot_usec"] = 200_000
    found = result("8", bench.USUAL, 600, 900)
    bench.compare(found, without)
    added = {mode: one["added_usec"] for mode, one in found["modes"].items()}
    assert added == {mode: 700_000 if mode == bench.FORCED else 600_000 for mode in bench.USUAL}


def test_all_runs_of_a_figure_that_differ_are_shown():
    found = result("8", bench.USUAL, 600, 900)
    bench.compare(found, result("0", bench.WITHOUT.modes, 0, 300))
    assert "runs differ" not in bench_report.table([found])
    found["modes"][bench.OURS]["differing"] = ["reboot_usec"]
    assert f"runs differ: 8, {bench.OURS}: the whole reboot: 0.900 s, 0.900 s" in \
        bench_report.table([found])


def test_the_readme_gets_the_table_in_the_place_of_the_old_one():
    head, line = list(bench_report.markdown([]))
    old = f"before\n\n{head}\n{line}\n| 8 | old |\n\nafter\n"
    assert bench_report.update(old, [head, line, "| 8 | new |"]) == old.replace("old", "new")


def test_families_begin_with_the_one_that_takes_longest():
    wanted = [row for row in bench.rows() if row.world is None]
    lengths = [sum(row.serial_seconds for row in family) for family in bench.families(wanted)]
    assert lengths == sorted(lengths, reverse=True)
    assert sorted(row.name for family in bench.families(wanted) for row in family) == \
        sorted(row.name for row in wanted)
    assert {row.controllers for row in wanted} == {1, 8, 24, 32, 64, 128}
