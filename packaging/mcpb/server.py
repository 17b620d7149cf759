"""Start `ankiforge mcp` in the workspace that the first argument names."""

import sys

from ankiforge.cli import main

if __name__ == "__main__":
    main(["-C", sys.argv[1], "mcp"])
