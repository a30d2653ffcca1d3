"""Passphrases at the least cost that signkit takes without a warning, for the whole suite.

A derivation takes a quarter of a second at the cost of new keys, and a second at that of sealed ones;
a ceremony makes several. What the costs are is tested where they are chosen.
"""

from __future__ import annotations

from dataclasses import replace

from signkit.custody import sealed
from signkit.formats.pbes2 import NEW_KEY_COST, ScryptCost

NEW_KEY_COST_OF_USERS: ScryptCost = replace(NEW_KEY_COST)
choose_cost_of_users = sealed.choose_cost


def make_passphrases_cheap() -> None:
    """Lower the cost of the keys that this process makes from now on."""
    object.__setattr__(NEW_KEY_COST, "p", 1)
    sealed.choose_cost = lambda *_: sealed.LEAST_COST
