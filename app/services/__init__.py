"""What a resolver, a REST route or a command calls: each use of the product as one function."""
