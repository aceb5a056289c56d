"""The MetaTrader5 package as data: constants, structs, functions, errors; no terminal needed."""
