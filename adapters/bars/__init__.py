"""Bar files: recognising, reading and naming what is wrong with them. The sample lives here too."""
