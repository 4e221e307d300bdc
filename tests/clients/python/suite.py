"""What a Python client is promised. Says at its end, as one line of JSON, what it has seen.

usage: suite.py esdbclient|kurrentdbclient
"""

import asyncio
import faulthandler
import importlib
import json
import sys
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from server import Server

PACKAGES = {
    # The successor has other names for the same things.
    "esdbclient": ("EventStoreDBClient", "AsyncEventStoreDBClient", "esdb", ""),
    "kurrentdbclient": ("KurrentDBClient", "AsyncKurrentDBClient", "kdb", "Error"),
}
NAME = sys.argv[1]
CLIENT, ASYNC_CLIENT, SCHEME, ERROR = PACKAGES[NAME]
package = importlib.import_module(NAME)
exceptions = importlib.import_module(f"{NAME}.exceptions")
NewEvent, State = package.NewEvent, package.StreamState

CALL_LIMIT_S = 30
TEST_LIMIT_S = 120
LARGE = 1_000_000


def error(name):
    return getattr(exceptions, name, None) or getattr(exceptions, f"{name}{ERROR}")


def address(port, hosts=(), scheme=SCHEME, **more):
    where = ",".join([*hosts, f"127.0.0.1:{port}"])
    options = {"Tls": "false", "DefaultDeadline": CALL_LIMIT_S, **more}
    return f"{scheme}://{where}?{'&'.join(f'{key}={value}' for key, value in options.items())}"


def event(kind="Happened", data=b"{}", **more):
    return NewEvent(type=kind, data=data, **more)


def stream():
    return f"python-{uuid4()}"


def ids(events):
    return [each.id for each in events]


def types(events):
    return [each.type for each in events]


def take(subscription, count):
    """The next events; the limit of the test ends one that waits for ever."""
    return [next(subscription) for _ in range(count)]


