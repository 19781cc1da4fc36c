# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests that a faulty controller does not stop the others, and never takes longer than with the kernel.

Each test runs twice: the stages wait for the handshakes, or end while they are under way (Overlap=). They
wait with 4 faulty controllers of 32, and overlap with 1 of 8: the two have little to do with each other."""

import re

import pytest

import faults
from faults import FAULTS

SECOND = 1_000_000
# A shell writes the first and the last mark of each measured span.
SLACK = SECOND // 2


@pytest.fixture(scope="session", params=[False, True], ids=["waiting", "overlapping"])
def campaign(request, make_images):
    images, cache, build, say = make_images
    name = "run-faults-overlap" if request.param else "run-faults"
    return faults.Campaign(images, cache / name, build, say, request.param)


@pytest.fixture(params=FAULTS)
def faulty(request, campaign):
    run = campaign.faulty(request.param, *((8, 1) if campaign.overlap else (32, 4)))
    run.notes["fault"] = FAULTS[request.param]
    return run


def undisturbed_usec(campaign, n):
    run = campaign.disturbed("nothing", n=n) if n == 8 else campaign.faulty("strict", n, 4)
    return run.ended_usec(range(n))


def test_the_record_names_the_right_outcome(faulty):
    wrong = {i: faulty.outcomes.get(faults.serial(i)) for i in faulty.faulty
             if faulty.outcomes.get(faults.serial(i)) not in faulty.notes["fault"].outcomes}
    assert wrong == {}, faulty.reasons
    assert {faulty.outcomes.get(faults.serial(i)) for i in faulty.healthy} == {"detached"}


def test_the_others_end_in_their_usual_time(faulty, campaign):
    usual = undisturbed_usec(campaign, faulty.n)
    assert faulty.ended_usec(faulty.healthy) <= 1.5 * usual + SLACK


def test_only_clean_controllers_are_called_detached(faulty):
    clean = {c["serial"] for c in faulty.report.controllers.values() if c["condition"] == "clean"}
    said = {serial for serial, outcome in faulty.outcomes.items() if outcome == "detached"}
    assert said <= clean
    assert faulty.report.not_clean() == (set() if faulty.notes["fault"].clean else faulty.faulty)


def test_each_is_notified_once_and_gets_no_command_after_it(faulty):
    told = [c["shn"] for c in faulty.report.controllers.values()]
    assert max(told) <= 1
    assert sum(c["after_shn"] for c in faulty.report.controllers.values()) == 0
    assert sum(c["dirty"] for i, c in faulty.report.controllers.items()
               if i in faulty.healthy) == 0


def test_it_never_takes_longer_than_the_kernel_alone(faulty):
    assert faulty.report.total_usec <= faulty.kernel_alone_ms * 1000 + max(
        SLACK, undisturbed_floor(faulty))


def undisturbed_floor(faulty):
    """If all other controllers are dead, the kernel alone needs no time at all."""
    return 0 if faulty.kernel_alone_ms else SECOND


def test_the_kernels_pass_has_nothing_left_to_wait_for(faulty, campaign):
    # the kernel only finds that a removed one is dead; when the stages overlap it waits for all
    if not campaign.overlap:
        assert faulty.report.kernel_usec <= SECOND // 4


def test_a_stage_that_overlaps_waits_for_no_handshake(faulty, campaign):
    if campaign.overlap:
        begin = max(faulty.report.of(i, "shn")[0] for i in faulty.healthy)
        assert faulty.report.mark("end-hook") - begin <= SLACK
        assert faulty.report.mark("end-hook") < max(
            faulty.report.of(i, "shst")[0] for i in faulty.healthy)


def test_a_controller_without_admin_commands_costs_seconds_not_a_minute(campaign):
    run = campaign.faulty("no-admin", 8, 1)
    assert 4.5 * SECOND < run.report.total_usec < 9 * SECOND


def test_one_without_admin_commands_that_is_left_costs_the_kernel_seconds_too(campaign):
    run = campaign.left_without_admin()
    assert outcomes(run) == {faults.serial(3): "left"}
    assert 4.5 * SECOND < run.report.kernel_usec < 9 * SECOND
    assert run.report.not_clean() == set()


def test_one_that_is_late_is_left_to_the_kernel_which_waits_for_it(campaign):
    run = campaign.late()
    # its worker adds how it ended
    assert run.said[faults.serial(1)] == ["begun" if campaign.overlap else "late", "detached"]
    assert {run.outcomes[faults.serial(i)] for i in run.healthy} == {"detached"}
    assert run.report.span("hook") <= 2 * SECOND + SLACK
    assert run.report.not_clean() == set()
    assert run.report.total_usec <= run.kernel_alone_ms * 1000 + SLACK


@pytest.fixture(params=["systemctl reboot", "systemctl poweroff", "systemctl kexec"])
def way_down(request, campaign):
    return campaign.way_down(request.param)


def test_each_handshake_of_the_unit_is_complete_before_the_machine_ends(way_down):
    # with kexec: before the next kernel begins, which it then did
    assert way_down.report.not_clean() == {3}
    assert {c["shn"] for c in way_down.report.controllers.values()} == {1}
    assert sum(c["after_shn"] for c in way_down.report.controllers.values()) == 0
    assert way_down.report.total_usec <= way_down.kernel_alone_ms * 1000 + SLACK


def test_a_unit_that_overlaps_waits_for_no_handshake(way_down, campaign):
    if campaign.overlap:
        # the hook leaves all alone, too
        assert way_down.report.span("unit") <= SECOND
        assert way_down.report.span("hook") <= SECOND
        ends = {outcomes_[-1] for serial, outcomes_ in way_down.said.items()
                if serial != faults.serial(3)}
        assert ends == {"detached"}
        assert way_down.outcomes[faults.serial(3)] == "failed"


@pytest.fixture
def hung(campaign):
    return campaign.hung_flush(True)


def test_a_flush_that_hangs_is_given_a_second_after_the_last_handshake(hung):
    last = max(hung.report.of(i, "shst")[0] for i in hung.healthy)
    assert hung.report.mark("end-unit") - last <= SECOND + 3 * SLACK


def test_a_flush_that_hangs_costs_no_more_than_the_drivers_own_wait(hung):
    # nvme_dev_disable() waits for commands under way, and this one is the project's; before that the
    # stage waits for one second
    limit = hung.kernel_alone_ms * 1000 + (faults.FREEZE_SECONDS + 1) * SECOND
    assert hung.report.total_usec <= limit + SLACK


def test_the_process_in_a_flush_that_hangs_is_not_waited_for(campaign):
    # systemd-shutdown would give it 90 s
    report = campaign.hung_flush(True).report
    assert report.mark("begin-hook") - report.mark("end-unit") < 30 * SECOND


def test_with_a_flush_that_hangs_all_end_clean(hung):
    assert hung.report.not_clean() == set()
    assert {c["shn"] for c in hung.report.controllers.values()} == {1}


def test_an_abandoned_flush_is_reported(campaign):
    # the unit stage logs to the journal, so the console has only the message
    said = [text for text in campaign.hung_flush(True).report.console if ": left" in text]
    assert "did not end in time" in said[0]
    assert all("is open in " in text for text in said)
    # the kernel's pass fails the Flush, and the worker says so
    assert len(said) <= 2


def test_one_that_is_idle_with_a_flush_that_hangs_is_not_detached(campaign):
    run = campaign.hung_flush(False)
    assert outcomes(run) in ({faults.serial(faults.HUNG): "left"},
                             {faults.serial(faults.HUNG): "late"})


def test_one_that_is_idle_with_a_flush_that_hangs_ends_with_the_deadline(campaign):
    # writing back may take long: a drive that hangs looks like one that is slow
    report = campaign.hung_flush(False).report
    assert report.mark("end-hook") - report.mark("begin-hook") <= \
        faults.HUNG_TIMEOUT_SECONDS * SECOND + 3 * SLACK
    assert report.not_clean() == set()


def test_under_lockdown_the_drivers_word_is_taken(campaign):
    run = campaign.locked_down()
    healthy = {faults.serial(i) for i in run.healthy}
    assert outcomes(run) == {faults.serial(3): "failed"}
    assert {run.verified[serial] for serial in healthy} == {"no"}
    assert all("by the driver's word" in run.reasons[serial] for serial in healthy)


def test_under_lockdown_the_drivers_word_is_true(campaign):
    run = campaign.locked_down()
    assert run.report.not_clean() == {3}
    assert campaign.overlap or run.report.kernel_usec <= SECOND // 4
    assert run.report.total_usec <= run.kernel_alone_ms * 1000 + SLACK


DISTURBANCES = [name for name in faults.DISTURBED if name != "nothing"]


@pytest.fixture(params=DISTURBANCES)
def disturbed(request, campaign):
    if campaign.overlap and request.param == "memory is looked at":
        pytest.skip("the parent has ended by then")
    # the disturbed controller must not be the last one to end
    slow = request.param in ("a worker is killed", "one is added", "one is removed", "SIGTERM",
                             "memory is looked at")
    run = campaign.disturbed(request.param, latency_ms=2000 if slow else faults.LATENCY_MS)
    run.notes["name"] = request.param
    return run


def test_all_end_clean_despite_the_disturbance(disturbed):
    # the removal itself shuts that one down, earlier or at the same time
    gone = {3} if disturbed.notes["name"] in ("one is added", "one is removed") else set()
    assert disturbed.report.not_clean() <= gone
    assert all(c["shn"] == 1 for i, c in disturbed.report.controllers.items() if i not in gone)
    assert sum(c["after_shn"] for c in disturbed.report.controllers.values()) == 0


def test_disturbed_it_never_takes_longer_than_the_kernel_alone(disturbed):
    assert disturbed.report.total_usec <= disturbed.kernel_alone_ms * 1000 + SLACK


def outcomes(run):
    return {serial: outcome for serial, outcome in run.outcomes.items() if outcome != "detached"}


def test_without_processes_some_wait_and_all_are_taken(campaign):
    assert outcomes(campaign.disturbed("fork fails")) == {}


def test_without_descriptors_the_rest_is_left_with_a_reason(campaign):
    run = campaign.disturbed("no descriptors left")
    assert set(run.outcomes.values()) <= {"detached", "left"}
    assert all(run.reasons[s] for s, outcome in run.outcomes.items() if outcome == "left")


def test_one_whose_worker_was_killed_is_not_called_detached(campaign):
    run = campaign.disturbed("a worker is killed", latency_ms=2000)
    # the parent reads no registers, and an interrupted driver prints nothing
    assert outcomes(run) == {faults.serial(3): "begun" if campaign.overlap else "unverified"}


def test_one_that_was_added_meanwhile_is_the_kernels(campaign):
    run = campaign.disturbed("one is added", latency_ms=2000)
    assert faults.serial(3) not in run.outcomes
    assert len(run.outcomes) == 7 and outcomes(run) == {}


def test_a_removed_controller_holds_no_other_up(campaign):
    run = campaign.disturbed("one is removed", latency_ms=2000)
    assert set(outcomes(run)) <= {faults.serial(3)}


def test_two_hooks_notify_no_controller_twice(campaign):
    run = campaign.disturbed("two hooks")
    assert set(outcomes(run).values()) <= {"left", "vanished", "begun"}
    assert all({"detached"} & set(said) for said in run.said.values())


def test_sigterm_ends_the_stage_and_no_handshake(campaign):
    run = campaign.disturbed("SIGTERM", latency_ms=2000)
    first = {said[0] for said in run.said.values()}
    assert first == {"begun"} if campaign.overlap else first == {"late"}
    assert set(run.outcomes.values()) == {"detached"}
    assert run.report.span("hook") <= SECOND + SLACK


def test_without_kmsg_all_is_done_and_nothing_logged(campaign):
    run = campaign.disturbed("no kmsg")
    assert run.outcomes == {}
    assert campaign.overlap or run.report.kernel_usec <= SECOND // 4


def test_parent_and_workers_are_small(campaign):
    if campaign.overlap:
        pytest.skip("the parent has ended by then")
    run = campaign.disturbed("memory is looked at", latency_ms=2000)
    found = dict(re.findall(r"vm-test: (parent|worker) (\d+) kB", "\n".join(run.report.console)))
    assert 0 < int(found["parent"]) <= 8 * 1024
    assert 0 < int(found["worker"]) <= 1024


def test_max_parallel_is_kept(campaign):
    run = campaign.disturbed("nothing", MaxParallel=4)
    events = sorted((e.usec, 1 if e.name == "shn" else -1) for e in run.report.events
                    if e.name in ("shn", "shst"))
    running = peak = 0
    for _, step in events:
        running += step
        peak = max(peak, running)
    assert peak == 4
    assert outcomes(run) == {}
