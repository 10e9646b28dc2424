"""Network clients of data vendors: each turns a vendor's answers into one table an asset."""
