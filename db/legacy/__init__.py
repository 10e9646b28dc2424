"""What came from the older system's logs."""
