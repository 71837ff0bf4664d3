"""A Postfix relay's settings in our words.

What is translated: who may come in (mynetworks, the services of master.cf), the certificate, limits, the
queue's times, where mail goes (relayhost, transport_maps) with login and TLS.  All else that was set is
named; a setting that only says where Postfix keeps its own things is not worth a word.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from kairan.config.imports.draft import DraftTable, ImportDraft, Uncounterparted
from kairan.config.imports.postfix_files import PostfixFiles, PostfixService, TableLine
from kairan.runtime.ip import parse_network

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_HOST = re.compile(r"(?P<bracket>\[)?(?P<host>[^\]:\s]+|(?<=\[)[^\]\s]+)\]?(?::(?P<port>[\w-]+))?")
_PORTS = {"smtp": "25", "submission": "587", "smtps": "465", "submissions": "465"}
_IDENTITY_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_SYSTEM_AUTHORITIES = ("/etc/ssl/certs/", "/etc/pki/tls/certs/", "/usr/share/ca-certificates")

# Read below, each in its place.
_TAKEN = frozenset(
    [
        "myhostname",
        "mydomain",
        "mydestination",
        "relay_domains",
        "mynetworks",
        "mynetworks_style",
        "relayhost",
        "transport_maps",
        "smtpd_tls_cert_file",
        "smtpd_tls_key_file",
        "smtpd_tls_security_level",
        "message_size_limit",
        "smtpd_recipient_limit",
        "maximal_queue_lifetime",
        "minimal_backoff_time",
        "maximal_backoff_time",
        "delay_warning_time",
        "smtp_destination_concurrency_limit",
        "default_destination_concurrency_limit",
        "smtp_destination_recipient_limit",
        "default_destination_recipient_limit",
        "smtp_tls_security_level",
        "smtp_tls_CAfile",
        "smtp_tls_wrappermode",
        "smtp_use_tls",
        "smtp_enforce_tls",
        "smtp_sasl_auth_enable",
        "smtp_sasl_password_maps",
        "smtp_sasl_mechanism_filter",
        "smtp_sasl_security_options",
        "smtp_sasl_tls_security_options",
        "smtpd_tls_auth_only",
        "smtpd_use_tls",
    ]
)
# Where Postfix keeps its own things, and how it says what it does.
_NOTHING_TO_SAY = frozenset(
    [
        "compatibility_level",
        "queue_directory",
        "command_directory",
        "daemon_directory",
        "data_directory",
        "config_directory",
        "mail_owner",
        "setgid_group",
        "html_directory",
        "manpage_directory",
        "sample_directory",
        "readme_directory",
        "sendmail_path",
        "newaliases_path",
        "mailq_path",
        "meta_directory",
        "shlib_directory",
        "biff",
        "append_dot_mydomain",
        "debug_peer_level",
        "debugger_command",
        "mail_name",
        "smtpd_banner",
        "myorigin",
        "unknown_local_recipient_reject_code",
        "smtp_tls_session_cache_database",
        "smtpd_tls_session_cache_database",
        "smtp_tls_loglevel",
        "smtpd_tls_loglevel",
        "smtp_tls_note_starttls_offer",
        "inet_protocols",
        "alias_database",
        "bounce_queue_lifetime",
        "mail_spool_directory",
        "smtpd_tls_received_header",
        "maillog_file",
    ]
)
_WHY = {
    "content_filter": "filters stand before or behind the service, as servers of their own",
    "smtpd_milters": "filters stand before or behind the service, as servers of their own",
    "non_smtpd_milters": "filters stand before or behind the service, as servers of their own",
    "milter_default_action": "filters stand before or behind the service, as servers of their own",
    "header_checks": "headers are not matched; what a device has wrong is put right",
    "smtp_header_checks": "headers are not matched; what a device has wrong is put right",
    "body_checks": "contents are not looked at",
    "sender_canonical_maps": "write from=rewrite into the route: the sender becomes the account",
    "canonical_maps": "write from=rewrite into the route: the sender becomes the account",
    "smtp_generic_maps": "write from=rewrite into the route: the sender becomes the account",
    "recipient_canonical_maps": "give the mailbox an alias: kairan mailbox set",
    "virtual_alias_maps": "make groups and aliases of it: kairan group add, kairan mailbox set",
    "virtual_alias_domains": "add them as accepted domains: kairan domain add",
    "alias_maps": "make groups and aliases of it: kairan group add, kairan mailbox set",
    "sender_dependent_relayhost_maps": "a route looks at the recipient, not at the sender",
    "sender_dependent_default_transport_maps": "a route looks at the recipient, not at the sender",
    "smtpd_recipient_restrictions": "who may send what is the account's, and the listener's role",
    "smtpd_relay_restrictions": "who may send what is the account's, and the listener's role",
    "smtpd_client_restrictions": "who may come in is the listener's role and its networks",
    "smtpd_sender_restrictions": "an account sends as itself and its aliases alone",
    "smtpd_helo_restrictions": "a greeting decides nothing",
    "smtpd_sasl_auth_enable": "make an account: kairan account add",
    "smtpd_sasl_type": "make accounts: kairan account add, kairan account import",
    "smtpd_sasl_path": "make accounts: kairan account add, kairan account import",
    "smtpd_sasl_local_domain": "an account logs in by its whole address",
    "smtp_tls_policy_maps": "write tls=, verify= and ca= into the route of each next hop",
    "smtp_bind_address": "the system's routing chooses the address",
    "inet_interfaces": "write host into each listener",
    "always_bcc": "nobody is copied; add an archive behind the route",
    "mailbox_size_limit": "mailboxes are another server's",
    "home_mailbox": "mailboxes are another server's; a route maildir:DIR delivers into folders",
    "mailbox_command": "mailboxes are another server's",
    "virtual_mailbox_domains": "a route maildir:DIR or lmtp://HOST:PORT delivers them",
    "virtual_mailbox_maps": "add them: kairan mailbox import",
    "virtual_transport": "write a route with lmtp://HOST:PORT",
    "mailbox_transport": "write a route with lmtp://HOST:PORT",
    "local_recipient_maps": "add them: kairan mailbox import",
    "relay_recipient_maps": "add them: kairan mailbox import",
    "recipient_delimiter": "give the mailbox aliases: kairan mailbox set",
    "smtpd_tls_protocols": "TLS 1.2 and 1.3; legacy_tls = true at a device listener adds 1.0 and 1.1",
    "smtpd_tls_mandatory_protocols": "TLS 1.2 and 1.3; legacy_tls = true at a device listener adds 1.0 and 1.1",
}


@dataclass(frozen=True, slots=True)
class _Hop:
    destination: str
    to_do: tuple[str, ...] = ()
    missing: tuple[Uncounterparted, ...] = ()


def import_postfix(files: PostfixFiles, *, account: str = "") -> ImportDraft:
    """`account`: as which mail from `mynetworks` is sent; empty: the first domain's printer."""
    domains = _domains(files)
    sends_as = account or f"printer@{domains[0] if domains else 'example.com'}"
    routes, hops = _routes(files)
    to_do = [
        *(f"kairan domain add {domain}" for domain in domains),
        *(() if account else (f"kairan account add {sends_as} --generate",)),
        *(text for hop in hops for text in hop.to_do),
    ]
    tables = (
        *_server(files),
        *_tls(files),
        *_listeners(files, sends_as),
        *_limits(files),
        *_retry(files),
        *routes,
    )
    missing = (*(one for hop in hops for one in hop.missing), *_missing(files))
    return ImportDraft(tables, missing, tuple(dict.fromkeys(to_do)))


