"""The watcher: what changed in the sources is read soon after, and delivered when it is quiet.

    hints ─▶ look ─▶ pass (the changed notes, or all) ─▶ two quiet minutes ─▶ delivery

Events of the file system are hints, the look at the files is the truth: lost events, renamed
folders and a computer that slept are all the same to it. Which of the two passes it is decides
`followed`, and the ledger (`ledger.partial`) has the last word. What a pass or a delivery does, the
front gives (`Work`); when it is due, `watcher` says. Nothing here writes to a note.
"""

from ankiforge.watch.followed import Followed as Followed
from ankiforge.watch.watcher import Watcher as Watcher
from ankiforge.watch.work import Came as Came
from ankiforge.watch.work import Delivered as Delivered
from ankiforge.watch.work import Tell as Tell
from ankiforge.watch.work import Work as Work
