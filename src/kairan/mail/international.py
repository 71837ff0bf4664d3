"""Domains and local parts beyond ASCII: many ways to write one name, and the one to compare by.

`b\u00fccher.test`, its decomposed form (NFD) and `xn--bcher-kva.test` are one domain (RFC 5890 section
2.3.2.1), so it is compared as its A-labels, mapped first as UTS 46 says.  A local part is compared in
NFC (RFC 6532 section 3.1).
"""

import unicodedata

DOMAIN_CHARACTERS_MAX = 255  # RFC 5321 section 4.5.3.1.2; the tables need not look at more


def comparable_domain(domain: str) -> str:
    """In lower-case ASCII, but for labels that are no name in any reading of IDNA."""
    if domain.isascii() or len(domain) > DOMAIN_CHARACTERS_MAX:
        return domain.lower()
    import idna  # noqa: PLC0415 - its tables take 4 MB, and most organisations need none of them

    try:
        mapped = idna.uts46_remap(domain, std3_rules=True, transitional=False)
    except idna.IDNAError:  # a pattern's star, for example: label by label then
        mapped = comparable_text(domain)
    return ".".join(map(_label, mapped.split(".")))


def comparable_text(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())


def _label(label: str) -> str:
    if label.isascii():
        return label
    import idna  # noqa: PLC0415 - see above

    try:
        return idna.alabel(label).decode("ascii")
    except idna.IDNAError:
        pass
    # IDNA 2008 has no signs and pictures; registries of some top-level domains still do.
    plain = label.isprintable() and not any(letter in "*?[]" for letter in label)
    encoded = f"xn--{label.encode('punycode').decode('ascii')}" if plain else label
    return encoded if len(encoded) <= LABEL_OCTETS_MAX else label


LABEL_OCTETS_MAX = 63  # RFC 1035 section 2.3.4