def _domains(files: PostfixFiles) -> list[str]:
    named = [*files.words("relay_domains"), *files.words("mydestination"), files.get("mydomain")]
    return [
        one
        for one in dict.fromkeys(name.lower() for name in named)
        if "." in one and ":" not in one and "/" not in one and not one.startswith("localhost")
    ]


def _server(files: PostfixFiles) -> Iterator[DraftTable]:
    if hostname := files.get("myhostname"):
        yield DraftTable("server", {"hostname": hostname})


def _tls(files: PostfixFiles) -> Iterator[DraftTable]:
    certificate, key = files.get("smtpd_tls_cert_file"), files.get("smtpd_tls_key_file")
    if certificate:
        yield DraftTable("tls", {"certificate": certificate, "key": key or certificate})


def _listeners(files: PostfixFiles, account: str) -> Iterator[DraftTable]:
    has_tls = bool(files.get("smtpd_tls_cert_file"))
    encrypts = has_tls and files.get("smtpd_tls_security_level") != "none"
    for service in files.services:
        if service.listens() and (listener := _listener(service, has_tls=has_tls)):
            yield listener
    networks = _networks(files)
    if networks:
        yield DraftTable(
            "listener",
            {
                "role": "device",
                "port": 25,
                "tls": "starttls" if encrypts else "off",
                "devices": dict.fromkeys(networks, account),
            },
            repeats=True,
            about="mynetworks: who comes from there sends without a login, as this account.",
        )


