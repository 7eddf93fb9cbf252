"""What loading gives: resources, problems, and what is left of resources that have some."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from penstock.base.problem import Problem
from penstock.model.kinds import resource_key
from penstock.model.loading.positions import locate
from penstock.model.loading.remains import Remains
from penstock.model.loading.text import Text
from penstock.model.loading.validation import Refused
from penstock.model.resource import Resource


@dataclass(frozen=True, slots=True)
class Placed:
    """A resource and where it came from.

    `digest` changes with the resource's text; compiled forms are remembered by it. `outer` leads to the resource
    inside its document. A resource with `remains` had mistakes: it is what was left without them, and `called` as
    problems call it.
    """

    resource: Resource = field(compare=False)
    digest: str
    file: str = ""
    document: int = 0
    outer: tuple[int, ...] = ()
    remains: Remains | None = None
    called: str = ""
    key: str = field(init=False)
    """What plans, references and problems call it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", self.called or resource_key(self.resource.kind, self.resource.name))

    def lacks(self, *fields: str) -> bool:
        """Whether one of these fields, or part of it, was left out because it was wrong."""
        return self.remains is not None and any((field,) in self.remains.damaged for field in fields)

    def located(self, problem: Problem) -> Problem:
        """A problem of this resource, said of it and its file."""
        below = problem.below(*self.outer)
        return replace(below, resource=self.key, file=self.file, document=self.document)


@dataclass(frozen=True, slots=True)
class Unusable:
    """What is there but wrong: it makes no plan, but its other parts are checked, and it may be referred to.

    `keys` are those of resources that are there, as far as they can be told. `partials` are what is left of them,
    each with the number of whole resources before it. `is_incomplete`: something could not be read at all, so
    nobody knows what else is there.
    """

    keys: frozenset[str] = frozenset()
    partials: tuple[tuple[int, Placed], ...] = ()
    is_incomplete: bool = False

    @property
    def may_have_filters(self) -> bool:
        """Whether a plugin may be among what could not be read."""
        return self.is_incomplete or any(key.startswith(_PLUGIN) for key in self.keys)

    def among(self, resources: Sequence[Placed]) -> list[Placed]:
        """The whole resources and what is left of the others, in the order in which they were written."""
        every = list(resources)
        for earlier, (position, partial) in enumerate(self.partials):
            every.insert(position + earlier, partial)
        return every

    def with_files(self, resources: Sequence[Placed]) -> list[Placed]:
        """The same, as far as a plugin among them has files."""
        if not self.partials:
            return list(resources)
        return [placed for placed in self.among(resources) if not placed.lacks("python")]


ALL_USABLE = Unusable()
"""Nothing is wrong."""
_PLUGIN = resource_key("Plugin", "")


@dataclass(frozen=True, slots=True)
class Loaded:
    """All resources of a configuration, in the order of files and documents, and all problems."""

    resources: tuple[Placed, ...]
    problems: tuple[Problem, ...] = ()
    unusable: Unusable = ALL_USABLE

    @property
    def readable(self) -> list[Placed]:
        """The resources and what is left of the wrong ones, as far as a plugin among them has files."""
        return self.unusable.with_files(self.resources)

    def beside(self, unread: Sequence[Problem]) -> "Loaded":
        """The same, with problems of files that could not be read at all."""
        if not unread:
            return self
        return replace(self, problems=(*unread, *self.problems), unusable=replace(self.unusable, is_incomplete=True))


@dataclass(slots=True)
class Found:
    """What is loaded so far."""

    resources: list[Placed] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    partials: list[tuple[int, Placed]] = field(default_factory=list)
    is_incomplete: bool = False

    def add(self, result: Resource | Refused, digest: str, place: tuple[str, int], outer: tuple[int, ...] = ()) -> None:
        """Take a resource, or the problems of one and what is left of it."""
        if isinstance(result, Resource):
            self.resources.append(Placed(result, digest, *place, outer))
            return
        file, document = place
        self.problems += (replace(one.below(*outer), file=file, document=document) for one in result.problems)
        self.keys |= result.keys
        if result.remains is not None:
            left = Placed(result.remains.resource, digest, *place, outer, result.remains, min(result.keys, default=""))
            self.partials.append((len(self.resources), left))

    def take(self, other: "Found") -> None:
        """Take what stands behind all of this."""
        self.partials += ((len(self.resources) + position, partial) for position, partial in other.partials)
        self.resources += other.resources
        self.problems += other.problems
        self.keys |= other.keys
        self.is_incomplete |= other.is_incomplete

    def loaded(self, texts: Sequence[Text] = ()) -> Loaded:
        """All of it."""
        unusable = Unusable(frozenset(self.keys), tuple(self.partials), self.is_incomplete)
        return Loaded(tuple(self.resources), tuple(locate(self.problems, texts)), unusable)
