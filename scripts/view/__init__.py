"""What users see: tables, summaries, the live view and JSON documents."""
