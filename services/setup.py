"""Setting up a network on one machine: folders, keys, directory, topics and two key services."""

import os
import secrets
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.access import Access
from services.broker import SqliteBroker
from services.config import CONFIG_FILE, DEFAULT_CONFIG, SERVERS_CONFIG, load_settings
from services.contracts import SENDER_KINDS
from services.directory import ID_FORM, Directory, Participant
from services.errors import Fatal
from services.home import Home
from services.places import places
from services.privacy.keys import ParticipantKeys
from services.registry import Registry, load_registry
from services.samples.network import load_network
from services.stories.text import StoryKey

SEED_SIZE = 32


@dataclass(frozen=True)
class Member:
    """Who is to take part: what a directory entry tells, without keys."""

    id: str
    name: str
    kind: str
    province: str | None = None
    serves: tuple[str, ...] = ()


def sample_members() -> list[Member]:
    """Return the members of the sample network, CBS and the hub included."""
    network = load_network()
    members = [Member(item.id, item.name, "municipality", item.province, (item.id,)) for item in network.municipalities]
    members += [Member(item.id, item.name, item.kind, None, item.municipalities) for item in network.partners]
    members += [Member(item.id, item.name, "story_point", None, item.municipalities) for item in network.story_points]
    members += [Member(key, name, "open_data") for key, name in network.open_data.items()]
    return [*members, Member("hub", "Hub", "hub")]


def members_from(path: Path) -> list[Member]:
    """Read members from a TOML file of `[[participant]]` tables: id, name, kind; where they apply province, serves.

    Raises:
        Fatal: the file cannot be read, or an entry lacks something or says something unknown; the entry is named.
    """
    try:
        entries = tomllib.loads(path.read_text("utf-8")).get("participant", [])
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Fatal(f"{path} cannot be read.", f"{error}.", "Mend the file or name another.") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise Fatal(f"{path} has no [[participant]] tables.", todo="Give every participant one, in double brackets.")
    members = [_member(path, number, entry) for number, entry in enumerate(entries, 1)]
    if not any(item.kind == "hub" for item in members):
        members.append(Member("hub", "Hub", "hub"))
    if len({item.id for item in members}) != len(members):
        raise Fatal(f"{path} names a participant twice.", todo="Give every participant one [[participant]] table.")
    return members


def _member(path: Path, number: int, entry: dict[str, object]) -> Member:
    unknown = set(entry) - {"id", "name", "kind", "province", "serves"}
    missing = {"id", "name", "kind"} - set(entry)
    if unknown or missing or entry["kind"] not in SENDER_KINDS:
        raise Fatal(
            f"{path}, participant {number}: the entry is not usable.",
            f"Unknown keys: {sorted(unknown)}; missing keys: {sorted(missing)}; kind must be one of {SENDER_KINDS}.",
            "Mend the entry; docs/operations-one-machine.md shows one.",
        )
    if not ID_FORM.fullmatch(str(entry["id"])):
        raise Fatal(
            f"{path}, participant {number}: the id is not usable.",
            "It names topics and folders, so it holds lower-case letters, digits and hyphens only, at most 64.",
            "Write it as gm0518, hc-name or es-name.",
        )
    serves = entry.get("serves", ())
    if not isinstance(serves, list | tuple):
        raise Fatal(f"{path}, participant {number}: serves must be a list of municipality ids.")
    province = entry.get("province")
    own = (str(entry["id"]),) if entry["kind"] == "municipality" else ()
    return Member(
        str(entry["id"]),
        str(entry["name"]),
        str(entry["kind"]),
        None if province is None else str(province),
        own or tuple(str(item) for item in serves),
    )


def create_network(root: Path, members: Sequence[Member], *, servers: bool = False) -> Home:
    """Set up a network in `root`; running it again adds what is missing and keeps all keys and data.

    What the directory says of a member (name, kind, province, whom it serves, what it may send) is as given now; the
    network's embargo is as the home's settings say, where they say it.

    Args:
        root: the home.
        members: who takes part.
        servers: whether the home is for Kafka, PostgreSQL, Trino and Airflow.

    Returns:
        The home.

    Raises:
        Fatal: it is for servers, and there is a network in it that has none.
    """
    home = Home(root)
    if servers:
        require_servers(home)
    registry = load_registry()
    known = Directory.load(home.directory) if home.directory.exists() else Directory()
    present = known.participants
    entries = present | {item.id: _participant(home, registry, item, present.get(item.id)) for item in members}
    home.key_services.mkdir(parents=True, exist_ok=True)
    for name in "ab":
        _write_secret(home.key_services / f"{name}.seed", secrets.token_bytes(SEED_SIZE))
    config = root / CONFIG_FILE
    if not config.exists():
        config.write_text(DEFAULT_CONFIG + (SERVERS_CONFIG if servers else ""), "utf-8")
    _prepare_access(home, entries)
    stated = load_settings(root).release.embargo_days
    Directory(entries, known.embargo_days if stated is None else stated).save(home.directory)
    return home


def require_servers(home: Home) -> None:
    """Raise when there is a network in a home that was made without servers; it stays what it is.

    Raises:
        Fatal: so it is.
    """
    if home.directory.exists() and not places(load_settings(home.root)):
        raise Fatal(
            f"The network in {home.root} keeps its data in files and has no servers.",
            "Its data do not move to servers.",
            "Name another folder with --home; `spiegelnet up` makes a network there.",
        )


def _prepare_access(home: Home, participants: Iterable[str]) -> None:
    """Make topics in the file that is the broker, or passwords for the servers, which `node add` makes known there."""
    settings = load_settings(home.root)
    if settings.broker.kind == "sqlite":
        with SqliteBroker(home.broker) as broker:
            for participant_id in participants:
                broker.create_topic(f"parcels.{participant_id}")
        if settings.key_services.a is None and settings.key_services.b is None:
            return
    for participant_id in participants:
        path = home.participant(participant_id).access
        if not path.exists():
            Access.generate(participant_id).save(path)


def _participant(home: Home, registry: Registry, member: Member, known: Participant | None) -> Participant:
    """Make the directory's entry; keys are made for a new member only."""
    if member.kind in registry.get("story").contract.sender:  # who may tell a story, or hear what came of one
        StoryKey.create(home.participant(member.id).story_key)
    if known is None:
        path = home.participant(member.id).keys
        _write_secret(path, ParticipantKeys.generate(member.id).to_text().encode())
        public = ParticipantKeys.from_text(path.read_text("utf-8")).public
    else:
        public = known.public
    types = [registry.get(name) for name in registry.names()]
    return Participant(
        id=member.id,
        name=member.name,
        kind=member.kind,
        province=member.province,
        serves=member.serves,
        may_send=tuple(item.name for item in types if member.kind in item.contract.sender),
        public=public,
    )


def _write_secret(path: Path, content: bytes) -> None:
    """Write a secret once, readable by the owner only; one that is there stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        return
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.rename(path)
