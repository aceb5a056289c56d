"""The kernel: events, total order, orders, journal port, session.

It imports nothing else of ours.
"""
