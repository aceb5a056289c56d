"""What each command does once its options are known: nothing is parsed or printed here."""
