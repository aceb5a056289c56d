"""The MetaTrader5 functions over a paper account, in this process or in a host."""
