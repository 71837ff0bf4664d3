"""Far more than ever: an account that may be in somebody else's hands is held."""

from kairan.admission.settings import AdmissionSettings
from kairan.directory.model import Account
from kairan.outcomes.catalogue import ACCOUNT_HELD
from kairan.outcomes.decision import ACCEPT, Decision, Refuse
from kairan.runtime.counted import counted


def judge_volume(
    account: Account, settings: AdmissionSettings, *, recipients: int, usual: int, now: float
) -> Decision:
    """`recipients`: of this hour, with those of the message that is judged; `usual`: those of its
    busiest hour, 0 where it has no history.  An account that is refused here without being held
    yet is to be held from now on.
    """
    if settings.volume_jump_factor <= 0 or now < account.released_until:
        return ACCEPT
    if account.held_since:
        return Refuse(ACCOUNT_HELD, detail="held")
    most = max(settings.volume_jump_factor * usual, settings.volume_jump_floor_recipients)
    if recipients > most:
        return Refuse(
            ACCOUNT_HELD, detail=f"{counted(recipients, 'recipient')} this hour, usually {usual}"
        )
    return ACCEPT
