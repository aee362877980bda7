"""Stories as files: scripts that people write in any editor, and tables from spreadsheets.

Reading and writing them is `script` and `table`, what both hold is `drafts`, what bytes they are is `files`, and
bringing one into the database is `importing`.
"""
