"""`python -m ifbench` is the `ifbench` command."""

from __future__ import annotations

from ifbench.cli.main import main

if __name__ == "__main__":
    main()
