"""What comes back: from the journal, from Anki, or from another ledger's export."""
