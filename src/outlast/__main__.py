"""`python -m outlast`: the same as the command `outlast`."""

from outlast.cli.main import main

main()
