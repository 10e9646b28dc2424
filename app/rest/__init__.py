"""REST as the older system spoke it: thin routes over the services, for programs that are not to change."""
