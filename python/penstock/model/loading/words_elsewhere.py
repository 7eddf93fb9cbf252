"""What other gateways call what is here, for hints: a user who knows one of them finds the word."""

from collections.abc import Mapping

LATER_KINDS = frozenset(
    {
        "Aggregation", "AiProvider", "Function", "MeshService", "MqttListener", "Registry",
        "Secret",
    }
)  # fmt: skip
"""Kinds that are designed and not built."""

LATER_KEYS: Mapping[tuple[str, str], str] = {
    ("Upstream", "health"): "an endpoint that cannot be connected to is passed over for the next",
    ("Upstream", "breaker"): "`retry` with a `budget` bounds what is sent again",
    ("Route", "retry"): "`retry` belongs to an upstream",
}
"""Keys that are designed and not built, with what there is instead."""

_KINDS: Mapping[str, str] = {
    "Upstream": "service backend cluster server target pool application",
    "Listener": "gateway entrypoint port httpserver frontend",
    "Route": "httproute ingress virtualservice virtualhost location rule router proxy",
    "TcpRoute": "stream streamroute tcpproxy layer4 l4",
    "TlsRoute": "sniroute sni passthrough tlspassthrough sslpassthrough",
    "UdpRoute": "udpproxy datagram",
    "Pipeline": "middleware plugins filter filters chain filterchain pluginconfig",
    "Telemetry": "accesslog logging log metrics observability",
    "Consumer": "user client credential credentials apikey keyauth keyauthcredential",
    "Certificate": "autocertmanager autocert acme letsencrypt certresolver certificatesresolver tlssecret ssl",
}
_KEYS: Mapping[str, Mapping[str, str]] = {
    "Listener": {
        "address": "listen bind port ip host socket addr",
        "trusted_proxies": "realipfrom setrealipfrom trustedips xfftrusted",
        "before": "filters plugins middlewares handlers",
        "limits": "timeouts timeout",
    },
    "Limits": {
        "body": "bodysize maxbodysize clientmaxbodysize maxbody",
        "header_time": "headertimeout readheadertimeout clientheadertimeout",
        "headers": "headersize maxheaderbytes maxheadersize headerbytes",
        "fields": "maxheaders headercount maxfields",
        "idle": "idletimeout keepalivetimeout keepalive",
        "connections": "maxconnections maxconn workerconnections",
    },
    "Route": {
        "path": "uri uris url location match rule prefix pathprefix paths regex",
        "to": "upstream upstreamid backend backends service serviceid cluster proxypass forward target destination",
        "hosts": "host hostname hostnames domain domains servername vhost",
        "steps": "plugins filters middlewares actions handlers policies",
        "methods": "method verbs",
        "when": "condition if expression vars",
        "client_ip": "remoteaddr remoteaddrs allow sourceip",
        "query": "args queryparams",
        "priority": "order",
        "listeners": "entrypoints gateways parentrefs",
    },
    "Upstream": {
        "endpoints": "servers server nodes backends targets hosts instances members loadassignment url urls",
        "balance": "type lb lbpolicy algorithm loadbalancing loadbalance policy strategy",
        "retry": "retries retrypolicy",
        "timeouts": "timeout",
        "idle_connections": "keepalive keepalivepool maxidle",
    },
    "Endpoint": {"url": "address host server uri ip target addr"},
    "Timeouts": {
        "connect": "connection connecttimeout",
        "answer": "read response readtimeout",
        "send": "write sendtimeout",
    },
    "Retry": {"attempts": "count numretries retries max", "on": "retryon conditions statuses"},
    "Pipeline": {"steps": "filters plugins flow handlers middlewares"},
    "Telemetry": {"access_log": "log logs logging accesslogs"},
    "AccessLog": {"path": "file output destination to", "format": "template logformat"},
    "Certificate": {"acme": "autocert letsencrypt certresolver issuer"},
    "Acme": {
        "names": "domain domains host hosts hostnames sans dnsnames subjects",
        "directory": "directoryurl caserver server caurl",
        "email": "contact mail",
        "account": "eab externalaccountbinding externalaccount",
        "renew_before": "renewbefore renewalwindow",
    },
    "Consumer": {
        "keys": "key apikey apikeys keyauth credential credentials secret secrets",
        "groups": "group groupid acl acls",
    },
    "Plugin": {
        "python": "file folder module files source src path code script",
        "archive": "sha256 digest hash checksum zip wheel oci image",
    },
}
_STEPS: Mapping[str, str] = {
    "Forward": "proxypass proxy reverseproxy upstream backend route",
    "Respond": "return response staticresponse mock directresponse",
    "Redirect": "redirection redirectscheme redirectregex",
    "RewritePath": "rewrite proxyrewrite replacepath stripprefix urlrewrite pathadaptor",
    "SetHeaders": "header headers setheader addheader requestheader responserewrite headermodifier requestadaptor",
    "VerifyKey": "keyauth apikey apikeyauth authkey keyauthentication",
    "MaxBodySize": "clientmaxbodysize buffering limitbody bodylimit clientcontrol",
}


def own_kind(word: str) -> str:
    """A hint that names the kind of resource which others call so; empty where there is none."""
    return _hint(_KINDS, word)


def own_key(owner: str, word: str) -> str:
    """A hint that names the key of a model which others call so; empty where there is none."""
    return _hint(_KEYS.get(owner, {}), word)


def own_step(word: str) -> str:
    """A hint that names the filter which others call so; empty where there is none."""
    return _hint(_STEPS, word)


def _hint(words: Mapping[str, str], word: str) -> str:
    folded = word.lower().replace("_", "").replace("-", "")
    found = next((own for own, others in words.items() if folded in others.split()), "")
    return f"did you mean `{found}`?" if found else ""
