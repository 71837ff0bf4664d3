"""Passwords that we make, for people and printers."""

import secrets

# Typed into printers by hand: no capitals, no signs, nothing that looks like another.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
GENERATED_CHARACTERS = 24  # 118 bits


def generate_password() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(GENERATED_CHARACTERS))
