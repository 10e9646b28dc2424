"""What was found out about a factor run beyond its metrics: small types, read from its research document."""
