# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests what the next boot reports about a shutdown: from the journal, and from ACPI ERST.

Uses a machine of its own, with an error record store that the host can read, fill and empty. Each scenario
is one reboot; the tests ask the boot after it.
"""

import json
import time

import pytest

import evidence
import topology
from lab import UNIT, configure
from machine import Machine

IMPORT = "nvme-async-shutdown.service"
PROGRAM = "nvme-async-shutdown"
KERNEL_ENDS = evidence.KERNEL_ENDS
# Holds one record or two.
SMALL_STORE_KIB = 24
# The image masks systemd-pstore.service, but this machine needs it.
SET_UP = f"""
rm -f /etc/systemd/system/systemd-pstore.service
systemctl daemon-reload
systemctl enable -q systemd-pstore.service {UNIT}
"""
# Reads all imported entries; _BOOT_ID is the boot that imported them.
IMPORTED = (r"journalctl -o json --no-pager -q _TRANSPORT=journal "
            r"SYSLOG_IDENTIFIER=nvme-async-shutdown _SYSTEMD_UNIT=" + IMPORT)


class Box:
    """One machine with an error record store, over several boots."""

    def __init__(self, images, directory, build, say):
        self._images, self.directory, self._say = images, directory, say
        self._disks = images.fresh_disks(directory, build)
        self._machine = None
        self.boots = []
        self.later = set()      # drives that the unit left to the hook

    def _devices(self, store_kib):
        devices = topology.qemu_devices(self._disks)
        if store_kib:
            devices += topology.store_devices(self.directory / f"erst-{store_kib}", store_kib)
        return devices

    def start(self, store_kib=topology.STORE_KIB):
        self.close()
        self._say("booting the machine with an error record store")
        self._machine = Machine(self.directory, self._devices(store_kib), self._images.kernel,
                                self._images.initrd, self._images.kvm,
                                "ignore_loglevel ro", emulator=self._images.emulator)
        self._machine.start()
        self._booted()

    def _booted(self):
        self.boots.append(self._machine.wait_boot())
        # The units of the boot have ended when no job is left.
        self._machine.check("systemctl is-system-running --wait >/dev/null || true")

    def check(self, script):
        return self._machine.check(script)

    def configure(self, **keys):
        # this machine's pstore would make the stages overlap, and one test is about that
        configure(self._machine, **{"Overlap": "no", **keys})

    def reboot(self, command="systemctl reboot -f"):
        self._say(f"{command}")
        started = time.monotonic()
        console = len(self._machine.console.lines)
        self._machine.post(command)
        self._machine.wait_console(KERNEL_ENDS, console)
        self._booted()
        self._say(f"{command}: {time.monotonic() - started:.0f} s")

    def power_cycle(self, command="systemctl poweroff -f", **options):
        self._machine.post(command)
        self._machine.wait_exit()
        self.start(**options)

    def report(self, *arguments):
        """Returns the object that report --json prints."""
        text = self.check(f"{PROGRAM} report --json {' '.join(arguments)} 2>/dev/null || true")
        return json.loads(text)

    def imported(self, boot=None):
        """Returns the entries that the import unit has logged about a boot."""
        entries = [json.loads(line) for line in self.check(IMPORTED).splitlines()]
        return [entry for entry in entries if entry.get("NVME_SHUTDOWN_BOOT_ID") == boot
                and entry.get("NVME_STAGE")]

    def close(self):
        if self._machine:
            self._machine.close()
            self._machine = None


@pytest.fixture(scope="module")
def box(make_images):
    images, cache, build, say = make_images
    box = Box(images, cache / "run-import", build, say)
    box.start()
    box.check(SET_UP)
    box.configure(Enabled="yes")
    yield box
    box.close()


def serials(entries, stage):
    return sorted(entry["NVME_SERIAL"] for entry in entries
                  if "NVME_SERIAL" in entry and entry["NVME_STAGE"] == stage)


# The tests below follow each other on one machine: each begins with the boot at which the previous one
# ended.

def test_the_unit_s_timings_are_in_the_next_boot(box):
    box.reboot("systemctl reboot")
    before = box.boots[-2]
    lines = [json.loads(line) for line in box.check(
        f"journalctl -b -1 -u {UNIT} -o json --no-pager -q").splitlines()]
    assert serials([line for line in lines if "NVME_STAGE" in line], "unit") == \
        sorted(topology.ALL)
    box.later = evidence.held_by_udevd(lines)
    report = box.report()
    assert report["boot_id"] == before
    assert {c["serial"] for c in report["controllers"]} == topology.ALL


def test_the_hook_s_timings_come_with_them(box):
    report = box.report()
    stages = {c["serial"]: c["stage"] for c in report["controllers"]}
    assert {serial for serial, stage in stages.items() if stage == "hook"} == \
        topology.HELD_TO_THE_END | topology.HELD_BY_STACK | box.later
    outcomes = {c["serial"]: c["outcome"] for c in report["controllers"]}
    assert {serial for serial, outcome in outcomes.items() if outcome == "left"} == \
        topology.HELD_TO_THE_END
    assert report["missing"] == []
    assert report["totals"]["detached"] == len(topology.ALL - topology.HELD_TO_THE_END)


def test_the_unit_s_status_is_the_last_shutdown(box):
    detached = len(topology.ALL - topology.HELD_TO_THE_END)
    status = box.check(f"systemctl show -P StatusText {UNIT}")
    assert status.startswith(f"Last shutdown (reboot): {detached} of {len(topology.ALL)} controllers ")


def test_the_ends_of_what_overlapped_are_known_through_the_store(box):
    box.configure(Enabled="yes", Overlap="auto")
    box.reboot("systemctl reboot")
    box.configure(Enabled="yes")
    # the hook did not wait, and the workers added how it ended
    said = {}
    for entry in box.imported(box.boots[-2]):
        if entry["NVME_STAGE"] == "hook" and "NVME_SERIAL" in entry:
            said.setdefault(entry["NVME_SERIAL"], set()).add(entry["NVME_OUTCOME"])
    assert {serial for serial, outcomes in said.items() if "begun" in outcomes}
    report = box.report()
    outcomes = {c["serial"]: c["outcome"] for c in report["controllers"]}
    assert outcomes == dict.fromkeys(topology.HELD_TO_THE_END, "left") | \
        dict.fromkeys(topology.ALL - topology.HELD_TO_THE_END, "detached")
    assert report["missing"] == []


def test_a_forced_reboot_is_known_through_the_store(box):
    box.reboot("systemctl reboot -f")
    before = box.boots[-2]
    entries = box.imported(before)
    assert serials(entries, "hook") == sorted(topology.ALL)
    assert all(len(entry["MESSAGE_ID"]) == 32 for entry in entries)
    summaries = [entry for entry in entries if "SAVED_USEC" in entry]
    assert len(summaries) == 1
    detached = [e for e in entries if e.get("NVME_OUTCOME") == "detached"]
    assert all(int(entry["NVME_SHUTDOWN_USEC"]) > 0 for entry in detached)
    assert len(detached) == len(topology.ALL - topology.HELD_TO_THE_END)


def test_the_report_says_that_no_unit_ran(box):
    report = box.report()
    assert {c["serial"] for c in report["controllers"]} == topology.ALL
    assert any("The stage unit has left no record" in note for note in report["missing"])
    assert report["released"] == [], "the kernel log has no room for bridges"
    assert all(c["model"] and c["path"] for c in report["controllers"]), "as the machine knows them"


def test_nothing_is_imported_twice(box):
    before = box.boots[-2]
    count = len(box.imported(before))
    box.check(f"systemctl restart {IMPORT}")
    assert len(box.imported(before)) == count
    # A boot without a new record: the old ones are still in /var/lib/systemd/pstore.
    box.configure(Enabled="no")
    box.reboot("systemctl reboot -f")
    assert len(box.imported(before)) == count
    assert box.check("find /var/lib/systemd/pstore -type f").strip()


def test_a_shutdown_without_us_is_explained(box):
    report = box.report()
    assert report["controllers"] == []
    assert any("There is no record of that shutdown" in note for note in report["missing"])
    assert any("-b -2" in note for note in report["missing"])


def test_a_warm_reboot_proves_nothing(box):
    text = box.check(f"journalctl -b 0 -u {IMPORT} --no-pager -q")
    assert "11 NVMe drives kept power since the last boot, which proves nothing" in text


def test_the_picture_can_be_drawn(box):
    svg = box.check(f"{PROGRAM} report -b -2 --svg=- 2>/dev/null")
    (box.directory / "timeline.svg").write_text(svg)
    assert svg.startswith("<?xml") and svg.rstrip().endswith("</svg>")


def test_persist_log_no_keeps_nothing(box):
    box.configure(Enabled="yes", PersistLog="no")
    box.reboot("systemctl reboot -f")
    assert box.imported(box.boots[-2]) == []
    assert any("PersistLog=no" in note for note in box.report()["missing"])
    box.configure(Enabled="yes")


def test_a_volatile_journal_still_gets_the_record(box):
    box.check("rm -rf /etc/systemd/journald.conf.d; mkdir -p /etc/systemd/journald.conf.d\n"
              "printf '[Journal]\\nStorage=volatile\\n' >/etc/systemd/journald.conf.d/v.conf\n"
              "systemctl restart systemd-journald.service")
    box.reboot("systemctl reboot")
    before = box.boots[-2]
    entries = box.imported(before)
    assert serials(entries, "unit") == sorted(topology.ALL)
    assert serials(entries, "hook") == \
        sorted(topology.HELD_TO_THE_END | topology.HELD_BY_STACK | evidence.held_by_udevd(entries))
    report = box.report()
    assert report["boot_id"] == before
    assert {c["serial"] for c in report["controllers"]} == topology.ALL
    box.configure(Enabled="no")
    box.reboot("systemctl reboot")
    assert any("The journal is volatile" in note for note in box.report()["missing"])
    box.configure(Enabled="yes")


def test_foreign_and_truncated_records_do_no_harm(box):
    box.check("""
