"""Two services that point at each other, and lists that hold each other."""

from kairan.admission.settings import AdmissionSettings
from kit.live import (
    LISTENERS,
    USER,
    make_installation,
    open_directory,
    running_service,
    wait_for,
)
from kit.ports import free_port


def listeners_with_device_at(port):
    return [{**one, "port": port} if one["role"] == "device" else one for one in LISTENERS]


def test_two_services_that_point_at_each_other_come_to_rest(tmp_path):
    ports = free_port(), free_port()
    options = [
        {
            "listeners": listeners_with_device_at(own),
            "routes": {"*": f"smtp://127.0.0.1:{other}?tls=none"},
            "workers": 1,
        }
        for own, other in (ports, ports[::-1])
    ]
    with (
        running_service(tmp_path / "a", **options[0]) as one,
        running_service(tmp_path / "b", **options[1]) as other,
    ):
        with one.client("device") as client:
            assert client.send(b"Subject: round and round\r\n\r\nx").startswith("250")
        wait_for(
            lambda: any("loop-detected" in e.detail for e in one.events() + other.events()),
            "the loop to be noticed",
        )
        wait_for(lambda: one.spooled() + other.spooled() == 0, "both to come to rest")
        received = [e for e in one.events() + other.events() if e.event == "RECEIVE"]
        # The message and a report about it, each at most so often.
        assert len(received) <= 2 * AdmissionSettings().received_max + 2


def test_lists_that_hold_each_other_deliver_once(tmp_path):
    place = tmp_path / "k"
    make_installation(place, workers=1)
    with open_directory(place) as directory:
        for name in ("a", "b"):
            directory.add_group(f"list-{name}@kairan.test")
        directory.add_members("list-a@kairan.test", ["list-b@kairan.test", USER])
        directory.add_members("list-b@kairan.test", ["list-a@kairan.test", USER])
    with running_service(place, install=False) as service:
        with service.client("device") as client:
            answer = client.send(
                b"Subject: a in b in a\r\n\r\nx", "list-a@kairan.test", "list-b@kairan.test", USER
            )
            assert answer.startswith("250")
        service.wait_message(b"a in b in a")
        service.wait_empty()
        assert len(service.messages()) == 1


def test_a_message_that_has_been_everywhere_is_refused(service):
    with service.client("device") as client:
        answer = client.send(b"Received: x\r\n" * 30 + b"Subject: x\r\n\r\nx")
        assert answer.startswith("554 5.4.6 Hop count exceeded - possible mail loop")
        assert client.in_step()
