"""A pymodbus server that the tests command over stdin, one JSON object a line.

Each unit has 64 coils and discrete inputs and 2000 holding and input registers; register n holds n. Holding registers
1500 to 1509 are not there. Argument: {"framer": "socket" | "rtu" | "ascii", "port": n | "device": path, "units": [...]},
and "image": [base, [words]] for further holding registers.
"""

import asyncio
import json
import sys

from pymodbus import FramerType
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

SETUP = json.loads(sys.argv[1])
FRAMER = FramerType(SETUP["framer"])

muted: set[int] = set()
delays: dict[int, float] = {}
refusals: dict[int, int] = {}
held: list[bytes] = []
hold = 0
before = b""
counts: dict[int, int] = {}


def unit_of(packet: bytes) -> int:
    match FRAMER:
        case FramerType.SOCKET:
            return packet[6]
        case FramerType.RTU:
            return packet[0]
        case _:
            return int(packet[1:3], 16)


def trace(sending: bool, packet: bytes) -> bytes:
    """What really goes out: nothing, something late, something foreign."""
    global hold, before
    if not sending:
        return packet
    if unit_of(packet) in muted:
        return b""
    if hold:
        hold -= 1
        held.append(packet)
        return b""
    packet = before + b"".join(held) + packet
    held.clear()
    before = b""
    return packet


def action_of(unit: int):
    async def action(_function, _start, _address, _count, _registers, _values):
        counts[unit] = counts.get(unit, 0) + 1
        await asyncio.sleep(delays.get(unit, 0))
        return ExcCodes(refusals[unit]) if unit in refusals else None

    return action


def device(unit: int) -> SimDevice:
    bits = [SimData(0, values=[n % 3 == 0 for n in range(64)], datatype=DataType.BITS)]
    low = SimData(0, values=list(range(1500)), datatype=DataType.REGISTERS)
    high = SimData(1510, values=list(range(1510, 2000)), datatype=DataType.REGISTERS)
    more = []
    if image := SETUP.get("image"):
        more.append(SimData(image[0], values=image[1], datatype=DataType.REGISTERS))
    blocks = (bits, list(bits), [low, high, *more], [SimData(0, values=list(range(2000)), datatype=DataType.REGISTERS)])
    return SimDevice(unit, simdata=blocks, action=action_of(unit))


async def obey(server, line: dict):
    global hold, before
    context = server.context
    match line:
        case {"mute": units}:
            muted.clear()
            muted.update(units)
        case {"delay": [unit, seconds]}:
            delays[unit] = seconds
        case {"refuse": [unit, code]}:
            refusals.pop(unit, None)
            if code:
                refusals[unit] = code
        case {"hold": times}:
            hold = times
        case {"before": text}:
            before = bytes.fromhex(text)
        case {"set": [unit, address, values]}:
            await context.async_setValues(unit, 16, address, values)
        case {"get": [unit, function, address, length]}:
            return await context.async_getValues(unit, function, address, length)
        case {"counts": _}:
            return [counts.get(unit, 0) for unit in range(256)]
    return "ok"


async def main():
    units = [device(unit) for unit in SETUP["units"]]
    options = {"framer": FRAMER, "trace_packet": trace}
    if "port" in SETUP:
        server = ModbusTcpServer(units, address=("127.0.0.1", SETUP["port"]), **options)
    else:
        server = ModbusSerialServer(units, port=SETUP["device"], baudrate=SETUP.get("baud", 9600), **options)
    await server.serve_forever(background=True)
    print(json.dumps("ready"), flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(await obey(server, json.loads(line))), flush=True)
    await server.shutdown()


asyncio.run(main())