mkdir -p /var/lib/systemd/pstore/foreign/001
printf 'Panic#1 Part1\\n<0>[    1.0] Kernel panic - not syncing: Fatal\\n' \\
        >/var/lib/systemd/pstore/foreign/001/dmesg.txt
head -c 100000 /dev/urandom >/var/lib/systemd/pstore/foreign/001/dmesg-erst-1
printf '<30>[ 1.0] nvme-async-shutdown: nvme0 0000:01:00.0: detached (stage=hook outcome=deta' \\
        >/var/lib/systemd/pstore/foreign/001/dmesg-erst-2
""")
    text = box.check(f"systemctl restart {IMPORT}\n"
                     f"journalctl -b 0 -u {IMPORT} -o cat --no-pager -q")
    assert "1 lines of the kept kernel log are cut off or damaged, ignoring." in text
    assert box.check(f"systemctl show -P Result {IMPORT}").strip() == "success"


def test_a_full_store(box):
    """The store is never emptied: it has no room for the second shutdown's record, and nothing breaks."""
    box.power_cycle(store_kib=SMALL_STORE_KIB)
    box.check("systemctl disable -q systemd-pstore.service")
    box.reboot("systemctl reboot -f")
    kept = box.check("ls /sys/fs/pstore")
    assert kept.strip()
    box.reboot("systemctl reboot -f")
    assert box.check("ls /sys/fs/pstore") == kept
    assert box.imported(box.boots[-2]) == []
    report = box.report()
    assert report["controllers"] == []
    assert any("did not take it (full" in note for note in report["missing"])


