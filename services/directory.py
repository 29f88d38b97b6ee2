"""Who takes part: public keys, what each may send, and which municipalities it serves.

The file is public. Signing it, rotation and withdrawal come with the network of servers.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.config import MOST_EMBARGO_DAYS
from services.errors import Fatal
from services.privacy.errors import BadKey
from services.privacy.keys import PublicKeys

HUB = "hub"
STORY_POINT = "story_point"
ID_FORM = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
"""Ids name topics, folders, databases and users; none has a dot, which every analyst's name has."""
_REGION = re.compile(r"[a-z]{2}[0-9]{2}")


@dataclass(frozen=True)
class Participant:
    """One organisation on the network.

    Attributes:
        id: `gm0518`, `hc-…`, `es-…`, `wc-…`, `hi-…`, `cp-…`, `fd-…`, `vp-…`, `cbs` or `hub`.
        name: as people know it.
        kind: municipality, housing_corporation, energy_supplier, water_company, health_insurer, care_provider,
            foundation, story_point, open_data or hub.
        province: CBS code of a municipality's province (`pv27`), the region of regional figures; None for others.
        serves: municipalities in which it has clients and to which it owes a delivery statement each month; of a
            story point those that it collects stories for, to which it owes none.
        may_send: event types whose contract names it as sender.
        public: its public keys.
    """

    id: str
    name: str
    kind: str
    province: str | None
    serves: tuple[str, ...]
    may_send: tuple[str, ...]
    public: PublicKeys


def members_digest(members: Iterable[str]) -> str:
    """SHA-256 (hex) of ids in alphabetical order, by which shares of a sum name who is in it."""
    return hashlib.sha256(",".join(sorted(members)).encode()).hexdigest()


@dataclass(frozen=True)
class Directory:
    """All participants by id, and what they agreed upon.

    Attributes:
        participants: by id.
        embargo_days: days after a period's end from which others may see what was released about it. Every participant
            has the same directory, so that nobody shows early what another keeps back.
    """

    participants: dict[str, Participant] = field(default_factory=dict)
    embargo_days: int = 0

    def get(self, participant_id: str) -> Participant:
        """Return one participant.

        Raises:
            Fatal: there is none of that id.
        """
        try:
            return self.participants[participant_id]
        except KeyError:
            raise Fatal(
                f"{participant_id} is not in the directory.",
                "Only participants that the directory names can send or receive.",
                "`spiegelnet status` lists them.",
            ) from None

    def of_kind(self, *kinds: str) -> list[Participant]:
        """Return participants of these kinds in alphabetical order of id."""
        return [self.participants[key] for key in sorted(self.participants) if self.participants[key].kind in kinds]

    @property
    def municipalities(self) -> Sequence[str]:
        """Ids of the municipalities, in alphabetical order."""
        return [item.id for item in self.of_kind("municipality")]

    def senders_to(self, municipality: str) -> list[Participant]:
        """Return who owes this municipality a delivery statement each month, itself included.

        A story point owes none: no figure waits for stories, and a month without any is no month that lacks something.
        """
        known = [self.participants[key] for key in sorted(self.participants)]
        return [item for item in known if municipality in item.serves and item.kind != STORY_POINT]

    def region_members(self, province: str) -> tuple[str, ...]:
        """Ids of the municipalities of a province, in alphabetical order."""
        return tuple(item.id for item in self.of_kind("municipality") if item.province == province)

    @property
    def regions(self) -> dict[str, tuple[str, ...]]:
        """Municipalities by province, in alphabetical order; a province that is not written as a CBS code has none."""
        provinces = {item.province for item in self.of_kind("municipality") if item.province}
        return {item: self.region_members(item) for item in sorted(provinces) if _REGION.fullmatch(item)}

    def save(self, path: Path) -> None:
        """Write the directory as JSON."""
        entries = [_as_json(self.participants[key]) for key in sorted(self.participants)]
        content = {"format": "spiegelnet/directory/v1", "embargo_days": self.embargo_days, "participants": entries}
        path.write_text(json.dumps(content, indent=1), "utf-8")

    @staticmethod
    def load(path: Path) -> "Directory":
        """Read a directory.

        Raises:
            Fatal: the file is missing or damaged.
        """
        try:
            content = json.loads(path.read_text("utf-8"))
            participants = Directory.of(_from_json(entry) for entry in content["participants"]).participants
            return Directory(participants, _days(content.get("embargo_days", 0)))
        except (OSError, ValueError, KeyError, TypeError, BadKey) as error:
            raise Fatal(
                f"The directory {path} cannot be read.",
                f"{type(error).__name__} at reading it.",
                "Restore it from a copy, or run `spiegelnet init` in a new folder.",
            ) from None

    @staticmethod
    def of(participants: Iterable[Participant]) -> "Directory":
        """Build a directory of participants."""
        return Directory({item.id: item for item in participants})


def _days(value: object) -> int:
    """Check days of embargo: who cannot read them must not take them for none."""
    if type(value) is not int or not 0 <= value <= MOST_EMBARGO_DAYS:
        raise ValueError("embargo_days")
    return value


def _as_json(item: Participant) -> dict[str, Any]:
    return {
        "id": item.id,
        "name": item.name,
        "kind": item.kind,
        "province": item.province,
        "serves": list(item.serves),
        "may_send": list(item.may_send),
        "public": item.public.to_text(),
    }


def _from_json(entry: dict[str, Any]) -> Participant:
    if not ID_FORM.fullmatch(entry["id"]):
        raise ValueError("id")
    return Participant(
        id=entry["id"],
        name=entry["name"],
        kind=entry["kind"],
        province=entry["province"],
        serves=tuple(entry["serves"]),
        may_send=tuple(entry["may_send"]),
        public=PublicKeys.from_text(entry["public"]),
    )
