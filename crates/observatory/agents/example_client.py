"""A complete client under the step protocol of bareflight, with Python's own http.client: a connection for each request."""

import http.client
import json
import ssl
import sys
from urllib.parse import urlsplit

world = json.loads(sys.stdin.readline())
addresses = {(it["host"], it["port"]): it["address"] for it in world["servers"]}


def request(step):
    url = urlsplit(step["url"])
    tls = ssl.create_default_context(cafile=world["authorities"])
    if not step["verify"]:
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    if step["identity"]:
        files = world["identities"][step["identity"]]
        tls.load_cert_chain(files["certificate"], files["key"])
        tls.post_handshake_auth = True
    connection = http.client.HTTPSConnection(url.hostname, url.port, context=tls, timeout=5)
    # The name is looked up in the world that we were told of, not in the DNS.
    connect = connection._create_connection
    connection._create_connection = lambda at, *rest: connect((addresses[at], at[1]), *rest)
    try:
        target = url.path + ("?" + url.query if url.query else "")
        connection.request(step["method"], target, step["body"], dict(step["headers"]))
        return {"status": connection.getresponse().status}
    finally:
        connection.close()


print(json.dumps({"bareflight": 1, "agent": "http.client", "version": sys.version.split()[0]}), flush=True)
for line in sys.stdin:
    step = json.loads(line)
    try:
        outcome = request(step)
    except (OSError, http.client.HTTPException) as error:
        outcome = {"error": str(error)}
    print(json.dumps({"step": step["step"], **outcome}), flush=True)
