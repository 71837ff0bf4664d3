"""What recipients cost."""

from kairan.trace.settings import BillingSettings


def price(recipients: int, billing: BillingSettings) -> float:
    """To a millionth: one recipient costs 0.000042."""
    return round(recipients * billing.price_per_million / 1_000_000, 6)
