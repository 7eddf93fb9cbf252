"""One session, and the text that is kept of it: neither is what shows it."""

import json
from dataclasses import asdict, dataclass, field
from hashlib import sha256

from pydantic import ValidationError

from penstock.admin.access.holders import Holder, User
from penstock.admin.access.oidc.provider import Provider

IDLE_SECONDS = 30 * 60.0
WHOLE_SECONDS = 12 * 3600.0
_SKEW_SECONDS = 300.0
"""By how much the clocks of nodes may differ. Whoever began later than that has a clock that was set back."""


@dataclass(frozen=True, slots=True)
class Entrant:
    """Somebody who comes in. `holder` says what they may do where no user of ours does, but a provider.

    `bond` is what they come in by, a password or a provider, as a hash: with another it is over, wherever it is kept.
    """

    user: str
    bond: str
    provider: str = ""
    holder: Holder | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has come in.

    `csrf` is what a page has to send along with whatever changes something: pages of others cannot know it.

    Units: `began` and `seen` are seconds since 1970.
    """

    who: Entrant
    is_cookie: bool
    began: float
    seen: float
    csrf: str = field(repr=False)

    @property
    def user(self) -> str:
        """What history calls them."""
        return self.who.user

    def lasts(self, now: float) -> bool:
        """Whether it is not over by itself."""
        is_whole = -_SKEW_SECONDS <= now - self.began <= WHOLE_SECONDS
        return is_whole and now - self.seen <= IDLE_SECONDS

    def to_text(self) -> str:
        """What is kept of it."""
        who = {**asdict(self.who), "holder": self.who.holder and self.who.holder.model_dump(mode="json")}
        return json.dumps({**asdict(self), "who": who})


def read_session(text: str) -> Session | None:
    """The session that a text is kept of; nothing where somebody else has written it."""
    try:
        data = json.loads(text)
        who, began, seen = data["who"], float(data["began"]), float(data["seen"])
        holder = Holder.model_validate(who["holder"]) if who["holder"] is not None else None
        entrant = Entrant(str(who["user"]), str(who["bond"]), str(who["provider"]), holder)
        return Session(entrant, data["is_cookie"] is True, began, seen, str(data["csrf"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, ValidationError):
        return None


def bond_of(source: User | Provider) -> str:
    """What a session is bound to: the password of a user as it is kept, or all that a provider may say of people."""
    text = source.password if isinstance(source, User) else source.model_dump_json()
    return sha256(text.encode(errors="surrogateescape")).hexdigest()
