# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests the stage exitrd: shutdowns that end in a dracut image, with the root file system unmounted."""

import json
import time

import pytest

import evidence
import topology
from exitrd import PIVOT, Box
from lab import HANGING, UNIT, configure
from machine import MachineError

EXITRD_UNIT = "nvme-async-shutdown-exitrd.service"
PROGRAM = "usr/libexec/nvme-async-shutdown-stage"
# below /var since dracut 111
DRACUT_HOOK = "$(ls {var/,}lib/dracut/hooks/shutdown/99-nvme-async-shutdown.sh 2>/dev/null | head -n 1)"
# Links in dracut's package enable dracut-shutdown.service; the image masks systemd-pstore.service.
# 3cpio 0.14 unpacks into empty directories only, but dracut 112 takes it where it is installed, and its own
# .need_shutdown is in /run/initramfs by then. Without 3cpio it takes cpio.
SET_UP = f"""
rm -f /etc/systemd/system/systemd-pstore.service /usr/bin/3cpio
systemctl daemon-reload
systemctl add-wants -q sysinit.target dracut-shutdown.service
systemctl enable -q systemd-pstore.service {UNIT}
systemctl start dracut-shutdown.service
"""

# Changes the unpacked image. If that fails, dracut keeps systemd from entering it.
BREAK = """
mkdir -p /run/systemd/system/dracut-shutdown.service.d
cat >/run/systemd/system/dracut-shutdown.service.d/break.conf <<'EOF'
[Service]
ExecStop=/bin/bash -ec 'cd /run/initramfs; CHANGE'
EOF
systemctl daemon-reload
"""
REMOVE = f"rm {PROGRAM}"
# The program gets 5 seconds instead of 90.
HANG = (f"cp /run/hanging {PROGRAM}; hook={DRACUT_HOOK}; sed -i \"s/KILL 90/KILL 5/\" $hook; "
        f"grep -q \"KILL 5\" $hook")

# The decision about an exitrd counts only the root's controllers, and there is one.
WANTED = {"Enabled": "yes", "MinControllers": "1"}
# RAW is exported until a program of Release= calls the shipped one, in the exitrd only.
RELEASE = "/etc/nvme-async-shutdown/release.d/in-the-end"
EXPORT = f"""
modprobe nvmet
mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
subsystem=/sys/kernel/config/nvmet/subsystems/vm
mkdir $subsystem
mkdir $subsystem/namespaces/1
echo RAW >$subsystem/namespaces/1/device_path
echo 1 >$subsystem/namespaces/1/enable
mkdir -p $(dirname {RELEASE})
cat >{RELEASE} <<'EOF'
#!/bin/sh
[ "$NVME_ASYNC_SHUTDOWN_STAGE" = exitrd ] || {{ echo "not in the $NVME_ASYNC_SHUTDOWN_STAGE"; exit 0; }}
exec /usr/lib/nvme-async-shutdown/release.d/nvmet "$1"
EOF
chmod 755 {RELEASE}
"""
BROKEN_RUNS = ("missing", "hanging")
EXITRD_RUNS = ("exitrd", "released", *BROKEN_RUNS)
ALL_RUNS = ("unwanted", *EXITRD_RUNS)


# systemd-shutdown (257) moves there what it can't unmount. dracut (106) unmounts /oldroot only, so the
# drive stays in use although dracut has ended the process that kept the file system busy.
MOVED = r"systemd-shutdown\[1\]: Moving mount /srv/busy to /run/shutdown/mounts/"


def mounted_to_the_end(run):
    """Returns (serials, mount points) of what stays mounted in the exitrd."""
    return ({"BUSY"}, {"/srv/busy"}) if run.index(MOVED) is not None else (set(), set())


class Shutdowns:
    def __init__(self, box, say):
        self.box, self._say = box, say
        self._results = {}

    def _configure(self, **keys):
        configure(self.box.machine, **keys)

    def _scenario(self, name):
        machine = self.box.machine
        if name == "unwanted":
            # the phase in which a controller is notified has to be that of the stage that takes it
            self._configure(Enabled="yes", Overlap="no")
            return self.box.shut_down("systemctl reboot", evidence.PHASES)
        if name == "released":
            self._configure(**WANTED, Overlap="no", Release="in-the-end")
            raw = evidence.inventory(machine)["RAW"].name
            machine.check(EXPORT.replace("RAW", f"/dev/{raw}n1"))
            return self.box.shut_down("systemctl reboot")
        self._configure(**WANTED)
        if name == "missing":
            machine.check(BREAK.replace("CHANGE", REMOVE))
        if name == "hanging":
            machine.check(f"cat >/run/hanging <<'EOF'\n{HANGING}EOF\n" +
                          BREAK.replace("CHANGE", HANG))
        return self.box.shut_down("systemctl reboot")

    def _run(self, name):
        if not self.box.machine or not self.box.machine.is_running():
            self.box.start()
            self.box.machine.check(SET_UP)
        self._say(f"shutting down: {name}")
        shutdown = self._scenario(name)
        shutdown.report = json.loads(self.box.machine.check(
            "systemctl is-system-running --wait >/dev/null || true\n"
            "nvme-async-shutdown report --json 2>/dev/null || true"))
        text = "\n".join(evidence.timeline(shutdown))
        (self.box.directory / f"timeline-{name}.txt").write_text(text + "\n")
        return shutdown

    def result(self, name):
        if name not in self._results:
            started = time.monotonic()
            try:
                self._results[name] = self._run(name)
            except MachineError as error:
                # every test that asks gets the error; the next scenario starts from a new boot
                self._results[name] = error
                self.box.close()
            self._say(f"{name}: {time.monotonic() - started:.0f} s")
        if isinstance(self._results[name], MachineError):
            raise self._results[name]
        return self._results[name]


