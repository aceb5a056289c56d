"""One run as one offline page: everything in a single HTML file that asks for nothing."""