class Conformance(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        faulthandler.dump_traceback_later(TEST_LIMIT_S, exit=True)
        self.client = self.connect()

    def tearDown(self):
        self.client.close()
        faulthandler.cancel_dump_traceback_later()

    def connect(self, **how):
        return getattr(package, CLIENT)(address(self.server.port, **how))

    def written(self, *events, name=None):
        name = name or stream()
        self.client.append_events(name, current_version=State.ANY, events=events)
        return name

    def appends(self):
        """The two ways to append: Append, and BatchAppend that is half-closed at once."""
        return [
            lambda name, version, one: self.client.append_event(
                name, current_version=version, event=one
            ),
            lambda name, version, one: self.client.append_events(
                name, current_version=version, events=[one]
            ),
        ]

    def test_appends_with_every_expected_version_are_read_in_order(self):
        for append in self.appends():
            name, events = stream(), [event() for _ in range(4)]
            expected = [State.NO_STREAM, 0, State.ANY, State.EXISTS]
            positions = [append(name, *each) for each in zip(expected, events)]
            self.assertEqual(positions, sorted(set(positions)))
            self.assertEqual(ids(self.client.get_stream(name)), ids(events))
            self.assertEqual(self.client.get_current_version(name), 3)

    def test_a_wrong_version_says_what_is_there(self):
        for append in self.appends():
            name, missing = self.written(event(), event()), stream()
            for version in (0, 5, State.NO_STREAM):
                with self.assertRaisesRegex(error("WrongCurrentVersion"), "last event is 1 not"):
                    append(name, version, event())
            for version in (0, State.EXISTS):
                with self.assertRaisesRegex(error("WrongCurrentVersion"), "does not exist"):
                    append(missing, version, event())

    def test_a_repeated_append_succeeds_and_writes_nothing(self):
        for append in self.appends():
            for version in (State.NO_STREAM, State.ANY):
                name, one = stream(), event()
                self.assertEqual(append(name, version, one), append(name, version, one))
                self.assertEqual(ids(self.client.get_stream(name)), [one.id])

    def test_a_batch_is_appended_whole_or_not(self):
        events, name = [event() for _ in range(500)], stream()
        self.client.append_events(name, current_version=State.NO_STREAM, events=events)
        with self.assertRaises(error("WrongCurrentVersion")):
            self.client.append_events(name, current_version=7, events=[event(), event()])
        self.assertEqual(ids(self.client.get_stream(name)), ids(events))

    def test_two_hundred_appends_at_once_are_all_answered(self):
        name, events = stream(), [event() for _ in range(200)]
        one, batch = self.appends()
        with ThreadPoolExecutor(200) as pool:
            done = [
                pool.submit(batch if at % 2 else one, name, State.ANY, each)
                for at, each in enumerate(events)
            ]
            positions = [each.result(CALL_LIMIT_S) for each in done]
        self.assertEqual(len(set(positions)), 200)
        self.assertEqual(set(ids(self.client.get_stream(name))), set(ids(events)))

    def test_of_two_hundred_writers_that_expect_no_stream_one_wins(self):
        name = stream()

        def write(_):
            try:
                return self.appends()[1](name, State.NO_STREAM, event())
            except error("WrongCurrentVersion"):
                return None

        with ThreadPoolExecutor(200) as pool:
            outcomes = list(pool.map(write, range(200), timeout=TEST_LIMIT_S))
        self.assertEqual(len([each for each in outcomes if each is not None]), 1)
        self.assertEqual(len(self.client.get_stream(name)), 1)

    def test_a_stream_is_read_both_ways_from_anywhere(self):
        events = [event() for _ in range(6)]
        name, all_ids = self.written(*events), ids(events)
        read = self.client.get_stream
        self.assertEqual(ids(read(name, backwards=True)), all_ids[::-1])
        self.assertEqual(ids(read(name, stream_position=2, limit=3)), all_ids[2:5])
        self.assertEqual(ids(read(name, stream_position=2, backwards=True)), all_ids[2::-1])
        with self.assertRaises(error("NotFound")):
            read(stream())

    def test_an_event_comes_back_as_it_was_written(self):
        binary = event(data=b"\x00\xff", metadata=b"\x01", content_type="application/octet-stream")
        text = event(data='{"ü": 1}'.encode(), metadata=b'{"a": 2}')
        for sent, got in zip([binary, text], self.client.get_stream(self.written(binary, text))):
            for field in ("id", "type", "data", "metadata", "content_type"):
                self.assertEqual(getattr(sent, field), getattr(got, field))

    def test_all_is_read_both_ways(self):
        start = self.client.get_commit_position()
        events = [event() for _ in range(5)]
        self.written(*events)
        read = list(self.client.read_all(commit_position=start))
        self.assertEqual(ids(read)[-5:], ids(events))
        self.assertEqual(ids(self.client.read_all(backwards=True, limit=5)), ids(events)[::-1])
        third = read[-3].commit_position
        self.assertEqual(ids(self.client.read_all(commit_position=third)), ids(events)[2:])

    def test_all_is_read_by_filters(self):
        mine = f"Kind{uuid4().hex}"
        name = self.written(event(f"{mine}A"), event(f"{mine}B"), event("Other"))
        self.client.set_stream_metadata(name, metadata={"x": 1}, current_version=State.ANY)
        read, mark = self.client.read_all, [f"{mine}A", f"{mine}B"]
        self.assertEqual(types(read(filter_include=[f"{mine}.*"])), mark)
        self.assertEqual(types(read(filter_include=[f"{mine}B"], backwards=True)), mark[1:])
        by_name = {"filter_include": [name], "filter_by_stream_name": True}
        self.assertEqual(types(read(**by_name)), [*mark, "Other"])
        self.assertEqual(types(read(**by_name, limit=2)), mark)
        without = types(read(filter_exclude=[r"\$.+", "Other"], commit_position=0))
        self.assertEqual([each for each in without if each in (*mark, "Other", "$metadata")], mark)
        self.assertNotIn("$metadata", types(read()))
        self.assertIn("$metadata", types(read(filter_exclude=[])))
        others = read(filter_exclude=[name], filter_by_stream_name=True)
        self.assertNotIn(name, {each.stream_name for each in others})

    def test_a_subscription_to_a_stream_catches_up_and_goes_on(self):
        events = [event() for _ in range(4)]
        name = self.written(*events[:2])
        with self.client.subscribe_to_stream(name, include_caught_up=True) as follower:
            self.assertEqual(ids(take(follower, 2)), ids(events[:2]))
            self.assertIsInstance(next(follower), package.CaughtUp)
            self.written(*events[2:], name=name)
            self.assertEqual(ids(take(follower, 2)), ids(events[2:]))
        with self.client.subscribe_to_stream(name, stream_position=1) as follower:
            self.assertEqual(ids(take(follower, 2)), ids(events[2:]))

    def test_a_subscription_from_the_end_sees_what_comes_then(self):
        name = self.written(event())
        with self.client.subscribe_to_stream(name, from_end=True) as follower:
            later = event()
            self.written(later, name=name)
            self.assertEqual(next(follower).id, later.id)

    def test_a_subscription_to_all_sees_what_its_filter_chooses(self):
        mine = f"Kind{uuid4().hex}"
        before, after = event(f"{mine}A"), event(f"{mine}B")
        self.written(before, event("Other"))
        with self.client.subscribe_to_all(filter_include=[f"{mine}.*"]) as follower:
            self.assertEqual(next(follower).id, before.id)
            self.written(event("Other"), after)
            self.assertEqual(next(follower).id, after.id)

    def test_a_subscription_to_all_by_name_says_how_far_it_is(self):
        start = self.client.get_commit_position()
        self.written(*[event() for _ in range(100)])
        how = {"include_checkpoints": True, "window_size": 10, "checkpoint_interval_multiplier": 1}
        with self.client.subscribe_to_all(
            commit_position=start, filter_include=["none-.*"], filter_by_stream_name=True, **how
        ) as follower:
            self.assertIsInstance(next(follower), package.Checkpoint)

    def test_a_subscription_ends_when_its_client_stops_it(self):
        follower = self.client.subscribe_to_all(from_end=True)
        threading.Timer(0.2, follower.stop).start()
        self.assertEqual(list(follower), [])

    def test_a_deleted_stream_is_not_found_and_can_be_written_again(self):
        name = self.written(event(), event())
        for version in (0, State.NO_STREAM):
            with self.assertRaises(error("WrongCurrentVersion")):
                self.client.delete_stream(name, current_version=version)
        self.client.delete_stream(name, current_version=1)
        with self.assertRaises(error("NotFound")):
            self.client.get_stream(name)
        again = event()
        self.client.append_event(name, current_version=State.NO_STREAM, event=again)
        (read,) = self.client.get_stream(name)
        self.assertEqual((read.id, read.stream_position), (again.id, 2))

    def test_a_tombstone_ends_a_stream_for_good(self):
        name = self.written(event())
        with self.assertRaises(error("WrongCurrentVersion")):
            self.client.tombstone_stream(name, current_version=5)
        self.client.tombstone_stream(name, current_version=0)
        one, batch = self.appends()
        for attempt in (
            lambda: self.client.get_stream(name),
            lambda: self.client.get_stream_metadata(name),
            lambda: self.client.delete_stream(name, current_version=State.ANY),
            lambda: self.client.tombstone_stream(name, current_version=State.ANY),
            lambda: batch(name, State.ANY, event()),
        ):
            with self.assertRaises(error("StreamIsDeleted")):
                attempt()
        # Of an Append the clients tell the same answer by another class.
        with self.assertRaisesRegex(error("FailedPrecondition"), f"'{name}' is deleted"):
            one(name, State.ANY, event())

    def test_a_stream_that_never_was_cannot_be_deleted(self):
        for version in (0, State.ANY, State.EXISTS):
            with self.assertRaises((error("NotFound"), error("WrongCurrentVersion"))):
                self.client.delete_stream(stream(), current_version=version)

    def test_metadata_is_kept_with_its_versions(self):
        name = stream()
        self.assertEqual(self.client.get_stream_metadata(name), ({}, State.NO_STREAM))
        for at, expected in enumerate([State.NO_STREAM, 0]):
            self.client.set_stream_metadata(name, metadata={"at": at}, current_version=expected)
            self.assertEqual(self.client.get_stream_metadata(name), ({"at": at}, at))
        with self.assertRaises(error("WrongCurrentVersion")):
            self.client.set_stream_metadata(name, metadata={}, current_version=7)

    def test_metadata_hides_old_events(self):
        events = [event() for _ in range(5)]
        name = self.written(*events)
        for metadata, left in (
            ({"$maxCount": 2}, 2),
            ({"$tb": 4}, 1),
            ({"$maxAge": 3600}, 5),
            ({"$maxCount": 4, "$tb": 2}, 3),
        ):
            self.client.set_stream_metadata(name, metadata=metadata, current_version=State.ANY)
            self.assertEqual(ids(self.client.get_stream(name)), ids(events)[5 - left :])
        self.client.set_stream_metadata(name, metadata={"$maxAge": 1}, current_version=State.ANY)
        until = time.monotonic() + CALL_LIMIT_S
        while self.client.get_stream(name) and time.monotonic() < until:
            time.sleep(0.1)
        self.assertEqual(list(self.client.get_stream(name)), [])

    def test_the_gossip_has_one_leader(self):
        (member,) = self.client.read_gossip()
        self.assertEqual((member.state, member.port), ("NODE_STATE_LEADER", self.server.port))

    def test_a_client_discovers_the_server(self):
        for how in (
            {"scheme": f"{SCHEME}+discover"},
            {"hosts": ["127.0.0.1:1"], "DiscoveryInterval": 10},
            {"hosts": ["127.0.0.1:1"], "DiscoveryInterval": 10, "NodePreference": "random"},
        ):
            with self.connect(**how) as client:
                self.assertEqual(client.connection_target, f"127.0.0.1:{self.server.port}")
                client.append_event(stream(), current_version=State.NO_STREAM, event=event())
        with self.assertRaises(error("FollowerNotFound")):
            self.connect(
                scheme=f"{SCHEME}+discover", NodePreference="follower", MaxDiscoverAttempts=1
            )

    def test_a_large_event_comes_back_whole(self):
        for append in self.appends():
            name, large = stream(), event(data=b"x" * LARGE)
            append(name, State.NO_STREAM, large)
            (read,) = self.client.get_stream(name)
            self.assertEqual(read.data, large.data)

    def test_an_event_that_is_too_large_is_refused_and_the_next_is_taken(self):
        for append in self.appends():
            name = stream()
            with self.assertRaises(Exception) as refused:
                append(name, State.NO_STREAM, event(data=b"x" * (2 * LARGE)))
            self.assertRegex(repr(refused.exception), "(?i)maximum.?append.?size")
            append(name, State.NO_STREAM, event())

    def test_what_was_acknowledged_is_there_after_a_kill_and_the_client_goes_on(self):
        before, after = event(), event()
        name = self.written(before)
        with self.client.subscribe_to_stream(name) as follower:
            self.assertEqual(next(follower).id, before.id)
            self.server.kill()
            with self.assertRaises(exceptions.GrpcError):
                next(follower)
        self.server.start()
        self.client.append_event(name, current_version=0, event=after)
        self.assertEqual(ids(self.client.get_stream(name)), [before.id, after.id])

    def test_the_asynchronous_client_is_served_too(self):
        async def talk():
            client = getattr(package, ASYNC_CLIENT)(address(self.server.port))
            await client.connect()
            try:
                name, events = stream(), [event() for _ in range(50)]
                follower = await client.subscribe_to_all(
                    filter_include=[name], filter_by_stream_name=True
                )
                appended = [
                    client.append_events(name, current_version=State.ANY, events=[each])
                    for each in events
                ]
                await asyncio.gather(*appended)
                followed = [(await anext(follower)).id for _ in events]
                await follower.stop()
                read = ids(await client.get_stream(name))
                self.assertEqual((set(read), read), (set(ids(events)), followed))
            finally:
                await client.close()

        asyncio.run(asyncio.wait_for(talk(), CALL_LIMIT_S * 2))


def main():
    tests = unittest.TestLoader().loadTestsFromTestCase(Conformance)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(tests)
    bad = result.failures + result.errors
    failed = sorted({test.id().rsplit(".", 1)[-1] for test, _ in bad})
    skipped = len(result.skipped)
    passed = max(0, result.testsRun - len(failed) - skipped)
    print(json.dumps({"passed": passed, "failed": failed, "skipped": skipped}))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
