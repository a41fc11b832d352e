"""`python -m camkit` is the command `camkit`."""

from camkit.cli import main

raise SystemExit(main())
