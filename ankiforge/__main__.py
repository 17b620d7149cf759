"""`python -m ankiforge` is the same program as `ankiforge`."""

from ankiforge.cli import main

if __name__ == "__main__":
    main()
