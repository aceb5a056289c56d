"""The account's ledger: its standing from the terminal's history, whichever session asks.

Pure functions over deals and rules. `risk.ledger.fold` is the entry; the other modules each hold
one step: reading deals, positions' lives, challenges within a history, days, the past, verdicts.
"""
