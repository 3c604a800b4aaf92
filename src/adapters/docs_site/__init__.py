"""The documentation as a web site: built once when the process starts, served from memory, with nothing from outside."""
