"""A long way to a server on this machine: python -m bench.delay PORT TARGET-PORT MILLISECONDS

Takes connections on PORT and hands on what comes, each piece half a round trip later; the round
trip in which a connection is made passes too.  Order is kept, and the rate is not limited.
"""

import asyncio
import contextlib
import sys
from collections.abc import Callable

PIECES_MAX = 1_000  # under way in one direction; more than a window of TCP holds


async def serve(port: int, target: int, round_trip_seconds: float) -> None:
    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(round_trip_seconds)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
        except OSError:
            writer.close()
            return
        half = round_trip_seconds / 2
        await asyncio.gather(_pump(reader, far_writer, half), _pump(far_reader, writer, half))

    server = await asyncio.start_server(pass_on, "127.0.0.1", port, backlog=1_000)
    await server.serve_forever()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_seconds: float
) -> None:
    on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(PIECES_MAX)
    now: Callable[[], float] = asyncio.get_running_loop().time
    arriving = asyncio.ensure_future(_arrive(on_the_way, writer, now))
    data = b"-"
    while data:
        try:
            data = await reader.read(65_536)
        except OSError:
            data = b""
        await on_the_way.put((now() + delay_seconds, data))
    await arriving


async def _arrive(
    on_the_way: "asyncio.Queue[tuple[float, bytes]]",
    writer: asyncio.StreamWriter,
    now: Callable[[], float],
) -> None:
    """An empty piece is the end."""
    with contextlib.suppress(OSError):
        while True:
            due, data = await on_the_way.get()
            await asyncio.sleep(max(0.0, due - now()))
            if not data:
                break
            writer.write(data)
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) / 1_000))
