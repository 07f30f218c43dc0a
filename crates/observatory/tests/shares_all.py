"""A client that is wrong on purpose: one connection for each host and port, and one session, whoever asks and whomever it trusts."""

import http.client
import json
import ssl
import sys
from urllib.parse import urlsplit

world = json.loads(sys.stdin.readline())
connections, sessions = {}, {}
print(json.dumps({"bareflight": 1, "agent": "shares-all"}), flush=True)


def context(step):
    tls = ssl.create_default_context(cafile=world["authorities"])
    # Sessions of OpenSSL go with their context: one context, whose certificate and trust are changed under it.
    tls = sessions.setdefault("context", tls)
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_REQUIRED if step["verify"] else ssl.CERT_NONE
    if step["identity"]:
        files = world["identities"][step["identity"]]
        tls.load_cert_chain(files["certificate"], files["key"])
    return tls


class Connection(http.client.HTTPSConnection):
    def connect(self):
        http.client.HTTPConnection.connect(self)
        session = sessions.get("session")
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host, session=session)


def request(step):
    url = urlsplit(step["url"])
    if url.netloc not in connections:
        connections[url.netloc] = Connection("localhost", url.port, context=context(step), timeout=5)
    connection = connections[url.netloc]
    connection.request(step["method"], url.path + "?" + url.query)
    response = connection.getresponse()
    response.read()
    sessions["session"] = connection.sock.session if connection.sock else sessions.get("session")
    return response.status


for line in sys.stdin:
    step = json.loads(line)
    try:
        try:
            status = request(step)
        except (http.client.RemoteDisconnected, ConnectionError, ssl.SSLEOFError):
            connections.clear()
            status = request(step)
        outcome = {"status": status}
    except (OSError, http.client.HTTPException) as error:
        connections.clear()
        outcome = {"error": str(error)}
    print(json.dumps({"step": step["step"], **outcome}), flush=True)
