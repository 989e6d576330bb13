"""What of a study only its allocators know while it is blinded: the right, and the records it is asked for.

See docs/decisions/0014.
"""

from labdb.registry.secrecy import Secrecy

HOLD_KEY = "treatment.hold_key"  # the right of the role allocator
BLINDED = "is_blinded"  # of the study

KNOWN_TO_ALLOCATORS = Secrecy(HOLD_KEY, BLINDED)
WRITTEN_BY_ALLOCATORS = Secrecy(HOLD_KEY, BLINDED, hides=False)
# A drug that only blinded studies use would tell what one of them gives.
DRUGS = Secrecy(HOLD_KEY, BLINDED, used_by=("components", "solutions"))
