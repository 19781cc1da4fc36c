# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disk images: the base system, the project on top of it, and data disks.

The slow parts are made once and kept below a cache directory, in a folder for each world; HASH is that
of the recipe:

    SUITE/base-HASH/    Debian as a directory tree, kernel, initrd (tests/vm/mkimage); if the suite is
                        not this machine's also a Debian in which to build for it
    SUITE/zfs-HASH/     the directory tree again, with ZFS in it, and another initrd (tests/vm/mkzfs); only
                        made for tests that need it
    SUITE/build/        the project, built by that suite's compiler (SUITE/tests/: with its tests)
    SUITE/data-HASH/    file systems, array, volume group, made in a guest
    SUITE/root.qcow2    base and project: made anew for each session, in seconds
"""

import argparse
import hashlib
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import emulator
import topology
from cache import TOP, locked, recipe_hash
from machine import (BOOT_SECONDS, COMMAND_SECONDS, SHUTDOWN_SECONDS, Machine,
                     MachineError)
from world import ARCHIVE_IS_BROKEN, WORLDS, WorldBroken

HERE = Path(__file__).resolve().parent
ROOT_MIB = 960
PARTITION_OFFSET_MIB = 1
# the base depends on these, and on the list of packages to build with (tools/lib.sh), which is ignored
RECIPE = HERE / "mkimage", HERE / "debian.sh", HERE / "rootfs"
ZFS_RECIPE = HERE / "mkzfs", HERE / "debian.sh"

# sfdisk, wipefs and mkfs wait for udev themselves where needed.
MAKE_DATA = r"""
disk() { for c in /sys/class/nvme/*; do
        [ "$(tr -d ' ' <"$c/serial")" != "$1" ] || basename "$c"/nvme*n*; done; }
dev() { echo "/dev/$(disk "$1")"; }

echo 'start=2048, type=linux' | sfdisk -q --label gpt "$(dev EXT4)"
udevadm settle
mke2fs -q -t ext4 -L vmext4 "$(dev EXT4)p1"
mkswap -q -L vmswap "$(dev SWAP)"
mke2fs -q -t ext4 -L vmbusy "$(dev BUSY)"
mdadm --create /dev/md/vm --run --level=1 --raid-devices=2 --metadata=1.2 --assume-clean \
        --name=vm "$(dev MDA)" "$(dev MDB)"
mke2fs -q -t ext4 -L vmmd /dev/md/vm
pvcreate -q "$(dev LVM)"
vgcreate -q vm "$(dev LVM)"
lvcreate -q -y -l 100%FREE -n data vm
mke2fs -q -t ext4 -L vmlvm /dev/vm/data
sync
vgchange -q -an vm
mdadm --stop /dev/md/vm
"""


def _run(*args):
    subprocess.run([str(a) for a in args], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)


def _write_entry(file, name, st=None, path=None):
    """Writes an entry of a cpio archive, in the kernel's format (Documentation/driver-api/
    early-userspace/buffer-format.rst); not every Debian has a tool for it."""
    name, data = str(name).encode() + b"\0", b""
    if path and stat.S_ISLNK(st.st_mode):
        data = os.readlink(path).encode()
    elif path and stat.S_ISREG(st.st_mode):
        data = path.read_bytes()
    device = st.st_rdev if st else 0
    # hard links become separate files
    fields = (0, st.st_mode, st.st_uid, st.st_gid, 1, int(st.st_mtime)) if st else (0, 0, 0, 0, 1, 0)
    fields += (len(data), 0, 0, os.major(device), os.minor(device), len(name), 0)
    entry = b"070701" + b"".join(b"%08X" % field for field in fields) + name
    file.write(entry + bytes(-len(entry) % 4) + data + bytes(-len(data) % 4))


class Images:
    """@world: the machines' Debian (world.py); @clock: their clock (machine.py)."""

    def __init__(self, cache, world, kvm=False, progress=print, clock="host"):
        self.world = world
        self.cache = Path(cache).resolve() / world.suite
        self.cache.mkdir(parents=True, exist_ok=True)
        self.kvm = kvm
        self.clock = clock
        self._say = progress
        self.emulator = emulator.find(cache, progress)
        with self._locked():
            self.base = self._make_base()
        self.kernel, self.initrd = self.base / "vmlinuz", self.base / "initrd"
        self.version = next((self.base / "root/lib/modules").iterdir()).name

    def _locked(self):
        return locked(self.cache / "lock")

    def _forget(self, pattern):
        """Removes the results of older recipes and of interrupted runs; these may contain mounts, such
        as one of this machine's /dev/shm."""
        for old in self.cache.glob(pattern):
            _run("rm", "-rf", "--one-file-system", old)

    def _make_base(self):
        base = self.cache / f"base-{recipe_hash(*RECIPE)}"
        if base.exists():
            return base
        self._say(f"building the base system of {self.world.suite} (some minutes, kept afterwards)")
        self._forget("base-*")
        options = [] if self.world.is_here else ["--toolchain"]
        self._make("mkimage", *options, self.world.suite, base)
        return base

    def _make(self, script, *args):
        """Runs a recipe of this directory."""
        with open(self.cache / f"{script}.log", "wb") as log:
            status = subprocess.run([HERE / script, *args], check=False, stdin=subprocess.DEVNULL,
                                    stdout=log, stderr=subprocess.STDOUT).returncode
        if status == ARCHIVE_IS_BROKEN:
            raise WorldBroken(f"Debian {self.world.suite} could not be installed from its archive, "
                              f"see {log.name}")
        if status:
            raise MachineError(f"tests/vm/{script} failed with {status}, see {log.name}")

    def zfs(self):
        """Returns the directory of the base with ZFS: for root(), and with an initrd of its own."""
        if self.world.is_here:
            raise MachineError(f"ZFS is built in a toolchain, and {self.world.suite} has none")
        zfs = self.cache / f"zfs-{recipe_hash(*ZFS_RECIPE)}-{self.base.name}"
        with self._locked():
            if not zfs.exists():
                self._say("building ZFS for the guest (some minutes, kept afterwards)")
                self._forget("zfs-*")
                self._make("mkzfs", self.world.suite, self.base, zfs)
        return zfs

    def inside(self, *command):
        """Returns the words that run @command in the Debian that builds for the guest, with the checkout
        and the cache at their own places."""
        words = [str(word) for word in command]
        if self.world.is_here:
            return words
        return [str(HERE / "enter"), str(self.base / "toolchain"), str(TOP), str(self.cache), "--",
                *words]

    def build(self, with_tests=False):
        """Builds the project with this world's compiler; returns meson's build directory."""
        with self._locked():
            return self._build("tests" if with_tests else "build", with_tests)

    def _build(self, name, with_tests):
        build = self.cache / name
        # a build by the compiler of another recipe is useless
        recipe = self.cache / f"{name}-of"
        if not recipe.exists() or recipe.read_text() != self.base.name:
            self._forget(name)
            recipe.write_text(self.base.name)
        self._say(f"building the project for {self.world.suite}")
        with open(self.cache / f"{name}.log", "wb") as log:
            for command in ([] if (build / "build.ninja").exists() else
                            [("meson", "setup", build, TOP, "-Dwerror=true",
                              f"-Dtests={str(with_tests).lower()}")]) + \
                           [("meson", "compile", "-C", build)]:
                if subprocess.run(self.inside(*command), check=False, stdin=subprocess.DEVNULL,
                                  stdout=log, stderr=subprocess.STDOUT).returncode:
                    raise MachineError(f"the project does not build in {self.world.suite}, see "
                                       f"{log.name}:\n{Path(log.name).read_text()[-2000:]}")
        return build

    def install(self, build, tree):
        """Runs `meson install` into @tree."""
        _run(*self.inside("meson", "install", "-C", Path(build).resolve(), "--destdir", tree,
                          "--no-rebuild", "--quiet"))

    def _root_disk(self, tree, disk):
        raw = disk.with_suffix(".raw")
        raw.unlink(missing_ok=True)
        with open(raw, "wb") as file:
            file.truncate(ROOT_MIB << 20)
        subprocess.run(["sfdisk", "-q", "--label", "gpt", raw], check=True, text=True,
                       input=f"start={PARTITION_OFFSET_MIB}MiB, type=linux\n")
        # the last MiB belongs to the second copy of the partition table
        size = ROOT_MIB - PARTITION_OFFSET_MIB - 1
        _run("mke2fs", "-q", "-t", "ext4", "-L", "vmroot", "-d", tree,
             "-E", f"offset={PARTITION_OFFSET_MIB << 20}", raw, f"{size}M")
        _run("qemu-img", "convert", "-O", "qcow2", raw, disk)
        raw.unlink()

    @staticmethod
    def _root_archive(tree, archive):
        """Writes the whole root as an initrd."""
        with open(archive, "wb") as file:
            for path in sorted(tree.rglob("*")):
                _write_entry(file, path.relative_to(tree), path.lstat(), path)
            _write_entry(file, "TRAILER!!!")

    def root(self, build=None, files=None, name=None, in_memory=False, base=None):
        """Makes a root disk, or an initrd that contains the root, from the base and, with @build, the
        installed project.

        @files: further files, path in the guest -> path here.
        @base: that of zfs()."""
        disk = self.cache / (name or ("root.qcow2" if build else "root-plain.qcow2"))
        tree = self.cache / f"tree-{os.getpid()}"
        for old in self.cache.glob("tree-*"):
            if not Path("/proc", old.name.removeprefix("tree-")).exists():
                self._forget(old.name)
        # Hard links are safe: installing replaces files and never writes into them.
        _run("cp", "-al", (base or self.base) / "root", tree)
        if build:
            self.install(build, tree)
        for there, here in (files or {}).items():
            target = tree / there.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(here, target)
        (self._root_archive if in_memory else self._root_disk)(tree, disk)
        shutil.rmtree(tree)
        return disk

    def data(self):
        """Returns the directory of the data disks; a guest's own tools make them when first needed."""
        with self._locked():
            return self._make_data()

    def _make_data(self):
        digest = hashlib.sha256((MAKE_DATA + self.base.name).encode())
        digest.update((HERE / "topology.py").read_bytes())
        data = self.cache / f"data-{digest.hexdigest()[:16]}"
        if data.exists():
            return data
        self._say("making file systems, array and volumes in a guest (about a minute, kept)")
        self._forget("data-*")
        new = data.with_suffix(".new")
        new.mkdir()
        disks = {"ROOT": self.root()}
        for ctrl in topology.CONTROLLERS:
            if ctrl.serial != "ROOT":
                disks[ctrl.serial] = new / f"{ctrl.serial}.qcow2"
                _run("qemu-img", "create", "-f", "qcow2", disks[ctrl.serial], f"{ctrl.size_mib}M")
        # the file systems in fstab do not exist yet
        try:
            with self.machine(new, disks, "rw fstab=no") as machine:
                # long waits: a busy host must not make the world look broken
                machine.wait_boot(4 * BOOT_SECONDS)
                machine.check(MAKE_DATA, 4 * COMMAND_SECONDS)
                machine.post("systemctl poweroff")
                machine.wait_exit(4 * SHUTDOWN_SECONDS)
        except MachineError as error:
            # not the project's fault: it is not installed there
            raise WorldBroken(f"Debian {self.world.suite} does not boot, make its disks and power off "
                              f"by itself, see {new / 'console.log'}: {error}") from error
        new.rename(data)
        return data

    def machine(self, directory, disks, append="ro", cpus=1):
        return Machine(directory, topology.qemu_devices(disks), self.kernel, self.initrd, self.kvm,
                       f"ignore_loglevel {append}", clock=self.clock, emulator=self.emulator, cpus=cpus)

    def fresh_disks(self, directory, build, base=None):
        """Makes overlays in @directory over root and data disks: serial -> path.

        @base: that of zfs()."""
        directory = Path(directory)
        if directory.exists():
            shutil.rmtree(directory)
        directory.mkdir(parents=True)
        data, disks = self.data(), {}
        root = self.root(build, name=f"root-{directory.name}.qcow2", base=base)
        for ctrl in topology.CONTROLLERS:
            back = root if ctrl.serial == "ROOT" else data / f"{ctrl.serial}.qcow2"
            disks[ctrl.serial] = directory / f"{ctrl.serial}.qcow2"
            _run("qemu-img", "create", "-f", "qcow2", "-F", "qcow2", "-b", back,
                 disks[ctrl.serial])
        return disks


def main():
    parser = argparse.ArgumentParser(description="Makes the slow parts of the images of a world.")
    parser.add_argument("--world", choices=WORLDS, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--kvm", action="store_true")
    args = parser.parse_args()
    try:
        images = Images(args.cache, WORLDS[args.world], args.kvm)
        images.data()
    except WorldBroken as error:
        print(error, file=sys.stderr)
        # for a release this is a failure like any other
        return 1 if WORLDS[args.world].is_released else ARCHIVE_IS_BROKEN
    images.build()
    return 0


if __name__ == "__main__":
    sys.exit(main())
