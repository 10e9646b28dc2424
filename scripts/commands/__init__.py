"""The sub-commands, one thin module each; every module exports `command`."""
