"""The graph: Strawberry types and thin resolvers over the services and the store."""