def _listener(service: PostfixService, *, has_tls: bool) -> DraftTable | None:
    """Those where clients log in; port 25 is mynetworks' (and the Internet's, which is not ours)."""
    port = _PORTS.get(service.name.rpartition(":")[2], service.name.rpartition(":")[2])
    if port == "25" or not port.isdigit() or not has_tls:
        return None
    is_implicit = service.overrides.get("smtpd_tls_wrappermode") == "yes" or port == "465"
    values = {"role": "hve", "port": int(port), "tls": "implicit" if is_implicit else "starttls"}
    return DraftTable("listener", values, repeats=True)


def _networks(files: PostfixFiles) -> list[str]:
    found = []
    for word in files.words("mynetworks"):
        try:
            found.append(str(parse_network(word.replace("[", "").replace("]", ""))))
        except ValueError:
            continue  # a table, or an exception with a `!`: named below
    return found


def _limits(files: PostfixFiles) -> Iterator[DraftTable]:
    wanted = {
        "message_octets_max": files.get("message_size_limit"),
        "recipients_max": files.get("smtpd_recipient_limit"),
    }
    values = {name: int(text) for name, text in wanted.items() if text.isdigit() and int(text)}
    if values:
        yield DraftTable("admission", values)


def _retry(files: PostfixFiles) -> Iterator[DraftTable]:
    wanted = {
        "first_seconds": _seconds(files.get("minimal_backoff_time"), "s"),
        "max_seconds": _seconds(files.get("maximal_backoff_time"), "s"),
        "expiry_seconds": _seconds(files.get("maximal_queue_lifetime"), "d"),
        "delay_report_seconds": _seconds(files.get("delay_warning_time"), "h"),
    }
    values = {name: seconds for name, seconds in wanted.items() if seconds}
    if values:
        yield DraftTable("delivery.retry", values)


def _seconds(text: str, unit: str) -> int:
    """0 where it says nothing."""
    found = re.fullmatch(r"(\d{1,9})([smhdw]?)", text)
    return int(found[1]) * _UNITS[found[2] or unit] if found else 0


# Where mail goes.


def _routes(files: PostfixFiles) -> tuple[list[DraftTable], list[_Hop]]:
    tables, hops = [], []
    for pattern, hop in _rules(files):
        hops.append(hop)
        if hop.destination:
            row = {"pattern": pattern, "to": hop.destination}
            tables.append(DraftTable("delivery.routes", row, repeats=True))
    return tables, hops


def _rules(files: PostfixFiles) -> Iterator[tuple[str, _Hop]]:
    """The exact before the general: Postfix finds the nearest key, we the first pattern."""
    everything = None
    for reference in files.words("transport_maps"):
        lines = files.table(reference)
        if lines is None:
            yield "", _unread("transport_maps", reference)
            continue
        for line in sorted(lines, key=_generality):
            pattern, hop = _transport_rule(files, line)
            if pattern == "*":
                everything = hop
            else:
                yield pattern, hop
    if everything is not None:
        yield "*", everything
    elif relayhost := files.get("relayhost"):
        yield "*", _hop(files, relayhost, "relayhost")
    else:
        yield "*", _Hop("mx:")


