"""Commissions: ten raw extracts become brokers, groups, schedules, proposals, hierarchies and policies."""
