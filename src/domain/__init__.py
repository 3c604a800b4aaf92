"""What is true of payments. Imports the standard library only."""
