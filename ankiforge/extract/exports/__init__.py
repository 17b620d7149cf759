"""Sources that read what other programs export: Kindle, Readwise, Hypothesis, TiddlyWiki."""
