"""A policy file to a policy whose schemes are ones that signkit has.

Spec: docs/formats/station-policy.md.
"""

from __future__ import annotations

from difflib import get_close_matches

from signkit.errors import MalformedError
from signkit.formats.policy import parse_policy
from signkit.model.policy import Policy
from signkit.schemes.table import SCHEMES


def read_policy(data: bytes) -> Policy:
    """Read a policy file.

    Args:
        data: The file.

    Raises:
        TooLargeError, MalformedError, NotCanonicalError: as `parse_policy`, or a scheme is
            not known.
    """
    policy = parse_policy(data)
    for number, rule in enumerate(policy.rules, start=1):
        for name in rule.schemes or ():
            if name not in SCHEMES:
                near = get_close_matches(name, SCHEMES, n=1, cutoff=0.0)
                message = (
                    f"policy: rule {number}: unknown scheme {name!r};"
                    f" the nearest known is {near[0]!r}"
                )
                raise MalformedError(message, hint=f"known: {', '.join(SCHEMES)}")
    return policy
