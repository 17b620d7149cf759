"""Run the command `ankiforge` as `python -m ankiforge`."""

if (
    __name__ == "__main__"
):  # worker processes import this module, but don't need the commands
    from ankiforge.cli import main

    main()
