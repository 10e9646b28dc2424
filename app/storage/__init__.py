"""Files in the data folder: where they are, how they are written whole, and what tells them unchanged."""
