"""RFC 7638: the name of a key is a hash of what makes it up."""

import base64
import hashlib
import json
from collections.abc import Mapping

# Section 3.2: only these members count, in this order (which is the alphabet's).
_MEMBERS = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y")}


def thumbprint(public: Mapping[str, str]) -> str:
    wanted = {name: public[name] for name in _MEMBERS[public["kty"]]}
    text = json.dumps(wanted, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b"=").decode()
