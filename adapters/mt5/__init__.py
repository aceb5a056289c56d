"""A MetaTrader 5 terminal: its functions, its process, execution and live sessions."""
