"""A hundred next hops that misbehave, each at an address of its own: 127.0.N.1 … 127.0.N.99.

python bad_neighbours.py KIND COUNT      prints the port, serves until its input ends
"""

import asyncio
import socket
import sys

ADDRESS = "127.0.{}.9"
TALK = {
    b"EHLO": b"250-neighbour\r\n250 PIPELINING\r\n",
    b"LHLO": b"250 neighbour\r\n",
    b"DATA": b"354 go on\r\n",
}


async def tarpit(_reader, writer):
    """A greeting of an octet a second."""
    for octet in b"220 " + b"x" * 400 + b"\r\n":
        writer.write(bytes([octet]))
        await asyncio.sleep(1)


async def endless_banner(_reader, writer):
    while True:
        writer.write(b"220-welcome\r\n")
        await asyncio.sleep(0.05)


async def says_421(_reader, writer):
    writer.write(b"421 4.3.2 not now\r\n")


async def talk(reader, writer, *, at_data):
    writer.write(b"220 neighbour\r\n")
    async for line in reader:
        verb = line[:4].upper()
        if verb == b"DATA":
            await at_data(writer)
            return
        writer.write(TALK.get(verb, b"250 ok\r\n"))


async def closes_after_354(reader, writer):
    async def at_data(writer):
        writer.write(b"354 go on\r\n")
        await writer.drain()

    await talk(reader, writer, at_data=at_data)


async def silent_after_data(reader, writer):
    async def at_data(_writer):
        await asyncio.sleep(3600)

    await talk(reader, writer, at_data=at_data)


async def slow_but_takes_all(reader, writer):
    """It answers each message after five seconds."""
    writer.write(b"220 neighbour\r\n")
    in_data = False
    async for line in reader:
        if in_data and line == b".\r\n":
            in_data = False
            await asyncio.sleep(5)
            writer.write(b"250 taken\r\n")
        elif not in_data:
            in_data = line[:4].upper() == b"DATA"
            writer.write(TALK.get(line[:4].upper(), b"250 ok\r\n"))


KINDS = {
    function.__name__: function
    for function in (
        tarpit,
        endless_banner,
        says_421,
        closes_after_354,
        silent_after_data,
        slow_but_takes_all,
    )
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def serve(kind: str, count: int) -> None:
    port = free_port()
    held = []
    if kind in KINDS:

        async def answer(reader, writer):
            try:
                await KINDS[kind](reader, writer)
                await writer.drain()
            except OSError:
                pass
            finally:
                writer.close()

        for n in range(1, count + 1):
            address = ADDRESS.format(n)
            held.append(await asyncio.start_server(answer, address, port, backlog=1_000))
    elif kind == "black_hole":  # the kernel accepts, nobody ever greets
        places = [(ADDRESS.format(n), port) for n in range(1, count + 1)]
        held += [socket.create_server(place, backlog=1_000) for place in places]
    print(port, flush=True)  # "refused": nobody listens
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
