"""Tests that need no Chinwag server."""

import base64
import hashlib
import hmac
import json
import socket
import threading
import unittest
from typing import List

from chinwag import ChinwagError, Client, Unreachable, WebhookError, make_jwt, sign_webhook, verify_webhook
from chinwag.transport import next_cursor, path_of, query_of

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
BODY = b'{"type": "message.text", "data": {"body": "caf\xc3\xa9"}}'
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Webhooks(unittest.TestCase):
    def headers(self, signature: str, timestamp: str = "1000") -> "dict[str, str]":
        return {"Webhook-Id": "e.1", "WEBHOOK-TIMESTAMP": timestamp, "webhook-signature": signature}

    def test_the_example_of_the_standard_is_good(self) -> None:
        secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        body = '{"test": 2432232314}'
        signature = sign_webhook(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
        self.assertEqual(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")

    def test_a_signed_request_is_an_event(self) -> None:
        good = sign_webhook(SECRET, "e.1", 1000, BODY)
        event = verify_webhook(SECRET, self.headers(f"v1,bm8= {good}"), BODY, now=1200)
        self.assertEqual(event["data"]["body"], "café")
        other = "whsec_" + base64.b64encode(bytes(32)).decode()
        self.assertEqual(verify_webhook([other, SECRET], self.headers(good), BODY.decode(), now=900)["type"], "message.text")

    def test_anything_else_is_refused(self) -> None:
        good = sign_webhook(SECRET, "e.1", 1000, BODY)
        for headers, body, now in [
            (self.headers(good), BODY + b" ", 1000),
            (self.headers(good), BODY, 1301),
            (self.headers(good), BODY, 699),
            (self.headers(good, "1001"), BODY, 1000),
            (self.headers(good, "1_000"), BODY, 1000),
            (self.headers(good, "١٠٠٠"), BODY, 1000),
            (self.headers(good[3:]), BODY, 1000),
            (self.headers("v1,é"), BODY, 1000),
            ({"webhook-id": "e.1"}, BODY, 1000),
        ]:
            with self.assertRaises(WebhookError):
                verify_webhook(SECRET, headers, body, now=now)

    def test_a_wrong_secret_is_a_mistake_and_no_refusal(self) -> None:
        for secret in ["", "whsec_", "whsec_!", "whsec_c2hvcnQ="]:
            with self.assertRaises(ValueError):
                verify_webhook(secret, self.headers("v1,x"), BODY, now=1000)


class Jwts(unittest.TestCase):
    def test_a_jwt_has_its_claims_and_signature(self) -> None:
        made = make_jwt("ann", "s" * 32, ttl=60, issuer="app", audience="chat", now=1000.7)
        head, claims, signature = made.split(".")
        self.assertEqual(json.loads(self.bytes_of(claims)), {"sub": "ann", "iat": 1000, "exp": 1060, "iss": "app", "aud": "chat"})
        expected = hmac.new(b"s" * 32, f"{head}.{claims}".encode(), hashlib.sha256).digest()
        self.assertEqual(self.bytes_of(signature), expected)

    def test_a_short_secret_is_refused(self) -> None:
        for user, secret, ttl in [("ann", "short", 60), ("", "s" * 32, 60), ("ann", "s" * 32, 0)]:
            with self.assertRaises(ValueError):
                make_jwt(user, secret, ttl=ttl)

    @staticmethod
    def bytes_of(part: str) -> bytes:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


class Addresses(unittest.TestCase):
    def test_any_name_is_one_segment(self) -> None:
        self.assertEqual(path_of("users", "auth0|a/b?c#é"), "users/auth0%7Ca%2Fb%3Fc%23%C3%A9/")
        for name in ["", ".", ".."]:
            with self.assertRaises(ValueError):
                path_of("users", name)

    def test_a_query_has_what_is_given(self) -> None:
        self.assertEqual(query_of({"q": "a b", "none": None, "fields": ["id", "name"], "open": True}), "?q=a+b&fields=id%2Cname&open=true")
        self.assertEqual(query_of({"q": None}), "")

    def test_a_cursor_is_read_from_the_link(self) -> None:
        self.assertEqual(next_cursor({"link": '</api/v1/users/?limit=5&cursor=a%2Bb>; rel="next"'}), "a+b")
        self.assertIsNone(next_cursor({}))

    def test_an_address_or_a_key_that_cannot_be_is_refused(self) -> None:
        for url, key in [("chat.example", "k"), ("ftp://chat", "k"), ("https://chat?a", "k"), ("https://chat", ""), ("https://chat", "k\nX: y")]:
            with self.assertRaises(ValueError):
                Client(url, key)


class Server:
    """Sends each connection its responses one after the other, and closes it."""

    def __init__(self, *connections: List[bytes]) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.heads: List[str] = []
        self.closed = threading.Event()
        self.thread = threading.Thread(target=self.serve, args=connections, daemon=True)
        self.thread.start()

    def client(self, test: unittest.TestCase, attempts: int = 4) -> Client:
        client = Client(f"http://127.0.0.1:{self.listener.getsockname()[1]}/below", "key", attempts=attempts)
        test.addCleanup(client.close)
        return client

    def serve(self, *connections: List[bytes]) -> None:
        for answers in connections:
            peer, _ = self.listener.accept()
            for answer in answers:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += peer.recv(65536)
                self.heads.append(head.decode())
                peer.sendall(answer)
            peer.close()
            self.closed.set()
        self.listener.close()


class Connections(unittest.TestCase):
    def test_a_connection_is_kept_and_replaced_when_it_was_closed(self) -> None:
        server = Server([OK, OK], [OK])
        with server.client(self, attempts=1) as client:
            for _ in range(2):
                client.server_info()
            self.assertTrue(server.closed.wait(60))
            client.server_info()
        server.thread.join()
        self.assertEqual([head.split("\r\n")[0] for head in server.heads], ["GET /below/api/v1/server/ HTTP/1.1"] * 3)
        self.assertIn("Authorization: Bearer key\r\n", server.heads[0])

    def test_a_busy_server_is_asked_again_in_its_time(self) -> None:
        busy = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 2\r\n\r\n{}"
        server = Server([busy, OK])
        server.client(self).create_user("ann")
        server.thread.join()

    def test_what_must_not_happen_twice_is_not_repeated(self) -> None:
        lost = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 2\r\n\r\n{}"
        with self.assertRaises(ChinwagError) as raised:
            Server([lost]).client(self).create_user("ann")
        self.assertEqual(raised.exception.status, 503)
        server = Server([lost], [], [OK])
        server.client(self).send_message("g", "ann", "hello")
        server.thread.join()
        self.assertEqual(len(server.heads), 2)

    def test_what_is_no_chinwag_server_is_unreachable(self) -> None:
        for answer in [
            b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
            b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
            b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
            b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}",
            b"nonsense\r\n\r\n",
        ]:
            with self.assertRaises(Unreachable):
                Server([answer]).client(self, attempts=1).server_info()

    def test_a_silent_server_is_given_up(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        with self.assertRaises(Unreachable):
            Client(f"http://127.0.0.1:{listener.getsockname()[1]}", "key", timeout=1, attempts=1).server_info()
        listener.close()

    def test_a_refusal_says_why(self) -> None:
        problem = b'{"detail": "name is required", "errors": [{"field": "name", "detail": "is required"}]}'
        answer = b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\n\r\n" % len(problem) + problem
        with self.assertRaises(ChinwagError) as raised:
            Server([answer]).client(self).create_user("")
        self.assertEqual((str(raised.exception), raised.exception.errors[0]["field"]), ("400: name is required", "name"))

    def test_a_closed_client_makes_no_request(self) -> None:
        client = Client("http://127.0.0.1:9", "key")
        client.close()
        with self.assertRaises(Unreachable):
            client.server_info()


if __name__ == "__main__":
    unittest.main()
