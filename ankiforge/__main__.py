"""`python -m ankiforge` is the same program as `ankiforge`."""

if __name__ == "__main__":  # worker processes import this module, and need no commands
    from ankiforge.cli import main

    main()
