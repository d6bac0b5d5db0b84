"""A foreign identity provider: it publishes its discovery document and keys, and signs whatever a test wants."""

import base64
import http.server
import json
import ssl
import threading
import time

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import padding, rsa


def encode(data):
    if isinstance(data, dict):
        data = json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    def __init__(self, name):
        self.name = name
        self.private = rsa.generate_private_key(65537, 2048)

    def published(self):
        numbers = self.private.public_key().public_numbers()
        modulus, exponent = numbers.n.to_bytes(256, "big"), numbers.e.to_bytes(3, "big")
        return {"kty": "RSA", "use": "sig", "kid": self.name, "n": encode(modulus), "e": encode(exponent)}

    def sign(self, claims, header=None):
        head = {"alg": "RS256", "typ": "JWT", "kid": self.name} | (header or {})
        text = f"{encode(head)}.{encode(claims)}"
        return f"{text}.{encode(self.private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def sign_with_secret(secret, claims, name):
    """HS256: what a verifier falls for that takes the public key for a shared secret."""
    text = f"{encode({'alg': 'HS256', 'typ': 'JWT', 'kid': name})}.{encode(claims)}"
    signature = hmac.HMAC(secret, hashes.SHA256())
    signature.update(text.encode())
    return f"{text}.{encode(signature.finalize())}"


def changed(token, part, change):
    """The token with one part of it, decoded, changed."""
    parts = token.split(".")
    value = json.loads(base64.urlsafe_b64decode(parts[part] + "=="))
    parts[part] = encode(change(value))
    return ".".join(parts)


def identity_file(folder, *entries):
    """The operator's list of issuers."""
    file = folder / "identity.yaml"
    file.write_text("issuers:\n" + "".join(f"  - {json.dumps(entry)}\n" for entry in entries))
    return file


class FakeIssuer:
    """Serves on a free loopback port, by TLS where a certificate's folder is given."""

    def __init__(self, certificate=None):
        self.keys = [Key("first")]
        self.key_requests = 0
        self.is_down = False
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                status, body = issuer.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                self.do_GET()

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.server.server_port}/realms/lab"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def answer(self, path):
        if path == "/realms/lab/.well-known/openid-configuration":
            return 200, json.dumps({"issuer": self.url, "jwks_uri": self.url + "/keys"}).encode()
        if path != "/realms/lab/keys":
            return 404, b"{}"
        self.key_requests += 1
        if self.is_down:
            return 503, b"down"
        return 200, json.dumps({"keys": [key.published() for key in self.keys]}).encode()

    def rotate(self, name):
        self.keys = [Key(name)]

    def claims(self, **more):
        now = int(time.time())
        usual = {"iss": self.url, "aud": "api://lazuli", "iat": now, "nbf": now, "exp": now + 600}
        claims = usual | {"sub": "alice", "preferred_username": "alice@example.com"} | more
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, key=None, header=None, **more):
        return (key or self.keys[-1]).sign(self.claims(**more), header)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
