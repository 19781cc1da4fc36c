# SPDX-License-Identifier: LGPL-2.1-or-later
"""QEMU's trace of the guest's actions, in their order.

The events come from QEMU's log trace, read off its stderr:

* `pci_nvme_mmio_shutdown_set`: a controller was told to shut down. It does not
  name the controller; therefore
* `memory_region_ops_write`: each write to a register, with its absolute
  address. CC of an NVMe controller is at BAR0 + 0x14, SHN are its bits 15:14.
* The same event shows each character written to the serial port: so the
  console's lines are in the same stream, in their true place.
* `pci_nvme_flush_ns`: a namespace was flushed.
"""

import re
import threading
from dataclasses import dataclass

NVME_CC = 0x14
BAR_SIZE = 0x4000
UART_DATA, UART_LCR = 0x3F8, 0x3FB
LCR_DLAB = 0x80

_LINE = re.compile(rb"^\d+@(\d+\.\d+):(\w+) (.*)$")
_WRITE = re.compile(rb"mr \S+ addr 0x([0-9a-f]+) value 0x([0-9a-f]+) size \d+ name '([^']*)'")
_NSID = re.compile(rb"nsid 0x([0-9a-f]+)")


@dataclass(frozen=True)
class Event:
    kind: str       # "shn", "shutdown_set", "flush" or "line"
    time: float     # host clock
    address: int = 0    # shn: of BAR0
    value: int = 0      # shn: 1 = normal, 2 = abrupt; flush: namespace id
    text: str = ""      # line


class Trace:
    """Reads the stream in a thread; keeps lines that are no events as QEMU's messages."""

    # Register writes make tens of thousands of lines a second: enabled for the shutdown only.
    QUIET = ("pci_nvme_mmio_shutdown_set", "pci_nvme_flush_ns")
    NOISY = "memory_region_ops_write"

    def __init__(self, stream):
        self.events = []
        self.other = []
        self._divisor = False
        self._text = bytearray()
        self._thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._thread.start()

    def join(self, timeout):
        self._thread.join(timeout)

    def _read(self, stream):
        with stream:
            for raw in stream:
                # Cheap tests first: almost all lines are writes to timers and doorbells.
                if b"memory_region_ops_write" in raw and not (
                        b"'nvme'" in raw or b"'serial'" in raw):
                    continue
                match = _LINE.match(raw.rstrip())
                if match:
                    self._event(float(match[1]), match[2], match[3])
                else:
                    self.other.append(raw.decode(errors="replace").rstrip())

    def _event(self, time, name, args):
        if name == b"memory_region_ops_write":
            self._write(time, _WRITE.search(args))
        elif name == b"pci_nvme_mmio_shutdown_set":
            self.events.append(Event("shutdown_set", time))
        elif name == b"pci_nvme_flush_ns":
            nsid = int(_NSID.search(args)[1], 16)
            self.events.append(Event("flush", time, value=nsid))

    def _write(self, time, match):
        address, value, name = int(match[1], 16), int(match[2], 16), match[3]
        if name == b"serial":
            self._uart(time, address, value)
        elif address % BAR_SIZE == NVME_CC and value >> 14 & 3:
            self.events.append(Event("shn", time, address=address - NVME_CC,
                                     value=value >> 14 & 3))

    def _uart(self, time, address, value):
        if address == UART_LCR:
            self._divisor = bool(value & LCR_DLAB)
        elif address == UART_DATA and not self._divisor:
            if value == 0x0A:
                text = self._text.decode(errors="replace").strip("\r")
                self.events.append(Event("line", time, text=text))
                self._text.clear()
            else:
                self._text.append(value & 0xFF)
