"""Numbers that nothing can work with: zero where something is waited for or held, and two that stand
the wrong way round.

Each setting alone has the right type, so the service starts with them; `check-config` calls them
mistakes and the log says them at the start.
"""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from types import NoneType
from typing import Any, get_args

from kairan.config.keys import settings_types
from kairan.config.lines import Path_
from kairan.config.model import SECTIONS, Configuration, Section
from kairan.config.setting_problem import SettingProblem

# Zero means something there: off, at once, none, or (a port) any.  Everywhere else it would be a
# time-out that has passed before it begins, or room for nothing.
ZERO_MEANS = {
    "tls": {"look_interval_seconds"},
    "listener": {"port"},
    "intake": {
        "upload_octets_per_second_min",
        "upload_grace_seconds",
        "idle_commands_max",
        "errors_max",
        "busy_messages_per_second",
        "drain_seconds",
    },
    "auth": {
        "verified_seconds",
        "verified_max",
        "hashing_queue_max",
        "pair_failures_free",
        "address_failures_free",
        "network_failures_free",
        "first_delay_seconds",
        "delay_seconds_max",
        "failures_kept_seconds",
        "trusted_seconds",
    },
    "auth.tokens": {
        "margin_seconds",
        "skew_seconds",
        "keys_interval_seconds",
        "verified_max",
        "failures_free",
    },
    "issuer": {"key_lead_seconds"},
    "admission": {"volume_jump_factor", "volume_jump_floor_recipients"},
    "spool": {
        "inline_octets_max",
        "free_octets_min",
        "free_inodes_min",
        "fresh_octets_max",
        "reserve_octets",
        "due_ahead_max_seconds",
    },
    "delivery": {"busy_pause_seconds", "keep_up_seconds"},
    "delivery.priority": {"size_max"},
    "delivery.retry": {"min_seconds"},
    "delivery.destination": {"ready_min"},
    "delivery.reports": {"returned_octets_max", "explained_max"},
    "transport.relay": {
        "address_delay_seconds",
        "age_seconds",
        "idle_seconds",
        "resets_max",
        "ceiling_seconds",
    },
    "identity": {"renew_seconds", "refused_seconds"},
    "trace": {"write_interval_seconds"},
    "audit": {"files_kept"},
    "delivery.expansion": {"open_members_max"},
    "dynamic_groups": {"refresh_seconds", "change_max_percent", "change_free"},
    "billing": {"price_per_million"},
}

# The first must not be more than the second.
ORDERED = (
    ("delivery.retry", "first_seconds", "max_seconds"),
    ("delivery.retry", "min_seconds", "max_seconds"),
    ("delivery.retry", "first_seconds", "expiry_seconds"),
    ("delivery.retry", "delay_report_seconds", "expiry_seconds"),
    ("delivery.destination", "pause_first_seconds", "pause_max_seconds"),
    ("delivery", "keep_up_seconds", "lag_seconds_max"),
    ("auth", "first_delay_seconds", "delay_seconds_max"),
    ("auth", "password_characters_min", "password_characters_max"),
    ("auth.tokens", "keys_interval_seconds", "keys_refresh_seconds"),
    ("auth.tokens", "keys_refresh_seconds", "keys_kept_seconds"),
    ("intake", "handshake_timeout_seconds", "command_timeout_seconds"),
    ("intake", "unfinished_octets_per_account_max", "unfinished_octets_max"),
    ("intake", "unfinished_octets_per_address_max", "unfinished_octets_max"),
    ("intake", "connections_per_address_max", "connections_max"),
    ("issuer", "device_interval_seconds", "device_code_seconds"),
    ("admission", "header_octets_max", "message_octets_max"),
    ("transport.relay", "quit_timeout_seconds", "dot_timeout_seconds"),
)
# A factor below it makes each wait shorter than the one before.
FACTORS = (("delivery.retry", "factor"), ("delivery.destination", "pause_factor"))


def number_problems(configuration: Configuration) -> Iterator[SettingProblem]:
    """In the order of the settings, then what they are together."""
    for where, settings in _all_settings(configuration):
        yield from _alone(where, settings)
    by_name = {_name(where): (where, settings) for where, settings in _all_settings(configuration)}
    for name, low, high in ORDERED:
        yield from _crossed(*by_name[name], low, high)
    for name, factor in FACTORS:
        where, settings = by_name[name]
        if 0 < getattr(settings, factor) < 1:
            sentence = f'"{factor}" is less than 1, so each wait would be shorter than the last'
            yield (*where, factor), sentence


def _all_settings(configuration: Configuration) -> Iterator[tuple[Path_, Any]]:
    for section in SECTIONS:
        for where, settings in _of_section(section, configuration):
            yield where, settings
            yield from _inner_settings(where, settings)


def _of_section(section: Section, configuration: Configuration) -> Iterator[tuple[Path_, Any]]:
    """[server] and [directory] are fields of the configuration itself: `rules` looks at them."""
    value = getattr(configuration, section.field, None)
    if section.repeats:
        yield from (((section.name, position), one) for position, one in enumerate(value or ()))
    elif value is not None:
        yield (section.name,), value


def _inner_settings(where: Path_, settings: Any) -> Iterator[tuple[Path_, Any]]:
    for field in fields(settings):
        value = getattr(settings, field.name)
        if is_dataclass(value):
            yield (*where, field.name), value
            yield from _inner_settings((*where, field.name), value)


def _alone(where: Path_, settings: Any) -> Iterator[SettingProblem]:
    meaning = ZERO_MEANS.get(_name(where), set())
    types = settings_types(type(settings))
    for field in fields(settings):
        value = getattr(settings, field.name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if value == 0 and field.name not in meaning:
            none = '; "none": no limit' if NoneType in get_args(types[field.name]) else ""
            yield (*where, field.name), f'"{field.name}" must be more than 0{none}'


def _crossed(where: Path_, settings: Any, low: str, high: str) -> Iterator[SettingProblem]:
    least, most = getattr(settings, low), getattr(settings, high)
    if least > most > 0:
        sentence = f'"{low}" ({least:g}) is more than "{high}" ({most:g}), so it never counts'
        yield (*where, low), sentence


def _name(where: Path_) -> str:
    """Of the table, whichever of several it is."""
    return ".".join(part for part in where if isinstance(part, str))
