"""Programs written from the page of the execution model alone, to check the engine against."""
