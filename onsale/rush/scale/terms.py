"""The room of a crowd at scale. Only its rate holds anybody back."""

from onsale.rush.box_office import Terms
from onsale.rush.scale.plan import Plan

#: Who comes to buy is there for some seconds; so many slots never hold anybody back.
INSIDE_S = 60
#: The gateway has nobody poll more rarely than each minute, nor than after half of this. With the
#: default, 60, a crowd would poll twice as often.
CLAIM_TTL_S = 120
#: Most of the crowd is only in the store and polls nobody: a day, so that none of them is ended.
#: Polls do not become rarer by it; from 180 on a minute is the longest.
IDLE_TTL_S = 86_400
ACTIVE_TTL_S, HOLD_TTL_S = 300, 120


def terms_for(plan: Plan) -> Terms:
    """What the operator sets."""
    return Terms(
        max_active=plan.per_s * INSIDE_S,
        admit_per_minute=60 * plan.per_s,
        active_ttl_s=ACTIVE_TTL_S,
        claim_ttl_s=CLAIM_TTL_S,
        idle_ttl_s=IDLE_TTL_S,
        hold_ttl_s=HOLD_TTL_S,
    )
