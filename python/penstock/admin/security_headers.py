"""What every answer of the admin port tells browsers (I17)."""

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    # The address of the way back from a provider holds a code.
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""No answer is a page: whatever somebody has made it say, a browser does nothing with it."""
ENCODED = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
