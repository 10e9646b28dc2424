"""Local servers that behave as the vendors do, and misbehave on demand."""
