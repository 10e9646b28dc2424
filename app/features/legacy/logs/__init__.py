"""The CSV logs of the older system, read into records and written back: bytes in, records out."""
