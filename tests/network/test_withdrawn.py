"""Who is withdrawn can do nothing at any server any more, and everything again once it is added."""

from collections.abc import Callable

from services.errors import NotAllowed
from services.federation.trino_client import TrinoUser, query
from services.home import Home
from services.network import Network
from services.node import add_participants, remove_participant
from services.store.warehouse import open_warehouse
from tests.network.sql.site import until

PARTNER = "wc-water"


def send(network: Network) -> None:
    with network.broker(PARTNER) as broker:
        broker.append("parcels.gm0664", b"key", b"not a parcel")


def store(network: Network) -> None:
    open_warehouse(network.home.participant(PARTNER).root, "private", network.database(PARTNER))


def ask(network: Network) -> None:
    home = network.home
    password = home.participant(PARTNER).access.read_text("utf-8").split('"sql": "')[1].split('"')[0]
    query(TrinoUser(str(network.settings.sql.server), PARTNER, password, home.ca), "SELECT 1")


def works(do: Callable[[Network], None], network: Network) -> bool:
    try:
        do(network)
    except NotAllowed:  # any other error is one of the test's
        return False
    return True


def test_a_partner_leaves_every_server_and_comes_back(servers: Home) -> None:
    network = Network.open(servers.root)
    everything = (send, store, ask)
    assert [works(do, network) for do in everything] == [True] * 3
    remove_participant(network, PARTNER)
    try:
        until(lambda: not any(works(do, network) for do in everything))
    finally:
        report = add_participants(network, [PARTNER])
    assert report.users == [PARTNER]
    until(lambda: all(works(do, network) for do in everything))
