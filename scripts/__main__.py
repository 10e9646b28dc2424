"""`python -m scripts` is the `factorql` command."""

from scripts.cli import main

main()
