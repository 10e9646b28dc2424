"""The graph: Strawberry types and thin resolvers over the services."""
