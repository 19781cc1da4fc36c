# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine that boots from a dracut image and goes down through it.

dracut is in nobody else's image: its package is unpacked beside a copy of the base system, only to
make the image there. The machine itself gets that image and what unpacks it at shutdown.
"""

import shutil
import subprocess
from pathlib import Path

import evidence
import topology
from machine import Machine

PACKAGE = "dracut-core"
DRACUT = Path("usr/lib/dracut")
UNITS = ("dracut-shutdown.service", "dracut-shutdown-onfailure.service")
# What finds the root file system of this machine, and the way out of it.
MODULES = ("systemd systemd-initrd dracut-systemd base udev-rules rootfs-block fs-lib shutdown "
           "nvme-async-shutdown")
DRIVERS = "nvme ext4 crc32c_generic virtio_pci"
STORE_KIB = 64

# After systemd-shutdown's own executables; dracut says the second one for each that it unmounts.
PIVOT = r"systemd-shutdown\[1\]: Successfully changed into root pivot"
PHASES = (("teardown", evidence.TEARDOWN_BEGINS), ("hook", evidence.HOOKS_BEGIN),
          ("exitrd", PIVOT), ("kernel", r"Rebooting\.|Powering off\."))


def _download(directory):
    """The package's file; apt knows where from."""
    command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", PACKAGE]
    if subprocess.run(command, cwd=directory, check=False, capture_output=True,
                      stdin=subprocess.DEVNULL).returncode:
        subprocess.run(["apt-get", "-q", "update"], check=True, capture_output=True,
                       stdin=subprocess.DEVNULL)
        subprocess.run(command, cwd=directory, check=True, capture_output=True,
                       stdin=subprocess.DEVNULL)
    found, = directory.glob(f"{PACKAGE}_*.deb")
    return found


def _make_initrd(tree, images.version, image):
    command = ["dracut", "--quiet", "--force", "--no-hostonly", "--no-hostonly-cmdline",
               "--no-early-microcode", "--compress", "lz4", "--modules", MODULES,
               "--add-drivers", DRIVERS, image, version]
    enter = 'for d in dev proc sys; do mount --bind /$d "$0/$d"; done; exec chroot "$0" "$@"'
    subprocess.run(["unshare", "--mount", "sh", "-ec", enter, tree,
                    "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *command],
                   check=True, stdin=subprocess.DEVNULL)


def make_root(images, directory, build):
    """(root disk, initrd) of a machine with dracut."""
    directory.mkdir(parents=True)
    image = f"boot/initrd.img-{images.version}"
    tree = directory / "tree"
    subprocess.run(["cp", "-a", "--reflink=auto", images.base / "root", tree], check=True)
    images.install(build, tree)
    package = _download(directory)
    archive = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], check=True,
                             stdout=subprocess.PIPE, stdin=subprocess.DEVNULL).stdout
    subprocess.run(["tar", "-C", tree, "--keep-directory-symlink", "-xf", "-"], check=True,
                   input=archive)
    _make_initrd(tree, images.version, image)
    initrd = shutil.copy(tree / image, directory / "initrd")
    files = {str(path): tree / path
             for path in (Path(image), DRACUT / "dracut-initramfs-restore", DRACUT / "skipcpio")}
    files.update({f"lib/systemd/system/{name}": tree / DRACUT / "modules.d/98dracut-systemd" / name
                  for name in UNITS})
    disk = images.root(build, files, "root-exitrd.qcow2")
    shutil.rmtree(tree)
    return disk, initrd


def overlays(images, root, directory):
    """Disks over that root disk and the usual data disks: serial -> path."""
    directory.mkdir()
    disks = {}
    for ctrl in topology.CONTROLLERS:
        back = root if ctrl.serial == "ROOT" else images.data() / f"{ctrl.serial}.qcow2"
        disks[ctrl.serial] = directory / f"{ctrl.serial}.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", back,
                        disks[ctrl.serial]], check=True, stdin=subprocess.DEVNULL)
    return disks


class Box:
    """One machine, over several shutdowns; it has an error record store."""

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
        devices = topology.qemu_devices(self._disks)
        devices += ["-object", f"memory-backend-file,id=store,mem-path={self.directory / 'erst'},"
                               f"size={STORE_KIB}K,share=on",
                    "-device", "acpi-erst,memdev=store"]
        self.machine = Machine(self.directory, devices, self._images.kernel, self._initrd,
                               self._images.kvm, "ignore_loglevel ro")
        self.machine.start()
        self.machine.wait_boot()

    def shut_down(self, command, phases=PHASES):
        shutdown = evidence.begin(self.machine, phases)
        evidence.watch(self.machine, shutdown, command)
        evidence.look_back(self.machine, shutdown)
        return shutdown

    def close(self):
        if self.machine:
            self.machine.close()
            self.machine = None
