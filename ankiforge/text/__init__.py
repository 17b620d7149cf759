"""Pure functions on text: fold, same, anchors, locating a quote, the cloze grammar."""
