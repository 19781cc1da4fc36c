# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests how tools/bench evaluates its runs; starts no machine."""

import re

import pytest

import bench
import bench_report
import bench_trace
import cache
import vnvme


def run(total_ms, reboot_ms):
    return {"unit_usec": 0, "hook_usec": 0, "kernel_usec": total_ms * 1000,
            "total_usec": total_ms * 1000, "reboot_usec": reboot_ms * 1000, "serial_usec": None}


@pytest.mark.parametrize("first, second, wanted", [
    ((1000, 2000), (1029, 2059), []),
    ((1000, 2000), (1031, 2059), ["total_usec"]),
    ((1000, 2000), (1029, 2061), ["reboot_usec"]),
    # far apart in percent, but by less than a person would see
    ((5, 300), (24, 319), []),
    ((5, 300), (26, 321), ["total_usec", "reboot_usec"]),
])
def test_figures_whose_runs_are_too_far_apart_are_named(first, second, wanted):
    runs = [run(*first), run(*second)]
    assert bench.differing(runs) == wanted
    assert bench.differing(runs[::-1]) == wanted


def result(name, modes, total_ms, reboot_ms):
    runs = [run(total_ms, reboot_ms)] * 2
    return {"name": name, "slowest_usec": 0,
            "modes": {mode: {**runs[0], "differing": [], "runs": runs} for mode in modes}}


def test_the_added_time_is_the_difference_to_the_same_command_without_a_controller():
    without = result("0", bench.WITHOUT.modes, 0, 300)
    without["modes"][bench.KERNEL_FORCED]["reboot_usec"] = 200_000
    found = result("8", bench.USUAL, 600, 900)
    bench.compare(found, without)
    added = {mode: one["added_usec"] for mode, one in found["modes"].items()}
    assert added == {mode: 700_000 if mode.endswith("reboot -f") else 600_000 for mode in bench.USUAL}


def test_all_runs_of_a_figure_that_differ_are_shown():
    found = result("8", bench.USUAL, 600, 900)
    bench.compare(found, result("0", bench.WITHOUT.modes, 0, 300))
    assert "runs differ" not in bench_report.table([found])
    found["modes"][bench.OURS]["differing"] = ["reboot_usec"]
    assert f"runs differ: 8, {bench.OURS}: the whole reboot: 0.900 s, 0.900 s" in \
        bench_report.table([found])


@pytest.mark.parametrize("make", bench_report.PAGES.values())
def test_a_table_is_replaced_where_the_page_has_it(make):
    head, line = list(make([]))
    old = f"before\n\n{head}\n{line}\n| 8 | old |\n| 9 | left over |\n\nafter\n"
    assert bench_report.update(old, [head, line, "| 8 | new |"]) == \
        f"before\n\n{head}\n{line}\n| 8 | new |\n\nafter\n"


def test_a_page_without_the_table_is_an_error():
    with pytest.raises(ValueError):
        bench_report.update("before\n", list(bench_report.full_table([])))


def test_a_line_that_is_left_over_is_found(tmp_path):
    page = tmp_path / "page.md"
    lines = ["| head |", "|---|", "| 8 |"]
    page.write_text("\n".join([*lines, "| left over |", ""]))
    assert not bench_report.check_page(page, lines, is_update=False)
    assert bench_report.check_page(page, lines, is_update=True)
    assert bench_report.check_page(page, lines, is_update=False)


def compared(name, slowest_usec):
    found = {**result(name, bench.USUAL, 600, 900), "slowest_usec": slowest_usec}
    bench.compare(found, result("0", bench.WITHOUT.modes, 0, 300))
    return found


def test_the_readme_shows_three_rows_and_until_they_are_measured_those_there_are():
    measured = [compared("0", 0), compared("8 x 500 ms", 500_000)]
    assert list(bench_report.readme_table(measured))[2:] == ["| 8 x 500 ms | 0.60 s | 0.60 s | 1.0 |"]
    measured += [compared(name, 2_000_000) for name in bench_report.README_ROWS]
    names = [line.split(" | ")[0].removeprefix("| ") for line in bench_report.readme_table(measured)]
    assert names[2:] == list(bench_report.README_ROWS)


def test_the_rows_of_the_readme_are_measured():
    assert {row.name for row in bench.rows()} >= set(bench_report.README_ROWS)


def test_families_begin_with_the_one_that_takes_longest():
    wanted = [row for row in bench.rows() if row.world is None]
    lengths = [sum(row.serial_seconds for row in family) for family in bench.families(wanted)]
    assert lengths == sorted(lengths, reverse=True)
    assert sorted(row.name for family in bench.families(wanted) for row in family) == \
        sorted(row.name for row in wanted)
    assert {row.controllers for row in wanted} == {1, 8, 24, 32, 64, 128}


def test_a_slow_rest_is_compared_with_the_same_rest_without_controllers():
    slow = [row for row in bench.rows() if row.rest]
    assert [row.name.split(", ")[1] for row in slow] == ["slow process", "slow device before",
                                                         "slow device after"]
    for row in slow:
        without = bench.without_of(row)
        assert (without.before, without.topology) == (row.before, "R(N)")
        assert without.prepare == bench.REMOVE + row.prepare
    assert len({bench.without_of(row).name for row in slow}) == 3
    assert bench.without_of(bench.rows()[0]) == bench.WITHOUT


@pytest.mark.parametrize("hook, wanted", [
    # the handshake of controller 0 ends after the unit, with Overlap=yes
    ([], [("unit", "500 ms", "50 ms")]),
    ([(205_000, 1, "shn"), (305_000, 1, "shst")],
     [("unit", "500 ms", "50 ms"), ("hook", "105 ms", "10 ms")]),
])
def test_a_trace_shows_the_handshakes_of_each_stage(hook, wanted):
    report = vnvme.Report(kernel_usec=400_000, events=[
        vnvme.Event(*one, 0) for one in [
            (100_000, -1, "begin-unit"), (150_000, -1, "end-unit"), (200_000, -1, "begin-hook"),
            (210_000, -1, "end-hook"), (300_000, -1, "kernel-pass"), (120_000, 0, "shn"),
            (600_000, 0, "shst"), *hook]])
    tables = []
    for line in bench_trace.table(report):
        words = re.split(r" {2,}", line.strip())
        if words[0] in ("unit", "hook", "kernel's pass"):
            tables.append([words[0]])
        elif words[0].startswith("CSTS") or words[0] == "end":
            tables[-1].append(words[-1])
    assert [tuple(table) for table in tables] == wanted


def test_two_runs_do_not_work_in_the_same_folder(tmp_path):
    with cache.claim(tmp_path / "bench"):
        with pytest.raises(RuntimeError, match="another run"):
            cache.claim(tmp_path / "bench")
        cache.claim(tmp_path / "other").close()
    cache.claim(tmp_path / "bench").close()
