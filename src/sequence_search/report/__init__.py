"""Results for people: files, figures and tables, as pure functions of a search result."""
