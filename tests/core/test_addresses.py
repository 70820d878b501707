"""E7: whatever a stranger writes, nothing that is not public is connected to (S20)."""

from collections.abc import AsyncIterator, Iterable, Sequence

import httpcore
import pytest

from models.core.addresses import Reach, UnfitUrl, fit_url, is_public
from models.core.guarded_http import GuardedClient, resolve
from tests.webhook_endpoints.receiver import Receiver
from tests.webhook_endpoints.receiver import Reply as Answer

PUBLIC = "93.184.215.14"

ADDRESSES = (
    # this machine
    *("127.0.0.1", "127.0.0.53", "127.255.255.255", "0.0.0.0", "0.1.2.3", "::1", "::"),
    # private networks, and what providers of machines use
    *("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.254"),
    *("169.254.0.1", "fe80::1", "febf::1", "fec0::1", "fc00::1", "fd12:3456::1"),
    # metadata of AWS, Google, Azure, Alibaba, Oracle, ECS tasks
    *("169.254.169.254", "169.254.170.2", "fd00:ec2::254", "100.100.100.200", "168.63.129.16"),
    *("192.0.0.192", "fd20:ce::254"),
    # IPv4 in IPv6: mapped, compatible, 6to4, NAT64, Teredo, ISATAP of a private one
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1"),
    *("::127.0.0.1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:808:808::1"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::10.0.0.1", "64:ff9b:1::7f00:1"),
    *("2001:0:4136:e378:8000:63bf:3fff:fdd2", "fe80::5efe:10.0.0.1"),
    # multicast, broadcast, reserved, documentation, benchmarks, discard, SRv6
    *("224.0.0.1", "239.255.255.250", "255.255.255.255", "240.0.0.1", "ff02::1", "ff0e::1"),
    *("192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1", "198.18.0.1"),
    *("192.88.99.1", "192.0.0.8", "2001:2::1", "2001:10::1", "2001:20::1", "100::1", "5f00::1"),
    # no address at all
    *("fe80::1%eth0", "::1%lo", "127.1", "2130706433", "0x7f.1", "", "localhost"),
)

HOSTS = (
    *("localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.0.0.1.", "127.1", "127.0.1"),
    *("0", "0.0.0.0", "00.0.0.0", "2130706433", "0x7f000001", "0x7F.0.0.1", "0x7f.1"),
    *("017700000001", "127.0.0.1%00", "localhost%00.example", "localhost\u200b"),
    *("0177.0.0.1", "0177.1", "127.0.0.01", "127.000.000.001", "3232235777", "4294967295"),
    *("[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[0000:0000::0001]", "[::ffff:127.0.0.1]"),
    *("[::ffff:7f00:1]", "[::127.0.0.1]", "[2002:7f00:1::]", "[64:ff9b::7f00:1]", "[fe80::1%25lo]"),
    *("[::1%25lo]", "[::ffff:a9fe:a9fe]", "[fd00:ec2::254]", "[v1.x]", "[127.0.0.1]", "[::1"),
    *("①②⑦.⓪.⓪.①", "127。0。0。1", "１２７.0.0.1", "ⓛocalhost", "loc\u00adalhost"),
    *("169.254.169.254", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "100.100.100.200"),
    *("10.0.0.1", "192.168.0.1", "172.16.0.1", "100.64.0.1", "168.63.129.16"),
    *("-.example", "a..example", "*.example", "ex ample", "example_%31", "exa\tmple"),
    "127.0.0.1\\",
)
"""How this machine, metadata or nothing at all can be written into a URL."""

URLS = (
    "http://{host}/",
    "https://user@{host}:{port}/",
    "https://user:word@{host}:{port}/",
    "https://93.184.215.14@{host}:{port}/",
    "https://{host}:{port}#@example.com/",
    "https://{host}:{port}\\@example.com/",
    "https:{host}:{port}/",
    "https:/{host}:{port}/",
    "//{host}:{port}/",
    "ftp://{host}:{port}/",
    "file:///etc/passwd",
    "gopher://{host}:{port}/_x",
    "unix:///var/run/docker.sock",
    "https://{host}:22/",
    "https://{host}:0/",
    "https://{host}:99999/",
    "https://{host}:{port}/\r\nX: y",
    "https://{host}:{port}/ x",
    "https://{host}:{port}/é",
    " https://{host}:{port}/",
    "https://",
    "https:///x",
    "",
)
"""Whatever the host, nothing is sent there."""


class Dialled(httpcore.AsyncNetworkBackend):
    """Notes what is dialled, and connects to nothing."""

    def __init__(self) -> None:
        self.addresses: list[str] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.addresses.append(host)
        raise httpcore.ConnectError("nobody is there")


class Names:
    """A name server that answers something else each time."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        return list(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])


@pytest.fixture
async def listener() -> AsyncIterator[Receiver]:
    """A server on this machine that must not be reached."""
    async with Receiver().running() as running:
        yield running


def test_there_are_enough_spellings() -> None:
    assert len(set(ADDRESSES)) + len(set(HOSTS)) + len(set(URLS)) >= 130
    assert len(set(HOSTS)) >= 60


@pytest.mark.parametrize("address", ADDRESSES)
async def test_a_name_that_stands_for_it_is_not_connected_to(address: str) -> None:
    assert not is_public(address)
    for answer in ([address], [PUBLIC, address], [address, PUBLIC]):
        dialled = Dialled()
        client = GuardedClient(Reach(), timeout=5, resolve=Names(answer), network=dialled)
        reply = await client.post("https://hooks.example/", headers={}, content=b"")
        assert reply.error == "hooks.example does not stand for public addresses only"
        assert dialled.addresses == []


@pytest.mark.parametrize(
    "address", [PUBLIC, "8.8.8.8", "2606:2800:21f:cb07::1", "64:ff9b::808:808", "172.32.0.1"]
)
async def test_a_public_address_is_dialled_as_it_was_judged(address: str) -> None:
    dialled, names = Dialled(), Names([address, PUBLIC])
    client = GuardedClient(Reach(), timeout=5, resolve=names, network=dialled)
    reply = await client.post("https://hooks.example/", headers={}, content=b"")
    assert reply.error == "ConnectError: nobody is there"
    assert dialled.addresses == [address, PUBLIC]
    assert names.asked == 1


async def test_a_name_that_is_bound_again_is_judged_again() -> None:
    names, dialled = Names([PUBLIC], ["127.0.0.1"]), Dialled()
    client = GuardedClient(Reach(), timeout=5, resolve=names, network=dialled)
    for _ in range(3):
        await client.post("https://rebound.example/", headers={}, content=b"")
    assert names.asked == 3
    assert dialled.addresses == [PUBLIC]


async def test_a_name_without_addresses() -> None:
    client = GuardedClient(Reach(), timeout=5, resolve=Names([]), network=Dialled())
    reply = await client.post("https://hooks.example/", headers={}, content=b"")
    assert reply.error == "hooks.example does not stand for public addresses only"


@pytest.mark.parametrize("host", HOSTS)
async def test_no_spelling_of_a_host_gets_through(listener: Receiver, host: str) -> None:
    """To a real server on this machine, with the system's own resolver."""
    reach = Reach(frozenset({443, listener.port}))
    client = GuardedClient(reach, timeout=5, resolve=resolve)
    for url in (f"https://{host}:{listener.port}/", f"http://{host}:{listener.port}/"):
        reply = await client.post(url, headers={}, content=b"")
        assert reply.status is None
        assert reply.error
    assert listener.connections == 0


@pytest.mark.parametrize("url", URLS)
async def test_no_form_of_a_url_gets_through(listener: Receiver, url: str) -> None:
    reach = Reach(frozenset({443, listener.port}))
    for host in ("127.0.0.1", "hooks.example"):
        dialled = Dialled()
        client = GuardedClient(reach, timeout=5, resolve=Names([PUBLIC]), network=dialled)
        written = url.format(host=host, port=listener.port)
        with pytest.raises(UnfitUrl):
            fit_url(written, reach)
        reply = await client.post(written, headers={}, content=b"")
        assert reply.status is None
        assert dialled.addresses == []
    assert listener.connections == 0


async def test_the_local_world_reaches_this_machine_and_no_other_network(
    listener: Receiver,
) -> None:
    """And the server that was not reached above can be."""
    client = GuardedClient(Reach(local=True), timeout=5)
    for host in ("127.0.0.1", "localhost"):
        reply = await client.post(f"http://{host}:{listener.port}/", headers={}, content=b"")
        assert reply.status == 204 or host == "localhost"
    assert listener.connections > 0
    for address in ("10.0.0.1", "169.254.169.254", "192.168.1.1", "::ffff:127.0.0.1"):
        dialled = Dialled()
        guarded = GuardedClient(
            Reach(local=True), timeout=5, resolve=Names([address]), network=dialled
        )
        await guarded.post("http://hooks.example/", headers={}, content=b"")
        assert dialled.addresses == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://Example.COM/Hooks?a=1", "https://example.com/Hooks?a=1"),
        ("https://example.com", "https://example.com/"),
        ("https://example.com.:443/x", "https://example.com/x"),
        ("https://bücher.example/x", "https://xn--bcher-kva.example/x"),
        ("HTTPS://example.com/%C3%A9", "https://example.com/%C3%A9"),
        (f"https://{PUBLIC}/", f"https://{PUBLIC}/"),
        ("https://[2606:2800:21f:cb07:0:0:0:1]/", "https://[2606:2800:21f:cb07::1]/"),
    ],
)
def test_urls_are_kept_in_one_spelling(given: str, kept: str) -> None:
    assert fit_url(given, Reach()) == kept
    assert fit_url(kept, Reach()) == kept


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.com/", "must begin with https://"),
        ("https://example.com:8443/", "must not name a port other than 443"),
        ("https://a@example.com/", "must not hold a user or a password"),
        ("https://example.com/#x", "must not have a fragment"),
        ("https://10.0.0.1/", "must not name an address that is not public"),
        ("https://127.1/", "must write an IPv4 address as four decimal numbers"),
        ("https://exa mple.com/", "must not hold blanks or control characters"),
        ("https://example.com/\t", "must not hold blanks or control characters"),
        ("https://exa%6Dple.com/", "must name a host that can be looked up"),
        ("https://example.com/ä", "must be escaped: only ASCII, without backslashes"),
        ("https://example.com/" + "x" * 2000, "must have at most 2000 characters"),
    ],
)
def test_why_a_url_is_refused(url: str, why: str) -> None:
    with pytest.raises(UnfitUrl) as refused:
        fit_url(url, Reach())
    assert str(refused.value) == why


async def test_a_long_answer_is_cut(listener: Receiver) -> None:
    listener.answer = lambda _: Answer(200, b"x" * 100_000)
    client = GuardedClient(Reach(local=True), timeout=5)
    reply = await client.post(listener.url(), headers={}, content=b"x")
    assert (reply.accepted, len(reply.content)) == (True, 2048)


async def test_the_status_of_an_answer_that_does_not_end_counts(listener: Receiver) -> None:
    listener.answer = lambda _: Answer(201, b"begun", {"Content-Length": "50"}, stays=5)
    client = GuardedClient(Reach(local=True), timeout=0.5)
    reply = await client.post(listener.url(), headers={}, content=b"x")
    assert (reply.status, reply.content, reply.failure) == (201, b"begun", None)
