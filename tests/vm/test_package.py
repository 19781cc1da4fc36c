# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests the Debian package through its life: installed, enabled, upgraded, disabled, removed, purged."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import evidence
import topology

TOP = Path(__file__).resolve().parents[2]
PACKAGE = "nvme-async-shutdown"
UNITS = (f"{PACKAGE}.service", f"{PACKAGE}-exitrd.service",
         *(f"{PACKAGE}-{action}.service" for action in ("reboot", "poweroff", "halt", "kexec")))
CONFIG = f"/etc/{PACKAGE}.conf"
DISK_MIB = 32
DPKG_SECONDS = 400

ENABLED = f"for u in {' '.join(UNITS)}; do systemctl is-enabled $u || true; done"
LINKS = f"find /etc/systemd -lname '*/{PACKAGE}*' | sort"
LEFT = (f"find / -xdev -name '*{PACKAGE}*' -not -path '/proc/*' -not -path '/sys/*' | sort; "
        f"dpkg-query -W -f '${{Status}}' {PACKAGE} 2>/dev/null || true")
CATALOG = "journalctl --list-catalog eede60e3409f46efbfb6c67e51ecdff8 2>&1 || true"


OLD_LINKS = """
cd /etc/systemd/system
for target in reboot poweroff halt kexec; do
        mkdir -p $target.target.wants
        ln -s /lib/systemd/system/nvme-async-shutdown.service $target.target.wants/
done
mkdir -p multi-user.target.wants
ln -s /lib/systemd/system/nvme-async-shutdown-import.service multi-user.target.wants/
"""


def newer(deb, target):
    """Makes the same package with a higher version, another commented line in its configuration file and
    another description of its units."""
    tree = target.with_suffix(".tree")
    shutil.rmtree(tree, ignore_errors=True)
    subprocess.run(["dpkg-deb", "-R", deb, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(control.read_text().replace("\nVersion: ", "\nVersion: 9:"))
    (tree / "DEBIAN/md5sums").unlink()
    with open(tree / CONFIG.lstrip("/"), "a", encoding="utf-8") as config:
        config.write("#New=line\n")
    for unit in tree.rglob("*.service"):
        unit.write_text(unit.read_text().replace("Description=", "Description=Newer: "))
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, target], check=True,
                   stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)


BUILD_DEB = r"""
set -eu
cd "$1"
rm -rf build-deb
mkdir build-deb
tar -C build-deb -xf nvme-async-shutdown-*.tar.xz
cd build-deb/*
cp -a packaging/debian debian
DEB_BUILD_OPTIONS=nocheck DEB_BUILD_PROFILES=nocheck dpkg-buildpackage -us -uc -b >../../deb.log 2>&1
mv ../*.deb ../..
"""


def build_packages(images, directory):
    """Returns (path of the package, path of a newer one)."""
    def package(kind):
        subprocess.run([TOP / "tools/package", "--output", directory, kind], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       env={**os.environ, "DEB_BUILD_OPTIONS": "nocheck"})

    if images.world.is_here:
        package("deb")
    else:
        # a package depends on the libraries of the suite that built it
        package("source")
        subprocess.run(images.inside("sh", "-c", BUILD_DEB, "sh", directory), check=True,
                       stdin=subprocess.DEVNULL)
    deb = next(directory.glob(f"{PACKAGE}_*.deb"))
    newer(deb, directory / "newer.deb")
    return deb, directory / "newer.deb"


@pytest.fixture(scope="module")
def machine(make_images):
    images, cache, _, say = make_images
    say("building the package")
    first, second = build_packages(images, cache / "package")
    directory = cache / "run-package"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    disks = {c.serial: directory / f"{c.serial}.qcow2" for c in topology.CONTROLLERS}
    for disk in disks.values():
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, f"{DISK_MIB}M"],
                       check=True)
    shutil.copy(images.root(None, {
        "/root/first.deb": first, "/root/second.deb": second,
        "/root/plan": TOP / "packaging/debian/tests/plan"}, "root-package.qcow2"), disks["ROOT"])
    say("booting a machine without the project")
    # keep-busy would keep the root busy to the end
    with images.machine(directory, disks,
                        "rw fstab=no systemd.mask=keep-busy.service") as machine:
        machine.wait_boot()
        machine.say = say
        yield machine


def reboot(machine, name):
    machine.say(f"shutting down: {name}")
    shutdown = evidence.Shutdown(evidence.inventory(machine), "")
    evidence.watch(machine, shutdown, "systemctl reboot")
    return shutdown


def install(machine, package, options=""):
    machine.check(f"dpkg {options} -i /root/{package}.deb", DPKG_SECONDS)


