"""People who come in by an OpenID provider.

Source: OpenID Connect Core 1.0, RFC 7636 (PKCE), RFC 9068 (access tokens).
"""
