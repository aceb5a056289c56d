"""The paper account: its broker, the MetaTrader5 functions over it, and replays on it."""
