"""Pure decisions about money: how large an order may be, whether it may leave, when to halt."""
