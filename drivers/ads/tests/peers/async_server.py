"""A server of ads-async with a few variables: python async_server.py PORT. Prints "ready" when it listens."""

import asyncio
import sys

from ads_async.asyncio.server import AsyncioServer
from ads_async.constants import AdsDataType
from ads_async.symbols import SimpleDatabase


async def main():
    database = SimpleDatabase()
    for name, kind, value in [
        ("MAIN.nCount", AdsDataType.INT16, -1234),
        ("MAIN.fTemperature", AdsDataType.REAL64, 21.5),
        ("MAIN.nLarge", AdsDataType.UINT64, 2**64 - 1),
    ]:
        symbol = database.add_basic_symbol(name, kind)
        symbol.write(value)
        # Without this each symbol would lie where the first does.
        database._last_symbol = symbol
    server = AsyncioServer(database, port=int(sys.argv[1]), net_id="127.0.0.1.1.1", hosts=["127.0.0.1"])
    await server.start()
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(main())
