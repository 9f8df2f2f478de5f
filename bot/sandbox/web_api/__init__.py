"""The Web API: one module per family of methods, each with a table of what it offers."""
