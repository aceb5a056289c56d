"""Statements: the files that MetaTrader 5 and FTMO give a trader, read into one shape and compared
with what the account's ledger or a session's journal holds."""
