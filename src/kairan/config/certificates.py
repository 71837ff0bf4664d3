"""Which certificates a configuration names."""

from collections.abc import Sequence

from kairan.config.model import Configuration
from kairan.runtime.served_certificates import PairFiles


def certificates_of(configuration: Configuration) -> Sequence[PairFiles]:
    """None where no listener encrypts; `rules` has seen to it that those which do have one."""
    tls = configuration.tls
    pairs = [
        (tls.certificate, tls.key, ""),
        (tls.rsa_certificate, tls.rsa_key, "rsa_"),
    ]
    return [
        PairFiles(certificate, key, prefix)
        for certificate, key, prefix in pairs
        if certificate is not None and key is not None
    ]
