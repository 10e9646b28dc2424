"""The application: services, execution of runs, the graph and its boundary."""