def _generality(line: TableLine) -> tuple[int, int]:
    labels = line.key.count(".")
    return (0 if "@" in line.key else 1 if not line.key.startswith(".") else 2), -labels


def _transport_rule(files: PostfixFiles, line: TableLine) -> tuple[str, _Hop]:
    pattern = f"*{line.key}" if line.key.startswith(".") else line.key
    transport, _, next_hop = line.value.partition(":")
    match transport:
        case "smtp" | "relay" | "smtps" if not next_hop:
            return pattern, _Hop("mx:")
        case "" if not next_hop:
            relayhost = files.get("relayhost")
            return pattern, _hop(files, relayhost, "relayhost") if relayhost else _Hop("mx:")
        case "smtp" | "relay" | "smtps" | "":
            is_implicit = transport == "smtps"
            return pattern, _hop(files, next_hop, f"transport {line.key}", implicit=is_implicit)
        case "lmtp":
            return pattern, _Hop(_lmtp(next_hop))
    why = "write a route with maildir:, lmtp://, smtp:// or mx:"
    return pattern, _Hop("", missing=(Uncounterparted(f"transport {line.key}", line.value, why),))


def _lmtp(next_hop: str) -> str:
    kind, _, place = next_hop.partition(":")
    if kind == "unix":
        return f"lmtp://{quote(place if place.startswith('/') else f'/{place}')}"
    return f"lmtp://{(place if kind == 'inet' else next_hop).replace('[', '').replace(']', '')}"


def _hop(files: PostfixFiles, text: str, setting: str, *, implicit: bool = False) -> _Hop:
    found = _HOST.fullmatch(text.strip())
    if found is None:
        return _unread(setting, text)
    host, port = found["host"], _PORTS.get(found["port"] or "", found["port"] or "25")
    missing = []
    if not found["bracket"] and not _is_address(host):
        why = "without [ ] Postfix asks for the MX of this name; a route asks for the host itself"
        missing.append(Uncounterparted(setting, text, why))
    login, options, to_do, untold = _login(files, text, host)
    level, level_missing = _tls_level(files, has_login=bool(login or options))
    missing += [*untold, *level_missing]
    options |= level | _sessions(files)
    is_implicit = implicit or files.get("smtp_tls_wrappermode") == "yes"
    if is_implicit:
        options.pop("tls", None)
    query = "&".join(f"{name}={quote(str(value), safe='/')}" for name, value in options.items())
    shown = f"[{host}]" if ":" in host else host
    scheme = "smtps" if is_implicit else "smtp"
    destination = f"{scheme}://{login}{shown}:{port}{f'?{query}' if query else ''}"
    return _Hop(destination, to_do, tuple(missing))


def _is_address(host: str) -> bool:
    try:
        parse_network(host)
    except ValueError:
        return False
    return True


def _login(
    files: PostfixFiles, next_hop: str, host: str
) -> tuple[str, dict[str, object], tuple[str, ...], list[Uncounterparted]]:
    """The `user@` of the destination, its options, what is left to do, and what could not be read."""
    if files.get("smtp_sasl_auth_enable") != "yes":
        return "", {}, (), []
    for reference in files.words("smtp_sasl_password_maps"):
        lines = files.table(reference)
        if lines is None:
            why = "it cannot be read here; write USER@ and password_file= into the route"
            missing = Uncounterparted("smtp_sasl_password_maps", _shown(reference), why)
            return "", {}, (), [missing]
        for line in lines:
            if line.key in {next_hop.strip(), host, f"[{host}]"}:
                return *_login_of(files, line, reference), []
    return "", {}, (), []


def _login_of(
    files: PostfixFiles, line: TableLine, reference: str
) -> tuple[str, dict[str, object], tuple[str, ...]]:
    user, _, secret = line.value.partition(":")
    if "xoauth2" in files.get("smtp_sasl_mechanism_filter").lower():
        name = _IDENTITY_NAME.sub("-", user.partition("@")[0]) or "relay"
        # By that plugin's rules the place of the password is the path of the token file.
        file = secret if secret.startswith("/") else "TOKENFILE"
        to_do = f"kairan import sasl-xoauth2 {file} --name {name} --user {user}"
        return "", {"auth": "oauth", "identity": name}, (to_do,)
    file = f"{_IDENTITY_NAME.sub('-', user) or 'relay'}.password"
    to_do = (
        f"write the password of {user}, which stands in line {line.number} of"
        f" {reference.partition(':')[2]}, into {file} (mode 0600)"
    )
    return f"{quote(user, safe='')}@", {"password_file": file}, (to_do,)


