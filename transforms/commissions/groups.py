"""Employer groups, of which every active certificate has one."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy

__all__ = ["EmployerGroups"]


class EmployerGroups(dy.Schema):
    """A group of certificates; ``G00000`` is that of the certificates without one.

    ``group_size`` is the size that its roster states, ``lives`` the number of its distinct customers. ``name_source``
    is ``perf_groups``, ``premiums``, or ``generic`` for the name ``Group <number>``, ``sentinel`` for ``G00000``.
    """

    id = dy.String(primary_key=True)
    group_number = dy.String(nullable=False)
    group_name = dy.String(nullable=False)
    name_source = dy.String(nullable=False)
    situs_state = dy.String(nullable=True)
    group_size = dy.String(nullable=True)
    lives = dy.Int32(nullable=False)
    primary_broker_id = dy.Int64(nullable=True)
