"""The paper terminal: an account, an execution model and the MetaTrader5 functions over them."""
