"""The review page: the source on one side, the card on the other, one key a decision.

    server ─▶ guard ─▶ app ─▶ views (what to look at) ─▶ items ─▶ JSON ─▶ static/page.js
                          └─▶ deciding (what was decided) ─▶ review, the same as the terminal

A view knows the ids of what it holds, and makes an `Item` of one of them; an item says itself what
may be done with it. The script in the browser knows no view and no decision by name.
"""
