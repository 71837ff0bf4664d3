"""The first words: which protocol is spoken here, and what the server says it can do."""

import ssl

from kairan.doctor.probe import findings
from kairan.doctor.probe.network import HostAddress, connect_once
from kairan.doctor.probe.settings import ProbeSettings
from kairan.doctor.probe.step import ProbeMeaning
from kairan.doctor.wire import FaultKind, Wire, WireFault, fault_of
from kairan.mail.reply import Reply
from kairan.smtp.client.capabilities import Capabilities

# RFC 8446 section 5.1: a record begins with its type (21 alert, 22 handshake) and 3.
_TLS_RECORDS = (b"\x15\x03", b"\x16\x03")


def wants_tls(fault: WireFault, address: HostAddress, settings: ProbeSettings) -> bool:
    """After the greeting failed: does TLS from the first octet work here?"""
    if fault.heard.startswith(_TLS_RECORDS):
        return True
    return fault.kind is FaultKind.SILENT and _speaks_tls(address, settings)


def _speaks_tls(address: HostAddress, settings: ProbeSettings) -> bool:
    """Whatever its certificate: only whether the handshake comes to an end, or to an alert."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with connect_once(address, settings.second_look_seconds) as connection:
            context.wrap_socket(connection).close()
    except OSError as error:
        fault = fault_of(error)
        return fault.kind is FaultKind.TLS and "ALERT" in fault.detail
    return True


def greets(address: HostAddress, settings: ProbeSettings) -> bool:
    """After TLS failed: do plain words work here?"""
    try:
        connection = connect_once(address, settings.second_look_seconds)
    except OSError:
        return False
    wire = Wire(connection, settings.second_look_seconds)
    answer = wire.read()
    wire.close()
    return isinstance(answer, Reply)


def judge_hello(
    reply: Reply, capabilities: Capabilities, *, is_secure: bool
) -> tuple[ProbeMeaning, ...]:
    """What works and should not stay so."""
    found = []
    if any("XXXX" in line or "****" in line for line in reply.lines):
        found.append(findings.SMTP_INSPECTION)
    if capabilities.auth and not is_secure:
        found.append(findings.AUTH_BEFORE_TLS)
    return tuple(found)
