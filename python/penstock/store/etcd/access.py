"""How etcd is reached: where, as whom, and how long it may take."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Access:
    """How etcd is reached.

    Shape: `endpoints` are URLs, all `http` or all `https`. `authorities`, `certificate` and `key` are texts in PEM;
    without authorities those that the system trusts decide. `server_name` is the name that the members' certificates
    have, if that is not the host of the endpoint. All keys begin with `prefix`.

    Units: seconds. An endpoint that is silent for `silence_seconds` is waited for on, and the next is asked too;
    `patience_seconds` is for all attempts of a request together.
    """

    endpoints: tuple[str, ...]
    prefix: str = "/penstock/"
    user: str = ""
    password: str = field(default="", repr=False)
    authorities: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    server_name: str = ""
    silence_seconds: float = 0.3
    patience_seconds: float = 5.0

    @property
    def is_secure(self) -> bool:
        """Whether connections are enciphered."""
        return self.endpoints[0].startswith("https://")

    @property
    def targets(self) -> tuple[str, ...]:
        """The endpoints as host and port.

        Raises: ValueError if there is none, or one that is no URL or of another kind than the others.
        """
        if not self.endpoints:
            raise ValueError("etcd needs an endpoint")
        scheme = urlsplit(self.endpoints[0]).scheme
        for one in self.endpoints:
            split = urlsplit(one)
            if split.scheme not in {"http", "https"} or not split.netloc or split.path.strip("/"):
                raise ValueError(f"{one!r}: write http://HOST:PORT or https://HOST:PORT")
            if split.scheme != scheme:
                raise ValueError(f"{one!r}: either all endpoints are https or none is")
        return tuple(urlsplit(one).netloc for one in self.endpoints)
