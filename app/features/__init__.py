"""One folder a feature; what each adds to the program it adds by its entry in `app.kinds`."""