@pytest.fixture(scope="module")
def shutdowns(make_images):
    images, cache, build, say = make_images
    box = Box(images, cache / "run-exitrd", build, say)
    yield Shutdowns(box, say)
    box.close()


@pytest.fixture(params=ALL_RUNS)
def any_run(request, shutdowns):
    return shutdowns.result(request.param)


@pytest.fixture(params=EXITRD_RUNS)
def exitrd_run(request, shutdowns):
    return shutdowns.result(request.param)


@pytest.fixture(params=BROKEN_RUNS)
def broken_run(request, shutdowns):
    return shutdowns.result(request.param)


@pytest.fixture
def good_run(shutdowns):
    return shutdowns.result("exitrd")


def test_every_controller_is_notified_exactly_once(any_run):
    notified = [serial for serial, _, _ in any_run.notifications()]
    assert sorted(notified) == sorted(topology.ALL)
    assert {value for _, _, value in any_run.notifications()} == {1}


def test_no_notification_escaped_the_register_trace(any_run):
    seen = sum(event.kind == "shutdown_set" for event in any_run.events)
    assert seen == len(topology.ALL)


def test_no_controller_is_notified_while_file_systems_are_torn_down(any_run):
    assert any_run.notified_in("teardown") == set()


def test_data_written_before_is_there_after(any_run):
    assert any_run.digests_after == any_run.digests_before


def test_file_systems_are_consistent_after(any_run):
    assert any_run.damaged == set()


def test_no_unmounted_file_system_needs_recovery(exitrd_run):
    # dracut has ended the processes that kept one busy, and unmounted all below /oldroot
    assert exitrd_run.recovered == mounted_to_the_end(exitrd_run)[1]


def test_the_exitrd_takes_drives_that_were_in_use_until_then(good_run):
    assert good_run.notified_in("exitrd") == topology.HELD_TO_THE_END - mounted_to_the_end(good_run)[0]


def test_the_earlier_stages_take_the_same_as_without_it(good_run):
    later = evidence.held_by_udevd(good_run.journal)
    assert good_run.notified_in("unit") == topology.FREE_IN_UNIT_STAGE - later
    assert good_run.notified_in("hook") == topology.HELD_BY_STACK | later


def test_only_mounted_drives_are_left_to_the_kernel(good_run):
    assert good_run.notified_in("kernel") == mounted_to_the_end(good_run)[0]


def test_every_controller_is_flushed_before_going_down(good_run):
    assert good_run.unflushed() == set()


def test_the_root_is_unmounted_before_its_controller_goes_down(good_run):
    unmounted = good_run.index(r"dracut( Warning)?: Unmounted /oldroot\.")
    root, = [position for position, event in enumerate(good_run.events)
             if event.kind == "shn" and good_run.serial(event) == "ROOT"]
    assert unmounted is not None and unmounted < root


def test_the_console_says_what_became_of_them(good_run):
    lines = good_run.hook_lines("exitrd")
    assert set(lines) == topology.HELD_TO_THE_END
    for serial, words in lines.items():
        if serial in mounted_to_the_end(good_run)[0]:
            assert (words["outcome"], words["verified"]) == ("left", "no")
            continue
        assert (words["outcome"], words["verified"]) == ("detached", "yes")
        assert int(words["usec"]) > 0


def test_the_next_boot_knows_all_of_them(good_run):
    left = mounted_to_the_end(good_run)[0]
    assert {c["serial"]: c["outcome"] for c in good_run.report["controllers"]} == \
        dict.fromkeys(topology.ALL - left, "detached") | dict.fromkeys(left, "left")
    stages = {c["serial"]: c["stage"] for c in good_run.report["controllers"]}
    assert {serial for serial, stage in stages.items() if stage == "exitrd"} == \
        topology.HELD_TO_THE_END
    assert good_run.report["missing"] == []


def test_the_exitrd_takes_drives_that_a_release_program_frees_there(shutdowns):
    run = shutdowns.result("released")
    later = evidence.held_by_udevd(run.journal)
    assert run.notified_in("unit") == topology.FREE_IN_UNIT_STAGE - {"RAW"} - later
    assert run.notified_in("hook") == topology.HELD_BY_STACK | later
    assert run.notified_in("exitrd") == topology.HELD_TO_THE_END - mounted_to_the_end(run)[0] | {"RAW"}
    assert {(p["stage"], p["result"], p["said"]) for p in run.report["programs"]} == {
        ("hook", "done", "not in the hook"), ("exitrd", "done", "removed 1 namespaces")}


def test_a_broken_program_does_not_stop_the_reboot(broken_run):
    assert broken_run.notified_in("exitrd") == set()
    assert broken_run.notified_in("kernel") == topology.HELD_TO_THE_END


@pytest.mark.parametrize("name, status", [("missing", 127), ("hanging", 137)])
def test_a_broken_program_is_reported(shutdowns, name, status):
    assert shutdowns.result(name).lines(
        rf"nvme-async-shutdown: the program failed with {status}, ignoring")


def test_no_exitrd_is_asked_for_where_it_does_not_pay(shutdowns):
    unwanted = shutdowns.result("unwanted")
    assert unwanted.index(PIVOT) is None
    assert unwanted.notified_in("kernel") == topology.HELD_TO_THE_END


def test_the_journal_has_the_reason(shutdowns):
    shutdowns.result("unwanted")
    text = shutdowns.box.machine.check(f"journalctl -u {EXITRD_UNIT} -o cat --no-pager -q")
    assert ("No exitrd is asked for: 1 NVMe controllers below the root file system, "
            "MinControllers=2.") in text