@pytest.fixture(scope="module")
def life(machine):
    """Returns the results of each step: name -> text, or Shutdown."""
    seen = {}

    def look(step):
        for name, script in (("enabled", ENABLED), ("links", LINKS),
                             ("config", f"cat {CONFIG} 2>/dev/null || true"),
                             ("version", f"dpkg-query -W -f '${{Version}}' {PACKAGE} || true"),
                             ("left", LEFT)):
            seen[f"{step} {name}"] = machine.check(script).strip()

    install(machine, "first")
    look("installed")
    seen["plan"] = machine.run("bash /root/plan")
    # the base has no documentation
    seen["verified"] = machine.check(
        f"dpkg --verify {PACKAGE} | grep -vE ' /usr/share/(doc|man)/' || true")
    seen["catalog"] = machine.check(CATALOG)
    machine.check(f"systemctl preset {' '.join(UNITS)}")
    look("preset")
    seen["installed shutdown"] = reboot(machine, "installed, not enabled")

    machine.check(f"sed -i 's/^#Enabled=no/Enabled=yes/' {CONFIG}")
    machine.check(f"systemctl enable -q {UNITS[0]}")
    look("enabled")
    seen["enabled shutdown"] = reboot(machine, "enabled")

    # like unattended-upgrades
    install(machine, "second", "--force-confdef")
    look("upgraded")
    seen["upgraded unit"] = machine.check(
        f"systemctl show -P NeedDaemonReload -P Description {UNITS[0]}").split("\n")
    machine.check(f"systemctl disable -q {UNITS[0]}")
    look("disabled")
    install(machine, "second")
    look("reinstalled")

    # what "systemctl enable" of 0.1.0 left
    machine.check(OLD_LINKS)
    install(machine, "second")
    look("upgraded from 0.1.0")

    machine.check(f"systemctl enable -q {UNITS[0]}; systemctl start {UNITS[0]}")
    look("enabled again")
    machine.check(f"dpkg -r {PACKAGE}", DPKG_SECONDS)
    look("removed")
    machine.check(f"dpkg -P {PACKAGE}", DPKG_SECONDS)
    look("purged")
    return seen


def test_installed_it_is_not_enabled(life):
    assert life["installed enabled"].split() == ["disabled"] * len(UNITS)
    assert life["installed links"] == ""


def test_the_preset_keeps_it_disabled(life):
    assert life["preset enabled"].split() == ["disabled"] * len(UNITS)


def test_its_own_test_passes_where_it_is_installed(life):
    status, output = life["plan"]
    assert status == 0, output


def test_all_files_are_as_shipped(life):
    assert life["verified"] == ""


def test_the_catalog_is_known(life):
    assert "NVMe" in life["catalog"]


def test_mere_installation_changes_no_shutdown(life):
    shutdown = life["installed shutdown"]
    assert shutdown.notified_in("kernel") == topology.ALL
    assert [serial for serial, phase, _ in shutdown.notifications() if phase != "kernel"] == []


def test_enabled_the_next_shutdown_takes_the_idle_ones(life):
    shutdown = life["enabled shutdown"]
    assert shutdown.notified_in("unit") == topology.ALL - {"ROOT"}
    assert shutdown.notified_in("kernel") == {"ROOT"}


def test_upgrade_keeps_the_configuration(life):
    assert life["upgraded version"].startswith("9:")
    assert "\nEnabled=yes\n" in life["enabled config"]
    assert life["upgraded config"] == life["enabled config"]


def test_upgrade_keeps_it_enabled(life):
    assert life["upgraded enabled"].split() == ["enabled"] * len(UNITS)
    assert life["upgraded links"] == life["enabled links"] != ""


def test_upgrade_brings_the_new_unit_to_systemd(life):
    assert "no" in life["upgraded unit"]
    assert any(line.startswith("Newer: ") for line in life["upgraded unit"])


def test_upgrade_from_the_old_units_keeps_it_enabled(life):
    assert life["upgraded from 0.1.0 enabled"].split() == ["enabled"] * len(UNITS)
    assert life["upgraded from 0.1.0 links"] == life["enabled links"]


def test_disabled_it_stays_so_over_an_upgrade(life):
    for step in ("disabled", "reinstalled"):
        assert life[f"{step} enabled"].split() == ["disabled"] * len(UNITS)
        assert life[f"{step} links"] == ""


def test_removed_it_leaves_the_configuration_and_nothing_that_runs(life):
    assert life["removed config"] == life["enabled config"]
    left = life["removed left"].splitlines()
    assert [path for path in left if path.endswith((".shutdown", "-stage", f"bin/{PACKAGE}"))
            or path.startswith(("/lib/systemd", "/usr/lib/systemd"))] == []


def test_purged_it_leaves_nothing(life):
    assert "/var/lib/nvme-async-shutdown" in life["enabled again left"].splitlines()
    assert life["purged links"] == ""
    assert life["purged left"] == ""
