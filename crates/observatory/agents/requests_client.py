"""Python's requests under the step protocol of bareflight: one Session, as its documentation recommends."""

import json
import socket
import sys

import requests

world = json.loads(sys.stdin.readline())
addresses = {it["host"]: it["address"] for it in world["servers"]}
look_up = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: look_up(addresses.get(host, host), *rest, **more)
session = requests.Session()
session.trust_env = False
print(json.dumps({"bareflight": 1, "agent": "requests", "version": requests.__version__}), flush=True)

for line in sys.stdin:
    step = json.loads(line)
    files = world["identities"].get(step["identity"])
    try:
        response = session.request(
            step["method"],
            step["url"],
            headers=dict(step["headers"]),
            data=step["body"],
            cert=files and (files["certificate"], files["key"]),
            verify=step["verify"] and world["authorities"],
            allow_redirects=True,
            timeout=5,
        )
        outcome = {"status": response.status_code}
    except requests.RequestException as error:
        outcome = {"error": str(error)}
    print(json.dumps({"step": step["step"], **outcome}), flush=True)
