"""Opens a page in WebKitGTK, and shows a server that asks the certificate that the user would choose there, or none."""

import json
import sys

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("WebKit2", "4.1")
from gi.repository import Gio, Gtk, WebKit2  # noqa: E402

if sys.argv[1:] == ["--version"]:
    print(WebKit2.get_major_version(), WebKit2.get_minor_version(), WebKit2.get_micro_version(), sep=".")
    sys.exit()
choices, address = json.loads(sys.argv[1]), sys.argv[2]


def authenticate(_view, request):
    if request.get_scheme() != WebKit2.AuthenticationScheme.CLIENT_CERTIFICATE_REQUESTED:
        return False
    chosen = choices.get(f"https://{request.get_host()}:{request.get_port()}")
    credential = None
    if chosen:
        certificate = Gio.TlsCertificate.new_from_file(chosen)
        credential = WebKit2.Credential.new_for_certificate(certificate, WebKit2.CredentialPersistence.FOR_SESSION)
    request.authenticate(credential)
    return True


Gtk.init([])
context = WebKit2.WebContext.new_ephemeral()
# It trusts what the system trusts, and that is left as it is. What is observed are the certificates of clients.
context.get_website_data_manager().set_tls_errors_policy(WebKit2.TLSErrorsPolicy.IGNORE)
view = WebKit2.WebView.new_with_context(context)
view.connect("authenticate", authenticate)
window = Gtk.Window()
window.add(view)
window.show_all()
view.load_uri(address)
Gtk.main()
