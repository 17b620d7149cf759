"""Run the program as `python -m ankiforge`, which does the same as the command `ankiforge`."""

if (
    __name__ == "__main__"
):  # worker processes import this module, but don't need the commands
    from ankiforge.cli import main

    main()
