"""An RS-485 line as two pseudo-terminals, with LEDs of a real Modbus library at the other end."""

from __future__ import annotations

import asyncio
import os
import select
import threading
import tty
from functools import partial
from types import TracebackType
from typing import Any

from pymodbus import FramerType
from pymodbus.exceptions import NoSuchIdException
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

REGISTERS = 8


class Line:
    """Two ends of one line, `near` and `far`, as paths; what the near end sends is kept. `cut` loses every byte."""

    def __init__(self) -> None:
        self._masters, self._slaves = zip(*(os.openpty() for _ in range(2)), strict=True)
        for each in (*self._masters, *self._slaves):
            tty.setraw(each)
        self.near, self.far = (os.ttyname(each) for each in self._slaves)
        self.sent = bytearray()
        self.cut = threading.Event()
        self._over = threading.Event()
        self._relay = threading.Thread(target=self._carry, daemon=True)
        self._relay.start()

    def _carry(self) -> None:
        there = dict(zip(self._masters, reversed(self._masters), strict=True))
        while not self._over.is_set():
            for source in select.select(list(self._masters), [], [], 0.1)[0]:
                data = os.read(source, 4096)
                if source == self._masters[0]:
                    self.sent += data
                if not self.cut.is_set():
                    os.write(there[source], data)

    def type(self, data: bytes) -> None:
        """Bytes that arrive at the near end, as from a keypad."""
        os.write(self._masters[0], data)

    def close(self) -> None:
        self._over.set()
        self._relay.join(timeout=60)
        for each in (*self._masters, *self._slaves):
            os.close(each)


class Leds:
    """LEDs at the far end of a line, by address. Others on the line do not answer."""

    def __init__(self, line: Line, *addresses: int) -> None:
        self._line = line
        self._shown = {address: [0] * REGISTERS for address in addresses}
        self._before: dict[int, list[tuple[int, int]]] = {address: [] for address in addresses}
        self._devices = [self._device(address) for address in (0, *addresses)]
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _device(self, address: int) -> SimDevice:
        """Address 0 stands for all that are not there."""
        registers = [SimData(0, count=REGISTERS, datatype=DataType.REGISTERS)]
        return SimDevice(address, registers, action=partial(self._write, address))

    async def _write(self, device: int, function: int, start: int, address: int, count: int, now: list[int], values: Any) -> None:
        if device not in self._shown:
            raise NoSuchIdException("nobody")
        self._shown[device][address : address + count] = values or []
        self._before[device].append(self.shows(device))

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)

        async def serve() -> None:
            self._server = ModbusSerialServer(
                self._devices, framer=FramerType.RTU, port=self._line.far, baudrate=9600, ignore_missing_devices=True
            )
            await self._server.serve_forever(background=True)
            self._ready.set()

        self._loop.run_until_complete(serve())
        self._loop.run_forever()

    def __enter__(self) -> Leds:
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._server.shutdown(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=60)

    def shows(self, address: int) -> tuple[int, int]:
        """Number and mode of one LED."""
        number, mode = self._shown[address][:2]
        return number, mode

    def has_shown(self, address: int) -> list[tuple[int, int]]:
        """All of it so far: a busy machine may look away for longer than an LED blinks."""
        return list(self._before[address])

    def forget(self, address: int) -> None:
        """The LED was switched off and on again."""
        self._shown[address] = [0] * REGISTERS
