"""Pure functions on text: normal forms, anchors, quotes, sentences, clozes and Markdown."""
