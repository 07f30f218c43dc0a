"""Python's urllib3 under the step protocol of bareflight: a PoolManager is told its certificate and its trust once, so there is
one for each of them; it keys its pools on both."""

import json
import socket
import sys

import urllib3

urllib3.disable_warnings()
world = json.loads(sys.stdin.readline())
addresses = {it["host"]: it["address"] for it in world["servers"]}
look_up = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: look_up(addresses.get(host, host), *rest, **more)
managers = {}
print(json.dumps({"bareflight": 1, "agent": "urllib3", "version": urllib3.__version__}), flush=True)


def manager(identity, verify):
    key = (identity, verify)
    if key not in managers:
        files = world["identities"].get(identity, {})
        managers[key] = urllib3.PoolManager(
            cert_file=files.get("certificate"),
            key_file=files.get("key"),
            cert_reqs="CERT_REQUIRED" if verify else "CERT_NONE",
            ca_certs=world["authorities"],
            retries=False,
            timeout=5,
        )
    return managers[key]


for line in sys.stdin:
    step = json.loads(line)
    try:
        response = manager(step["identity"], step["verify"]).request(
            step["method"], step["url"], headers=dict(step["headers"]), body=step["body"]
        )
        outcome = {"status": response.status}
    except urllib3.exceptions.HTTPError as error:
        outcome = {"error": str(error)}
    print(json.dumps({"step": step["step"], **outcome}), flush=True)
