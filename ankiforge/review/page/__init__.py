"""The review page: the source on one side, the card on the other, one key per decision.

    server ─▶ guard
       ├─▶ lists ─▶ views ─▶ items, source     what is shown, as JSON for static/page.js
       └─▶ decisions ─▶ review                 what was decided, as the commands decide

A view knows the ids of what it holds and makes an `Item` of one of them; the item says what may be
done with it. The script in the browser knows no view and no decision by name.
"""
