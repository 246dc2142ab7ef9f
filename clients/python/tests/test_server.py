"""Tests of the client with a real server: CHINWAG_URL is its address, and CHINWAG_KEY its service key."""

import asyncio
import io
import os
import tempfile
import unittest
import uuid
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import List, Tuple

from chinwag import AsyncClient, ChinwagError, Client, sign_webhook, verify_webhook

URL, KEY = os.environ["CHINWAG_URL"], os.environ["CHINWAG_KEY"]


def new(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:8]}"


class ServerTest(unittest.TestCase):
    def setUp(self) -> None:
        self.client = Client(URL, KEY)
        self.addCleanup(self.client.close)
        self.ann, self.bob = new("ann"), new("bob")
        for name in (self.ann, self.bob):
            self.client.put_user(name)

    def refused(self, status: int, call: object, *arguments: object, **more: object) -> ChinwagError:
        assert callable(call)
        with self.assertRaises(ChinwagError) as raised:
            call(*arguments, **more)
        self.assertEqual(raised.exception.status, status, raised.exception.detail)
        return raised.exception

    def test_a_user_is_made_changed_and_deleted(self) -> None:
        name = f"auth0|{new('eve')}, the third?".replace(" ", "_")
        self.assertEqual(self.client.create_user(name)["name"], name)
        user = self.client.put_user(name, display_name="Eve", data={"level": 3})
        self.assertEqual((user["display_name"], user["data"], user["origin"]), ("Eve", {"level": 3}, "host"))
        self.assertIsNone(self.client.change_user(name, display_name=None, settings={"hide_reads": True})["display_name"])
        self.assertEqual(self.client.get_user(name)["data"], {"level": 3})
        self.assertEqual([one["name"] for one in self.client.find_users([name, "nobody", self.ann])], [name, self.ann])
        renamed = self.client.change_user(name, new_name=new("eva"))["name"]
        self.refused(404, self.client.get_user, name)
        self.client.delete_user(renamed)
        self.refused(404, self.client.delete_user, renamed)

    def test_a_suspended_user_is_refused(self) -> None:
        with Client(URL, self.client.create_token(self.ann, 600)["token"]) as ann:
            self.assertTrue(self.client.set_admin(self.ann, True)["admin"])
            self.assertIn("ws.max_frame", ann.get_settings())
            suspended = self.client.suspend_user(self.ann, "2999-01-01T00:00:00Z", "spam")["suspended"]
            self.assertEqual(suspended and suspended["reason"], "spam")
            self.assertIn("spam", str(self.refused(403, ann.get_user, self.ann)))
            self.assertIsNone(self.client.unsuspend_user(self.ann)["suspended"])
            self.assertEqual(ann.get_user(self.ann)["name"], self.ann)

    def test_a_report_is_made_and_closed(self) -> None:
        group = self.client.create_group("Tea", self.ann, members=[self.bob])["id"]
        sent = self.client.send_message(group, self.ann, "bad words")["id"]
        made = self.client.report_message(sent, self.bob, "rude")
        found = [one for one in self.client.list_reports("open") if one["id"] == made["id"]]
        self.assertEqual([one["body"] for one in found], ["bad words"])
        closed = self.client.change_report(made["id"], state="resolved", note="done")
        self.assertEqual((closed["state"], closed["body"], closed["note"]), ("resolved", None, "done"))

    def test_the_audit_log_names_who_did_what(self) -> None:
        self.client.suspend_user(self.ann, "2099-01-01T00:00:00Z", reason="spam")
        found = list(self.client.list_audit(target=self.ann, action="user.suspend"))
        self.assertEqual([entry["actor"] for entry in found], ["service"])
        self.assertIn("spam", found[0]["detail"] or "")
        self.client.unsuspend_user(self.ann)

    def test_a_list_goes_through_all_pages(self) -> None:
        import chinwag.client

        page, chinwag.client.PAGE = chinwag.client.PAGE, 2
        self.addCleanup(setattr, chinwag.client, "PAGE", page)
        prefix = new("list")
        names = [f"{prefix}-{number}" for number in range(5)]
        for name in names:
            self.client.create_user(name)
        self.assertEqual([user["name"] for user in self.client._pages("users/", {"q": prefix}, page=2)], names)
        group = self.client.create_group("Many", self.ann, members=names)["id"]
        self.assertEqual([member["role"] for member in self.client.list_members(group)], ["owner"] + 5 * ["member"])
        self.assertIn(group, [one["id"] for one in self.client.list_groups(as_user=names[0])])

    def test_a_token_signs_in_and_ends(self) -> None:
        token = self.client.create_token(self.ann, 600)["token"]
        with Client(URL, token) as ann:
            self.assertEqual(ann.get_user(self.ann)["name"], self.ann)
            self.refused(403, ann.create_token, self.ann)
            [session] = self.client.sessions(self.ann)
            self.assertFalse(session["current"])
            self.client.end_session(self.ann, session["id"])
            self.assertEqual(self.client.sessions(self.ann), [])
            self.client.delete_tokens(self.ann)
            self.refused(401, ann.get_user, self.ann)

    def test_a_message_is_sent_once(self) -> None:
        group = self.client.create_group("Tea", self.ann, members=[self.bob], description="Tea")["id"]
        first = self.client.send_message(group, self.ann, "hello", client_id="1", data={"order": 7}, mentions=[self.bob])
        self.assertEqual(self.client.send_message(group, self.ann, "hello", client_id="1", data={"order": 7}, mentions=[self.bob]), first)
        self.refused(409, self.client.send_message, group, self.ann, "another", client_id="1")
        reply = self.client.send_message(group, self.bob, "hi", respond_to=first["id"], thread=first["id"])
        self.assertEqual(self.client.edit_message(reply["id"], "hi!")["body"], "hi!")
        self.assertEqual(self.client.react(first["id"], self.bob, "👍")["reactions"]["👍"]["names"], [self.bob])
        self.assertEqual(self.client.react(first["id"], self.bob, "👍", False)["reactions"], {})
        self.assertTrue(self.client.pin(first["id"], author=self.ann)["pinned"])
        self.assertFalse(self.client.pin(first["id"], False)["pinned"])
        self.assertEqual([one["seq"] for one in self.client.list_messages(group, after=1)], [first["seq"], reply["seq"]])
        self.assertEqual(self.client.unread(self.ann), {"unread": 1, "mentioned": 0, "groups": 1})
        self.assertEqual(self.client.mark_read(group, self.ann, reply["seq"])["seq"], reply["seq"])
        self.assertEqual(self.client.unread(self.ann)["unread"], 0)
        self.assertEqual([one["marks"] for one in self.client.search_messages("hello", group=group)], [[[0, 5]]])
        self.client.delete_message(reply["id"])
        self.refused(404, self.client.get_message, reply["id"])

    def test_groups_and_relations_change(self) -> None:
        group = self.client.create_group("Tea", self.ann, open=True)["id"]
        self.client.join(group, self.bob)
        changed = self.client.change_group(group, author=self.ann, name="Coffee", admins=[self.bob], slow=5, keep=30)
        self.assertEqual((changed["name"], changed["admins"]), ("Coffee", [self.bob]))
        self.assertEqual((changed["slow"], changed["keep"]), (5, 30))
        self.refused(403, self.client.change_group, group, author=self.bob, remove=[self.ann])
        self.assertEqual(self.client.change_group(group, owner=self.bob)["owner"], [self.bob])
        invite = self.client.create_invite(group, uses=None)
        self.assertEqual([one["code"] for one in self.client.list_invites(group)], [invite["code"]])
        self.client.delete_invite(group, invite["code"])
        self.client.leave(group, self.ann)
        self.client.delete_group(group)
        self.refused(404, self.client.get_group, group)
        self.client.relate(self.ann, self.bob, "invitation")
        self.assertEqual(self.client.relate(self.bob, self.ann, "contact")["contacts"], [self.ann])
        self.assertFalse(self.client.has_blocked(self.ann, self.bob))
        self.client.relate(self.bob, self.ann, "block")
        self.assertTrue(self.client.has_blocked(self.ann, self.bob))
        self.refused(404, self.client.has_blocked, self.ann, "nobody")

    def test_files_are_streamed_both_ways(self) -> None:
        private = self.client.private(self.ann, self.bob)["id"]
        data = os.urandom(300_000)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "räum.bin"
            path.write_bytes(data)
            file = self.client.upload_file(path, author=self.ann)
        self.assertEqual((file["name"], file["size"]), ("räum.bin", len(data)))
        self.assertEqual(self.client.read_file(file["id"]), data)
        self.assertIn(file["id"], [each["id"] for each in self.client.list_files(self.ann)])
        message = self.client.send_message(private, self.ann, attachments=[{"id": file["id"], "alt": "noise"}])
        attached = message["attachments"][0]
        self.assertEqual((attached["id"], attached["alt"]), (self.client.get_file(file["id"])["id"], "noise"))
        source = io.BytesIO(b"skipped" + data)
        source.seek(7)
        self.assertEqual(self.client.upload_file(source, author=self.ann)["size"], len(data))
        self.refused(413, self.client.upload_file, bytes(9_000_000), author=self.ann)
        self.refused(404, self.client.read_file, private)

        class Full(io.BytesIO):
            def write(self, _: object) -> int:
                raise OSError("the disk is full")

        with self.assertRaisesRegex(OSError, "the disk is full"):
            self.client.save_file(file["id"], Full())

    def test_the_feed_is_followed(self) -> None:
        after = self.client.events(limit=1000)["cursor"]
        group = self.client.create_group("Tea", self.ann)["id"]
        for body in ("one", "two"):
            self.client.send_message(group, self.ann, body)
        events = self.client.follow_events(after, types=["message.text"])
        first = next(event for event in events if event["data"]["group"] == group)
        self.assertEqual(first["data"]["body"], "one")
        self.assertEqual(next(events)["data"]["body"], "two")
        self.client.send_message(group, self.ann, "three")
        self.assertEqual(next(events)["data"]["body"], "three")
        # The id of an event is a cursor.
        again = self.client.follow_events(first["id"], types=["message.text"])
        self.assertEqual(next(event for event in again if event["data"]["group"] == group)["data"]["body"], "two")
        self.refused(400, self.client.events, "nonsense")

    def test_a_webhook_brings_what_verifies(self) -> None:
        received: List[Tuple[str, str]] = []

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                event = verify_webhook(webhook["secret"], self.headers, body)
                received.append((event["type"], event["id"]))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Receiver)
        self.addCleanup(server.server_close)
        server.timeout = 120
        webhook = self.client.create_webhook(f"http://127.0.0.1:{server.server_port}/", types=["message.text"])
        self.addCleanup(self.client.delete_webhook, webhook["id"])
        with ThreadPoolExecutor() as pool:
            attempt = pool.submit(self.client.test_webhook, webhook["id"])
            server.handle_request()
            self.assertEqual((attempt.result()["status"], received[0][0]), (204, "webhook.test"))
        group = self.client.create_group("Tea", self.ann)["id"]
        self.client.send_message(group, self.ann, "hello")
        while received[-1][0] != "message.text":
            server.handle_request()
        self.assertEqual(self.client.change_webhook(webhook["id"], types=["*"])["types"], ["*"])
        self.assertEqual([one["id"] for one in self.client.list_webhooks() if one["id"] == webhook["id"]], [webhook["id"]])
        self.assertGreaterEqual(len(self.client.list_attempts(webhook["id"])), 1)
        self.assertNotIn("secret", self.client.get_webhook(webhook["id"]))
        self.assertTrue(sign_webhook(webhook["secret"], "e", 1, b"{}").startswith("v1,"))

    def test_many_threads_share_a_client(self) -> None:
        group = self.client.create_group("Tea", self.ann)["id"]
        with ThreadPoolExecutor(16) as pool:
            sent = list(pool.map(lambda number: self.client.send_message(group, self.ann, str(number))["seq"], range(64)))
        self.assertEqual(sorted(sent), list(range(2, 66)))

    def test_the_asynchronous_client_does_the_same(self) -> None:
        async def talk() -> None:
            async with AsyncClient(URL, KEY) as client:
                group = (await client.create_group("Tea", self.ann, members=[self.bob]))["id"]
                await asyncio.gather(*(client.send_message(group, self.ann, str(number)) for number in range(40)))
                self.assertEqual(len(await client.list_messages(group)), 40)
                self.assertEqual([member["name"] async for member in client.list_members(group)], [self.ann, self.bob])
                after = (await client.events(limit=1000))["cursor"]
                following = client.follow_events(after)
                coming = asyncio.ensure_future(following.__anext__())
                await client.send_message(group, self.bob, "late")
                self.assertEqual((await coming)["data"]["body"], "late")
                with self.assertRaises(ChinwagError):
                    await client.get_user("nobody")

        asyncio.run(talk())


if __name__ == "__main__":
    unittest.main()
