"""Take over the notes that other tools made in Anki, with their history.

tools      the tools, and how their notes are recognised
matches    which draft of the sources fits which note in Anki
report     what is shown of it before a person agrees
notes      such notes in later runs: read, corrected, written

"""

from ankiforge.pipeline.adopt.matches import Matches, find
from ankiforge.pipeline.adopt.report import ROWS_SHOWN, as_json, as_text
from ankiforge.pipeline.adopt.tools import TOOLS

__all__ = [
    "ROWS_SHOWN",
    "TOOLS",
    "Matches",
    "as_json",
    "as_text",
    "find",
]
