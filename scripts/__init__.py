"""The `factorql` command: one thin module a sub-command, over the services."""