def test_without_a_store(box):
    box.power_cycle(store_kib=0)
    box.reboot("systemctl reboot -f")
    assert box.imported(box.boots[-2]) == []
    assert any("no pstore back end" in note for note in box.report()["missing"])


def test_a_var_of_its_own(box):
    """/var is unmounted before the unit logs: its lines take the same way as the hook's."""
    box.power_cycle()
    box.check("""
rm -rf /etc/systemd/journald.conf.d
raw=$(basename $(grep -l RAW /sys/class/nvme/*/serial | xargs dirname))
mkfs.ext4 -q -L vmvar /dev/${raw}n1 2>/dev/null || mke2fs -q -F -t ext4 -L vmvar /dev/${raw}n1
mount /dev/${raw}n1 /mnt
# apt's lists and caches are larger than the drive
tar -C /var --exclude ./cache --exclude ./lib/apt -c . | tar -C /mnt -x
mkdir -p /mnt/log/journal
umount /mnt
echo 'LABEL=vmvar /var ext4 defaults 0 0' >>/etc/fstab
systemctl enable -q systemd-pstore.service
""")
    box.reboot("systemctl reboot")
    box.reboot("systemctl reboot")
    report = box.report()
    stages = {c["serial"]: c["stage"] for c in report["controllers"]}
    assert set(stages) == topology.ALL
    assert {serial for serial, stage in stages.items() if stage == "unit"} == \
        topology.FREE_IN_UNIT_STAGE
    assert report["missing"] == []
