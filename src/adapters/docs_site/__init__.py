"""The documentation as a web site: built when its process starts, served from memory, nothing from outside."""
