"""Python's aiohttp under the step protocol of bareflight: one ClientSession, told with each request which SSLContext to use; there is one
for each identity and each trust, as making one for each request costs a handshake every time."""

import asyncio
import json
import socket
import ssl
import sys

import aiohttp
from aiohttp.abc import AbstractResolver

world = json.loads(sys.stdin.readline())
addresses = {it["host"]: it["address"] for it in world["servers"]}
contexts = {}
print(json.dumps({"bareflight": 1, "agent": "aiohttp", "version": aiohttp.__version__}), flush=True)


class FromTheWorld(AbstractResolver):
    """Names are looked up in the world that we were told of, not in the DNS."""

    async def resolve(self, host, port=0, family=socket.AF_INET):
        return [{"hostname": host, "host": addresses[host], "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}]

    async def close(self):
        pass


def context(identity, verify):
    if (identity, verify) not in contexts:
        tls = ssl.create_default_context(cafile=world["authorities"])
        if not verify:
            tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        if identity:
            files = world["identities"][identity]
            tls.load_cert_chain(files["certificate"], files["key"])
        contexts[identity, verify] = tls
    return contexts[identity, verify]


async def main():
    limit = aiohttp.ClientTimeout(total=5)
    connector = aiohttp.TCPConnector(resolver=FromTheWorld())
    async with aiohttp.ClientSession(connector=connector, timeout=limit) as session:
        # The loop goes on meanwhile: it hears of connections that are closed.
        while line := await asyncio.to_thread(sys.stdin.readline):
            step = json.loads(line)
            tls = context(step["identity"], step["verify"])
            request = session.request(
                step["method"], step["url"], headers=dict(step["headers"]), data=step["body"], ssl=tls
            )
            try:
                async with request as response:
                    await response.read()
                    outcome = {"status": response.status}
            except (aiohttp.ClientError, asyncio.TimeoutError) as error:
                outcome = {"error": str(error) or type(error).__name__}
            print(json.dumps({"step": step["step"], **outcome}), flush=True)


asyncio.run(main())
