"""Tables for people and for spreadsheets."""
