"""`python -m camkit` is the command `camkit`."""

from camkit.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
