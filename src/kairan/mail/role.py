"""The role of a listener: which rules apply to those who come in by it."""

from enum import StrEnum


class Role(StrEnum):
    """Its words are those of the configuration file.

    `hve`: HVE accounts only, internal recipients only, as smtp.hve.mx.microsoft.
    `client`: ordinary submission, where SmtpClientAuthenticationDisabled applies; it alone may
    send outside where the organisation does not (`external_recipients`).
    `device`: for printers on listed networks: login and TLS may be missing.
    """

    HVE = "hve"
    CLIENT = "client"
    DEVICE = "device"
