"""Signed tokens (JWT, RFC 7519) with HMAC-SHA256, in a few lines of the standard library: enough to see how they work.

A shop in production takes a library, which knows more algorithms and more attacks.
"""

import base64
import hashlib
import hmac
import json

ALGORITHM = "HS256"


class BadToken(Exception):
    """The token says nothing that can be trusted. The text says why."""


def sign(claims, key, algorithm=ALGORITHM):
    """The token of these claims (dict), signed with the key (bytes); algorithm "none" leaves the signature empty."""
    text = ".".join(_packed(json.dumps(part).encode()) for part in ({"alg": algorithm, "typ": "JWT"}, claims))
    return f"{text}.{_packed(_signature(text, key)) if algorithm == ALGORITHM else ''}"


def verify(token, key, audience, now_s):
    """The claims of a token that was signed with this key, for this audience, and has not run out; else BadToken."""
    text, _, signature = token.rpartition(".")
    header, claims = _read(text)
    if header.get("alg") != ALGORITHM:               # what the token says of itself is not trusted: "none" is one
        raise BadToken("another algorithm")
    if not hmac.compare_digest(_packed(_signature(text, key)).encode(), signature.encode()):
        raise BadToken("the signature does not fit")
    if claims.get("aud") != audience:
        raise BadToken("meant for somebody else")
    if not isinstance(claims.get("exp"), (int, float)) or claims["exp"] <= now_s:
        raise BadToken("it has run out")
    return claims


def _signature(text, key):
    return hmac.digest(key, text.encode(), hashlib.sha256)


def _packed(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _read(text):
    try:
        header, claims = (json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
                          for part in text.split("."))
    except ValueError:                               # two parts, base64, UTF-8 or JSON: one of them is not
        raise BadToken("no token at all") from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise BadToken("no token at all")
    return header, claims