def _tls_level(
    files: PostfixFiles, *, has_login: bool
) -> tuple[dict[str, object], list[Uncounterparted]]:
    level = files.get("smtp_tls_security_level")
    if not level and files.get("smtp_enforce_tls") == "yes":
        level = "verify"
    if not level:
        level = "may" if files.get("smtp_use_tls") == "yes" else "none"
    options: dict[str, object] = {}
    missing = []
    if has_login and level in {"none", "may"}:
        why = "a login goes out in TLS alone, to a verified host; the route requires it"
        missing.append(Uncounterparted("smtp_tls_security_level", level, why))
    elif level in {"none", "may"}:
        options["tls"] = level
    elif level == "encrypt" and "xoauth2" not in files.get("smtp_sasl_mechanism_filter"):
        options["verify"] = "no"
    elif level not in {"encrypt", "verify", "secure"}:
        why = "the route requires TLS and verifies the certificate by its name"
        missing.append(Uncounterparted("smtp_tls_security_level", level, why))
    authorities = files.get("smtp_tls_CAfile")
    is_verified = not options
    if authorities and is_verified and not authorities.startswith(_SYSTEM_AUTHORITIES):
        options["ca"] = authorities
    return options, missing


def _sessions(files: PostfixFiles) -> dict[str, object]:
    wanted = {"sessions_max": "concurrency_limit", "recipients_max": "recipient_limit"}
    found: dict[str, object] = {}
    for option, name in wanted.items():
        text = files.get(f"smtp_destination_{name}") or files.get(f"default_destination_{name}")
        if text.isdigit() and int(text):
            found[option] = int(text)
    return found


# What is left.


def _unread(setting: str, value: str) -> _Hop:
    why = "it cannot be read here; write the routes by hand"
    return _Hop("", missing=(Uncounterparted(setting, value, why),))


def _missing(files: PostfixFiles) -> Iterator[Uncounterparted]:
    for word in files.words("mynetworks"):
        if word.startswith(("!", "/")) or re.match(r"[a-z]+:", word):
            why = "write the networks into the listener's devices, or use kairan device add"
            yield Uncounterparted("mynetworks", word, why)
    for name in files.settings:
        if name not in _TAKEN and name not in _NOTHING_TO_SAY:
            why = _WHY.get(name, "nothing stands for it")
            yield Uncounterparted(name, _shown(files.get(name), name), why)
    for service in files.services:
        yield from _overridden(service)


def _overridden(service: PostfixService) -> Iterator[Uncounterparted]:
    known = {"smtpd_tls_wrappermode", "syslog_name", "smtpd_tls_security_level"}
    for name, value in service.overrides.items():
        if name not in known and service.listens():
            why = _WHY.get(name, "nothing stands for it")
            yield Uncounterparted(f"{service.name}: {name}", _shown(value, name), why)


def _shown(value: str, name: str = "") -> str:
    """Tables in databases are named with their passwords there; a table of one line, and an older table in
    LDAP or SQL (`accounts_bind_pw = …`), has them in main.cf itself.
    """
    if _SECRET_NAME.search(name) and not _TABLE.match(value):
        return "…"
    value = _TABLE_OF_ITSELF.sub(r"\1:…", value)
    return _PASSWORD.sub(r"\1…", value)[:200]


_SECRET_NAME = re.compile(r"(?:^|_)(?:pass|passwd|password|pw|secret)(?:_|$)")
_TABLE = re.compile(r"\w+:[^:\s]*\Z")
_TABLE_OF_ITSELF = re.compile(r"\b(static|inline):.*", re.DOTALL)
_PASSWORD = re.compile(r"(?i)(passw(?:or)?d\s*=\s*|://[^/\s:]*:)[^\s,@}]+")
