# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine that boots from a dracut image and goes down through it.

No other image has dracut: its package is unpacked into a copy of the base system, only to make the
image there. The machine itself gets that image, and the files that unpack it at shutdown.
"""

import shutil
import subprocess
from pathlib import Path

import evidence
import topology
from machine import Machine

# dracut-install: a package of its own since 112. cpio: no part of forky's base, which has 3cpio.
PACKAGES = {"bookworm": ("dracut-core",), "trixie": ("dracut-core",),
            "forky": ("dracut-core", "dracut-install", "cpio")}
CPIO = Path("usr/bin/cpio")
DRACUT = Path("usr/lib/dracut")
UNITS = ("dracut-shutdown.service", "dracut-shutdown-onfailure.service")
# directories of the units, by version
UNIT_DIRECTORIES = (Path("usr/lib/systemd/system"), DRACUT / "modules.d/98dracut-systemd")
# The files that unpack the image: the second or the third, by version.
RESTORE = ("dracut-initramfs-restore", "skipcpio", "extractinitrd")
# The modules that find the root file system of this machine, and leave it again.
MODULES = ("systemd systemd-initrd dracut-systemd base udev-rules rootfs-block fs-lib shutdown "
           "nvme-async-shutdown")
# ext4 of Linux 6.1 asks for the last one by name; later kernels have none
DRIVERS = "nvme ext4 virtio_pci"
CHECKSUM_DRIVER = "crc32c_generic"

# After systemd-shutdown's own executables; dracut prints the second one for each unmount.
PIVOT = r"systemd-shutdown\[1\]: Successfully changed into root pivot"
PHASES = (("teardown", evidence.TEARDOWN_BEGINS), ("hook", evidence.HOOKS_BEGIN),
          ("exitrd", PIVOT), ("kernel", r"Rebooting\.|Powering off\."))


def _download(images, directory):
    """Downloads the packages by apt; returns their files."""
    command = images.inside("sh", "-c", 'cd "$1"; shift; exec apt-get -q "$@"', "sh", directory,
                            "-o", "APT::Sandbox::User=root", "download",
                            *PACKAGES[images.world.suite])
    if subprocess.run(command, check=False, capture_output=True,
                      stdin=subprocess.DEVNULL).returncode:
        subprocess.run(images.inside("apt-get", "-q", "update"), check=True, capture_output=True,
                       stdin=subprocess.DEVNULL)
        subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return sorted(directory.glob("*.deb"))


def _make_initrd(tree, version, image):
    has_checksum = any((tree / "lib/modules" / version).rglob(f"{CHECKSUM_DRIVER}.ko*"))
    drivers = f"{DRIVERS} {CHECKSUM_DRIVER}" if has_checksum else DRIVERS
    command = ["dracut", "--quiet", "--force", "--no-hostonly", "--no-hostonly-cmdline",
               "--no-early-microcode", "--compress", "lz4", "--modules", MODULES,
               "--add-drivers", drivers, image, version]
    enter = 'for d in dev proc sys; do mount --bind /$d "$0/$d"; done; exec chroot "$0" "$@"'
    subprocess.run(["unshare", "--mount", "sh", "-ec", enter, tree,
                    "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *command],
                   check=True, stdin=subprocess.DEVNULL)


def _unit(tree, name):
    return next(tree / directory / name for directory in UNIT_DIRECTORIES
                if (tree / directory / name).exists())


def make_root(images, directory, build):
    """Returns (root disk, initrd) of a machine with dracut."""
    directory.mkdir(parents=True)
    image = f"boot/initrd.img-{images.version}"
    tree = directory / "tree"
    subprocess.run(["cp", "-a", "--reflink=auto", images.base / "root", tree], check=True)
    images.install(build, tree)
    for package in _download(images, directory):
        archive = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], check=True,
                                 stdout=subprocess.PIPE, stdin=subprocess.DEVNULL).stdout
        subprocess.run(["tar", "-C", tree, "--keep-directory-symlink", "-xf", "-"], check=True,
                       input=archive)
    _make_initrd(tree, images.version, image)
    initrd = shutil.copy(tree / image, directory / "initrd")
    files = {image: tree / image}
    files.update({str(DRACUT / name): tree / DRACUT / name for name in RESTORE
                  if (tree / DRACUT / name).exists()})
    files.update({f"usr/lib/systemd/system/{name}": _unit(tree, name) for name in UNITS})
    if "cpio" in PACKAGES[images.world.suite]:
        files[str(CPIO)] = tree / CPIO
    disk = images.root(build, files, "root-exitrd.qcow2")
    shutil.rmtree(tree)
    return disk, initrd


def overlays(images, root, directory):
    """Returns disks over that root disk and the usual data disks: serial -> path."""
    directory.mkdir()
    disks = {}
    for ctrl in topology.CONTROLLERS:
        back = root if ctrl.serial == "ROOT" else images.data() / f"{ctrl.serial}.qcow2"
        disks[ctrl.serial] = directory / f"{ctrl.serial}.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", back,
                        disks[ctrl.serial]], check=True, stdin=subprocess.DEVNULL)
    return disks


class Box:
    """One machine with an error record store, over several shutdowns."""

    def __init__(self, images, directory, build, say):
        self._images, self.directory, self._say = images, Path(directory).resolve(), say
        say("making a dracut image")
        if self.directory.exists():
            shutil.rmtree(self.directory)
        root, self._initrd = make_root(images, self.directory / "made", build)
        self._disks = overlays(images, root, self.directory / "disks")
        self.machine = None

    def start(self):
        self.close()
        self._say("booting the machine with dracut")
        devices = topology.qemu_devices(self._disks) + topology.store_devices(self.directory / "erst")
        self.machine = Machine(self.directory, devices, self._images.kernel, self._initrd,
                               self._images.kvm, "ignore_loglevel ro",
                               clock=self._images.clock, emulator=self._images.emulator)
        self.machine.start()
        self.machine.wait_boot()

    def shut_down(self, command, phases=PHASES):
        return evidence.reboot(self.machine, command, phases=phases)

    def close(self):
        if self.machine:
            self.machine.close()
            self.machine = None
